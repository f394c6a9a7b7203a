//! The models' TUF repositories at rest. Loading one locks its model until the transaction ends, so two
//! publications of a model never give out the same version.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::id::ModelId;
use otaru_domain::tuf::{DocumentFile, Pending, Repository, Role, SignedFile};
use otaru_domain::uptane::{RepositoryName, Uptane};
use sqlx::{FromRow, PgExecutor};

use crate::{Store, StoreError, Tx};

#[derive(FromRow)]
struct FileRow {
    role: String,
    version: i64,
    expires_at: DateTime<Utc>,
    bytes: Vec<u8>,
}

#[derive(FromRow)]
struct DocumentRow {
    name: String,
    sha256: String,
    bytes: Vec<u8>,
    dropped_in: Option<i64>,
}

#[derive(FromRow)]
struct PendingRow {
    root: Option<Vec<u8>>,
    version: i64,
    expires_at: DateTime<Utc>,
    bytes: Vec<u8>,
}

impl TryFrom<PendingRow> for Pending {
    type Error = StoreError;

    fn try_from(row: PendingRow) -> Result<Self, StoreError> {
        let version = version("manifest_pending", row.version)?;
        Ok(Self { root: row.root, targets: SignedFile { version, expires: row.expires_at, bytes: row.bytes } })
    }
}

fn version(table: &'static str, version: i64) -> Result<u64, StoreError> {
    u64::try_from(version).map_err(|_| StoreError::inconsistent(table, format!("version {version}")))
}

fn column(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|_| StoreError::inconsistent("manifest_files", format!("version {version}")))
}

/// The repository of `model`, which is locked until `tx` ends. Whoever loads several goes by rising model id.
///
/// # Errors
/// [`StoreError::Inconsistent`] when there is no such model.
pub async fn load(tx: &mut Tx, model: &ModelId) -> Result<Repository, StoreError> {
    // NO KEY: vehicles of the model may still be added meanwhile.
    let found: Option<i32> = sqlx::query_scalar("SELECT 1 FROM models WHERE id = $1 FOR NO KEY UPDATE")
        .bind(model.as_str())
        .fetch_optional(&mut **tx)
        .await?;
    if found.is_none() {
        return Err(StoreError::inconsistent("models", format!("no model {model}")));
    }
    Ok(Repository {
        roots: load_roots(tx, model).await?,
        files: load_files(tx, model).await?,
        documents: load_documents(tx, model).await?,
        pending: read_pending(&mut **tx, model).await?,
        uptane: load_uptane(tx, model).await?,
    })
}

async fn load_uptane(tx: &mut Tx, model: &ModelId) -> Result<Uptane, StoreError> {
    let mut uptane = Uptane::default();
    let rows: Vec<(String, i64, Vec<u8>)> =
        sqlx::query_as("SELECT repository, version, bytes FROM uptane_roots WHERE model_id = $1")
            .bind(model.as_str())
            .fetch_all(&mut **tx)
            .await?;
    for (repository, number, bytes) in rows {
        let name = RepositoryName::parse(&repository)
            .ok_or_else(|| StoreError::inconsistent("uptane_roots", format!("repository {repository:?}")))?;
        let roots = match name {
            RepositoryName::Image => &mut uptane.image,
            RepositoryName::Director => &mut uptane.director,
        };
        roots.insert(version("uptane_roots", number)?, bytes);
    }
    if uptane != Uptane::default() {
        uptane.file = sqlx::query_scalar("SELECT bytes FROM uptane_files WHERE model_id = $1")
            .bind(model.as_str())
            .fetch_optional(&mut **tx)
            .await?;
    }
    Ok(uptane)
}

async fn load_roots(tx: &mut Tx, model: &ModelId) -> Result<BTreeMap<u64, Vec<u8>>, StoreError> {
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, bytes FROM manifest_roots WHERE model_id = $1 ORDER BY version")
            .bind(model.as_str())
            .fetch_all(&mut **tx)
            .await?;
    rows.into_iter().map(|(number, bytes)| Ok((version("manifest_roots", number)?, bytes))).collect()
}

async fn load_files(tx: &mut Tx, model: &ModelId) -> Result<BTreeMap<Role, SignedFile>, StoreError> {
    let rows: Vec<FileRow> =
        sqlx::query_as("SELECT role, version, expires_at, bytes FROM manifest_files WHERE model_id = $1")
            .bind(model.as_str())
            .fetch_all(&mut **tx)
            .await?;
    rows.into_iter()
        .map(|row| {
            let role = Role::parse(&row.role)
                .ok_or_else(|| StoreError::inconsistent("manifest_files", format!("role {:?}", row.role)))?;
            let version = version("manifest_files", row.version)?;
            Ok((role, SignedFile { version, expires: row.expires_at, bytes: row.bytes }))
        })
        .collect()
}

