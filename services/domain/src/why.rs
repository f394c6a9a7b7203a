//! Why a vehicle does not have a campaign's update now, in words and as a code: one function, for whoever asks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ack::VehicleWait;
use crate::assignment::AssignmentState;
use crate::campaign::CampaignState;
use crate::exclusion::Exclusion;
use crate::id::{CampaignId, HardwareId};

/// What is known of a vehicle and a campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    pub emergency_stop: Option<String>,
    /// Whether the vehicle is out of service.
    pub retired: bool,
    /// Whether its holder wants no updates over the air.
    pub opted_out: bool,
    /// Why the campaign left it out when it took its vehicles, if it did.
    pub excluded: Option<Exclusion>,
    /// Whether it has a token that works.
    pub can_sign_in: bool,
    pub last_heard: Option<DateTime<Utc>>,
    pub state: CampaignState,
    pub state_reason: Option<String>,
    pub start_at: Option<DateTime<Utc>>,
    pub closing: bool,
    /// The vehicle's wave, and whether it is open, once the campaign has started.
    pub wave: Option<(u32, bool)>,
    pub assignment: Option<Standing>,
    /// What the campaign waits for as a whole.
    pub campaign_waits: String,
    /// A campaign that updates one of the same ECUs of this vehicle and goes first.
    pub behind: Option<CampaignId>,
    /// Whether it speaks DDI or Uptane, and the campaign asks for what its client cannot do.
    pub cannot_check: bool,
    /// As many vehicles as may be are under way.
    pub full: bool,
    /// When the campaign's windows open for the vehicle, if they are closed now.
    pub window_opens: Option<DateTime<Utc>>,
}

/// The vehicle's assignment.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub state: AssignmentState,
    pub attempt: u32,
    pub error_code: Option<String>,
    pub updated_at: DateTime<Utc>,
    /// What the vehicle said last that it waits for.
    pub waits: Option<VehicleWait>,
    /// What it said last that its ECUs run.
    pub versions: BTreeMap<HardwareId, String>,
}

/// Why not now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WhyNot {
    /// For programs, such as `wave_closed`; `vehicle_` and the vehicle's own code where it waits by itself.
    #[schema(example = "wave_closed")]
    pub code: String,
    /// The same for people.
    pub text: String,
    /// When that ends by itself, if it is known.
    pub until: Option<DateTime<Utc>>,
}

fn because(code: &str, text: impl Into<String>) -> WhyNot {
    WhyNot { code: code.to_owned(), text: text.into(), until: None }
}

/// What stands between the vehicle and the update, the first thing first; `None` when it is installed.
#[must_use]
pub fn why_not(facts: &Facts) -> Option<WhyNot> {
    let ended = facts.assignment.as_ref().filter(|standing| standing.state.is_terminal());
    if let Some(standing) = ended {
        return of_ended(standing);
    }
    let why =
        of_everything(facts).or_else(|| of_campaign(facts)).or_else(|| of_wave(facts)).unwrap_or_else(|| match &facts
            .assignment
        {
            Some(standing) if standing.state > AssignmentState::Offered => of_vehicle(facts, standing),
            _ => of_offer(facts),
        });
    Some(why)
}

fn of_ended(standing: &Standing) -> Option<WhyNot> {
    let state = standing.state;
    if state == AssignmentState::Installed {
        return None;
    }
    let code = standing.error_code.as_ref().map(|code| format!(" with {code}")).unwrap_or_default();
    let attempt = standing.attempt;
    let running: Vec<String> = standing.versions.iter().map(|(ecu, version)| format!("{ecu} {version}")).collect();
    let running = if running.is_empty() { String::new() } else { format!(", it runs {}", running.join(", ")) };
    let text = format!("attempt {attempt} ended: {state}{code}{running}; a retry would begin another one");
    Some(because(state.as_str(), text))
}

