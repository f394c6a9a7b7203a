//! Offer slots: how many vehicles may be offered a campaign now, over all gateways. A gateway takes a block of them, which
//! it may use for a few seconds; rate and `max_in_flight` are counted here, from the offer on. No block is given while
//! the campaign does not run, nobody leads the engine, or vehicle-state is too far behind to know who is under way.

use std::time::Duration;

use chrono::{DateTime, Utc};
use otaru_domain::id::CampaignId;
use otaru_domain::rollout::Policy;
use otaru_domain::topic;
use sqlx::types::Json;
use uuid::Uuid;

use crate::campaigns::unsigned;
use crate::{Store, StoreError, Tx};

/// How long a block may be used: a halt is final at the latest when it is over.
pub const LEASE: Duration = Duration::from_secs(2);
/// While vehicle-state is behind by more than this, nothing is offered.
pub const MAX_LAG: Duration = Duration::from_secs(30);
/// By how much the clocks of gateways and the database may differ.
const CLOCKS: Duration = Duration::from_secs(1);
/// At most this many offers at once, after a time without any: a second's worth, and at least one.
const BURST_MINUTES: f64 = 1.0 / 60.0;

/// A block of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    pub id: Uuid,
    pub slots: u64,
}

/// Why there is none now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSlots {
    /// The campaign does not run.
    NotRunning,
    /// Nobody leads the engine.
    NoEngine,
    /// Acknowledgements wait for too long, or nobody applies them.
    Behind,
    /// As many as may be are under way.
    InFlight,
    /// The rate is used up for now.
    Rate,
    /// Everything is stopped.
    Stopped,
}

impl NoSlots {
    /// The name in metrics and JSON.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotRunning => "not_running",
            Self::NoEngine => "no_engine",
            Self::Behind => "behind",
            Self::InFlight => "max_in_flight",
            Self::Rate => "rate",
            Self::Stopped => "emergency_stop",
        }
    }
}

/// Gives `gateway` up to `want` slots of `campaign`, and takes the `unspent` ones of its last block back.
///
/// # Errors
/// [`StoreError`].
pub async fn take(
    store: &Store,
    gateway: Uuid,
    campaign: CampaignId,
    want: u64,
    unspent: Option<Block>,
) -> Result<Result<Block, NoSlots>, StoreError> {
    let mut tx = store.begin().await?;
    let granted = grant(&mut tx, gateway, campaign, want, unspent).await?;
    tx.commit().await?;
    Ok(granted)
}

async fn grant(
    tx: &mut Tx,
    gateway: Uuid,
    campaign: CampaignId,
    want: u64,
    unspent: Option<Block>,
) -> Result<Result<Block, NoSlots>, StoreError> {
    if crate::emergency::in_force(tx).await? {
        return Ok(Err(NoSlots::Stopped));
    }
    // First the lock: who waited for it sees what the one before took.
    sqlx::query(
        "INSERT INTO campaign_pace (campaign_id, refilled_at) VALUES ($1, clock_timestamp()) ON CONFLICT DO NOTHING",
    )
    .bind(campaign)
    .execute(&mut **tx)
    .await?;
    let (tokens, idle_secs, adapted): (f64, f64, Option<i64>) = sqlx::query_as(
        "SELECT tokens, greatest(extract(epoch FROM clock_timestamp() - refilled_at), 0)::float8, per_minute
           FROM campaign_pace WHERE campaign_id = $1 FOR UPDATE",
    )
    .bind(campaign)
    .fetch_one(&mut **tx)
    .await?;
    let back = give_back(tx, unspent).await?;
    let standing: Option<(Json<Policy>, bool, Option<i64>)> = sqlx::query_as(
        "SELECT c.policy, c.state = 'running' AND c.closing IS NULL,
                (SELECT epoch FROM leadership WHERE name = 'engine' AND expires_at > clock_timestamp())
           FROM campaigns c WHERE c.id = $1",
    )
    .bind(campaign)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((Json(policy), true, epoch)) = standing else {
        return Ok(Err(NoSlots::NotRunning));
    };
    let Some(epoch) = epoch else {
        return Ok(Err(NoSlots::NoEngine));
    };
    let Some(applied) = applied_through(tx).await? else {
        return Ok(Err(NoSlots::Behind));
    };
    let mut slots = want;
    if let Some(most) = policy.max_in_flight {
        settle(tx, campaign, applied).await?;
        slots = slots.min(most.saturating_sub(under_way(tx, campaign).await?));
        if slots == 0 {
            return Ok(Err(NoSlots::InFlight));
        }
    }
    if let Some(rate) = policy.rate {
        let adapted = adapted.filter(|_| rate.adapt.is_some()).and_then(|adapted| u64::try_from(adapted).ok());
        let tokens = refilled(tokens + back, adapted.unwrap_or(rate.per_minute), idle_secs);
        slots = slots.min(whole(tokens));
        sqlx::query("UPDATE campaign_pace SET tokens = $2, refilled_at = clock_timestamp() WHERE campaign_id = $1")
            .bind(campaign)
            .bind(tokens - float(slots))
            .execute(&mut **tx)
            .await?;
        if slots == 0 {
            return Ok(Err(NoSlots::Rate));
        }
    }
    let block = Block { id: Uuid::new_v4(), slots };
    sqlx::query(
        "INSERT INTO offer_leases (id, campaign_id, gateway, slots, epoch, expires_at)
         VALUES ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6))",
    )
    .bind(block.id)
    .bind(campaign)
    .bind(gateway)
    .bind(i64::try_from(slots).map_err(|error| StoreError::inconsistent("offer_leases", error))?)
    .bind(epoch)
    .bind(LEASE.as_secs_f64())
    .execute(&mut **tx)
    .await?;
    Ok(Ok(block))
}

