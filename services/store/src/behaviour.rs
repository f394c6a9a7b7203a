//! How a model's vehicles behaved in past campaigns: when they came, how long they took, how it ended. What a rehearsal of the
//! next campaign draws from.

use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_domain::rehearsal::{FleetModel, Observed, Outcome, Profile};
use sqlx::FromRow;

use crate::{Store, StoreError};

/// The newest campaigns that are looked at.
const CAMPAIGNS: i64 = 20;
/// Each campaign's vehicles are taken from so many places in the order of their ids, so many at each.
const PLACES: i32 = 10;
const PER_PLACE: i64 = 50;

#[derive(FromRow)]
struct Row {
    campaign_id: CampaignId,
    paced: bool,
    offline_secs: Option<f64>,
    update_secs: Option<f64>,
    outcome: Option<String>,
    reports: i64,
}

impl TryFrom<&Row> for Observed {
    type Error = StoreError;

    fn try_from(row: &Row) -> Result<Self, StoreError> {
        let outcome = match row.outcome.as_deref() {
            None => None,
            Some("installed") => Some(Outcome::Installed),
            Some("failed" | "rolled_back") => Some(Outcome::Failed),
            Some("declined") => Some(Outcome::Declined),
            Some(other) => return Err(StoreError::inconsistent("ack_history", format!("the end {other:?}"))),
        };
        // What was reported by another clock may lie before what it followed from.
        let duration = |secs: Option<f64>| secs.map(|secs| secs.max(0.0));
        Ok(Self {
            offline_secs: duration(row.offline_secs),
            update_secs: duration(row.update_secs),
            outcome,
            reports: u32::try_from(row.reports).map_err(|error| StoreError::inconsistent("ack_history", error))?,
        })
    }
}

/// The vehicles of the release's models, as the last 20 completed campaigns of these models showed them; up to 500 of each. Only
/// first attempts count, and none that another campaign or a person ended. Where a campaign had windows, the
/// time between download and installation is left out.
///
/// # Errors
/// [`StoreError`].
pub async fn measure(store: &Store, release: ReleaseId) -> Result<FleetModel, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "WITH models AS (SELECT model_id FROM release_models WHERE release_id = $1),
         past AS (
             SELECT c.id, c.policy ? 'rate' OR c.policy ? 'max_in_flight' AS paced, c.policy ? 'windows' AS windowed,
                    (SELECT min(vehicle_id) FROM assignments WHERE campaign_id = c.id) AS first,
                    (SELECT max(vehicle_id) FROM assignments WHERE campaign_id = c.id) AS last
               FROM campaigns c
              WHERE c.state = 'completed'
                AND EXISTS (SELECT FROM release_models r JOIN models USING (model_id) WHERE r.release_id = c.release_id)
              ORDER BY c.ended_at DESC LIMIT $2),
         sample AS (
             SELECT p.id, p.paced, p.windowed, a.vehicle_id, a.assigned_at
               FROM past p CROSS JOIN generate_series(0, $3 - 1) AS place
              CROSS JOIN LATERAL (
                  SELECT a.vehicle_id, a.assigned_at FROM assignments a JOIN vehicles v ON v.id = a.vehicle_id
                   WHERE a.campaign_id = p.id AND a.state NOT IN ('superseded', 'cancelled')
                     AND a.vehicle_id >= p.first + (p.last + 1 - p.first) * place / $3
                     AND a.vehicle_id < p.first + (p.last + 1 - p.first) * (place + 1) / $3
                     AND v.model_id IN (SELECT model_id FROM models)
                   ORDER BY a.vehicle_id LIMIT $4) AS a)
         SELECT s.id AS campaign_id, s.paced,
                extract(epoch FROM h.offered_at - s.assigned_at)::float8 AS offline_secs,
                extract(epoch FROM h.ended_at - h.offered_at - CASE WHEN s.windowed
                    THEN coalesce(h.installing_at - h.downloaded_at, interval '0') ELSE interval '0' END)::float8 AS update_secs,
                h.outcome, h.reports
           FROM sample s CROSS JOIN LATERAL (
             SELECT min(received_at) FILTER (WHERE state <> 'assigned' AND origin <> 'engine') AS offered_at,
                    min(received_at) FILTER (WHERE state = 'downloaded') AS downloaded_at,
                    min(received_at) FILTER (WHERE state = 'installing') AS installing_at,
                    min(received_at) FILTER (WHERE state IN ('installed', 'failed', 'rolled_back', 'declined')) AS ended_at,
                    (array_agg(state ORDER BY sequence DESC, received_at DESC, ack_id)
                       FILTER (WHERE state IN ('installed', 'failed', 'rolled_back', 'declined')))[1] AS outcome,
                    count(*) FILTER (WHERE origin = 'vehicle') AS reports
               FROM ack_history h
              WHERE h.vehicle_id = s.vehicle_id AND h.campaign_id = s.id AND h.attempt = 1) AS h
          ORDER BY s.id, s.vehicle_id",
    )
    .bind(release)
    .bind(CAMPAIGNS)
    .bind(PLACES)
    .bind(PER_PLACE)
    .fetch_all(store.pool())
    .await?;
    let campaigns = rows.chunk_by(|one, next| one.campaign_id == next.campaign_id);
    let profile = |campaign: &[Row]| {
        let observed = campaign.iter().map(Observed::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Profile::of(&observed, campaign.iter().any(|row| row.paced)))
    };
    let past = campaigns.map(profile).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(FleetModel::measured(past.into_iter().flatten().collect()))
}
