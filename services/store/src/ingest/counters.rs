//! The counters that a batch moves, by what it changed on balance. Each partition has rows of its own, so that
//! readers of different partitions never wait for each other; the sum over partitions is the truth.

use std::collections::BTreeMap;

use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::CampaignId;

use super::assignments::{Key, Standing};
use crate::{StoreError, Tx};

/// Notified when vehicles failed: whoever decides about halts need not wait for its next look.
pub const FAILURES_CHANNEL: &str = "otaru_failures";

/// Adds the deltas of a batch to the counter `$table`, which counts `$what` per `$name`.
macro_rules! move_counter {
    ($table:literal, $name:literal, $what:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " AS c (campaign_id, wave, ",
            $name,
            ", partition, ",
            $what,
            ") SELECT u.campaign_id, u.wave, u.name, $5, u.delta",
            " FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[]) AS u (campaign_id, wave, name, delta)",
            " ON CONFLICT (campaign_id, wave, ",
            $name,
            ", partition) DO UPDATE SET ",
            $what,
            " = c.",
            $what,
            " + EXCLUDED.",
            $what
        )
    };
}

type Deltas<'a> = BTreeMap<(CampaignId, i32, &'a str), i64>;

/// Vehicles per state.
pub(super) async fn states(tx: &mut Tx, partition: i32, changed: &BTreeMap<Key, Standing>) -> Result<(), StoreError> {
    let mut deltas = Deltas::new();
    for ((_, campaign), standing) in changed {
        *deltas.entry((*campaign, standing.wave, standing.before.state().as_str())).or_default() -= 1;
        *deltas.entry((*campaign, standing.wave, standing.track.state().as_str())).or_default() += 1;
    }
    add(tx, move_counter!("assignment_counters", "state", "vehicles"), partition, deltas).await
}

/// Installed vehicles by how they say they fare.
pub(super) async fn healths(tx: &mut Tx, partition: i32, changed: &BTreeMap<Key, Standing>) -> Result<(), StoreError> {
    let mut deltas = Deltas::new();
    for ((_, campaign), standing) in changed {
        for (track, delta) in [(&standing.before, -1), (&standing.track, 1)] {
            if let Some(health) = track.installed_health() {
                *deltas.entry((*campaign, standing.wave, health.as_str())).or_default() += delta;
            }
        }
    }
    add(tx, move_counter!("health_counters", "health", "vehicles"), partition, deltas).await
}

/// Attempts that another one followed.
pub(super) async fn attempts(
    tx: &mut Tx,
    partition: i32,
    left: &BTreeMap<(CampaignId, i32, AssignmentState), i64>,
) -> Result<(), StoreError> {
    let deltas = left.iter().map(|((campaign, wave, state), n)| ((*campaign, *wave, state.as_str()), *n)).collect();
    add(tx, move_counter!("attempt_counters", "state", "attempts"), partition, deltas).await
}

async fn add(tx: &mut Tx, statement: &'static str, partition: i32, mut deltas: Deltas<'_>) -> Result<(), StoreError> {
    deltas.retain(|_, delta| *delta != 0);
    if deltas.is_empty() {
        return Ok(());
    }
    sqlx::query(statement)
        .bind(deltas.keys().map(|key| key.0).collect::<Vec<_>>())
        .bind(deltas.keys().map(|key| key.1).collect::<Vec<_>>())
        .bind(deltas.keys().map(|key| key.2).collect::<Vec<_>>())
        .bind(deltas.values().copied().collect::<Vec<_>>())
        .bind(partition)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Wakes the engine when the transaction commits, if anything in it speaks against a campaign.
pub(super) async fn tell_of_failures(tx: &mut Tx, changed: &BTreeMap<Key, Standing>) -> Result<(), StoreError> {
    let bad = |state| matches!(state, AssignmentState::Failed | AssignmentState::RolledBack);
    if changed.values().any(|standing| bad(standing.track.state()) && !bad(standing.before.state())) {
        sqlx::query("SELECT pg_notify($1, '')").bind(FAILURES_CHANNEL).execute(&mut **tx).await?;
    }
    Ok(())
}
