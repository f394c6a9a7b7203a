//! `/groups/{group}/vehicles`: who is on a group's list.

use axum::extract::State;
use otaru_domain::clock;
use otaru_domain::id::{GroupId, VehicleId, Vin};
use otaru_http::{Json, Problem};
use otaru_store::{StoreError, audit, groups};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::not_found;
use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

/// The most vehicles in one call.
const MAX_VEHICLES: usize = 10_000;

/// Who comes onto the list and who leaves it.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupVehiclesChange)]
pub struct Change {
    /// Up to 10000 VINs; those on the list stay on it.
    #[serde(default)]
    pub add: Vec<Vin>,
    /// Up to 10000 VINs; those not on the list stay off it.
    #[serde(default)]
    pub remove: Vec<Vin>,
}

/// What became of a change.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GroupVehiclesChanged {
    /// Vehicles that were not on the list before.
    pub added: u64,
    /// Vehicles that were on it.
    pub removed: u64,
}

/// VINs on a list, in the order in which the vehicles were created.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GroupVehiclePage {
    pub items: Vec<String>,
    pub next_cursor: Option<String>,
}

fn require_list(group: &groups::Group) -> Result<(), Problem> {
    match &group.expression {
        None => Ok(()),
        Some(expression) => {
            let detail = format!("{} is dynamic, {expression}: preview a campaign to see who is in it", group.id);
            Err(Problem::conflict("group-dynamic", detail))
        }
    }
}

/// List a group's vehicles
///
/// Of a list. Who is in a dynamic group, a preview says.
#[utoipa::path(get, path = "/groups/{group}/vehicles", tag = "vehicles", operation_id = "list_group_vehicles",
    params(("group" = GroupId, Path), PageQuery), responses((status = 200, body = GroupVehiclePage)))]
pub(super) async fn list(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<GroupId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<GroupVehiclePage>, ApiError> {
    require_list(&groups::get(&app.store, &id).await?.ok_or_else(|| not_found(&id))?)?;
    let window = page.window::<VehicleId>()?;
    let rows = groups::vehicles(&app.store, &id, window.after, window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |(vehicle, _)| *vehicle);
    Ok(Json(GroupVehiclePage { items: rows.into_iter().map(|(_, vin)| vin).collect(), next_cursor }))
}

/// Change a group's vehicles
///
/// All of the change or, when a VIN is no vehicle's, nothing of it.
#[utoipa::path(post, path = "/groups/{group}/vehicles", tag = "vehicles", operation_id = "change_group_vehicles",
    request_body = Change, params(("group" = GroupId, Path)), responses((status = 200, body = GroupVehiclesChanged)))]
pub(super) async fn change(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<GroupId>,
    Json(change): Json<Change>,
) -> Result<Json<GroupVehiclesChanged>, ApiError> {
    check::count("/add", change.add.len(), 0, MAX_VEHICLES)?;
    check::count("/remove", change.remove.len(), 0, MAX_VEHICLES)?;
    let mut tx = app.store.begin().await?;
    let group = groups::lock(&mut tx, &id).await?.ok_or_else(|| not_found(&id))?;
    require_list(&group)?;
    let (added, unknown) = groups::add(&mut tx, &id, &change.add).await?;
    if let Some(vin) = unknown.first() {
        let at = change.add.iter().position(|asked| asked.as_str() == vin).unwrap_or_default();
        let detail = format!("there is no vehicle {vin} in service ({} of these are none)", unknown.len());
        return Err(Problem::invalid(format!("/add/{at}"), detail).into());
    }
    let removed = groups::remove(&mut tx, &id, &change.remove).await?;
    let details = json!({"added": added, "removed": removed});
    audit::record(&mut tx, &actor.name, "group_vehicles_changed", &format!("group-{id}"), &details, clock::now())
        .await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(GroupVehiclesChanged { added, removed }))
}