async fn load_documents(tx: &mut Tx, model: &ModelId) -> Result<Vec<DocumentFile>, StoreError> {
    let rows: Vec<DocumentRow> = sqlx::query_as(
        "SELECT name, sha256, bytes, dropped_in FROM manifest_documents WHERE model_id = $1 ORDER BY name, sha256",
    )
    .bind(model.as_str())
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let dropped_in = row.dropped_in.map(|number| version("manifest_documents", number)).transpose()?;
            Ok(DocumentFile { name: row.name, sha256: row.sha256, bytes: row.bytes, dropped_in })
        })
        .collect()
}

/// Makes what is stored of `model` equal to `repository`, which was loaded in the same transaction.
///
/// # Errors
/// [`StoreError`].
pub async fn save(tx: &mut Tx, model: &ModelId, repository: &Repository, now: DateTime<Utc>) -> Result<(), StoreError> {
    for (version, bytes) in &repository.roots {
        sqlx::query(
            "INSERT INTO manifest_roots (model_id, version, bytes, accepted_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (model_id, version) DO NOTHING",
        )
        .bind(model.as_str())
        .bind(column(*version)?)
        .bind(bytes)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    }
    for (role, file) in &repository.files {
        sqlx::query(
            "INSERT INTO manifest_files AS known (model_id, role, version, expires_at, bytes) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (model_id, role) DO UPDATE
             SET version = EXCLUDED.version, expires_at = EXCLUDED.expires_at, bytes = EXCLUDED.bytes
             WHERE known.version < EXCLUDED.version",
        )
        .bind(model.as_str())
        .bind(role.as_str())
        .bind(column(file.version)?)
        .bind(file.expires)
        .bind(&file.bytes)
        .execute(&mut **tx)
        .await?;
    }
    save_pending(tx, model, repository.pending.as_ref(), now).await?;
    save_uptane(tx, model, &repository.uptane, now).await?;
    save_documents(tx, model, &repository.documents).await
}

async fn save_uptane(tx: &mut Tx, model: &ModelId, uptane: &Uptane, now: DateTime<Utc>) -> Result<(), StoreError> {
    for name in RepositoryName::ALL {
        for (version, bytes) in uptane.roots(name) {
            sqlx::query(
                "INSERT INTO uptane_roots (model_id, repository, version, bytes, accepted_at) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (model_id, repository, version) DO NOTHING",
            )
            .bind(model.as_str())
            .bind(name.as_str())
            .bind(column(*version)?)
            .bind(bytes)
            .bind(now)
            .execute(&mut **tx)
            .await?;
        }
    }
    if let Some(bytes) = &uptane.file {
        sqlx::query(
            "INSERT INTO uptane_files AS known (model_id, bytes) VALUES ($1, $2)
             ON CONFLICT (model_id) DO UPDATE SET bytes = EXCLUDED.bytes WHERE known.bytes <> EXCLUDED.bytes",
        )
        .bind(model.as_str())
        .bind(bytes)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

async fn save_pending(
    tx: &mut Tx,
    model: &ModelId,
    pending: Option<&Pending>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(Pending { root, targets }) = pending else {
        sqlx::query("DELETE FROM manifest_pending WHERE model_id = $1").bind(model.as_str()).execute(&mut **tx).await?;
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO manifest_pending AS known (model_id, root, version, expires_at, bytes, drafted_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (model_id) DO UPDATE
            SET root = EXCLUDED.root, version = EXCLUDED.version, expires_at = EXCLUDED.expires_at,
                bytes = EXCLUDED.bytes, drafted_at = EXCLUDED.drafted_at
          WHERE known.bytes <> EXCLUDED.bytes OR known.root IS DISTINCT FROM EXCLUDED.root",
    )
    .bind(model.as_str())
    .bind(root)
    .bind(column(targets.version)?)
    .bind(targets.expires)
    .bind(&targets.bytes)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether targets of `model` wait for a person's signature.
///
/// # Errors
/// [`StoreError`].
pub async fn is_pending(tx: &mut Tx, model: &ModelId) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM manifest_pending WHERE model_id = $1)");
    Ok(found.bind(model.as_str()).fetch_one(&mut **tx).await?)
}

/// The targets of `model` that wait for a person's signature, if there are any, signed by the service.
///
/// # Errors
/// [`StoreError`].
pub async fn pending(store: &Store, model: &ModelId) -> Result<Option<Pending>, StoreError> {
    read_pending(store.pool(), model).await
}

async fn read_pending(from: impl PgExecutor<'_>, model: &ModelId) -> Result<Option<Pending>, StoreError> {
    let row: Option<PendingRow> =
        sqlx::query_as("SELECT root, version, expires_at, bytes FROM manifest_pending WHERE model_id = $1")
            .bind(model.as_str())
            .fetch_optional(from)
            .await?;
    row.map(Pending::try_from).transpose()
}

async fn save_documents(tx: &mut Tx, model: &ModelId, documents: &[DocumentFile]) -> Result<(), StoreError> {
    let names: Vec<&str> = documents.iter().map(|document| document.name.as_str()).collect();
    let hashes: Vec<&str> = documents.iter().map(|document| document.sha256.as_str()).collect();
    let bytes: Vec<&[u8]> = documents.iter().map(|document| document.bytes.as_slice()).collect();
    let dropped = documents.iter().map(|document| document.dropped_in.map(column).transpose());
    let dropped: Vec<Option<i64>> = dropped.collect::<Result<_, _>>()?;
    sqlx::query(
        "DELETE FROM manifest_documents AS known WHERE model_id = $1
         AND NOT EXISTS (SELECT 1 FROM unnest($2::text[], $3::text[]) AS kept (name, sha256)
                         WHERE kept.name = known.name AND kept.sha256 = known.sha256)",
    )
    .bind(model.as_str())
    .bind(&names)
    .bind(&hashes)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "INSERT INTO manifest_documents AS known (model_id, name, sha256, bytes, dropped_in)
         SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bigint[])
         ON CONFLICT (model_id, name, sha256) DO UPDATE SET dropped_in = EXCLUDED.dropped_in
         WHERE known.dropped_in IS DISTINCT FROM EXCLUDED.dropped_in",
    )
    .bind(model.as_str())
    .bind(&names)
    .bind(&hashes)
    .bind(&bytes)
    .bind(&dropped)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The signed root of `model` at `version`, the newest without one.
///
/// # Errors
/// [`StoreError`].
pub async fn root(store: &Store, model: &ModelId, version: Option<u64>) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT version, bytes FROM manifest_roots
         WHERE model_id = $1 AND ($2::bigint IS NULL OR version = $2) ORDER BY version DESC LIMIT 1",
    )
    .bind(model.as_str())
    .bind(version.map(column).transpose()?)
    .fetch_optional(store.pool())
    .await?;
    row.map(|(number, bytes)| Ok((self::version("manifest_roots", number)?, bytes))).transpose()
}

