//! What failed together. A failure says a code; what the vehicle ran before is known from its twin, so a campaign's
//! failures are counted by code, and each code's by the version that every ECU of the release came from.

use chrono::{DateTime, Utc};
use otaru_domain::id::CampaignId;
use sqlx::FromRow;

use crate::{Store, StoreError};

/// Vehicles of a campaign that ended in the same state with the same code.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Cluster {
    /// failed, rolled_back or declined.
    pub state: String,
    pub error_code: Option<String>,
    pub vehicles: i64,
    pub first_at: DateTime<Utc>,
    pub last_at: DateTime<Utc>,
    /// One of them; one that wrote a log, if any did.
    pub sample_vin: String,
    pub sample_log: Option<String>,
}

/// How many vehicles of a cluster came from a version. A vehicle counts once for each ECU that the release is for:
/// its report does not say which of them failed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Origin {
    pub state: String,
    pub error_code: Option<String>,
    pub hardware_id: String,
    /// What the ECU ran when the vehicle was assigned; `None` when nobody had told.
    pub version: Option<String>,
    pub vehicles: i64,
}

/// The failures of the attempt that an assignment is in, while that is how it stands.
macro_rules! failed {
    ($select:literal, $join:literal, $tail:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM assignment_failures f JOIN assignments a ON a.vehicle_id = f.vehicle_id ",
            "AND a.campaign_id = f.campaign_id AND a.attempt = f.attempt ",
            $join,
            " WHERE f.campaign_id = $1 AND a.state IN ('failed', 'rolled_back', 'declined') ",
            $tail
        )
    };
}

/// The clusters of a campaign, the largest first, at most `limit`. It reads the campaign's failures.
///
/// # Errors
/// [`StoreError`].
pub async fn clusters(store: &Store, campaign: CampaignId, limit: i64) -> Result<Vec<Cluster>, StoreError> {
    Ok(sqlx::query_as(concat!(
        "WITH failed AS MATERIALIZED (",
        failed!("a.state, f.error_code, f.vehicle_id, f.log, f.at", "", ""),
        "), counted AS (SELECT state, error_code, count(*) AS vehicles, min(at) AS first_at, max(at) AS last_at
                          FROM failed GROUP BY state, error_code),
         sample AS (SELECT DISTINCT ON (state, error_code) state, error_code, vehicle_id, log FROM failed
                     ORDER BY state, error_code, (coalesce(log, '') = ''), at DESC, vehicle_id)
         SELECT c.state, c.error_code, c.vehicles, c.first_at, c.last_at, v.vin AS sample_vin, s.log AS sample_log
           FROM counted c
           JOIN sample s ON s.state = c.state AND s.error_code IS NOT DISTINCT FROM c.error_code
           JOIN vehicles v ON v.id = s.vehicle_id
          ORDER BY c.vehicles DESC, c.state, c.error_code LIMIT $2"
    ))
    .bind(campaign)
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}

/// Where the failed vehicles came from, the largest number first, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn origins(store: &Store, campaign: CampaignId, limit: i64) -> Result<Vec<Origin>, StoreError> {
    Ok(sqlx::query_as(failed!(
        "a.state, f.error_code, i.hardware_id, h.version, count(*) AS vehicles",
        "JOIN campaigns c ON c.id = f.campaign_id JOIN release_images i ON i.release_id = c.release_id
         LEFT JOIN LATERAL (SELECT version FROM vehicle_ecu_history h
                             WHERE h.vehicle_id = f.vehicle_id AND h.hardware_id = i.hardware_id
                               AND h.valid_from <= a.assigned_at
                             ORDER BY h.valid_from DESC LIMIT 1) h ON true",
        "GROUP BY a.state, f.error_code, i.hardware_id, h.version
         ORDER BY vehicles DESC, i.hardware_id, h.version LIMIT $2"
    ))
    .bind(campaign)
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}

/// Vehicles that left a campaign's way in the same manner: how, behind which step, and with which code.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Drop {
    pub state: String,
    /// The last step that was reported of the attempt; `None` when it was none.
    pub after: Option<String>,
    pub error_code: Option<String>,
    pub vehicles: i64,
}

/// Where vehicles left, the largest number first, at most `limit`; judged by at most `most` of them. It reads what each of
/// these reported.
///
/// # Errors
/// [`StoreError`].
pub async fn drops(store: &Store, campaign: CampaignId, most: i64, limit: i64) -> Result<Vec<Drop>, StoreError> {
    Ok(sqlx::query_as(
        "WITH gone AS MATERIALIZED (SELECT vehicle_id, attempt, state FROM assignments
                                     WHERE campaign_id = $1 AND state IN ('failed', 'rolled_back', 'declined', 'timed_out')
                                     LIMIT $2)
         SELECT g.state, h.state AS after, f.error_code, count(*) AS vehicles
           FROM gone g
           LEFT JOIN assignment_failures f ON f.campaign_id = $1 AND f.vehicle_id = g.vehicle_id AND f.attempt = g.attempt
           LEFT JOIN LATERAL (SELECT h.state FROM ack_history h
                               WHERE h.vehicle_id = g.vehicle_id AND h.campaign_id = $1 AND h.attempt = g.attempt
                                 AND array_position($3, h.state) IS NOT NULL
                               ORDER BY array_position($3, h.state) DESC LIMIT 1) h ON true
          GROUP BY g.state, h.state, f.error_code
          ORDER BY vehicles DESC, g.state, h.state, f.error_code LIMIT $4",
    )
    .bind(campaign)
    .bind(most)
    .bind(["offered", "accepted", "downloading", "downloaded", "installing", "installed"].as_slice())
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}
