//! The whole installation at a glance: what there is, and whether it keeps up.

use chrono::{DateTime, Utc};
use otaru_domain::campaign::CampaignState;
use otaru_domain::id::ModelId;
use sqlx::FromRow;

use crate::campaigns::unsigned;
use crate::{Store, StoreError, dead_letters, offsets, presence};

/// A model and its vehicles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFleet {
    pub model: ModelId,
    pub name: String,
    /// Vehicles in service.
    pub vehicles: u64,
    /// How many of them are online.
    pub online: u64,
}

/// The summary.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    pub models: Vec<ModelFleet>,
    /// When gateways last said who is online.
    pub online_as_of: Option<DateTime<Utc>>,
    /// Campaigns per state; states without any are left out.
    pub campaigns: Vec<(CampaignState, u64)>,
    /// Dead letters that nobody sent again.
    pub dead_letters: u64,
    /// How far the ingest is behind, by partition.
    pub ingest: Vec<offsets::PartitionLag>,
    /// Messages that wait to be sent.
    pub outbox: u64,
}

/// The summary of now.
///
/// # Errors
/// [`StoreError`].
pub async fn summary(store: &Store, now: DateTime<Utc>) -> Result<Fleet, StoreError> {
    let models: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT m.id, m.name, coalesce(f.vehicles, 0) FROM models m
         LEFT JOIN (SELECT model_id, count(*) AS vehicles FROM vehicles WHERE retired_at IS NULL GROUP BY model_id) AS f
             ON f.model_id = m.id
         ORDER BY m.id",
    )
    .fetch_all(store.pool())
    .await?;
    let online = presence::online(store, now).await?;
    let model = |(id, name, vehicles): (String, String, i64)| {
        let model = ModelId::parse(&id).map_err(|error| StoreError::inconsistent("models", error))?;
        let online = online.by_model.get(&model).copied().unwrap_or(0);
        Ok(ModelFleet { model, name, vehicles: unsigned("vehicles", vehicles)?, online })
    };
    let campaigns: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, count(*) FROM campaigns GROUP BY state ORDER BY state")
            .fetch_all(store.pool())
            .await?;
    let per_state = |(state, number): (String, i64)| {
        let state = state.parse().map_err(|error| StoreError::inconsistent("campaigns", error))?;
        Ok((state, unsigned("campaigns", number)?))
    };
    let outbox: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(store.pool()).await?;
    Ok(Fleet {
        models: models.into_iter().map(model).collect::<Result<_, StoreError>>()?,
        online_as_of: online.as_of,
        campaigns: campaigns.into_iter().map(per_state).collect::<Result<_, StoreError>>()?,
        dead_letters: unsigned("dead_letters", dead_letters::open_count(store).await?)?,
        ingest: offsets::lag(store, now).await?,
        outbox: unsigned("outbox", outbox)?,
    })
}

/// How many vehicles in service run a version.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct VersionCount {
    pub hardware_id: String,
    pub version: String,
    pub vehicles: i64,
}

/// Every version that vehicles in service run, by hardware id and the newest first; of one model if it is given, and
/// at most `limit`. It reads what every ECU of the fleet runs: some seconds for millions of them.
///
/// # Errors
/// [`StoreError`].
pub async fn versions(store: &Store, model: Option<&ModelId>, limit: i64) -> Result<Vec<VersionCount>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT e.hardware_id, e.version, count(*) AS vehicles
           FROM vehicle_ecus e JOIN vehicles v ON v.id = e.vehicle_id
          WHERE v.retired_at IS NULL AND ($1::text IS NULL OR v.model_id = $1)
          GROUP BY e.hardware_id, e.version, e.version_key
          ORDER BY e.hardware_id, e.version_key DESC, e.version LIMIT $2",
    )
    .bind(model.map(ModelId::as_str))
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}
