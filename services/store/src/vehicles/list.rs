//! Lists of vehicles. Each filter is one that an index serves, or that narrows what an index gave.

use otaru_domain::id::{ModelId, VehicleId};

use super::{Row, Vehicle, select};
use crate::{Store, StoreError};

/// Which vehicles. What is `None` lets all pass.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub model: Option<ModelId>,
    pub tag: Option<String>,
    pub region: Option<String>,
    /// What the VIN begins with; characters of VINs only.
    pub vin_prefix: Option<String>,
}

/// Vehicles in the order of their creation after `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    store: &Store,
    filter: &Filter,
    after: Option<VehicleId>,
    limit: i64,
) -> Result<Vec<Vehicle>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!(
        "WHERE v.id > $1 AND ($2::text IS NULL OR v.model_id = $2) AND ($3::text IS NULL OR $3 = ANY(v.tags))
         AND ($4::text IS NULL OR v.region = $4) AND ($5::text IS NULL OR v.vin LIKE $5 || '%')
         ORDER BY v.id LIMIT $6"
    ))
    .bind(after.unwrap_or(0))
    .bind(filter.model.as_ref().map(ModelId::as_str))
    .bind(&filter.tag)
    .bind(&filter.region)
    .bind(&filter.vin_prefix)
    .bind(limit)
    .fetch_all(store.pool())
    .await?;
    rows.into_iter().map(Vehicle::try_from).collect()
}
