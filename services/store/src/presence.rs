//! Which vehicles are online. A vehicle is online until a time that moves with everything gateways hear of it; gateways
//! write that in batches, with a counter per model and time in the same transaction, so how many are online is a sum over
//! some rows, whatever the fleet's size, and true without anybody saying that a vehicle or a gateway has gone.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::id::{ModelId, VehicleId};

use crate::campaigns::unsigned;
use crate::{Store, StoreError, Tx};

/// Times until which vehicles are online are whole multiples of this: so many counters there are per model.
const STEP_SECS: i64 = 30;
/// How long a counter is kept that counts nothing any more: longer than clocks differ.
const KEPT: TimeDelta = TimeDelta::hours(1);

/// A vehicle that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    pub vehicle: VehicleId,
    pub at: DateTime<Utc>,
    /// For how long it counts as online.
    pub lasts: TimeDelta,
}

impl Heard {
    /// Until when it is online: the next whole step.
    fn online_until(&self) -> DateTime<Utc> {
        let end = self.at + self.lasts;
        let past = end.timestamp().rem_euclid(STEP_SECS);
        let whole = end - TimeDelta::nanoseconds(i64::from(end.timestamp_subsec_nanos())) - TimeDelta::seconds(past);
        if whole < end { whole + TimeDelta::seconds(STEP_SECS) } else { whole }
    }
}

/// A model's vehicles that are online, and when gateways last said so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Online {
    pub by_model: BTreeMap<ModelId, u64>,
    pub as_of: Option<DateTime<Utc>>,
}

/// Notes what a gateway heard. A vehicle that is not in service, or is told twice, is no error; an older time changes nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn note(store: &Store, heard: &[Heard], now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut latest: BTreeMap<VehicleId, Heard> = BTreeMap::new();
    for one in heard {
        let known = latest.entry(one.vehicle).or_insert(*one);
        if known.at < one.at {
            *known = *one;
        }
    }
    let mut tx = store.begin().await?;
    let known = lock(&mut tx, &latest.keys().copied().collect::<Vec<_>>()).await?;
    let mut moves = Moves::default();
    let (mut ids, mut heard_at, mut until) = (Vec::new(), Vec::new(), Vec::new());
    for (vehicle, model, was_until) in known {
        let Some(one) = latest.get(&vehicle) else { continue };
        // A vehicle polls now here, now there: a gateway with shorter intervals takes nothing away.
        let is_until = was_until.max(one.online_until());
        moves.less(&model, was_until, now);
        moves.more(&model, is_until, now);
        ids.push(vehicle);
        heard_at.push(one.at);
        until.push(is_until);
    }
    sqlx::query(
        "UPDATE vehicle_presence AS p SET heard_at = greatest(p.heard_at, n.heard_at), online_until = n.online_until
           FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) AS n (vehicle_id, heard_at, online_until)
          WHERE p.vehicle_id = n.vehicle_id",
    )
    .bind(&ids)
    .bind(&heard_at)
    .bind(&until)
    .execute(&mut *tx)
    .await?;
    moves.apply(&mut tx, now).await?;
    tx.commit().await?;
    Ok(())
}

/// The vehicles in service of `ids` with their models and until when they are online, each with a row, locked in one order.
async fn lock(tx: &mut Tx, ids: &[VehicleId]) -> Result<Vec<(VehicleId, String, DateTime<Utc>)>, StoreError> {
    sqlx::query(
        "INSERT INTO vehicle_presence (vehicle_id, heard_at, online_until)
         SELECT v.id, to_timestamp(0), to_timestamp(0) FROM vehicles v
          WHERE v.id = ANY($1) AND v.retired_at IS NULL
            AND NOT EXISTS (SELECT FROM vehicle_presence p WHERE p.vehicle_id = v.id)
          ORDER BY v.id ON CONFLICT DO NOTHING",
    )
    .bind(ids)
    .execute(&mut **tx)
    .await?;
    Ok(sqlx::query_as(
        "SELECT p.vehicle_id, v.model_id, p.online_until
           FROM vehicle_presence p JOIN vehicles v ON v.id = p.vehicle_id
          WHERE p.vehicle_id = ANY($1) AND v.retired_at IS NULL ORDER BY p.vehicle_id FOR UPDATE OF p",
    )
    .bind(ids)
    .fetch_all(&mut **tx)
    .await?)
}

