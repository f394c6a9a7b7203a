//! What the device API of older fleets (DDI) asks: where a vehicle's assignments stand, what a campaign installs in
//! full, and the consent that was given once for all. Reads go by primary key, on the primary.

use chrono::{DateTime, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, ModelId, Sha256, VehicleId, Vin};
use sqlx::FromRow;

use crate::{Store, StoreError};

/// The error code of the acknowledgement by which a vehicle said that it goes on despite a withdrawal.
pub const CANCEL_REJECTED: &str = "cancel_rejected";
/// The most assignments of a vehicle that are looked at: the newest.
const MOST: i64 = 100;

/// Where an assignment stands, as far as it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub campaign: CampaignId,
    pub attempt: u32,
    /// The furthest step; never terminal.
    pub step: AssignmentState,
    /// The vehicle's own exit.
    pub exit: Option<AssignmentState>,
    /// What the server decided.
    pub withdrawn: Option<AssignmentState>,
    /// The vehicle said that it stopped.
    pub cancel_closed: bool,
    /// The vehicle said that it goes on.
    pub cancel_rejected: bool,
    /// When the server took the report that last changed it.
    pub updated_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    campaign_id: i64,
    attempt: i32,
    step: String,
    exit: Option<String>,
    withdrawn: Option<String>,
    cancel_closed: bool,
    cancel_rejected: bool,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Standing {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = |text: &str| {
            text.parse::<AssignmentState>().map_err(|error| StoreError::inconsistent("assignments", error))
        };
        Ok(Self {
            campaign: row.campaign_id,
            attempt: u32::try_from(row.attempt)
                .map_err(|_| StoreError::inconsistent("assignments", format!("attempt {}", row.attempt)))?,
            step: state(&row.step)?,
            exit: row.exit.as_deref().map(state).transpose()?,
            withdrawn: row.withdrawn.as_deref().map(state).transpose()?,
            cancel_closed: row.cancel_closed,
            cancel_rejected: row.cancel_rejected,
            updated_at: row.updated_at,
        })
    }
}

/// The assignments of a vehicle, newest campaign first; only that of `only`, if given. What a vehicle answered to a
/// withdrawal is in the history of its acknowledgements, and looked for only where there is something to answer.
///
/// # Errors
/// [`StoreError`].
pub async fn standings(
    store: &Store,
    vehicle: VehicleId,
    vin: &Vin,
    only: Option<CampaignId>,
) -> Result<Vec<Standing>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT a.campaign_id, a.attempt, a.step, a.exit, a.withdrawn, a.updated_at,
                a.withdrawn IS NOT NULL AND a.exit IS NULL AND EXISTS (
                    SELECT 1 FROM ack_history h
                     WHERE h.vehicle_id = a.vehicle_id AND h.campaign_id = a.campaign_id AND h.attempt = a.attempt
                       AND h.origin = 'gateway' AND h.state = 'cancelled') AS cancel_closed,
                a.withdrawn IS NOT NULL AND a.exit IS NULL AND EXISTS (
                    SELECT 1 FROM ack_history h
                     WHERE h.vehicle_id = a.vehicle_id AND h.campaign_id = a.campaign_id AND h.attempt = a.attempt
                       AND h.origin = 'vehicle' AND h.error_code = $4) AS cancel_rejected
           FROM assignments a JOIN vehicles v ON v.id = a.vehicle_id
          WHERE a.vehicle_id = $1 AND v.vin = $2 AND ($3::bigint IS NULL OR a.campaign_id = $3)
          ORDER BY a.campaign_id DESC LIMIT $5",
    )
    .bind(vehicle)
    .bind(vin.as_str())
    .bind(only)
    .bind(CANCEL_REJECTED)
    .bind(MOST)
    .fetch_all(store.pool())
    .await?;
    rows.into_iter().map(Standing::try_from).collect()
}

