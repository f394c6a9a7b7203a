//! One simulated vehicle: a task that mostly sleeps. What it must keep while it does is small; whatever takes
//! room lives only while it is needed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt as _;
use otaru_domain::id::CampaignId;
use rand::RngExt as _;
use rand::rngs::SmallRng;
use tokio::time::Instant;

use super::plan::{chance, exponential, seeded};
use super::stats::{Gauge, count};
use super::{Shared, SimulatedVehicle};
use crate::backoff::Backoff;
use crate::error::chain;
use crate::gateway::{Bearer, GatewayError, Polled, Update};

/// The shortest time between two requests, whatever the settings multiply to.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(20);
/// Attempts that are remembered as finished.
const REMEMBERED: usize = 8;

/// Going on- and offline.
struct Presence {
    online: bool,
    until: Instant,
}

pub(super) struct Vehicle {
    pub(super) me: SimulatedVehicle,
    pub(super) shared: Arc<Shared>,
    /// For what depends on the network's timing anyway: jitter, on- and offline times.
    pub(super) rng: SmallRng,
    pub(super) backoff: Backoff,
    /// Newest last.
    pub(super) finished: Vec<(CampaignId, u32)>,
    /// `None` for vehicles that are always online.
    presence: Option<Presence>,
    streams: bool,
    etag: Option<String>,
    last_event: Option<String>,
}

impl Vehicle {
    pub(super) fn new(me: SimulatedVehicle, shared: Arc<Shared>) -> Self {
        let mut rng = seeded(&format!("{}/{}", shared.seed, me.vin));
        let behaviour = &shared.behaviour;
        let goes_offline = chance(&mut rng, behaviour.offline_ratio);
        let streams = chance(&mut rng, behaviour.stream_ratio);
        let presence = goes_offline
            .then(|| Presence { online: true, until: Instant::now() + up_for(&mut rng, behaviour.online_mean) });
        count(&shared.stats.online);
        if goes_offline {
            count(&shared.stats.roaming);
        }
        Self {
            me,
            rng,
            backoff: Backoff::new(FIRST_BACKOFF, LONGEST_BACKOFF),
            finished: Vec::new(),
            presence,
            streams,
            etag: None,
            last_event: None,
            shared,
        }
    }

    /// Lives until its task is ended.
    pub(super) async fn run(mut self) {
        // The fleet does not start its engines in the same second.
        let spread = self.shared.poll_interval.mul_f64(self.rng.random());
        self.pause(spread).await;
        loop {
            self.be_online().await;
            let shared = self.shared.clone();
            let permit = if self.streams { shared.streams.try_acquire().ok() } else { None };
            let wait = match permit {
                Some(_permit) => Box::pin(self.stream()).await,
                None => Box::pin(self.poll()).await,
            };
            self.pause(wait.max(SHORTEST_WAIT)).await;
        }
    }

