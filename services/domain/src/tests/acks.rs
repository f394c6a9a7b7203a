use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::{model, now, vin};
use crate::ack::{Ack, AckError, AckReport, MAX_SEQUENCE, Origin, ReportedState, VehicleWait};
use crate::assignment::{AssignmentState, Impossible, Track};
use crate::id::HardwareId;

fn report() -> AckReport {
    AckReport::of(12, 1, 1, ReportedState::Installed)
}

fn versions(ecus: usize, version: &str) -> BTreeMap<HardwareId, String> {
    (0..ecus).map(|ecu| (format!("ECU{ecu}").parse().unwrap(), version.to_owned())).collect()
}

fn ack(report: AckReport) -> Ack {
    report.into_ack(vin("WVWZZZ1KZAW000001"), Some(model("harbour")), now())
}

#[test]
fn a_report_at_every_limit_is_taken() {
    let report = AckReport {
        attempt: u32::try_from(i32::MAX).unwrap(),
        sequence: MAX_SEQUENCE,
        progress_percent: Some(100),
        error_code: Some("x".repeat(64)),
        log: Some("y".repeat(16 * 1024)),
        versions: versions(256, &"1".repeat(64)),
        ..report()
    };
    assert_eq!(report.check(), Ok(()));
}

fn wait(code: &str, text_bytes: usize) -> Option<VehicleWait> {
    Some(VehicleWait { code: code.into(), text: "z".repeat(text_bytes), until: None })
}

#[test]
fn a_report_beyond_a_limit_is_refused_with_its_field() {
    let cases = [
        (AckReport { campaign: 0, ..report() }, AckError::Campaign),
        (AckReport { campaign: -1, ..report() }, AckError::Campaign),
        (AckReport { attempt: 0, ..report() }, AckError::Attempt),
        (AckReport { attempt: u32::MAX, ..report() }, AckError::Attempt),
        (AckReport { sequence: 0, ..report() }, AckError::Sequence),
        (AckReport { sequence: MAX_SEQUENCE + 1, ..report() }, AckError::Sequence),
        (AckReport { progress_percent: Some(101), ..report() }, AckError::Progress),
        (AckReport { error_code: Some("x".repeat(65)), ..report() }, AckError::ErrorCode),
        (AckReport { log: Some("y".repeat(16 * 1024 + 1)), ..report() }, AckError::Log),
        (AckReport { waiting_for: wait("window", 0), ..report() }, AckError::WaitAtEnd),
        (AckReport { waiting_for: wait("window", 1025), state: ReportedState::Downloaded, ..report() }, AckError::Wait),
        (AckReport { waiting_for: wait("", 1), state: ReportedState::Downloaded, ..report() }, AckError::Wait),
        (AckReport { versions: versions(257, "1"), ..report() }, AckError::Versions),
        (AckReport { versions: versions(1, ""), ..report() }, AckError::Versions),
        (AckReport { versions: versions(1, &"1".repeat(65)), ..report() }, AckError::Versions),
        (
            AckReport { versions: versions(1, "1"), state: ReportedState::Installing, ..report() },
            AckError::VersionsUnderWay,
        ),
    ];
    for (report, error) in cases {
        assert_eq!(report.check(), Err(error.clone()));
        assert!(error.to_string().starts_with('/'), "{error} should begin with a JSON pointer");
    }
}

#[test]
fn a_nul_in_a_log_costs_the_nul_and_not_the_report() {
    let report = AckReport { log: Some("a\0b".into()), error_code: Some("E\0".into()), ..report() };
    assert_eq!(report.check(), Ok(()));
    let ack = ack(report);
    assert_eq!((ack.log.as_deref(), ack.error_code.as_deref()), (Some("a b"), Some("E ")));
}

#[test]
fn a_vehicle_cannot_report_what_only_the_server_decides() {
    for state in ["assigned", "offered", "timed_out", "cancelled", "superseded", "INSTALLED", "sleeping"] {
        let body = json!({"campaign": 1, "attempt": 1, "sequence": 1, "state": state});
        assert!(serde_json::from_value::<AckReport>(body).is_err(), "{state}");
    }
}

#[test]
fn a_report_of_a_newer_schema_is_read_by_what_is_known_of_it() {
    let body =
        json!({"schema_version": 2, "campaign": 1, "attempt": 1, "sequence": 1, "state": "installed", "mood": "fine"});
    assert_eq!(serde_json::from_value::<AckReport>(body).unwrap().check(), Ok(()));
}

#[test]
fn the_same_report_sent_again_has_the_same_id() {
    assert_eq!(ack(report()).id, ack(report()).id);
    assert_ne!(ack(report()).id, ack(AckReport { sequence: 2, ..report() }).id);
    assert_ne!(ack(report()).id, ack(AckReport { attempt: 2, ..report() }).id);
    assert_ne!(ack(report()).id, ack(AckReport { state: ReportedState::Failed, ..report() }).id);
    let own = Uuid::from_u128(7);
    assert_eq!(ack(AckReport { id: Some(own), ..report() }).id, own);
}

#[test]
fn what_the_engine_says_twice_counts_once_and_is_told_from_the_gateway() {
    let say = |origin, state| Ack::by_server(origin, vin("WVWZZZ1KZAW000001"), 12, 1, state, now()).id;
    assert_eq!(say(Origin::Engine, AssignmentState::Cancelled), say(Origin::Engine, AssignmentState::Cancelled));
    assert_ne!(say(Origin::Engine, AssignmentState::Cancelled), say(Origin::Gateway, AssignmentState::Cancelled));
}

#[test]
fn each_origin_has_its_own_words() {
    use AssignmentState as S;
    let words = |origin| -> Vec<S> {
        let says =
            |state: &S| Ack::by_server(origin, vin("WVWZZZ1KZAW000001"), 1, 1, *state, now()).origin_may_say_it();
        S::ALL.into_iter().filter(says).collect()
    };
    assert_eq!(words(Origin::Engine), [S::Assigned, S::Cancelled, S::Superseded, S::TimedOut]);
    assert_eq!(words(Origin::Gateway), [S::Offered, S::Cancelled]);
    assert_eq!(
        words(Origin::Vehicle),
        [
            S::Accepted,
            S::Downloading,
            S::Downloaded,
            S::Installing,
            S::Installed,
            S::Declined,
            S::Failed,
            S::RolledBack
        ]
    );
}

#[test]
fn a_report_from_the_far_future_changes_nothing() {
    let mut track = Track::assigned(1);
    let future = AckReport { reported_at: Some(now() + TimeDelta::hours(25)), ..report() };
    assert_eq!(track.merge(&ack(future)), Err(Impossible::FarFuture));
    assert_eq!(track, Track::assigned(1));
}

#[test]
fn a_clock_that_is_wrong_by_less_than_a_day_or_in_the_past_is_forgiven() {
    for reported_at in [now() + TimeDelta::hours(24), now() - TimeDelta::days(20_000)] {
        let mut track = Track::assigned(1);
        assert_eq!(track.merge(&ack(AckReport { reported_at: Some(reported_at), ..report() })), Ok(true));
    }
}
