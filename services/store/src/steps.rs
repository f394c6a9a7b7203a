//! What the steps to a release are planned from: who misses what it requires, and what may be installed before.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::exclusion::Exclusion;
use otaru_domain::id::{CampaignId, GroupId, HardwareId, ModelId, ReleaseId};
use otaru_domain::requirement::Requirement;
use otaru_domain::steps::{MAX_RELEASES, Step, StepImage};
use otaru_domain::target::Target;
use serde::Deserialize;
use sqlx::types::Json;

use crate::campaigns::{Campaign, Prepared, unsigned};
use crate::waves::{exclusion, look};
use crate::{StoreError, Tx};

/// Vehicles that run the same and miss the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    pub model: ModelId,
    /// On the ECUs that releases of their model are for, or require something of.
    pub running: BTreeMap<HardwareId, String>,
    /// What they miss first.
    pub misses: Exclusion,
    pub vehicles: u64,
}

/// The candidates that miss something, each with what it runs.
macro_rules! stuck {
    ($tail:literal) => {
        concat!(
            "WITH ecus AS (
                 SELECT m.model_id, i.hardware_id FROM release_models m JOIN release_images i USING (release_id)
                 UNION
                 SELECT m.model_id, q.requirement->>'hardware_id' FROM release_models m
                   JOIN release_images i USING (release_id)
                  CROSS JOIN LATERAL jsonb_array_elements(i.requires) AS q (requirement)
             ), stuck AS (
                 SELECT c.vehicle_id, c.model_id, c.excluded, c.hardware_id, c.versions,
                        coalesce((SELECT jsonb_object_agg(e.hardware_id, e.version) FROM vehicle_ecus e
                                    JOIN ecus ON ecus.model_id = c.model_id AND ecus.hardware_id = e.hardware_id
                                   WHERE e.vehicle_id = c.vehicle_id), '{}') AS running
                   FROM pg_temp.candidates c WHERE c.excluded = 'dependency_not_met'
             ) ",
            $tail
        )
    };
}

type StuckRow = (String, Json<BTreeMap<HardwareId, String>>, String, Option<String>, Option<String>, i64);

/// The vehicles that `campaign` selects, has not taken, and whose ECUs miss what its release requires, most first; at most
/// `limit` combinations. They stay in a table of the transaction, for [`list`].
///
/// # Errors
/// [`StoreError`].
pub async fn stuck(
    tx: &mut Tx,
    campaign: &Campaign,
    target: &Target,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Stuck>, StoreError> {
    if requires_nothing(tx, campaign.release).await? {
        return Ok(Vec::new());
    }
    look(tx, campaign, target, None, now).await?;
    let rows: Vec<StuckRow> = sqlx::query_as(stuck!(
        "SELECT model_id, running, excluded, min(hardware_id), min(versions), count(*) FROM stuck
          GROUP BY model_id, running, excluded ORDER BY 6 DESC, 1, 2 LIMIT $1"
    ))
    .persistent(false)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    let read = |(model, running, reason, ecu, versions, vehicles): StuckRow| {
        Ok(Stuck {
            model: ModelId::parse(&model).map_err(|error| StoreError::inconsistent("vehicles", error))?,
            running: running.0,
            misses: exclusion(&reason, ecu.as_deref(), versions)?,
            vehicles: unsigned("vehicles", vehicles)?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Then nobody misses anything, and the fleet needs no looking at.
async fn requires_nothing(tx: &mut Tx, release: ReleaseId) -> Result<bool, StoreError> {
    let sql = "SELECT NOT EXISTS (SELECT FROM release_images WHERE release_id = $1 AND requires <> '[]')";
    Ok(sqlx::query_scalar(sql).bind(release).fetch_one(&mut **tx).await?)
}

/// Puts the vehicles that [`stuck`] found like this on the list of `group`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, stuck: &Stuck, group: &GroupId) -> Result<(), StoreError> {
    sqlx::query(stuck!(
        "INSERT INTO group_vehicles (group_id, vehicle_id)
         SELECT $1, vehicle_id FROM stuck WHERE model_id = $2 AND running = $3 ON CONFLICT DO NOTHING"
    ))
    .persistent(false)
    .bind(group.as_str())
    .bind(stuck.model.as_str())
    .bind(Json(&stuck.running))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[derive(Deserialize)]
struct ImageRow {
    hardware_id: HardwareId,
    version: String,
    requires: Vec<Requirement>,
}

/// The newest locked releases for `model`, the newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn releases(tx: &mut Tx, model: &ModelId) -> Result<Vec<Step>, StoreError> {
    let rows: Vec<(ReleaseId, i64, Json<Vec<ImageRow>>)> = sqlx::query_as(
        "SELECT r.id, r.release_counter,
                (SELECT jsonb_agg(jsonb_build_object('hardware_id', i.hardware_id, 'version', i.version,
                                                     'requires', i.requires) ORDER BY i.hardware_id)
                   FROM release_images i WHERE i.release_id = r.id)
           FROM releases r JOIN release_models m ON m.release_id = r.id AND m.model_id = $1
          WHERE r.state = 'locked' ORDER BY r.release_counter DESC LIMIT $2",
    )
    .bind(model.as_str())
    .bind(i64::try_from(MAX_RELEASES).unwrap_or(i64::MAX))
    .fetch_all(&mut **tx)
    .await?;
    let image = |image: ImageRow| StepImage {
        hardware_id: image.hardware_id,
        version: image.version,
        requires: image.requires,
    };
    let read = |(release, counter, images): (ReleaseId, i64, Json<Vec<ImageRow>>)| {
        let release_counter = unsigned("releases", counter)?;
        Ok(Step { release, release_counter, images: images.0.into_iter().map(image).collect() })
    };
    rows.into_iter().map(read).collect()
}

/// Notes that `step` brings vehicles to what `campaign` requires.
///
/// # Errors
/// [`StoreError`].
pub async fn note(tx: &mut Tx, step: CampaignId, campaign: CampaignId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO campaign_steps (campaign_id, step_campaign_id, prepared_at) VALUES ($1, $2, $3)")
        .bind(campaign)
        .bind(step)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The campaigns that were prepared as steps to `campaign`, in order and without those that were cancelled.
///
/// # Errors
/// [`StoreError`].
pub async fn prepared(tx: &mut Tx, campaign: CampaignId) -> Result<Vec<Prepared>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT c.id, c.release_id, c.target,
                (SELECT count(*) FROM group_vehicles g
                  WHERE g.group_id = 'steps-' || s.campaign_id || '-r' || c.release_id) AS vehicles
           FROM campaign_steps s JOIN campaigns c ON c.id = s.step_campaign_id JOIN releases r ON r.id = c.release_id
          WHERE s.campaign_id = $1 AND c.state <> 'cancelled' ORDER BY r.release_counter, c.id",
    )
    .bind(campaign)
    .fetch_all(&mut **tx)
    .await?)
}