/// The signed root of one of the model's Uptane repositories, the newest.
///
/// # Errors
/// [`StoreError`].
pub async fn uptane_root(
    store: &Store,
    model: &ModelId,
    name: RepositoryName,
) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT version, bytes FROM uptane_roots WHERE model_id = $1 AND repository = $2 ORDER BY version DESC LIMIT 1",
    )
    .bind(model.as_str())
    .bind(name.as_str())
    .fetch_optional(store.pool())
    .await?;
    row.map(|(number, bytes)| Ok((version("uptane_roots", number)?, bytes))).transpose()
}

/// The models that have a root, with the version of their `timestamp.json`.
///
/// # Errors
/// [`StoreError`].
pub async fn active(store: &Store) -> Result<Vec<(ModelId, u64)>, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT model_id, version FROM manifest_files JOIN models ON models.id = model_id
         WHERE role = 'timestamp' AND retired_at IS NULL ORDER BY model_id",
    )
    .fetch_all(store.pool())
    .await?;
    rows.into_iter().map(|(model, number)| Ok((model_id(&model)?, version("manifest_files", number)?))).collect()
}

/// The models with a file that is past half of its role's life at `now`.
///
/// # Errors
/// [`StoreError`].
pub async fn due(store: &Store, now: DateTime<Utc>) -> Result<Vec<ModelId>, StoreError> {
    let roles: Vec<&str> = Role::ONLINE.iter().map(|role| role.as_str()).collect();
    let due_before: Vec<DateTime<Utc>> = Role::ONLINE.iter().map(|role| now + role.lifetime() / 2).collect();
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT model_id FROM manifest_files AS file
         JOIN unnest($1::text[], $2::timestamptz[]) AS due (role, due_before) ON due.role = file.role
         JOIN models ON models.id = file.model_id
         WHERE file.expires_at <= due.due_before AND models.retired_at IS NULL ORDER BY model_id",
    )
    .bind(&roles)
    .bind(&due_before)
    .fetch_all(store.pool())
    .await?;
    rows.iter().map(|model| model_id(model)).collect()
}

fn model_id(text: &str) -> Result<ModelId, StoreError> {
    ModelId::parse(text).map_err(|error| StoreError::inconsistent("models", error))
}
