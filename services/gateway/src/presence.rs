//! Whom this gateway heard lately: collected in memory and written in batches, so that a poll does not wait for Postgres
//! and a vehicle that asks often costs no more. What cannot be written waits; until when vehicles count as online is in
//! the rows, so a gateway that dies takes nobody with it, and nobody stays online for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::clock;
use otaru_domain::id::VehicleId;
use otaru_store::presence::{self, Heard};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::app::App;

/// How many poll intervals a vehicle stays online: one may be missed, although each is up to a fifth longer than told.
const INTERVALS: u32 = 3;
/// Longer intervals than a third of this say nothing of who is there.
const LONGEST: TimeDelta = TimeDelta::days(30);
/// The least time between two batches; what a vehicle does in between is one row.
const PAUSE: Duration = Duration::from_secs(2);
/// The same while Postgres does not answer.
const PAUSE_AWAY: Duration = Duration::from_secs(5);
/// Vehicles in one transaction.
const BATCH: usize = 5_000;
/// Vehicles that wait to be written; beyond, they are heard with their next request.
const MOST: usize = 500_000;
/// How often a stream that is open says so at most.
const RENEW: Duration = Duration::from_secs(60);
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Vehicles heard and not written yet.
pub(crate) struct Presence {
    lasts: TimeDelta,
    renew: Duration,
    waiting: Mutex<HashMap<VehicleId, DateTime<Utc>>>,
    wake: Notify,
}

impl Presence {
    pub(crate) fn new(poll_interval: Duration) -> Self {
        let lasts = TimeDelta::from_std(poll_interval.saturating_mul(INTERVALS)).unwrap_or(LONGEST).min(LONGEST);
        Self { lasts, renew: RENEW.min(poll_interval), waiting: Mutex::default(), wake: Notify::new() }
    }

    /// Notes that the vehicle, which proved who it is, said something at `now`.
    pub(crate) fn heard(&self, vehicle: VehicleId, now: DateTime<Utc>) {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST && !waiting.contains_key(&vehicle) {
            metrics::counter!("otaru_gateway_shed_total", "what" => "presence").increment(1);
            return;
        }
        waiting.insert(vehicle, now);
        // Who is the first to wait wakes the writer; it finds the others there.
        if waiting.len() == 1 {
            self.wake.notify_one();
        }
    }

    /// How often a stream that is open counts as heard.
    pub(crate) fn renew_streams(&self) -> Duration {
        self.renew
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<VehicleId, DateTime<Utc>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<Heard> {
        let waiting = std::mem::take(&mut *self.waiting());
        waiting.into_iter().map(|(vehicle, at)| Heard { vehicle, at, lasts: self.lasts }).collect()
    }

    /// Takes back what could not be written, unless the vehicle was heard again meanwhile.
    fn put_back(&self, heard: &[Heard]) {
        let mut waiting = self.waiting();
        for one in heard {
            waiting.entry(one.vehicle).or_insert(one.at);
        }
    }
}

/// Writes what was heard until the gateway stops, and then what is left.
pub(crate) async fn keep(app: App) {
    let mut swept = Instant::now();
    while app.stop.run_until_cancelled(app.presence.wake.notified()).await.is_some() {
        let mut pause = PAUSE;
        while !write(&app).await {
            pause = PAUSE_AWAY;
            if app.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
        }
        if swept.elapsed() >= SWEEP_EVERY {
            swept = Instant::now();
            if let Err(error) = presence::sweep(&app.store, clock::now()).await {
                app.database.failed(&error);
            }
        }
        if app.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            break;
        }
    }
    // Nobody waits for what the vehicles' next requests say anyway.
    let _ = tokio::time::timeout(PAUSE, write(&app)).await;
}

/// Writes all that waits; whether it could.
async fn write(app: &App) -> bool {
    let heard = app.presence.take();
    for (at, batch) in heard.chunks(BATCH).enumerate() {
        if let Err(error) = presence::note(&app.store, batch, clock::now()).await {
            app.database.failed(&error);
            app.presence.put_back(&heard[at * BATCH..]);
            return false;
        }
    }
    if !heard.is_empty() {
        app.database.answered();
    }
    true
}