#[expect(clippy::cast_precision_loss, reason = "a block is far below 2^52")]
fn float(slots: u64) -> f64 {
    slots as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut off at 0 and at a block's size")]
fn whole(tokens: f64) -> u64 {
    tokens.floor().clamp(0.0, 1e9) as u64
}

/// The tokens there are after `secs`: what came in meanwhile, and never more than a burst.
fn refilled(tokens: f64, per_minute: u64, secs: f64) -> f64 {
    let burst = (float(per_minute) * BURST_MINUTES).max(1.0);
    (tokens + float(per_minute) * secs / 60.0).min(burst)
}

/// What a gateway did not use is neither under way nor gone from the rate.
async fn give_back(tx: &mut Tx, unspent: Option<Block>) -> Result<f64, StoreError> {
    let Some(unspent) = unspent.filter(|block| block.slots > 0) else {
        return Ok(0.0);
    };
    let slots = i64::try_from(unspent.slots).map_err(|error| StoreError::inconsistent("offer_leases", error))?;
    let given = sqlx::query("UPDATE offer_leases SET slots = slots - $2 WHERE id = $1 AND slots >= $2")
        .bind(unspent.id)
        .bind(slots)
        .execute(&mut **tx)
        .await?;
    Ok(if given.rows_affected() == 1 { float(unspent.slots) } else { 0.0 })
}

/// Blocks whose every offer the counters know by now count no more.
async fn settle(tx: &mut Tx, campaign: CampaignId, applied: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM offer_leases WHERE campaign_id = $1 AND (slots = 0 OR expires_at + make_interval(secs => $3) < least($2, clock_timestamp()))")
        .bind(campaign)
        .bind(applied)
        .bind(CLOCKS.as_secs_f64())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Vehicles under way: those that the counters know, and every slot of a block whose offers they may not know yet. For
/// a moment some count twice, so there are never more than there may be.
pub(crate) async fn under_way(tx: &mut Tx, campaign: CampaignId) -> Result<u64, StoreError> {
    let vehicles: i64 = sqlx::query_scalar(
        "SELECT greatest((SELECT coalesce(sum(vehicles), 0) FROM assignment_counters
                  WHERE campaign_id = $1 AND state IN ('offered', 'accepted', 'downloading', 'downloaded', 'installing')), 0)::bigint
              + (SELECT coalesce(sum(slots), 0) FROM offer_leases WHERE campaign_id = $1)::bigint",
    )
    .bind(campaign)
    .fetch_one(&mut **tx)
    .await?;
    unsigned("assignment_counters", vehicles)
}

/// Until when every acknowledgement that was taken has been applied; `None` when that is longer ago than offers may
/// rely on, or nobody applies them.
///
/// # Errors
/// [`StoreError`].
pub async fn applied_through(tx: &mut Tx) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT min(CASE WHEN high_offset > next_offset THEN coalesce(behind_since, '-infinity') ELSE seen_at END)
           FROM consumer_offsets WHERE consumer = 'acks' AND topic = $1
         HAVING min(CASE WHEN high_offset > next_offset THEN coalesce(behind_since, '-infinity') ELSE seen_at END)
                > clock_timestamp() - make_interval(secs => $2)",
    )
    .bind(topic::ACKS)
    .bind(MAX_LAG.as_secs_f64())
    .fetch_optional(&mut **tx)
    .await?
    .flatten())
}

/// Forgets blocks that nobody asks about any more.
///
/// # Errors
/// [`StoreError`].
pub async fn prune(store: &Store) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM offer_leases WHERE expires_at < clock_timestamp() - interval '1 hour'")
        .execute(store.pool())
        .await?;
    Ok(())
}