    pub(super) fn bearer(&self) -> Bearer<'_> {
        Bearer { vin: &self.me.vin, token: &self.me.token }
    }

    /// Asks for an update and does it; returns how long to wait before the next poll.
    async fn poll(&mut self) -> Duration {
        count(&self.shared.stats.polls);
        let asked = {
            let _permit = self.shared.requests.acquire().await;
            self.shared.gateway.update(self.bearer(), self.etag.as_deref()).await
        };
        let answer = match asked {
            Ok(answer) => answer,
            Err(error) => return self.failed(&error),
        };
        let asked = answer.retry_after;
        self.etag = answer.etag.or_else(|| self.etag.take());
        if let Polled::Update(update) = answer.polled
            && !self.take_up(&update).await
        {
            // The same answer must come again, in full.
            self.etag = None;
            return self.backoff.next(asked, &mut self.rng);
        }
        self.backoff.reset();
        self.poll_wait(asked)
    }

    /// Holds the stream until it breaks or the vehicle goes offline.
    async fn stream(&mut self) -> Duration {
        let opened = self.shared.gateway.events(self.bearer(), self.last_event.as_deref()).await;
        let mut events = match opened {
            Ok(events) => events,
            Err(error) => return self.failed(&error),
        };
        let shared = self.shared.clone();
        let _open = Gauge::hold(&shared.stats.streams);
        loop {
            let offline_at = self.presence.as_ref().map(|presence| presence.until);
            let event = tokio::select! {
                event = events.next() => event,
                () = sleep_until(offline_at) => return Duration::ZERO,
            };
            match event {
                Some(Ok(event)) => {
                    self.last_event = (!event.id.is_empty()).then_some(event.id);
                    if let Some(update) = event.update
                        && !self.take_up(&update).await
                    {
                        return self.backoff.next(None, &mut self.rng);
                    }
                    self.backoff.reset();
                }
                Some(Err(error)) => return self.failed(&error),
                None => return self.backoff.next(None, &mut self.rng),
            }
        }
    }

    /// Does the update unless it was done; false when it could not be verified.
    async fn take_up(&mut self, update: &Update) -> bool {
        let this = (update.campaign, update.attempt);
        if self.finished.contains(&this) {
            return true;
        }
        match Box::pin(self.attempt(update)).await {
            Ok(finished) => {
                if finished {
                    if self.finished.len() == REMEMBERED {
                        self.finished.remove(0);
                    }
                    self.finished.push(this);
                }
                true
            }
            Err(reason) => {
                count(&self.shared.stats.errors);
                tracing::debug!(vin = %self.me.vin, campaign = update.campaign, %reason, "the update is not taken");
                false
            }
        }
    }

    /// Counts a failed request; returns how long to wait.
    pub(super) fn failed(&mut self, error: &GatewayError) -> Duration {
        count(&self.shared.stats.errors);
        let asked = error.retry_after();
        if matches!(error, GatewayError::Network(_) | GatewayError::Busy { .. }) {
            tracing::debug!(vin = %self.me.vin, error = %chain(error), "the gateway did not answer");
        } else {
            tracing::warn!(vin = %self.me.vin, error = %chain(error), "the gateway refused");
        }
        self.backoff.next(asked, &mut self.rng)
    }

    fn poll_wait(&mut self, asked: Option<Duration>) -> Duration {
        match asked {
            Some(asked) => asked.mul_f64(self.shared.retry_after_ratio),
            None => self.shared.poll_interval.mul_f64(self.rng.random_range(0.9..1.1)),
        }
    }

    /// Time passes, and the vehicle may go offline and come back in it.
    pub(super) async fn pause(&mut self, duration: Duration) {
        let deadline = Instant::now() + duration;
        while let Some(until) = self.presence.as_ref().map(|presence| presence.until).filter(|until| *until < deadline)
        {
            tokio::time::sleep_until(until).await;
            self.turn();
        }
        tokio::time::sleep_until(deadline).await;
    }

    /// Waits until there is a network.
    pub(super) async fn be_online(&mut self) {
        while let Some(presence) = &self.presence {
            if presence.online && Instant::now() < presence.until {
                return;
            }
            if !presence.online {
                tokio::time::sleep_until(presence.until).await;
            }
            self.turn();
        }
    }

    fn turn(&mut self) {
        let Some(presence) = &mut self.presence else { return };
        presence.online = !presence.online;
        let behaviour = &self.shared.behaviour;
        let mean = if presence.online { behaviour.online_mean } else { behaviour.offline_mean };
        presence.until = Instant::now() + up_for(&mut self.rng, mean);
        if presence.online {
            count(&self.shared.stats.online);
        } else {
            self.shared.stats.online.fetch_sub(1, Ordering::Relaxed);
            count(&self.shared.stats.went_offline);
        }
    }
}

impl Drop for Vehicle {
    fn drop(&mut self) {
        if self.presence.as_ref().is_none_or(|presence| presence.online) {
            self.shared.stats.online.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn up_for(rng: &mut SmallRng, mean: Duration) -> Duration {
    exponential(rng, mean).max(SHORTEST_WAIT)
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
