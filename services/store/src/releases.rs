//! Releases: drafts that may change, and locked ones that never do.

use chrono::{DateTime, Utc};
use otaru_domain::id::{HardwareId, ModelId, ReleaseId, Sha256};
use otaru_domain::release::{Installation, ReleaseState};
use otaru_domain::requirement::Requirement;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::{Store, StoreError, Tx, constraint_of};

/// A release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub id: ReleaseId,
    pub name: String,
    pub version: String,
    pub state: ReleaseState,
    pub notes: String,
    pub rxswin: Option<String>,
    /// Rises with every lock.
    pub release_counter: Option<i64>,
    pub installation: Installation,
    /// By id.
    pub models: Vec<ModelId>,
    /// In their order where they have one, else by hardware id.
    pub images: Vec<Image>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub locked_at: Option<DateTime<Utc>>,
}

/// What a release installs on a hardware id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub hardware_id: HardwareId,
    pub sha256: Sha256,
    pub version: String,
    pub target_name: String,
    pub length_bytes: u64,
    pub requires: Vec<Requirement>,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    name: String,
    version: String,
    state: String,
    notes: String,
    rxswin: Option<String>,
    release_counter: Option<i64>,
    installation: String,
    models: Json<Vec<ModelId>>,
    images: Json<Vec<Image>>,
    created_at: DateTime<Utc>,
    created_by: String,
    locked_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Release {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            version: row.version,
            state: ReleaseState::parse(&row.state)
                .ok_or_else(|| StoreError::inconsistent("releases", format!("state {:?}", row.state)))?,
            notes: row.notes,
            rxswin: row.rxswin,
            release_counter: row.release_counter,
            installation: Installation::parse(&row.installation)
                .ok_or_else(|| StoreError::inconsistent("releases", format!("installation {:?}", row.installation)))?,
            models: row.models.0,
            images: row.images.0,
            created_at: row.created_at,
            created_by: row.created_by,
            locked_at: row.locked_at,
        })
    }
}

/// `SELECT` with every column of a release.
macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, name, version, state, notes, rxswin, release_counter, installation, created_at, created_by, locked_at, ",
            "coalesce((SELECT jsonb_agg(model_id ORDER BY model_id) FROM release_models WHERE release_id = releases.id), '[]') ",
            "AS models, ",
            "coalesce((SELECT jsonb_agg(jsonb_build_object('hardware_id', hardware_id, 'sha256', i.sha256, 'version', i.version, ",
            "'target_name', target_name, 'length_bytes', length_bytes, 'requires', requires) ORDER BY position, hardware_id) ",
            "FROM release_images AS i JOIN artifacts USING (sha256) WHERE release_id = releases.id), '[]') AS images ",
            "FROM releases ",
            $tail
        )
    };
}

/// What a draft says beside its models and images.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub notes: &'a str,
    pub rxswin: Option<&'a str>,
    pub installation: Installation,
}

/// Another release has the same name and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameTaken;

