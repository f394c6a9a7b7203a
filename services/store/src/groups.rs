//! Saved groups of vehicles: lists that people keep, and expressions that are evaluated when they are needed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, GroupId, VehicleId, Vin};
use otaru_domain::target::Target;
use sqlx::FromRow;
use sqlx::types::Json;

use crate::{Store, StoreError, Tx};

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    /// CEL: who is in it; `None` for a list.
    pub expression: Option<String>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
}

#[derive(FromRow)]
struct Row {
    id: String,
    name: String,
    expression: Option<String>,
    created_at: DateTime<Utc>,
    created_by: String,
}

impl TryFrom<Row> for Group {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.parse().map_err(|error| StoreError::inconsistent("groups", error))?,
            name: row.name,
            expression: row.expression,
            created_at: row.created_at,
            created_by: row.created_by,
        })
    }
}

/// `SELECT` with every column of a group.
macro_rules! select {
    ($tail:literal) => {
        concat!("SELECT id, name, expression, created_at, created_by FROM groups ", $tail)
    };
}

/// Creates a group; whether there was none with this id.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut Tx, group: &Group) -> Result<bool, StoreError> {
    let created = sqlx::query(
        "INSERT INTO groups (id, name, expression, created_at, created_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
    )
    .bind(group.id.as_str())
    .bind(&group.name)
    .bind(&group.expression)
    .bind(group.created_at)
    .bind(&group.created_by)
    .execute(&mut **tx)
    .await?;
    Ok(created.rows_affected() == 1)
}

/// The group.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &Store, id: &GroupId) -> Result<Option<Group>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1")).bind(id.as_str()).fetch_optional(store.pool()).await?;
    row.map(Group::try_from).transpose()
}

/// The group, locked until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(tx: &mut Tx, id: &GroupId) -> Result<Option<Group>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as(select!("WHERE id = $1 FOR UPDATE")).bind(id.as_str()).fetch_optional(&mut **tx).await?;
    row.map(Group::try_from).transpose()
}

/// Groups by id after `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(store: &Store, after: Option<&str>, limit: i64) -> Result<Vec<Group>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select!("WHERE $1::text IS NULL OR id > $1 ORDER BY id LIMIT $2"))
        .bind(after)
        .bind(limit)
        .fetch_all(store.pool())
        .await?;
    rows.into_iter().map(Group::try_from).collect()
}

/// Renames a group that [`lock`] gave, and says anew who is in it.
///
/// # Errors
/// [`StoreError`].
pub async fn update(tx: &mut Tx, id: &GroupId, name: &str, expression: Option<&str>) -> Result<(), StoreError> {
    sqlx::query("UPDATE groups SET name = $2, expression = $3 WHERE id = $1")
        .bind(id.as_str())
        .bind(name)
        .bind(expression)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes a group that [`lock`] gave, and its list.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(tx: &mut Tx, id: &GroupId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM groups WHERE id = $1").bind(id.as_str()).execute(&mut **tx).await?;
    Ok(())
}

/// Puts vehicles in service on a group's list. Gives how many were not on it, and the VINs that are no vehicle's.
///
/// # Errors
/// [`StoreError`].
pub async fn add(tx: &mut Tx, id: &GroupId, vins: &[Vin]) -> Result<(u64, Vec<String>), StoreError> {
    let vins: Vec<&str> = vins.iter().map(Vin::as_str).collect();
    let (added, unknown): (i64, Json<Vec<String>>) = sqlx::query_as(
        "WITH asked AS (
             SELECT a.vin, v.id FROM unnest($2::text[]) AS a (vin)
               LEFT JOIN vehicles v ON v.vin = a.vin AND v.retired_at IS NULL
         ), added AS (
             INSERT INTO group_vehicles (group_id, vehicle_id)
             SELECT DISTINCT $1, id FROM asked WHERE id IS NOT NULL ON CONFLICT DO NOTHING RETURNING 1
         )
         SELECT (SELECT count(*) FROM added), coalesce((SELECT jsonb_agg(vin ORDER BY vin) FROM asked WHERE id IS NULL), '[]')",
    )
    .bind(id.as_str())
    .bind(vins)
    .fetch_one(&mut **tx)
    .await?;
    Ok((added.unsigned_abs(), unknown.0))
}

