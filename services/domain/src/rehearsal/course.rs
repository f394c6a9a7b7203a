//! What is rehearsed: a campaign as it stands, or as it would begin.

use chrono::{DateTime, Utc};

use super::schedule::Openings;
use crate::campaign::CampaignState;
use crate::planner::CampaignFacts;
use crate::rollout::Policy;

/// A campaign from some moment on.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    pub(super) facts: CampaignFacts,
    pub(super) policy: Policy,
    pub(super) now: DateTime<Utc>,
    pub(super) openings: Openings,
    /// The rate it has, where that adapts and was looked at.
    pub(super) per_minute: Option<u64>,
}

impl Course {
    /// The campaign from `now` on, with the sizes of its waves in `facts`. One that is not running is taken to start at its time, and one that
    /// waits for somebody to be resumed at once, what halted it being forgiven as a resumption does.
    #[must_use]
    pub fn new(mut facts: CampaignFacts, policy: Policy, per_minute: Option<u64>, now: DateTime<Utc>) -> Self {
        facts.state = match facts.state {
            CampaignState::Draft | CampaignState::InReview => CampaignState::Scheduled,
            CampaignState::Paused | CampaignState::Halted => {
                let halt = facts.halt.clone();
                if facts.state == CampaignState::Halted {
                    facts.waves.iter_mut().for_each(|wave| wave.forgiven = wave.outcomes(&halt));
                }
                CampaignState::Running
            }
            state => state,
        };
        let openings = Openings::of(&policy, now, facts.deadline);
        Self { facts, policy, now, openings, per_minute }
    }

    /// Vehicles in all waves.
    #[must_use]
    pub fn vehicles(&self) -> u64 {
        self.facts.waves.iter().map(|wave| wave.size).sum()
    }

    /// Whether nothing but the vehicles themselves decides when they come: then what is still assigned says how
    /// fast they are.
    pub(super) fn is_free(&self) -> bool {
        self.policy.rate.is_none() && self.policy.max_in_flight.is_none()
    }
}