/// An image that a campaign installs, with what device clients want to know of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub release_name: String,
    pub hardware_id: String,
    pub version: String,
    /// Its name among the model's targets.
    pub target_name: String,
    /// The name it was uploaded under.
    pub file_name: String,
    pub sha256: Sha256,
    pub sha1: String,
    pub md5: String,
    pub length_bytes: u64,
}

#[derive(FromRow)]
struct ImageRow {
    release_name: String,
    hardware_id: String,
    version: String,
    target_name: String,
    file_name: String,
    sha256: String,
    sha1: String,
    md5: String,
    length_bytes: i64,
}

/// What `campaign` installs on vehicles of `model`, by hardware id.
///
/// # Errors
/// [`StoreError`].
pub async fn images(store: &Store, campaign: CampaignId, model: &ModelId) -> Result<Vec<Image>, StoreError> {
    let rows: Vec<ImageRow> = sqlx::query_as(
        "SELECT r.name AS release_name, i.hardware_id, i.version, i.target_name,
                f.file_name, f.sha256, f.sha1, f.md5, f.length_bytes
           FROM campaigns c
           JOIN releases r ON r.id = c.release_id
           JOIN release_images i ON i.release_id = r.id
           JOIN model_hardware h ON h.hardware_id = i.hardware_id AND h.model_id = $2
           JOIN artifacts f ON f.sha256 = i.sha256
          WHERE c.id = $1 ORDER BY i.hardware_id",
    )
    .bind(campaign)
    .bind(model.as_str())
    .fetch_all(store.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Image {
                sha256: row.sha256.parse().map_err(|error| StoreError::inconsistent("artifacts", error))?,
                length_bytes: u64::try_from(row.length_bytes)
                    .map_err(|error| StoreError::inconsistent("artifacts", error))?,
                release_name: row.release_name,
                hardware_id: row.hardware_id,
                version: row.version,
                target_name: row.target_name,
                file_name: row.file_name,
                sha1: row.sha1,
                md5: row.md5,
            })
        })
        .collect()
}

/// Whether the vehicle ever said what it is: until then it is asked.
///
/// # Errors
/// [`StoreError`].
pub async fn has_reported(store: &Store, vehicle: VehicleId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM vehicle_reports WHERE vehicle_id = $1 AND inventory_at IS NOT NULL)",
    )
    .bind(vehicle)
    .fetch_one(store.pool())
    .await?)
}

/// A consent to all updates.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AutoConfirm {
    pub initiator: Option<String>,
    pub remark: Option<String>,
    pub activated_at: DateTime<Utc>,
}

/// The vehicle's consent to all updates, if it gave it.
///
/// # Errors
/// [`StoreError`].
pub async fn auto_confirm(store: &Store, vehicle: VehicleId) -> Result<Option<AutoConfirm>, StoreError> {
    Ok(sqlx::query_as("SELECT initiator, remark, activated_at FROM vehicle_auto_confirms WHERE vehicle_id = $1")
        .bind(vehicle)
        .fetch_optional(store.pool())
        .await?)
}

/// Gives it, or with `None` takes it back. Given again, it says what was said last.
///
/// # Errors
/// [`StoreError`].
pub async fn set_auto_confirm(
    store: &Store,
    vehicle: VehicleId,
    consent: Option<&AutoConfirm>,
) -> Result<(), StoreError> {
    let Some(consent) = consent else {
        sqlx::query("DELETE FROM vehicle_auto_confirms WHERE vehicle_id = $1")
            .bind(vehicle)
            .execute(store.pool())
            .await?;
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO vehicle_auto_confirms (vehicle_id, initiator, remark, activated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (vehicle_id) DO UPDATE SET initiator = EXCLUDED.initiator, remark = EXCLUDED.remark,
             activated_at = EXCLUDED.activated_at",
    )
    .bind(vehicle)
    .bind(&consent.initiator)
    .bind(&consent.remark)
    .bind(consent.activated_at)
    .execute(store.pool())
    .await?;
    Ok(())
}
