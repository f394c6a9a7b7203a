//! The reports of simulated vehicles: alone or as a batch, some of them twice, each until it was accepted.

use otaru_domain::ack::AckReport;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;
use std::sync::atomic::Ordering;

use super::plan::Repeat;
use super::stats::count;
use super::vehicle::Vehicle;
use crate::gateway::{GatewayError, Receipt};

/// An attempt's reports that are not sent yet.
pub(super) struct Outgoing {
    batch: bool,
    collected: Vec<AckReport>,
    late: Vec<AckReport>,
    rng: SmallRng,
}

impl Outgoing {
    pub(super) fn new(batch: bool, rng: SmallRng) -> Self {
        Self { batch, collected: Vec::new(), late: Vec::new(), rng }
    }
}

impl Vehicle {
    /// Reports a step now, or with the attempt's others at its end.
    pub(super) async fn say(&mut self, outgoing: &mut Outgoing, ack: AckReport, repeat: Repeat) {
        match repeat {
            Repeat::Never | Repeat::AtOnce => {}
            Repeat::Late => outgoing.late.push(ack.clone()),
        }
        if outgoing.batch {
            if repeat == Repeat::AtOnce {
                outgoing.collected.push(ack.clone());
            }
            outgoing.collected.push(ack);
            return;
        }
        self.deliver(std::slice::from_ref(&ack), true).await;
        if repeat == Repeat::AtOnce {
            self.deliver(&[ack], false).await;
        }
    }

    /// Sends what is left of an attempt.
    pub(super) async fn finish_acks(&mut self, mut outgoing: Outgoing) {
        if !outgoing.collected.is_empty() {
            self.deliver(&outgoing.collected, true).await;
        }
        if !outgoing.late.is_empty() {
            outgoing.late.shuffle(&mut outgoing.rng);
            self.deliver(&outgoing.late, false).await;
        }
    }

    /// Sends until the gateway has them for good. `first` tells reports from their repetitions.
    async fn deliver(&mut self, acks: &[AckReport], first: bool) {
        let receipt = loop {
            self.be_online().await;
            self.shared.stats.acks_sent.fetch_add(acks.len() as u64, Ordering::Relaxed);
            let sent = {
                let _permit = self.shared.requests.acquire().await;
                match acks {
                    [ack] => self.shared.gateway.send_ack(self.bearer(), ack).await,
                    acks => self.shared.gateway.send_acks(self.bearer(), acks).await,
                }
            };
            match sent {
                Ok(receipt) => break receipt,
                Err(error) => {
                    let malformed = matches!(&error, GatewayError::Refused { status, .. } if matches!(status.as_u16(), 400 | 413 | 422));
                    let wait = self.failed(&error);
                    if malformed {
                        return;
                    }
                    self.pause(wait).await;
                }
            }
        };
        self.backoff.reset();
        self.accepted(acks, &receipt, first).await;
    }

    async fn accepted(&mut self, acks: &[AckReport], receipt: &Receipt, first: bool) {
        for rejected in &receipt.rejected {
            count(&self.shared.stats.errors);
            tracing::warn!(vin = %self.me.vin, line = rejected.line, detail = %rejected.detail, "a report was rejected");
        }
        let mut known = None;
        for (index, ack) in acks.iter().enumerate() {
            let rejected = receipt.rejected.iter().any(|rejected| rejected.line == index + 1);
            // In a batch a report stands next to its repetition.
            if !first || rejected || known == ack.id {
                continue;
            }
            known = ack.id;
            count(&self.shared.stats.acks_accepted);
            self.shared.recorder.accepted(&self.me.vin, ack.id).await;
        }
    }
}
