//! What keeps the vehicle from beginning to install: preconditions and windows against its signals, which change
//! while the agent waits. The file is read anew each time.

use std::path::Path;

use chrono::{DateTime, Utc};
use otaru_domain::ack::VehicleWait;
use otaru_domain::document::CampaignDocument;
use otaru_domain::precondition::{Precondition, Verdict};
use serde_json::{Value, json};

/// The signal that says in which IANA zone the vehicle is.
const TIME_ZONE: &str = "time_zone";

/// What the installation waits for at `now`; `None` when it may begin.
pub(super) fn wait(document: &CampaignDocument, signals: Option<&Path>, now: DateTime<Utc>) -> Option<VehicleWait> {
    if document.precondition.is_none() && document.windows.is_empty() {
        return None;
    }
    let signals = match signals.map(read).transpose() {
        Ok(signals) => signals.unwrap_or_else(|| json!({})),
        Err(reason) => return Some(VehicleWait { code: "signals".to_owned(), text: reason, until: None }),
    };
    let unmet = document.precondition.as_ref().and_then(|precondition| unmet(precondition, &signals));
    let unmet = unmet.map(|text| VehicleWait { code: "precondition".to_owned(), text, until: None });
    unmet.or_else(|| closed(document, &signals, now))
}

fn unmet(precondition: &str, signals: &Value) -> Option<String> {
    let parsed = match Precondition::parse(precondition) {
        Ok(parsed) => parsed,
        Err(error) => return Some(format!("its precondition cannot be understood: {error}")),
    };
    match parsed.evaluate(signals) {
        Ok(Verdict::Holds) => None,
        Ok(Verdict::Fails { clause }) => Some(format!("its precondition does not hold: {clause}")),
        Err(error) => Some(error.to_string()),
    }
}

fn closed(document: &CampaignDocument, signals: &Value, now: DateTime<Utc>) -> Option<VehicleWait> {
    if document.windows.is_empty() {
        return None;
    }
    let zone = document.windows.zone(signals[TIME_ZONE].as_str());
    let until = document.windows.opens(now, zone);
    let text = match until {
        Some(at) if at <= now => return None,
        Some(at) => {
            let local = at.with_timezone(&zone).format("%Y-%m-%d %H:%M");
            format!("its maintenance window opens at {local} in {zone}")
        }
        None => "its maintenance window does not open any more".to_owned(),
    };
    Some(VehicleWait { code: "window".to_owned(), text, until })
}

fn read(path: &Path) -> Result<Value, String> {
    let bytes =
        std::fs::read(path).map_err(|error| format!("the signals in {} cannot be read: {error}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("the signals in {} are no JSON: {error}", path.display()))
}
