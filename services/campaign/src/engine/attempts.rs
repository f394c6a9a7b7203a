//! Attempts that end or begin because the campaign's policy says so: vehicles that are silent for too long time out,
//! and those that failed in a way that may pass try again. Both are messages to the one writer of assignments, so a look
//! waits until the messages of the one before have been applied.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::clock;
use otaru_domain::event::EventKind;
use otaru_domain::id::CampaignId;
use otaru_domain::rollout::{Retry, Timeouts};
use otaru_http::chain;
use otaru_store::campaigns::{self, Campaign};
use otaru_store::leadership::Epoch;
use otaru_store::retries::{self, Choice};
use otaru_store::waves::Leftover;
use otaru_store::{StoreError, Tx, events, slots, timeouts};
use tokio_util::sync::CancellationToken;

use super::{By, CampaignError, locked, tell};
use crate::app::App;

const TICK: Duration = Duration::from_secs(1);
/// Assignments looked at per transaction.
const CHUNK: i64 = 20_000;
/// Vehicles that begin another attempt per look.
const RETRIES: i64 = 5_000;
/// The longest pause between two looks for silent vehicles.
const LONGEST: TimeDelta = TimeDelta::minutes(5);

/// When a campaign is looked at again.
#[derive(Default)]
struct Next {
    timeouts: HashMap<CampaignId, DateTime<Utc>>,
    /// The messages of the last look are applied once vehicle-state got this far.
    sent: HashMap<CampaignId, DateTime<Utc>>,
}

/// Looks after attempts until `stop`, or until another process leads.
pub(super) async fn run(app: App, epoch: Epoch, stop: CancellationToken) -> Result<(), CampaignError> {
    let mut next = Next::default();
    while stop.run_until_cancelled(tokio::time::sleep(TICK)).await.is_some() {
        match pass(&app, epoch, &mut next, clock::now(), &stop).await {
            Ok(()) => {}
            Err(error) if error.is_fenced() => return Err(error),
            Err(error) => tracing::warn!(error = chain(&error), "cannot look after attempts"),
        }
    }
    Ok(())
}

async fn pass(
    app: &App,
    epoch: Epoch,
    next: &mut Next,
    now: DateTime<Utc>,
    stop: &CancellationToken,
) -> Result<(), CampaignError> {
    let standings = campaigns::unfinished(&app.store).await?;
    let mut tx = app.store.begin().await?;
    let applied = slots::applied_through(&mut tx).await?;
    tx.rollback().await.map_err(StoreError::from)?;
    let Some(applied) = applied else {
        return Ok(());
    };
    for standing in standings {
        let campaign = standing.campaign;
        let id = campaign.id;
        let waits = next.sent.get(&id).is_some_and(|sent| applied <= *sent);
        if !campaign.state.is_under_way() || campaign.closing.is_some() || waits {
            continue;
        }
        let mut sent = 0;
        if let Some(retry) = campaign.policy.retry.as_ref().filter(|_| standing.pending_retries > 0) {
            sent += retry_due(app, epoch, &campaign, retry, now).await?;
        }
        let patience = patience(&campaign.policy.timeouts);
        if let Some(patience) = patience.filter(|_| next.timeouts.get(&id).is_none_or(|at| *at <= now)) {
            sent += time_out(app, epoch, &campaign, now, stop).await?;
            next.timeouts.insert(id, now + (patience / 10).clamp(TimeDelta::seconds(1), LONGEST));
        }
        if sent > 0 {
            next.sent.insert(id, clock::now());
        }
    }
    Ok(())
}

fn patience(timeouts: &Timeouts) -> Option<TimeDelta> {
    let shortest = [timeouts.offer_secs, timeouts.step_secs].into_iter().flatten().min()?;
    TimeDelta::try_seconds(i64::try_from(shortest).ok()?)
}

async fn retry_due(
    app: &App,
    epoch: Epoch,
    campaign: &Campaign,
    retry: &Retry,
    now: DateTime<Utc>,
) -> Result<usize, CampaignError> {
    let by = By::Engine(epoch);
    let mut tx = by.begin(&app.store).await?;
    if locked(&mut tx, campaign.id).await?.closing.is_some() {
        return Ok(0);
    }
    let again = retries::due(&mut tx, campaign.id, retry, now, RETRIES).await?;
    let vehicles = begin_again(&mut tx, by.name(), campaign.id, again, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(vehicles)
}

/// Lets attempts that have ended be followed by another one; how many.
async fn begin_again(
    tx: &mut Tx,
    actor: &str,
    id: CampaignId,
    ended: Vec<Leftover>,
    now: DateTime<Utc>,
) -> Result<usize, CampaignError> {
    let vehicles = ended.len();
    if vehicles == 0 {
        return Ok(0);
    }
    let next = |one: Leftover| Leftover { attempt: one.attempt + 1, ..one };
    tell(tx, id, ended.into_iter().map(next).collect(), AssignmentState::Assigned, now).await?;
    let event = EventKind::VehiclesRetried { campaign: id, vehicles: vehicles as u64 };
    events::record(tx, actor, event, now).await?;
    tracing::info!(campaign = id, vehicles, by = actor, "vehicles begin another attempt");
    Ok(vehicles)
}

/// Tries those vehicles again that a person chose; how many there are.
///
/// # Errors
/// [`CampaignError`]; nothing was changed.
pub async fn retry_chosen(
    app: &App,
    actor: &str,
    id: CampaignId,
    choice: &Choice,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<usize, CampaignError> {
    let mut tx = app.store.begin().await?;
    let campaign = locked(&mut tx, id).await?;
    if !campaign.state.is_under_way() {
        return Err(CampaignError::NotUnderWay(campaign.state));
    }
    if campaign.closing.is_some() {
        return Err(CampaignError::Closing);
    }
    let again = retries::chosen(&mut tx, id, choice, limit).await?;
    let vehicles = begin_again(&mut tx, actor, id, again, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(vehicles)
}

/// Withdraws vehicles that are silent for too long.
async fn time_out(
    app: &App,
    epoch: Epoch,
    campaign: &Campaign,
    now: DateTime<Utc>,
    stop: &CancellationToken,
) -> Result<usize, CampaignError> {
    let by = By::Engine(epoch);
    let id = campaign.id;
    let (mut after, mut sent) = (0, 0);
    while !stop.is_cancelled() {
        let mut tx = by.begin(&app.store).await?;
        let timeouts = &campaign.policy.timeouts;
        let Some(chunk) = timeouts::overdue_chunk(&mut tx, id, timeouts, after, CHUNK, now).await? else { break };
        let vehicles = chunk.left.len();
        if vehicles > 0 {
            tell(&mut tx, id, chunk.left, AssignmentState::TimedOut, now).await?;
            let event = EventKind::VehiclesTimedOut { campaign: id, vehicles: vehicles as u64 };
            events::record(&mut tx, by.name(), event, now).await?;
            tracing::info!(campaign = id, vehicles, "vehicles were silent for too long");
        }
        tx.commit().await.map_err(StoreError::from)?;
        sent += vehicles;
        after = chunk.last;
    }
    Ok(sent)
}
