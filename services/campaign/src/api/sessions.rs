//! The sessions of people whom an OpenID provider signed in. A role is that of the sign-in, so who lost a group keeps it until
//! the session ends: an admin who cannot wait for that ends it here.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_http::{Json, Problem};
use otaru_store::oidc_sessions::{self, Ended, SessionRow};
use otaru_store::{StoreError, audit};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Actor, Role};
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, end_all)).routes(routes!(end))
}

/// A session that is open.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PersonSession {
    id: Uuid,
    /// The person, as logs and events name them: `oidc:<subject>@<issuer>`.
    actor: String,
    /// What to call the person.
    display_name: String,
    /// The provider that signed them in.
    issuer: String,
    /// The highest role that their groups stood for at the sign-in.
    role: Role,
    /// When they signed in.
    created_at: DateTime<Utc>,
    /// When it was last used, to within a minute; a page that is open uses it.
    last_used_at: Option<DateTime<Utc>>,
    /// When it ends by itself.
    expires_at: DateTime<Utc>,
    /// Whether this very call was made in it.
    current: bool,
}

/// Sessions in the order in which they began.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PersonSessionPage {
    items: Vec<PersonSession>,
    next_cursor: Option<String>,
}

impl PersonSession {
    fn of(row: SessionRow, caller: &Actor) -> Result<Self, StoreError> {
        let role = Role::parse(&row.role)
            .ok_or_else(|| StoreError::inconsistent("oidc_sessions", format!("role {:?}", row.role)))?;
        Ok(Self {
            current: caller.session == Some(row.id),
            id: row.id,
            actor: row.actor,
            display_name: row.display_name,
            issuer: row.issuer,
            role,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
        })
    }
}

/// List sessions
///
/// Those that are open of people whom an OpenID provider signed in: an admin sees all, everybody else their own.
#[utoipa::path(get, path = "/sessions", tag = "tokens", operation_id = "list_sessions", params(PageQuery),
    responses((status = 200, body = PersonSessionPage)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(page): Query<PageQuery>,
) -> Result<Json<PersonSessionPage>, ApiError> {
    let window = page.window::<Uuid>()?;
    let whose = (actor.role < Role::Admin).then_some(actor.name.as_str());
    let rows = oidc_sessions::open(&app.store, whose, window.after, window.rows(), clock::now()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.id);
    let items = rows.into_iter().map(|row| PersonSession::of(row, &actor)).collect::<Result<_, _>>()?;
    Ok(Json(PersonSessionPage { items, next_cursor }))
}

/// End a session
///
/// For admins. Its next call is refused, and so is its stream of events within half a minute; the person may sign in again
/// with the groups that they have then.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "tokens", operation_id = "end_person_session",
    params(("id" = Uuid, Path)), responses((status = 204)))]
async fn end(State(app): State<App>, actor: Actor, PathPart(id): PathPart<Uuid>) -> Result<StatusCode, ApiError> {
    if carry_out(&app, &actor, Ended::One(id)).await? == 0 {
        return Err(Problem::not_found(format!("no session {id} is open")).into());
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PersonQuery {
    /// The person, as their sessions name them.
    #[param(example = "oidc:grace@https://id.example.com", max_length = 2048)]
    actor: String,
}

/// How many sessions were ended.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SessionsEnded {
    ended: usize,
}

/// End all of a person's sessions
///
/// For admins. Without any that is open, nothing changes.
#[utoipa::path(delete, path = "/sessions", tag = "tokens", operation_id = "end_person_sessions", params(PersonQuery),
    responses((status = 200, body = SessionsEnded)))]
async fn end_all(
    State(app): State<App>,
    actor: Actor,
    Query(person): Query<PersonQuery>,
) -> Result<Json<SessionsEnded>, ApiError> {
    let ended = carry_out(&app, &actor, Ended::Of(&person.actor)).await?;
    Ok(Json(SessionsEnded { ended }))
}

/// Ends sessions, with an entry of the log for each; how many there were.
async fn carry_out(app: &App, by: &Actor, which: Ended<'_>) -> Result<usize, ApiError> {
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let ended = oidc_sessions::end(&mut tx, which, &by.name, now).await?;
    for (id, person) in &ended {
        let details = json!({"actor": person});
        audit::record(&mut tx, &by.name, "session_ended", &format!("session-{id}"), &details, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    for (id, person) in &ended {
        tracing::info!(session = %id, person, actor = by.name, "ended a session");
    }
    Ok(ended.len())
}