/// Takes vehicles from a group's list; how many were on it.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(tx: &mut Tx, id: &GroupId, vins: &[Vin]) -> Result<u64, StoreError> {
    let vins: Vec<&str> = vins.iter().map(Vin::as_str).collect();
    let removed = sqlx::query(
        "DELETE FROM group_vehicles g USING vehicles v
          WHERE g.group_id = $1 AND v.id = g.vehicle_id AND v.vin = ANY($2)",
    )
    .bind(id.as_str())
    .bind(vins)
    .execute(&mut **tx)
    .await?;
    Ok(removed.rows_affected())
}

/// Who is on a group's list after `after`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn vehicles(
    store: &Store,
    id: &GroupId,
    after: Option<VehicleId>,
    limit: i64,
) -> Result<Vec<(VehicleId, String)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT v.id, v.vin FROM group_vehicles g JOIN vehicles v ON v.id = g.vehicle_id
          WHERE g.group_id = $1 AND v.id > $2 ORDER BY v.id LIMIT $3",
    )
    .bind(id.as_str())
    .bind(after.unwrap_or(0))
    .bind(limit)
    .fetch_all(store.pool())
    .await?)
}

/// Which of `ids` are no groups. Those that are stay until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub async fn missing(tx: &mut Tx, mut ids: BTreeSet<GroupId>) -> Result<BTreeSet<GroupId>, StoreError> {
    let asked: Vec<&str> = ids.iter().map(GroupId::as_str).collect();
    let known: Vec<String> = sqlx::query_scalar("SELECT id FROM groups WHERE id = ANY($1) ORDER BY id FOR KEY SHARE")
        .bind(asked)
        .fetch_all(&mut **tx)
        .await?;
    ids.retain(|id| !known.iter().any(|known| known == id.as_str()));
    Ok(ids)
}

/// Puts the expressions of the dynamic groups that `target` names in their place.
///
/// # Errors
/// [`StoreError`].
pub async fn resolve(tx: &mut Tx, target: &mut Target) -> Result<(), StoreError> {
    let named = target.groups();
    if named.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = named.iter().map(GroupId::as_str).collect();
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT id, expression FROM groups WHERE id = ANY($1) AND expression IS NOT NULL")
            .bind(named)
            .fetch_all(&mut **tx)
            .await?;
    let wrong = |error: String| StoreError::inconsistent("groups", error);
    let mut dynamic = BTreeMap::new();
    for (id, expression) in rows {
        let id = GroupId::parse(&id).map_err(|error| wrong(error.to_string()))?;
        dynamic.insert(id, Target::parse(&expression).map_err(|error| wrong(error.message))?);
    }
    target.expand(&dynamic);
    Ok(())
}

/// The campaigns that will ask again who is in the group: those that have not started, and the continuous ones.
///
/// # Errors
/// [`StoreError`].
pub async fn used_by(tx: &mut Tx, id: &GroupId) -> Result<Vec<CampaignId>, StoreError> {
    let rows: Vec<(CampaignId, String)> = sqlx::query_as(
        "SELECT c.id, e.expression
           FROM campaigns c
          CROSS JOIN LATERAL (
                SELECT c.target AS expression
                UNION ALL SELECT w.expression FROM campaign_waves w WHERE w.campaign_id = c.id AND w.expression IS NOT NULL
          ) AS e
          WHERE c.ended_at IS NULL AND (c.started_at IS NULL OR c.policy ->> 'membership' = 'continuous')
          ORDER BY c.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    let names = |expression: &str| Target::parse(expression).is_ok_and(|target| target.groups().contains(id));
    let mut using: Vec<CampaignId> =
        rows.into_iter().filter(|(_, expression)| names(expression)).map(|(campaign, _)| campaign).collect();
    using.dedup();
    Ok(using)
}