fn of_everything(facts: &Facts) -> Option<WhyNot> {
    if let Some(reason) = &facts.emergency_stop {
        return Some(because("emergency_stop", format!("everything is stopped: {reason}")));
    }
    if facts.retired {
        return Some(because("retired", "the vehicle is out of service"));
    }
    if facts.opted_out {
        return Some(because("opted_out", "the vehicle's holder opted out of updates over the air"));
    }
    (!facts.can_sign_in).then(|| because("no_credentials", "the vehicle has no token that works: issue one to it"))
}

fn of_campaign(facts: &Facts) -> Option<WhyNot> {
    let reason = facts.state_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match facts.state {
        CampaignState::Draft => Some(because("draft", "the campaign is a draft, and nobody has started it")),
        CampaignState::InReview => Some(because("in_review", "the campaign waits for its review and its start")),
        CampaignState::Scheduled => {
            let text = "the campaign has not started yet";
            Some(WhyNot { until: facts.start_at, ..because("scheduled", text) })
        }
        CampaignState::Paused => Some(because("paused", format!("the campaign is paused{reason}"))),
        CampaignState::Halted => Some(because("halted", format!("the campaign is halted{reason}"))),
        CampaignState::Completed | CampaignState::Cancelled => {
            Some(because("campaign_ended", format!("the campaign is {}{reason}", facts.state)))
        }
        CampaignState::Running if facts.closing => {
            Some(because("campaign_ended", "the campaign is past its deadline and is being closed"))
        }
        CampaignState::Running => None,
    }
}

fn of_wave(facts: &Facts) -> Option<WhyNot> {
    if let (None, Some(excluded)) = (facts.wave, &facts.excluded) {
        return Some(because(
            excluded.reason.as_str(),
            format!("the campaign left the vehicle out when it took its vehicles: {excluded}"),
        ));
    }
    match facts.wave {
        None => Some(because(
            "not_member",
            "the vehicle is not in the campaign: it did not match the target when the campaign started",
        )),
        Some((wave, false)) => {
            let waits = &facts.campaign_waits;
            Some(because("wave_closed", format!("its wave, {wave}, is not open: the campaign {waits}")))
        }
        Some((wave, true)) if facts.assignment.is_none() => {
            Some(because("wave_opening", format!("its wave, {wave}, is being opened at this moment")))
        }
        Some(_) => None,
    }
}

fn of_offer(facts: &Facts) -> WhyNot {
    if facts.cannot_check {
        let text = "the vehicle's client (DDI, Uptane) cannot evaluate the campaign's precondition, which an approver may \
                    waive, or (Uptane) ask its driver";
        return because("precondition_not_evaluated", text);
    }
    if let Some(campaign) = facts.behind {
        return because("other_campaign", format!("campaign {campaign} updates one of the same ECUs and goes first"));
    }
    let offered = facts.assignment.as_ref().filter(|standing| standing.state == AssignmentState::Offered);
    if let Some(standing) = offered {
        let at = standing.updated_at.format("%Y-%m-%d %H:%M:%S UTC");
        return because("offered", format!("it was offered to the vehicle at {at}, which has not answered since"));
    }
    if facts.full {
        return because(
            "max_in_flight",
            "as many vehicles as may be are under way: it is offered when one of them ends",
        );
    }
    let heard = match facts.last_heard {
        Some(at) => format!("it was last heard at {}", at.format("%Y-%m-%d %H:%M:%S UTC")),
        None => "it was never heard".to_owned(),
    };
    because("not_polled", format!("it is offered when the vehicle asks the next time; {heard}"))
}

fn of_vehicle(facts: &Facts, standing: &Standing) -> WhyNot {
    if let Some(wait) = &standing.waits {
        let text = format!("the vehicle waits: {}", wait.text);
        return WhyNot { code: format!("vehicle_{}", wait.code), text, until: wait.until };
    }
    let under_way = standing.state < AssignmentState::Installing;
    if let Some(opens) = facts.window_opens.filter(|_| under_way) {
        let text = "the vehicle may not begin to install: its maintenance window is closed";
        return WhyNot { until: Some(opens), ..because("window", text) };
    }
    let at = standing.updated_at.format("%Y-%m-%d %H:%M:%S UTC");
    because("under_way", format!("it is under way: {} since {at}", standing.state))
}
