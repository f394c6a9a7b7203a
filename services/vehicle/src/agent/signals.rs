//! Preconditions against the vehicle's signals, which change while the agent waits: the file is read anew
//! each time.

use std::path::Path;

use otaru_domain::precondition::{Precondition, Verdict};
use serde_json::{Value, json};

/// Why the precondition does not hold now; `None` when it does.
pub(super) fn unmet(precondition: &str, signals: Option<&Path>) -> Option<String> {
    let parsed = match Precondition::parse(precondition) {
        Ok(parsed) => parsed,
        Err(error) => return Some(format!("its precondition cannot be understood: {error}")),
    };
    let signals = match signals.map(read).transpose() {
        Ok(signals) => signals.unwrap_or_else(|| json!({})),
        Err(reason) => return Some(reason),
    };
    match parsed.evaluate(&signals) {
        Ok(Verdict::Holds) => None,
        Ok(Verdict::Fails { clause }) => Some(format!("its precondition does not hold: {clause}")),
        Err(error) => Some(error.to_string()),
    }
}

fn read(path: &Path) -> Result<Value, String> {
    let bytes =
        std::fs::read(path).map_err(|error| format!("the signals in {} cannot be read: {error}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("the signals in {} are no JSON: {error}", path.display()))
}
