//! The agent's line to the gateway: polls and the stream come in, reports and inventories go out. Reports
//! stay on disk until the gateway has said 202.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use otaru_domain::ack::AckReport;
use otaru_domain::clock;
use otaru_domain::id::Vin;
use otaru_domain::inventory::{EcuReport, InventoryReport};
use otaru_domain::tuf::Key;
use tracing::{debug, info, warn};

use super::mqtt::Mqtt;
use super::{Agent, AgentConfig, AgentError, Mode};
use crate::backoff::Backoff;
use crate::error::chain;
use crate::gateway::{Bearer, EventStream, GatewayError, Polled, Update};

/// Reports sent at once.
const BATCH: usize = 100;
/// A stream may miss a push: the agent polls at least so often.
const SAFETY_POLL: Duration = Duration::from_secs(15 * 60);

/// What a gateway asks to wait for what is on its way is not longer.
const SOON: Duration = Duration::from_secs(5);
/// Over how long the vehicles of a model poll that have all heard the same notice.
const NOTICE_SPREAD: Duration = Duration::from_secs(30);
/// Reports that are kept for a refusal that may come yet.
const MAX_WITH_BROKER: usize = 100;

/// The stream, while there is one, and the event to go on from.
#[derive(Default)]
pub(super) struct Events {
    open: Option<EventStream>,
    last_id: Option<String>,
}

