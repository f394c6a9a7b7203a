//! The audit log over REST: pages of entries, all of them as one file, a walk along the chain, and its end to be kept
//! elsewhere.

mod export;
mod verify;

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::audit::Entry;
use otaru_domain::id::Vin;
use otaru_http::{Json, Problem};
use otaru_store::audit::{self, Filter};
use otaru_store::{StoreError, progress};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::Query;
use crate::page::PageQuery;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(head))
}

/// Calls that read the whole log and take as long as it is.
pub(crate) fn streamed_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export::export)).routes(routes!(verify::verify))
}

/// Which entries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditFilter {
    /// By this actor: a token's name, `engine` or `system`.
    actor: Option<String>,
    /// Only this action, as `campaign_approved`.
    action: Option<String>,
    /// About this object, as `campaign-12` or `token-018f…`.
    object: Option<String>,
    /// About this vehicle; instead of `object`, which is `vehicle-<row>` then.
    vin: Option<Vin>,
    /// From this time on.
    since: Option<DateTime<Utc>>,
    /// Before this time.
    until: Option<DateTime<Utc>>,
}

impl AuditFilter {
    /// As the store takes it: a vehicle by its row.
    async fn resolved(self, app: &App) -> Result<Filter, ApiError> {
        let object = match (self.object, self.vin) {
            (Some(_), Some(_)) => return Err(Problem::bad_request("send object or vin, not both").into()),
            (object, None) => object,
            (None, Some(vin)) => {
                let vehicle = progress::vehicle_id(&app.store, &vin).await?;
                let vehicle = vehicle.ok_or_else(|| Problem::bad_request(format!("there is no vehicle {vin}")))?;
                Some(audit::vehicle(vehicle))
            }
        };
        Ok(Filter { actor: self.actor, action: self.action, object, since: self.since, until: self.until })
    }
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// 1 for the first, without gaps.
    pub id: i64,
    pub at: DateTime<Utc>,
    pub actor: String,
    #[schema(example = "campaign_approved")]
    pub action: String,
    #[schema(example = "campaign-12")]
    object: String,
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
    /// The digest of the entry before, 64 hexadecimal digits.
    previous: String,
    /// SHA-256 of this entry, 64 hexadecimal digits.
    digest: String,
}

/// A page of entries, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    items: Vec<AuditEntry>,
    next_cursor: Option<String>,
}

/// The end of the chain.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditHead {
    /// The newest entry; 0 before the first.
    id: i64,
    /// Its digest. Kept elsewhere, it proves later that nothing up to here was changed:
    /// `otaru audit verify --anchor <id>:<digest>`.
    digest: String,
}

pub(crate) fn view(entry: Entry) -> Result<AuditEntry, StoreError> {
    let details = serde_json::from_str(&entry.details).map_err(|error| StoreError::inconsistent("audit_log", error))?;
    Ok(AuditEntry {
        id: entry.id,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        object: entry.object,
        details,
        previous: hex::encode(entry.previous),
        digest: hex::encode(entry.digest),
    })
}

/// List what was done
///
/// Every action of a person and of the engine, newest first.
#[utoipa::path(get, path = "/audit", tag = "evidence", operation_id = "list_audit", params(PageQuery, AuditFilter),
    responses((status = 200, description = "Newest first", body = AuditPage)))]
async fn list(
    State(app): State<App>,
    _: Actor,
    Query(page): Query<PageQuery>,
    Query(filter): Query<AuditFilter>,
) -> Result<Json<AuditPage>, ApiError> {
    let window = page.window::<i64>()?;
    let filter = filter.resolved(&app).await?;
    let rows = audit::page(&app.store, &filter, window.after, window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |entry| entry.id);
    let items = rows.into_iter().map(view).collect::<Result<_, _>>()?;
    Ok(Json(AuditPage { items, next_cursor }))
}

/// The end of the audit log's chain
///
/// To be kept where nobody who can write the database can write.
#[utoipa::path(get, path = "/audit/head", tag = "evidence", operation_id = "get_audit_head",
    responses((status = 200, description = "The newest entry", body = AuditHead)))]
async fn head(State(app): State<App>, _: Actor) -> Result<Json<AuditHead>, ApiError> {
    let head = audit::head(&app.store).await?;
    Ok(Json(AuditHead { id: head.id, digest: hex::encode(head.digest) }))
}
