//! Vehicle models and the ECUs they have.

use chrono::{DateTime, Utc};
use otaru_domain::id::{HardwareId, ModelId};
use otaru_domain::tuf::Role;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::ack_keys::Policies;
use crate::campaigns::unsigned;
use crate::{Store, StoreError, Tx};

/// An ECU of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    pub hardware_id: HardwareId,
    /// For people.
    pub name: String,
}

/// When a file of a model's metadata expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    pub role: Role,
    pub expires_at: DateTime<Utc>,
    /// Whether it is not published but waits for an approver's signature.
    pub waiting: bool,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub id: ModelId,
    pub name: String,
    pub vin_check_digit: bool,
    /// Whether campaigns for it need a review.
    pub review_required: bool,
    /// The most bytes of images that its vehicles are sent in a second, over all gateways.
    pub max_bytes_per_sec: Option<u64>,
    /// Whether its vehicles sign their reports.
    pub signatures: Policies,
    /// The age recipients for whom its images are encrypted; none: they are not.
    pub age_recipients: Vec<String>,
    /// By hardware id.
    pub hardware: Vec<Hardware>,
    /// Whether its repository has a signed root.
    pub has_root: bool,
    /// The version of the targets that wait for an approver's signature.
    pub pending_targets: Option<i64>,
    /// The newest file of each role, and what waits; empty before the first root.
    pub expiries: Vec<Expiry>,
    pub retired_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
}

/// Where a model stands. Follows from the facts, so it is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelState {
    /// Its first root is not signed yet: nothing can be published for it.
    AwaitingRoot,
    Active,
    Retired,
}

impl Model {
    #[must_use]
    pub fn state(&self) -> ModelState {
        match (self.retired_at, self.has_root) {
            (Some(_), _) => ModelState::Retired,
            (None, false) => ModelState::AwaitingRoot,
            (None, true) => ModelState::Active,
        }
    }

    #[must_use]
    pub fn has_hardware(&self, hardware_id: &HardwareId) -> bool {
        self.hardware.iter().any(|hardware| hardware.hardware_id == *hardware_id)
    }
}

#[derive(FromRow)]
struct Row {
    id: String,
    name: String,
    vin_check_digit: bool,
    review_required: bool,
    max_bytes_per_sec: Option<i64>,
    ack_signatures: String,
    inventory_signatures: String,
    age_recipients: Vec<String>,
    hardware: Json<Vec<Hardware>>,
    has_root: bool,
    pending_targets: Option<i64>,
    expiries: Json<Vec<Expiry>>,
    retired_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    created_by: String,
}

impl TryFrom<Row> for Model {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.parse().map_err(|error| StoreError::inconsistent("models", error))?,
            name: row.name,
            vin_check_digit: row.vin_check_digit,
            review_required: row.review_required,
            max_bytes_per_sec: row.max_bytes_per_sec.map(|cap| unsigned("models", cap)).transpose()?,
            signatures: Policies::of_row(&row.ack_signatures, &row.inventory_signatures)?,
            age_recipients: row.age_recipients,
            hardware: row.hardware.0,
            has_root: row.has_root,
            pending_targets: row.pending_targets,
            expiries: row.expiries.0,
            retired_at: row.retired_at,
            created_at: row.created_at,
            created_by: row.created_by,
        })
    }
}

/// `SELECT` with every column of a model.
macro_rules! select {
    ($tail:literal) => {
        concat!(
            "SELECT id, name, vin_check_digit, review_required, ack_signatures, inventory_signatures, age_recipients, max_bytes_per_sec, retired_at, created_at, created_by, ",
            "EXISTS (SELECT 1 FROM manifest_roots WHERE model_id = models.id) AS has_root, ",
            "(SELECT version FROM manifest_pending WHERE model_id = models.id) AS pending_targets, ",
            "coalesce((SELECT jsonb_agg(jsonb_build_object('role', role, 'expires_at', expires_at, 'waiting', waiting) ",
            "ORDER BY expires_at, role) FROM metadata_expiries WHERE model_id = models.id), '[]') AS expiries, ",
            "coalesce((SELECT jsonb_agg(jsonb_build_object('hardware_id', hardware_id, 'name', h.name) ORDER BY hardware_id) ",
            "FROM model_hardware AS h WHERE model_id = models.id), '[]') AS hardware FROM models ",
            $tail
        )
    };
}

/// A model to be created.
#[derive(Debug, Clone)]
pub struct NewModel<'a> {
    pub id: &'a ModelId,
    pub name: &'a str,
    pub vin_check_digit: bool,
    pub hardware: &'a [Hardware],
    pub created_by: &'a str,
}

/// Creates a model; false when there is one with this id.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut Tx, model: &NewModel<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let created = sqlx::query(
        "INSERT INTO models (id, name, vin_check_digit, created_at, created_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO NOTHING",
    )
    .bind(model.id.as_str())
    .bind(model.name)
    .bind(model.vin_check_digit)
    .bind(now)
    .bind(model.created_by)
    .execute(&mut **tx)
    .await?;
    if created.rows_affected() == 0 {
        return Ok(false);
    }
    let ids: Vec<&str> = model.hardware.iter().map(|hardware| hardware.hardware_id.as_str()).collect();
    let names: Vec<&str> = model.hardware.iter().map(|hardware| hardware.name.as_str()).collect();
    sqlx::query(
        "INSERT INTO model_hardware (model_id, hardware_id, name) SELECT $1, * FROM unnest($2::text[], $3::text[])",
    )
    .bind(model.id.as_str())
    .bind(ids)
    .bind(names)
    .execute(&mut **tx)
    .await?;
    Ok(true)
}

/// The model.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &Store, id: &ModelId) -> Result<Option<Model>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1")).bind(id.as_str()).fetch_optional(store.pool()).await?;
    row.map(Model::try_from).transpose()
}

/// Those of `ids` that exist, by id.
///
/// # Errors
/// [`StoreError`].
pub async fn get_all(store: &Store, ids: &[ModelId]) -> Result<Vec<Model>, StoreError> {
    let ids: Vec<&str> = ids.iter().map(ModelId::as_str).collect();
    let rows: Vec<Row> =
        sqlx::query_as(select!("WHERE id = ANY($1) ORDER BY id")).bind(ids).fetch_all(store.pool()).await?;
    rows.into_iter().map(Model::try_from).collect()
}

/// Models by id after `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, after: Option<&str>, limit: i64) -> Result<Vec<Model>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE $1::text IS NULL OR id > $1 ORDER BY id LIMIT $2"))
        .bind(after)
        .bind(limit)
        .fetch_all(store.pool())
        .await?;
    rows.into_iter().map(Model::try_from).collect()
}

/// When the metadata of every model that is not retired expires.
///
/// # Errors
/// [`StoreError`].
pub async fn expiries(store: &Store) -> Result<Vec<(ModelId, Expiry)>, StoreError> {
    let rows: Vec<(String, String, DateTime<Utc>, bool)> = sqlx::query_as(
        "SELECT model_id, role, expires_at, waiting FROM metadata_expiries JOIN models ON models.id = model_id
         WHERE retired_at IS NULL ORDER BY model_id, role, waiting",
    )
    .fetch_all(store.pool())
    .await?;
    rows.into_iter()
        .map(|(model, role, expires_at, waiting)| {
            let model = model.parse().map_err(|error| StoreError::inconsistent("models", error))?;
            let role = Role::parse(&role)
                .ok_or_else(|| StoreError::inconsistent("metadata_expiries", format!("role {role:?}")))?;
            Ok((model, Expiry { role, expires_at, waiting }))
        })
        .collect()
}
