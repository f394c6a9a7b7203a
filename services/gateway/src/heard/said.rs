//! What acknowledgements say of attempts, until it is applied: an entry per attempt, in memory.

use std::collections::HashMap;

use otaru_bus::Record;
use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, Vin};
use otaru_store::ddi::CANCEL_REJECTED;

/// The most attempts of a vehicle that are kept; what it says of others is its own loss.
pub(super) const MAX_ATTEMPTS: usize = 32;

/// A vehicle's attempt at a campaign.
pub(crate) type Attempt = (Vin, CampaignId, u32);

/// What was said of an attempt and may not be applied yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    /// The furthest step.
    pub(crate) step: AssignmentState,
    /// The vehicle's own exit.
    pub(crate) exit: Option<AssignmentState>,
    pub(crate) withdrawn: bool,
    /// The vehicle said that it stopped, as the server asked it to.
    pub(crate) cancel_closed: bool,
    /// The vehicle said that it goes on, though the server asked it to stop.
    pub(crate) cancel_rejected: bool,
}

impl Said {
    const NOTHING: Self = Self {
        step: AssignmentState::Assigned,
        exit: None,
        withdrawn: false,
        cancel_closed: false,
        cancel_rejected: false,
    };

    fn take(&mut self, ack: &Ack) {
        if ack.state.is_withdrawal() {
            self.withdrawn = true;
            self.cancel_closed |= ack.origin == Origin::Gateway;
        } else if ack.state.is_terminal() {
            self.exit.get_or_insert(ack.state);
        } else {
            self.step = self.step.max(ack.state);
            self.cancel_rejected |= ack.error_code.as_deref() == Some(CANCEL_REJECTED);
        }
    }

    /// Whether the attempt is not to be offered any more.
    pub(crate) fn is_over(&self) -> bool {
        self.exit.is_some() || self.withdrawn
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    campaign: CampaignId,
    attempt: u32,
    said: Said,
    /// Where its last message is.
    partition: i32,
    offset: i64,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) vehicles: HashMap<Vin, Vec<Entry>>,
    /// Where reading began, by partition.
    pub(super) begun: HashMap<i32, i64>,
    /// The offset after the last message read, by partition.
    read: HashMap<i32, i64>,
}

impl State {
    /// Gives what the record says, if its writer may say it.
    pub(super) fn take(&mut self, record: &Record) -> Option<Ack> {
        self.read.insert(record.partition, record.offset + 1);
        let ack = record.value.as_deref().and_then(|value| serde_json::from_slice::<Ack>(value).ok());
        // What will be refused as impossible says nothing.
        let ack = ack.filter(|ack| ack.origin_may_say_it() && !ack.is_from_far_future())?;
        let entries = self.vehicles.entry(ack.vin.clone()).or_default();
        let known = entries.iter().position(|one| (one.campaign, one.attempt) == (ack.campaign, ack.attempt));
        let index = match known {
            Some(index) => index,
            None if entries.len() == MAX_ATTEMPTS => return Some(ack),
            None => {
                let (campaign, attempt, partition) = (ack.campaign, ack.attempt, record.partition);
                entries.push(Entry { campaign, attempt, said: Said::NOTHING, partition, offset: record.offset });
                entries.len() - 1
            }
        };
        if let Some(entry) = entries.get_mut(index) {
            entry.offset = record.offset;
            entry.said.take(&ack);
        }
        Some(ack)
    }

    pub(super) fn of(&self, (vin, campaign, attempt): &Attempt) -> Option<Said> {
        let entries = self.vehicles.get(vin)?;
        entries.iter().find(|one| (one.campaign, one.attempt) == (*campaign, *attempt)).map(|entry| entry.said)
    }

    /// Whether everything of a partition that has messages from `low` to `high` was read.
    pub(super) fn has_read(&self, partition: i32, low: i64, high: i64) -> bool {
        high <= low
            || match self.read.get(&partition) {
                Some(next) => *next >= high,
                None => self.begun.get(&partition) == Some(&high),
            }
    }

    pub(super) fn forget(&mut self, applied: &HashMap<i32, i64>) {
        self.vehicles.retain(|_, entries| {
            entries.retain(|entry| applied.get(&entry.partition).is_none_or(|next| entry.offset >= *next));
            !entries.is_empty()
        });
    }
}

#[cfg(test)]
mod tests;