/// Creates a draft without models and images; they follow with [`set_contents`].
///
/// # Errors
/// [`StoreError`].
pub async fn create(
    tx: &mut Tx,
    draft: &Draft<'_>,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Result<ReleaseId, NameTaken>, StoreError> {
    let id: Option<ReleaseId> = sqlx::query_scalar(
        "INSERT INTO releases (name, version, notes, rxswin, created_at, created_by, installation)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (name, version) DO NOTHING RETURNING id",
    )
    .bind(draft.name)
    .bind(draft.version)
    .bind(draft.notes)
    .bind(draft.rxswin)
    .bind(now)
    .bind(by)
    .bind(draft.installation.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    Ok(id.ok_or(NameTaken))
}

/// Changes a draft that [`lock`] gave. With [`NameTaken`] the transaction can only be rolled back.
///
/// # Errors
/// [`StoreError`].
pub async fn update(tx: &mut Tx, id: ReleaseId, draft: &Draft<'_>) -> Result<Result<(), NameTaken>, StoreError> {
    let updated = sqlx::query(
        "UPDATE releases SET name = $2, version = $3, notes = $4, rxswin = $5, installation = $6
          WHERE id = $1 AND state = 'draft'",
    )
    .bind(id)
    .bind(draft.name)
    .bind(draft.version)
    .bind(draft.notes)
    .bind(draft.rxswin)
    .bind(draft.installation.as_str())
    .execute(&mut **tx)
    .await;
    match updated {
        Ok(updated) => one_row(updated.rows_affected(), id).map(Ok),
        Err(error) if constraint_of(&error) == Some("releases_name_version_key") => Ok(Err(NameTaken)),
        Err(error) => Err(error.into()),
    }
}

/// Replaces the models and images of a draft; the images' lengths are their artifacts'. The draft's images are in this
/// order where its installation is ordered.
///
/// # Errors
/// [`StoreError`].
pub async fn set_contents(tx: &mut Tx, id: ReleaseId, models: &[ModelId], images: &[Image]) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM release_models WHERE release_id = $1").bind(id).execute(&mut **tx).await?;
    sqlx::query("DELETE FROM release_images WHERE release_id = $1").bind(id).execute(&mut **tx).await?;
    sqlx::query("INSERT INTO release_models (release_id, model_id) SELECT $1, * FROM unnest($2::text[])")
        .bind(id)
        .bind(models.iter().map(ModelId::as_str).collect::<Vec<_>>())
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "INSERT INTO release_images (release_id, hardware_id, sha256, version, target_name, requires, position)
         SELECT r.id, i.hardware_id, i.sha256, i.version, i.target_name, i.requires,
                CASE r.installation WHEN 'ordered' THEN i.position ELSE 0 END
           FROM releases r
          CROSS JOIN unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[]) WITH ORDINALITY
             AS i (hardware_id, sha256, version, target_name, requires, position)
          WHERE r.id = $1",
    )
    .bind(id)
    .bind(images.iter().map(|image| image.hardware_id.as_str()).collect::<Vec<_>>())
    .bind(images.iter().map(|image| image.sha256.as_str()).collect::<Vec<_>>())
    .bind(images.iter().map(|image| image.version.as_str()).collect::<Vec<_>>())
    .bind(images.iter().map(|image| image.target_name.as_str()).collect::<Vec<_>>())
    .bind(images.iter().map(|image| Json(&image.requires)).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The release.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &Store, id: ReleaseId) -> Result<Option<Release>, StoreError> {
    let row: Option<Row> = sqlx::query_as(select!("WHERE id = $1")).bind(id).fetch_optional(store.pool()).await?;
    row.map(Release::try_from).transpose()
}

/// The release, locked against others until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(tx: &mut Tx, id: ReleaseId) -> Result<Option<Release>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR UPDATE OF releases")).bind(id).fetch_optional(&mut **tx).await?;
    row.map(Release::try_from).transpose()
}

/// Releases, newest first, before the one with the id `before`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, before: Option<ReleaseId>, limit: i64) -> Result<Vec<Release>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2"))
        .bind(before)
        .bind(limit)
        .fetch_all(store.pool())
        .await?;
    rows.into_iter().map(Release::try_from).collect()
}

/// The locked and retired releases that stand for `rxswin`, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn with_rxswin(store: &Store, rxswin: &str) -> Result<Vec<Release>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE rxswin = $1 AND state <> 'draft' ORDER BY id"))
        .bind(rxswin)
        .fetch_all(store.pool())
        .await?;
    rows.into_iter().map(Release::try_from).collect()
}

/// Fixes a draft that [`lock`] gave for ever; its counter.
///
/// # Errors
/// [`StoreError`].
pub async fn set_locked(tx: &mut Tx, id: ReleaseId, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let counter: Option<i64> = sqlx::query_scalar(
        "UPDATE releases SET state = 'locked', locked_at = $2, release_counter = nextval('release_counters')
         WHERE id = $1 AND state = 'draft' RETURNING release_counter",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?;
    counter.ok_or_else(|| StoreError::inconsistent("releases", format!("release {id} is no draft")))
}

/// Recalls a locked release that [`lock`] gave: it is retired, and told apart by who recalled it and why.
///
/// # Errors
/// [`StoreError`].
pub async fn set_recalled(
    tx: &mut Tx,
    id: ReleaseId,
    actor: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let recalled = sqlx::query(
        "UPDATE releases SET state = 'retired', recalled_at = $2, recalled_by = $3, recall_reason = $4
         WHERE id = $1 AND state = 'locked'",
    )
    .bind(id)
    .bind(now)
    .bind(actor)
    .bind(reason)
    .execute(&mut **tx)
    .await?;
    one_row(recalled.rows_affected(), id)
}

fn one_row(affected: u64, id: ReleaseId) -> Result<(), StoreError> {
    if affected == 1 {
        return Ok(());
    }
    Err(StoreError::inconsistent("releases", format!("release {id} is no draft")))
}