/// Takes a vehicle that leaves the fleet out of those that are online.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn forget(tx: &mut Tx, vehicle: VehicleId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let was: Option<(String, DateTime<Utc>)> = sqlx::query_as(
        "SELECT v.model_id, p.online_until FROM vehicle_presence p JOIN vehicles v ON v.id = p.vehicle_id
          WHERE p.vehicle_id = $1 FOR UPDATE OF p",
    )
    .bind(vehicle)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((model, until)) = was else { return Ok(()) };
    sqlx::query("UPDATE vehicle_presence SET online_until = least(online_until, $2) WHERE vehicle_id = $1")
        .bind(vehicle)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    let mut moves = Moves::default();
    moves.less(&model, until, now);
    moves.apply(tx, now).await
}

/// How counters change.
#[derive(Default)]
struct Moves(BTreeMap<(String, DateTime<Utc>), i64>);

impl Moves {
    /// A counter that lies behind counts nothing any more, and may be gone.
    fn less(&mut self, model: &str, until: DateTime<Utc>, now: DateTime<Utc>) {
        if until > now {
            *self.0.entry((model.to_owned(), until)).or_default() -= 1;
        }
    }

    fn more(&mut self, model: &str, until: DateTime<Utc>, now: DateTime<Utc>) {
        if until > now {
            *self.0.entry((model.to_owned(), until)).or_default() += 1;
        }
    }

    /// The last thing in a transaction: until its end, other gateways wait for these rows. In one order, so that they do
    /// not wait for each other.
    async fn apply(self, tx: &mut Tx, now: DateTime<Utc>) -> Result<(), StoreError> {
        let (mut models, mut untils, mut deltas) = (Vec::new(), Vec::new(), Vec::new());
        for ((model, until), delta) in self.0 {
            models.push(model);
            untils.push(until);
            deltas.push(delta);
        }
        if models.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO presence_counters (model_id, online_until, vehicles, noted_at)
             SELECT n.model_id, n.online_until, n.vehicles, $4
               FROM unnest($1::text[], $2::timestamptz[], $3::bigint[]) WITH ORDINALITY
                    AS n (model_id, online_until, vehicles, place)
              ORDER BY n.place
             ON CONFLICT (model_id, online_until) DO UPDATE
                SET vehicles = presence_counters.vehicles + excluded.vehicles,
                    noted_at = greatest(presence_counters.noted_at, excluded.noted_at)",
        )
        .bind(&models)
        .bind(&untils)
        .bind(&deltas)
        .bind(now)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}

/// Throws away counters that have counted nothing for long.
///
/// # Errors
/// [`StoreError`].
pub async fn sweep(store: &Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM presence_counters WHERE (model_id, online_until) IN
             (SELECT model_id, online_until FROM presence_counters WHERE online_until < $1 FOR UPDATE SKIP LOCKED)",
    )
    .bind(now - KEPT)
    .execute(store.pool())
    .await?;
    Ok(())
}

/// Who is online.
///
/// # Errors
/// [`StoreError`].
pub async fn online(store: &Store, now: DateTime<Utc>) -> Result<Online, StoreError> {
    let rows: Vec<(String, i64, Option<DateTime<Utc>>)> = sqlx::query_as(
        "SELECT model_id, coalesce(sum(vehicles) FILTER (WHERE online_until > $1), 0)::bigint, max(noted_at)
           FROM presence_counters GROUP BY model_id ORDER BY model_id",
    )
    .bind(now)
    .fetch_all(store.pool())
    .await?;
    let mut online = Online::default();
    for (model, vehicles, noted_at) in rows {
        let model = ModelId::parse(&model).map_err(|error| StoreError::inconsistent("presence_counters", error))?;
        online.by_model.insert(model, unsigned("presence_counters", vehicles)?);
        online.as_of = online.as_of.max(noted_at);
    }
    Ok(online)
}
