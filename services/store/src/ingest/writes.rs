//! What follows from a batch beside the assignments themselves: history, failures, and when a
//! vehicle was last heard of.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, HardwareId, VehicleId};

use sqlx::types::Json;

use super::fold::Taken;
use crate::{StoreError, Tx};

/// Postgres keeps no NUL in a text; a vehicle may well send one.
fn plain(text: Option<&String>) -> Option<String> {
    text.map(|text| text.replace('\0', "\u{fffd}"))
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Vehicle => "vehicle",
        Origin::Gateway => "gateway",
        Origin::Engine => "engine",
    }
}

fn integer<T, U: TryInto<T>>(value: U, what: &'static str) -> Result<T, StoreError> {
    value.try_into().map_err(|_| StoreError::inconsistent("ack_history", format!("{what} out of range")))
}

fn versions(ack: &Ack) -> Option<Json<&BTreeMap<HardwareId, String>>> {
    (!ack.versions.is_empty()).then_some(Json(&ack.versions))
}

/// Every acknowledgement that was taken, once.
pub(super) async fn history(tx: &mut Tx, taken: &[Taken<'_>]) -> Result<(), StoreError> {
    if taken.is_empty() {
        return Ok(());
    }
    let attempts: Vec<i32> =
        taken.iter().map(|one| integer(one.ack.attempt, "attempt")).collect::<Result<_, StoreError>>()?;
    let sequences: Vec<i64> =
        taken.iter().map(|one| integer(one.ack.sequence, "sequence")).collect::<Result<_, StoreError>>()?;
    sqlx::query(
        "INSERT INTO ack_history (vehicle_id, ack_id, campaign_id, attempt, sequence, origin, state,
                                  progress_percent, error_code, reported_at, received_at, waiting_for,
                                  versions, signed_by)
         SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::int[], $5::bigint[], $6::text[], $7::text[],
                              $8::smallint[], $9::text[], $10::timestamptz[], $11::timestamptz[], $12::jsonb[],
                              $13::jsonb[], $14::uuid[])
         ON CONFLICT (vehicle_id, ack_id) DO NOTHING",
    )
    .bind(taken.iter().map(|one| one.vehicle).collect::<Vec<_>>())
    .bind(taken.iter().map(|one| one.ack.id).collect::<Vec<_>>())
    .bind(taken.iter().map(|one| one.ack.campaign).collect::<Vec<_>>())
    .bind(attempts)
    .bind(sequences)
    .bind(taken.iter().map(|one| origin(one.ack.origin)).collect::<Vec<_>>())
    .bind(taken.iter().map(|one| one.ack.state.as_str()).collect::<Vec<_>>())
    .bind(taken.iter().map(|one| one.ack.progress_percent.map(i16::from)).collect::<Vec<_>>())
    .bind(taken.iter().map(|one| plain(one.ack.error_code.as_ref())).collect::<Vec<_>>())
    .bind(taken.iter().map(|one| one.ack.reported_at).collect::<Vec<_>>())
    .bind(taken.iter().map(|one| one.ack.received_at).collect::<Vec<_>>())
    .bind(taken.iter().map(|one| one.ack.waiting_for.as_ref().map(Json)).collect::<Vec<_>>())
    .bind(taken.iter().map(|one| versions(one.ack)).collect::<Vec<_>>())
    .bind(taken.iter().map(|one| one.signed_by).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What orders the failures of an attempt: the newest sequence wins, and where two reports claim the same
/// one, their content decides, so that every order of arrival ends the same.
struct Failure {
    sequence: i64,
    state: &'static str,
    error_code: Option<String>,
    log: Option<String>,
    at: DateTime<Utc>,
}

impl Failure {
    fn of(ack: &Ack) -> Result<Self, StoreError> {
        Ok(Self {
            sequence: integer(ack.sequence, "sequence")?,
            state: ack.state.as_str(),
            error_code: plain(ack.error_code.as_ref()),
            log: plain(ack.log.as_ref()),
            at: ack.received_at,
        })
    }

    fn outweighs(&self, other: &Self) -> bool {
        let rank = |one: &Self| {
            (one.sequence, one.state, one.error_code.clone().unwrap_or_default(), one.log.clone().unwrap_or_default())
        };
        rank(self).cmp(&rank(other)).then(other.at.cmp(&self.at)).is_gt()
    }
}

/// The newest failure of each attempt.
pub(super) async fn failures(tx: &mut Tx, taken: &[Taken<'_>]) -> Result<(), StoreError> {
    let mut newest: BTreeMap<(CampaignId, VehicleId, i32), Failure> = BTreeMap::new();
    for Taken { vehicle, ack, .. } in taken {
        if !matches!(ack.state, AssignmentState::Failed | AssignmentState::RolledBack | AssignmentState::Declined) {
            continue;
        }
        let key = (ack.campaign, *vehicle, integer(ack.attempt, "attempt")?);
        let failure = Failure::of(ack)?;
        if newest.get(&key).is_none_or(|known| failure.outweighs(known)) {
            newest.insert(key, failure);
        }
    }
    if newest.is_empty() {
        return Ok(());
    }
    sqlx::query(
        r#"INSERT INTO assignment_failures AS f (campaign_id, vehicle_id, attempt, sequence, state, error_code, log, at)
           SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                                $8::timestamptz[])
           ON CONFLICT (campaign_id, vehicle_id, attempt) DO UPDATE
              SET sequence = EXCLUDED.sequence, state = EXCLUDED.state, error_code = EXCLUDED.error_code,
                  log = EXCLUDED.log, at = EXCLUDED.at
            WHERE (EXCLUDED.sequence, EXCLUDED.state COLLATE "C", coalesce(EXCLUDED.error_code, '') COLLATE "C",
                   coalesce(EXCLUDED.log, '') COLLATE "C", f.at)
                > (f.sequence, f.state COLLATE "C", coalesce(f.error_code, '') COLLATE "C",
                   coalesce(f.log, '') COLLATE "C", EXCLUDED.at)"#,
    )
    .bind(newest.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(newest.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind(newest.keys().map(|key| key.2).collect::<Vec<_>>())
    .bind(newest.values().map(|one| one.sequence).collect::<Vec<_>>())
    .bind(newest.values().map(|one| one.state).collect::<Vec<_>>())
    .bind(newest.values().map(|one| one.error_code.as_deref()).collect::<Vec<_>>())
    .bind(newest.values().map(|one| one.log.as_deref()).collect::<Vec<_>>())
    .bind(newest.values().map(|one| one.at).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// When each vehicle's newest acknowledgement was taken; what a server says of a vehicle is no sign of it.
pub(super) async fn reports(tx: &mut Tx, taken: &[Taken<'_>]) -> Result<(), StoreError> {
    let mut newest: BTreeMap<VehicleId, DateTime<Utc>> = BTreeMap::new();
    for Taken { vehicle, ack, .. } in taken.iter().filter(|one| one.ack.origin == Origin::Vehicle) {
        let at = newest.entry(*vehicle).or_insert(ack.received_at);
        *at = ack.received_at.max(*at);
    }
    if newest.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO vehicle_reports AS r (vehicle_id, ack_at)
         SELECT * FROM unnest($1::bigint[], $2::timestamptz[])
         ON CONFLICT (vehicle_id) DO UPDATE SET ack_at = EXCLUDED.ack_at
          WHERE r.ack_at IS NULL OR r.ack_at < EXCLUDED.ack_at",
    )
    .bind(newest.keys().copied().collect::<Vec<_>>())
    .bind(newest.values().copied().collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
