//! Watches when metadata expires: vehicles that meet an expired file update nothing any more, and a root needs people who
//! have to be called together. Every process shows the gauges, so that none goes stale with a leader.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::clock;
use otaru_domain::id::ModelId;
use otaru_domain::tuf::Role;
use otaru_http::chain;
use otaru_store::models::{self, Expiry};
use tokio_util::sync::CancellationToken;

use crate::app::App;

const EVERY: Duration = Duration::from_secs(60);
/// Between two warnings of the same.
const WARN_EVERY: TimeDelta = TimeDelta::hours(12);

/// One file of a model, published or waiting.
type File = (ModelId, Role, bool);

/// Whether somebody should look after it.
#[must_use]
pub fn is_soon(expiry: &Expiry, now: DateTime<Utc>) -> bool {
    expiry.expires_at - now <= expiry.role.warn_before()
}

/// Watches until `stop`.
pub(crate) async fn run(app: App, stop: CancellationToken) {
    let mut warned = HashMap::new();
    let mut shown = HashMap::new();
    while !stop.is_cancelled() {
        match models::expiries(&app.store).await {
            Ok(expiries) => {
                show(&expiries, &mut shown, clock::now());
                for (model, expiry) in to_warn_of(expiries, &mut warned, clock::now()) {
                    warn(&model, &expiry);
                }
            }
            Err(error) => tracing::warn!(error = chain(&error), "cannot look when metadata expires"),
        }
        stop.run_until_cancelled(tokio::time::sleep(EVERY)).await;
    }
}

fn show(expiries: &[(ModelId, Expiry)], shown: &mut HashMap<File, ()>, now: DateTime<Utc>) {
    let gauge = |(model, role, waiting): &File, seconds: f64| {
        let labels = [
            ("model", model.to_string()),
            ("role", role.to_string()),
            ("state", if *waiting { "waiting" } else { "published" }.to_owned()),
        ];
        metrics::gauge!("otaru_campaign_metadata_expiry_seconds", &labels).set(seconds);
    };
    let mut gone = std::mem::take(shown);
    for (model, expiry) in expiries {
        let file = (model.clone(), expiry.role, expiry.waiting);
        #[expect(clippy::cast_precision_loss, reason = "seconds of a few years")]
        gauge(&file, (expiry.expires_at - now).num_seconds() as f64);
        gone.remove(&file);
        shown.insert(file, ());
    }
    // What was signed or retired must not go on alarming.
    gone.keys().for_each(|file| gauge(file, f64::NAN));
}

/// What is to be warned of now; `warned` is when that was last.
fn to_warn_of(
    expiries: Vec<(ModelId, Expiry)>,
    warned: &mut HashMap<File, DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Vec<(ModelId, Expiry)> {
    let mut due = Vec::new();
    for (model, expiry) in expiries {
        let file = (model.clone(), expiry.role, expiry.waiting);
        if !is_soon(&expiry, now) {
            warned.remove(&file);
        } else if warned.get(&file).is_none_or(|last| now - *last >= WARN_EVERY) {
            warned.insert(file, now);
            due.push((model, expiry));
        }
    }
    due
}

fn warn(model: &ModelId, expiry: &Expiry) {
    let (role, expires_at) = (expiry.role, expiry.expires_at);
    match (role, expiry.waiting) {
        (_, true) => {
            tracing::warn!(%model, %role, %expires_at, "a draft waits for an approver's signature and expires soon");
        }
        (Role::Root, false) => tracing::warn!(%model, %expires_at, "the root expires soon: sign the next one offline"),
        (_, false) => tracing::warn!(%model, %role, %expires_at, "metadata expires soon and was not renewed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_warned_of_a_month_before_its_end_and_not_every_minute() {
        let model = ModelId::parse("m").unwrap();
        let end = clock::now();
        let look = |warned: &mut _, before: TimeDelta| {
            let expiries = [(Role::Root, false), (Role::Timestamp, false), (Role::Targets, true)];
            let all = expiries.map(|(role, waiting)| (model.clone(), Expiry { role, expires_at: end, waiting }));
            let due = to_warn_of(all.to_vec(), warned, end - before);
            due.into_iter().map(|(_, expiry)| expiry.role).collect::<Vec<_>>()
        };
        let mut warned = HashMap::new();
        assert_eq!(look(&mut warned, TimeDelta::days(31)), []);
        assert_eq!(look(&mut warned, TimeDelta::days(30)), [Role::Root]);
        assert_eq!(look(&mut warned, TimeDelta::days(30) - TimeDelta::minutes(1)), []);
        assert_eq!(look(&mut warned, TimeDelta::days(22)), [Role::Root, Role::Targets]);
        assert_eq!(look(&mut warned, TimeDelta::hours(5)), [Role::Root, Role::Timestamp, Role::Targets]);
        // The next root was signed.
        warned.clear();
        assert_eq!(look(&mut warned, TimeDelta::days(31)), []);
    }
}
