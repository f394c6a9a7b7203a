//! What a campaign's vehicles ran before it, from the history that the twin keeps: what a campaign back is made of.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, GroupId, HardwareId, Sha256};
use sqlx::types::Json;

use crate::campaigns::{Prepared, unsigned};
use crate::{StoreError, Tx};

/// What ECUs ran, by hardware id; `None` where that is not known.
pub type Versions = BTreeMap<HardwareId, Option<String>>;

/// Vehicles that ran the same before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// Of the ECUs that the campaign changed.
    pub versions: Versions,
    pub vehicles: u64,
}

/// The vehicles on which `campaign` is installed and whose ECUs have told nothing else since, as `gone`: with what they
/// ran when they were assigned, without the ECUs that it did not change.
macro_rules! gone {
    ($tail:literal) => {
        concat!(
            "WITH gone AS (
                 SELECT a.vehicle_id, jsonb_object_agg(i.hardware_id, h.version) AS versions
                   FROM assignments a
                   JOIN campaigns c ON c.id = a.campaign_id
                   JOIN vehicles v ON v.id = a.vehicle_id AND v.retired_at IS NULL
                   JOIN release_images i ON i.release_id = c.release_id
                   LEFT JOIN vehicle_ecus e ON e.vehicle_id = a.vehicle_id AND e.hardware_id = i.hardware_id
                   LEFT JOIN LATERAL (
                        SELECT version FROM vehicle_ecu_history h
                         WHERE h.vehicle_id = a.vehicle_id AND h.hardware_id = i.hardware_id
                           AND h.valid_from <= a.assigned_at
                         ORDER BY h.valid_from DESC LIMIT 1) h ON true
                  WHERE a.campaign_id = $1 AND a.state = 'installed' AND h.version IS DISTINCT FROM i.version
                  GROUP BY a.vehicle_id
                 HAVING bool_and(e.version IS NULL OR e.version = i.version OR e.reported_at <= a.updated_at)
             ) ",
            $tail
        )
    };
}

/// What the vehicles of a campaign ran before it, what most ran first; at most `limit` combinations.
///
/// # Errors
/// [`StoreError`].
pub async fn before(tx: &mut Tx, campaign: CampaignId, limit: i64) -> Result<Vec<Before>, StoreError> {
    let rows: Vec<(Json<Versions>, i64)> =
        sqlx::query_as(gone!("SELECT versions, count(*) FROM gone GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $2"))
            .bind(campaign)
            .bind(limit)
            .fetch_all(&mut **tx)
            .await?;
    let read = |(versions, vehicles): (Json<Versions>, i64)| {
        Ok(Before { versions: versions.0, vehicles: unsigned("assignments", vehicles)? })
    };
    rows.into_iter().map(read).collect()
}

/// Puts those of them that ran `versions` on the list of `group`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, campaign: CampaignId, versions: &Versions, group: &GroupId) -> Result<(), StoreError> {
    sqlx::query(gone!(
        "INSERT INTO group_vehicles (group_id, vehicle_id) SELECT $3, vehicle_id FROM gone WHERE versions = $2"
    ))
    .bind(campaign)
    .bind(Json(versions))
    .bind(group.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The image by which an ECU gets a version: of the newest release that is locked and was not recalled.
///
/// # Errors
/// [`StoreError`].
pub async fn image(
    tx: &mut Tx,
    hardware_id: &HardwareId,
    version: &str,
) -> Result<Option<(Sha256, String)>, StoreError> {
    let found: Option<(String, String)> = sqlx::query_as(
        "SELECT i.sha256, f.file_name FROM release_images i
           JOIN releases r ON r.id = i.release_id AND r.state = 'locked'
           JOIN artifacts f ON f.sha256 = i.sha256
          WHERE i.hardware_id = $1 AND i.version = $2 ORDER BY r.id DESC LIMIT 1",
    )
    .bind(hardware_id.as_str())
    .bind(version)
    .fetch_optional(&mut **tx)
    .await?;
    let parsed = found.map(|(sha256, file_name)| Sha256::parse(&sha256).map(|sha256| (sha256, file_name)));
    parsed.transpose().map_err(|error| StoreError::inconsistent("release_images", error))
}

/// Notes that `by` takes `campaign` back.
///
/// # Errors
/// [`StoreError`].
pub async fn note(tx: &mut Tx, by: CampaignId, campaign: CampaignId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO campaign_undos (campaign_id, undone_by, prepared_at) VALUES ($1, $2, $3)")
        .bind(campaign)
        .bind(by)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The campaigns that take `campaign` back, without those that were cancelled.
///
/// # Errors
/// [`StoreError`].
pub async fn undoing(tx: &mut Tx, campaign: CampaignId) -> Result<Vec<Prepared>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT c.id, c.release_id, c.target,
                (SELECT count(*) FROM group_vehicles g WHERE g.group_id = 'undo-' || u.campaign_id || '-r' || c.release_id)
                AS vehicles
           FROM campaign_undos u JOIN campaigns c ON c.id = u.undone_by
          WHERE u.campaign_id = $1 AND c.state <> 'cancelled' ORDER BY c.id",
    )
    .bind(campaign)
    .fetch_all(&mut **tx)
    .await?)
}
