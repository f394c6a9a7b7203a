//! Saved groups of vehicles, which target expressions name: `"winter-testers" in groups`.

mod vehicles;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::{CampaignId, GroupId};
use otaru_domain::target::{Target, TargetError};
use otaru_http::{Json, Problem};
use otaru_store::{StoreError, Tx, audit, groups};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

const MAX_NAME_BYTES: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change, delete))
        .routes(routes!(vehicles::list, vehicles::change))
}

/// A group to be created.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGroup)]
pub struct Body {
    pub id: GroupId,
    /// For people.
    #[schema(example = "Winter testers", max_length = 200)]
    pub name: String,
    /// CEL: who is in it, as in a campaign's target but without other groups. Without it the group is a list.
    #[schema(max_length = 4096, example = "region == \"NO\" && \"test\" in tags")]
    pub expression: Option<String>,
}

/// What to change of a group; what is missing stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupChange)]
pub struct Change {
    #[schema(max_length = 200)]
    pub name: Option<String>,
    /// Of a dynamic group; a list stays a list.
    #[schema(max_length = 4096)]
    pub expression: Option<String>,
}

/// A saved group of vehicles.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    /// CEL: who is in it; null for a list.
    pub expression: Option<String>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
}

/// Groups by id.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GroupPage {
    pub items: Vec<Group>,
    pub next_cursor: Option<String>,
}

impl From<groups::Group> for Group {
    fn from(group: groups::Group) -> Self {
        Self {
            id: group.id,
            name: group.name,
            expression: group.expression,
            created_at: group.created_at,
            created_by: group.created_by,
        }
    }
}

fn not_found(id: &GroupId) -> ApiError {
    Problem::not_found(format!("there is no group {id}")).into()
}

/// Who is in a dynamic group, checked.
fn check_expression(source: &str) -> Result<(), Problem> {
    let pointer = "/expression";
    let target = Target::parse(source)
        .map_err(|TargetError { message, position }| Problem::invalid(pointer, message).position(position))?;
    match target.groups().first() {
        None => Ok(()),
        Some(id) => Err(Problem::invalid(pointer, format!("a group is not made of groups: write out what {id} says"))),
    }
}

/// What changes under a campaign that has not taken its vehicles yet would not be what was reviewed.
async fn require_unused(tx: &mut Tx, id: &GroupId, what: &str) -> Result<(), ApiError> {
    let using = groups::used_by(tx, id).await?;
    if using.is_empty() {
        return Ok(());
    }
    let using: Vec<String> = using.iter().map(CampaignId::to_string).collect();
    let detail = format!(
        "campaign {} asks who is in {id}: it cannot be {what} before it has started or ended; make another group",
        using.join(", ")
    );
    Err(Problem::conflict("group-in-use", detail).into())
}

/// List groups.
#[utoipa::path(get, path = "/groups", tag = "vehicles", operation_id = "list_groups", params(PageQuery),
    responses((status = 200, body = GroupPage)))]
async fn list(State(app): State<App>, _: Actor, Query(page): Query<PageQuery>) -> Result<Json<GroupPage>, ApiError> {
    let window = page.window::<String>()?;
    let rows = groups::list(&app.store, window.after.as_deref(), window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |group| group.id.to_string());
    Ok(Json(GroupPage { items: rows.into_iter().map(Group::from).collect(), next_cursor }))
}

/// One group.
#[utoipa::path(get, path = "/groups/{group}", tag = "vehicles", operation_id = "get_group",
    params(("group" = GroupId, Path)), responses((status = 200, body = Group)))]
async fn get(State(app): State<App>, _: Actor, PathPart(id): PathPart<GroupId>) -> Result<Json<Group>, ApiError> {
    let group = groups::get(&app.store, &id).await?.ok_or_else(|| not_found(&id))?;
    Ok(Json(group.into()))
}

/// Create a group
///
/// A list, which `POST /groups/{group}/vehicles` fills, or, with an expression, whoever matches it when a campaign asks.
#[utoipa::path(post, path = "/groups", tag = "vehicles", operation_id = "create_group", request_body = Body,
    responses((status = 201, body = Group)))]
async fn create(
    State(app): State<App>,
    actor: Actor,
    Json(body): Json<Body>,
) -> Result<(StatusCode, Json<Group>), ApiError> {
    check::name("/name", &body.name, MAX_NAME_BYTES)?;
    if let Some(expression) = &body.expression {
        check_expression(expression)?;
    }
    let now = clock::now();
    let group = groups::Group {
        id: body.id,
        name: body.name,
        expression: body.expression,
        created_at: now,
        created_by: actor.name.clone(),
    };
    let mut tx = app.store.begin().await?;
    if !groups::create(&mut tx, &group).await? {
        let detail = format!("there is a group {} already", group.id);
        return Err(Problem::conflict("group-exists", detail).pointer("/id").into());
    }
    record(&mut tx, &actor, "group_created", &group, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok((StatusCode::CREATED, Json(group.into())))
}

/// Change a group
///
/// What is missing stays. Its expression does not change while a campaign that has not started, or a continuous one, names
/// the group.
#[utoipa::path(patch, path = "/groups/{group}", tag = "vehicles", operation_id = "change_group", request_body = Change,
    params(("group" = GroupId, Path)), responses((status = 200, body = Group)))]
async fn change(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<GroupId>,
    Json(change): Json<Change>,
) -> Result<Json<Group>, ApiError> {
    let mut tx = app.store.begin().await?;
    let mut group = groups::lock(&mut tx, &id).await?.ok_or_else(|| not_found(&id))?;
    if let Some(name) = change.name {
        check::name("/name", &name, MAX_NAME_BYTES)?;
        group.name = name;
    }
    if let Some(expression) = change.expression {
        check_expression(&expression)?;
        if group.expression.is_none() {
            return Err(Problem::invalid("/expression", format!("{id} is a list: change who is on it instead")).into());
        }
        if group.expression.as_ref() != Some(&expression) {
            require_unused(&mut tx, &id, "changed").await?;
        }
        group.expression = Some(expression);
    }
    groups::update(&mut tx, &id, &group.name, group.expression.as_deref()).await?;
    record(&mut tx, &actor, "group_changed", &group, clock::now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(group.into()))
}

/// Delete a group.
#[utoipa::path(delete, path = "/groups/{group}", tag = "vehicles", operation_id = "delete_group",
    params(("group" = GroupId, Path)), responses((status = 204, description = "It is gone")))]
async fn delete(State(app): State<App>, actor: Actor, PathPart(id): PathPart<GroupId>) -> Result<StatusCode, ApiError> {
    let mut tx = app.store.begin().await?;
    let group = groups::lock(&mut tx, &id).await?.ok_or_else(|| not_found(&id))?;
    require_unused(&mut tx, &id, "deleted").await?;
    groups::delete(&mut tx, &id).await?;
    record(&mut tx, &actor, "group_deleted", &group, clock::now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    action: &str,
    group: &groups::Group,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let details = json!({"name": group.name, "expression": group.expression});
    audit::record(tx, &actor.name, action, &format!("group-{}", group.id), &details, now).await
}