impl Agent {
    pub(super) fn bearer(&self) -> Bearer<'_> {
        Bearer { vin: &self.config.vin, token: &self.token }
    }

    /// The time by the server's clock; none while that is unknown, for the vehicle's own may be wrong.
    pub(super) fn reported_at(&self) -> Option<DateTime<Utc>> {
        self.clock_offset.map(|offset| clock::now() + offset)
    }

    /// Asks for an update. `fresh` asks anew even where an ETag would do.
    pub(super) async fn poll(&mut self, fresh: bool) -> Result<(Option<Update>, Option<Duration>), AgentError> {
        let known = self.last_answer.take().filter(|_| !fresh);
        let answer = self.gateway.update(self.bearer(), known.as_ref().map(|(etag, _)| etag.as_str())).await?;
        if let Some(server_time) = answer.server_time {
            self.set_clock(server_time);
        }
        let etag = answer.etag.or_else(|| known.as_ref().map(|(etag, _)| etag.clone()));
        let polled = match (answer.polled, known) {
            (Polled::Unchanged, Some((_, polled))) => polled,
            (Polled::Unchanged, None) => Polled::Nothing,
            (polled, _) => polled,
        };
        let update = match &polled {
            Polled::Update(update) => Some(update.clone()),
            Polled::Nothing | Polled::Unchanged => None,
        };
        self.last_answer = etag.map(|etag| (etag, polled));
        Ok((update, answer.retry_after))
    }

    /// A `Date` has whole seconds: a difference below two of them is none.
    fn set_clock(&mut self, server_time: DateTime<Utc>) {
        let offset = server_time - clock::now();
        let offset = if offset.abs() < TimeDelta::seconds(2) { TimeDelta::zero() } else { offset };
        if self.clock_offset.is_none() && offset.abs() > TimeDelta::minutes(5) {
            warn!(offset_secs = offset.num_seconds(), "the vehicle's clock differs from the server's: set it");
        }
        self.clock_offset = Some(offset);
    }

    /// Sends what is queued. What is not accepted stays queued.
    pub(super) async fn deliver(&mut self) -> Result<(), AgentError> {
        self.deliver_by_mqtt().await?;
        loop {
            let acks = &self.store.state().acks;
            let batch: Vec<_> = acks.iter().take(BATCH).cloned().collect();
            let batch = self.signed(batch);
            let receipt = match batch.as_slice() {
                [] => break,
                [ack] => match self.gateway.send_ack(self.bearer(), ack).await {
                    // Sent alone and malformed all the same: it never becomes better.
                    Err(GatewayError::Refused { status, detail }) if matches!(status.as_u16(), 400 | 413 | 422) => {
                        warn!(campaign = ack.campaign, sequence = ack.sequence, %detail, "a report was refused and is dropped");
                        None
                    }
                    receipt => Some(receipt?),
                },
                batch => Some(self.gateway.send_acks(self.bearer(), batch).await?),
            };
            let mut unsigned = BTreeMap::new();
            for rejected in receipt.into_iter().flat_map(|receipt| receipt.rejected) {
                warn!(line = rejected.line, detail = %rejected.detail, "a report was rejected");
                if rejected.is_unsigned() {
                    unsigned.insert(rejected.line.saturating_sub(1), rejected.detail);
                }
            }
            // Nothing is queued before these: the agent is one task.
            self.store.change(|state| {
                let sent: Vec<_> = state.acks.drain(..batch.len()).collect();
                let kept = sent.into_iter().enumerate().filter(|(index, _)| unsigned.contains_key(index));
                let kept: Vec<_> = kept.map(|(_, ack)| ack).collect();
                drop(state.acks.splice(..0, kept));
            })?;
            if let Some((_, detail)) = unsigned.pop_first() {
                return Err(GatewayError::Unsigned { detail }.into());
            }
        }
        self.by_http = false;
        if self.store.state().inventory_due {
            let report = self.inventory()?;
            self.gateway.put_inventory(self.bearer(), &report).await?;
            self.store.change(|state| state.inventory_due = false)?;
        }
        Ok(())
    }

    /// The reports as they are sent. They are signed at the last moment: a key may have followed another since they were
    /// queued.
    fn signed(&self, acks: Vec<AckReport>) -> Vec<AckReport> {
        acks.into_iter().map(|ack| signed(&self.config.vin, self.key.as_ref(), ack)).collect()
    }

    /// Connects to the broker, if there is one. An agent that runs once has nothing to wait for.
    pub(super) fn open_mqtt(&mut self) {
        let AgentConfig { mqtt, vin, model, once, backoff: (initial, max), .. } = &self.config;
        let mqtt = mqtt.as_ref().filter(|_| !once);
        self.mqtt = mqtt.map(|config| Mqtt::open(config, vin, model, Backoff::new(*initial, *max)));
    }

    /// Gives what is queued to the broker, as far as it takes it. What a gateway refused goes back into the queue, if it
    /// may be taken yet, and over HTTP, which says at once whether it is.
    async fn deliver_by_mqtt(&mut self) -> Result<(), AgentError> {
        while let Some(refused) = self.mqtt.as_mut().and_then(Mqtt::refused) {
            let known = self.store.state().with_broker.iter().position(|ack| ack.id == Some(refused.id));
            let Some(index) = known else { continue };
            warn!(detail = %refused.detail, again = refused.again, "a report was refused");
            self.by_http |= refused.again;
            self.store.change(|state| {
                let ack = state.with_broker.remove(index);
                if refused.again {
                    state.acks.insert(0, ack);
                }
            })?;
        }
        while let Some(ack) = self.store.state().acks.first().cloned().filter(|_| !self.by_http) {
            let who = Bearer { vin: &self.config.vin, token: &self.token };
            let Some(mqtt) = self.mqtt.as_mut().filter(|mqtt| mqtt.is_connected()) else { break };
            let signed = signed(&self.config.vin, self.key.as_ref(), ack.clone());
            if !mqtt.send(who, &signed).await {
                debug!("the broker does not take a report");
                self.by_http = true;
                self.open_mqtt();
                break;
            }
            self.store.change(|state| {
                state.acks.remove(0);
                state.with_broker.push(ack);
                let over = state.with_broker.len().saturating_sub(MAX_WITH_BROKER);
                state.with_broker.drain(..over);
            })?;
        }
        Ok(())
    }

    /// Sends what is queued if that is possible now; the update does not wait for it.
    pub(super) async fn try_deliver(&mut self) {
        if let Err(error) = self.deliver().await {
            debug!(error = %chain(&error), "reports are kept for later");
        }
    }

    /// What the ECUs run, signed if the vehicle has a key. Each has a sequence of its own, on disk before it is told: above those
    /// before, and above those of a state that was lost, unless the clock was ahead then.
    fn inventory(&mut self) -> Result<InventoryReport, AgentError> {
        let ecus = self.store.state().ecus.iter().map(|(hardware_id, ecu)| EcuReport {
            hardware_id: hardware_id.clone(),
            version: ecu.version.clone(),
            serial: None,
        });
        let report = InventoryReport::of(ecus.collect(), BTreeMap::new(), self.reported_at());
        let Some(key) = self.key.clone() else { return Ok(report) };
        let now = report.reported_at.map_or(0, |at| at.timestamp_millis());
        let sequence = u64::try_from(now).unwrap_or_default().max(self.store.state().inventory_sequence + 1);
        self.store.change(|state| state.inventory_sequence = sequence)?;
        Ok(report.clone().signed(&self.config.vin, sequence, &key).unwrap_or_else(|error| {
            warn!(error = %chain(&error), "the inventory cannot be signed");
            report
        }))
    }

    /// Waits for the next check: `Some` is what the stream said, `None` asks for a poll. `idle` is true
    /// while nothing is left to do but to hear of something new.
    pub(super) async fn wait(&mut self, delay: Duration, idle: bool) -> Option<Option<Update>> {
        if let Some(mqtt) = self.mqtt.as_ref().filter(|_| self.config.mode == Mode::Poll) {
            // A gateway that says "soon" knows of something that no notice will be about.
            let rest = idle && mqtt.is_connected() && delay > SOON;
            let delay = if rest { delay.max(SAFETY_POLL) } else { delay };
            let spread = self.config.poll_interval.min(NOTICE_SPREAD);
            tokio::select! { () = mqtt.notice(spread) => {}, () = tokio::time::sleep(delay) => {} }
            return None;
        }
        if self.config.mode == Mode::Poll {
            tokio::time::sleep(delay).await;
            return None;
        }
        if self.events.open.is_none() && !self.open_stream().await {
            tokio::time::sleep(delay).await;
            return None;
        }
        let stream = self.events.open.as_mut()?;
        let event = tokio::select! {
            event = stream.next() => event,
            () = tokio::time::sleep(if idle { SAFETY_POLL } else { delay }) => return None,
        };
        match event {
            Some(Ok(event)) => {
                self.stream_backoff.reset();
                if !event.id.is_empty() {
                    self.events.last_id = Some(event.id);
                }
                return Some(event.update);
            }
            Some(Err(error)) => info!(error = %chain(&error), "the stream broke: polling until it is back"),
            None => debug!("the gateway closed the stream"),
        }
        self.events.open = None;
        let pause = self.stream_backoff.next(None, &mut rand::rng());
        tokio::time::sleep(pause).await;
        None
    }

    async fn open_stream(&mut self) -> bool {
        match self.gateway.events(self.bearer(), self.events.last_id.as_deref()).await {
            Ok(stream) => {
                self.events.open = Some(stream);
                true
            }
            Err(error) => {
                debug!(error = %chain(&error), "no stream: polling");
                false
            }
        }
    }
}

/// The report with the vehicle's signature, if it has a key.
fn signed(vin: &Vin, key: Option<&Key>, ack: AckReport) -> AckReport {
    let Some(key) = key else { return ack };
    match ack.clone().signed(vin, key) {
        Ok(signed) => signed,
        Err(error) => {
            warn!(error = %chain(&error), "a report cannot be signed");
            ack
        }
    }
}
