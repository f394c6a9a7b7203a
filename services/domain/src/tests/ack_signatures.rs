use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{model, now, vin};
use crate::ack::{
    Ack, AckError, AckKey, AckReport, Health, Origin, ReportedState, SignatureError, SignaturePolicy as Policy,
    VehicleWait, judge, judge_stored, parse_key,
};
use crate::assignment::AssignmentState as S;
use crate::id::Vin;
use crate::tuf::{Key, canonical};

fn key(number: u8) -> Key {
    Key::from_seed(&[number; 32])
}

fn car() -> Vin {
    vin("WVWZZZ1KZAW000001")
}

/// A credential with the key `number`, good for a day.
fn issued(number: u8) -> AckKey {
    let public = key(number).public().bytes().unwrap();
    AckKey { credential: Uuid::from_u128(number.into()), public, ends_at: now() + TimeDelta::days(1) }
}

fn report() -> AckReport {
    AckReport {
        error_code: Some("low_signal".into()),
        log: Some("Zürich \0 \u{7f} \"quoted\"".into()),
        waiting_for: Some(VehicleWait { code: "window".into(), text: "at night".into(), until: Some(now()) }),
        progress_percent: Some(40),
        reported_at: Some(now() + TimeDelta::nanoseconds(120)),
        ..AckReport::of(12, 1, 3, ReportedState::Downloading)
    }
}

/// As a gateway writes it.
fn taken(report: AckReport) -> Ack {
    report.into_ack(car(), Some(model("harbour")), now())
}

/// As vehicle-state reads it.
fn read(ack: &Ack) -> Ack {
    serde_json::from_slice(&serde_json::to_vec(ack).unwrap()).unwrap()
}

fn signed() -> Ack {
    let report = report().signed(&car(), &key(1)).unwrap();
    report.check().unwrap();
    read(&taken(serde_json::from_slice(&serde_json::to_vec(&report).unwrap()).unwrap()))
}

#[test]
fn what_the_vehicle_signed_holds_after_every_writer_and_reader() {
    let ack = signed();
    assert_eq!(judge(&ack, Policy::Required, &[issued(2), issued(1)]), Ok(Some(Uuid::from_u128(1))));
    assert_eq!(judge(&ack, Policy::Optional, &[issued(1)]), Ok(Some(Uuid::from_u128(1))));
    let elsewhere = Ack { model: None, received_at: now() - TimeDelta::hours(3), ..ack };
    assert!(judge(&elsewhere, Policy::Required, &[issued(1)]).is_ok(), "who took it and when is not the vehicle's");
}

#[test]
fn the_signed_bytes_are_the_report_in_canonical_form_with_the_vin() {
    let report = AckReport { id: Some(Uuid::from_u128(7)), log: Some("two\nlines".into()), ..report() };
    let mut said = serde_json::to_value(&report).unwrap();
    said["vin"] = json!(car());
    said["_type"] = json!("otaru-ack");
    let by_hand = key(1).sign(&canonical(&said).unwrap()).unwrap();
    assert_eq!(report.signed(&car(), &key(1)).unwrap().signature.unwrap().sig, by_hand);
}

#[test]
fn a_report_that_is_dated_back_counts_by_when_the_broker_stored_it() {
    let ack = signed();
    let ended = AckKey { ends_at: now() + TimeDelta::minutes(1), ..issued(1) };
    let stored = |minutes: i64| {
        judge_stored(&ack, Policy::Required, std::slice::from_ref(&ended), Some(now() + TimeDelta::minutes(minutes)))
    };
    assert_eq!(stored(5), Ok(Some(Uuid::from_u128(1))), "it was on its way when the key was revoked");
    assert_eq!(stored(6), Err(SignatureError::Ended), "whatever the gateway says of when it took it");
    assert_eq!(judge(&ack, Policy::Required, &[ended]), Ok(Some(Uuid::from_u128(1))), "a broker that does not say");
}

#[test]
fn a_changed_field_of_any_kind_is_found() {
    let ack = signed();
    let original = serde_json::to_value(&ack).unwrap();
    let changes = [
        ("vin", json!("WVWZZZ1KZAW000002")),
        ("id", json!(Uuid::from_u128(9))),
        ("campaign", json!(13)),
        ("attempt", json!(2)),
        ("sequence", json!(4)),
        ("state", json!("installed")),
        ("progress_percent", json!(41)),
        ("progress_percent", Value::Null),
        ("health", json!("healthy")),
        ("error_code", json!("other")),
        ("log", json!("nothing happened")),
        ("waiting_for", Value::Null),
        ("waiting_for", json!({"code": "window", "text": "never"})),
        ("versions", json!({"BCM": "9"})),
        ("reported_at", json!(now())),
    ];
    for (field, value) in changes {
        let mut changed = original.clone();
        changed[field] = value;
        let changed: Ack = serde_json::from_value(changed).unwrap();
        assert_ne!(changed, ack, "{field}");
        assert_eq!(judge(&changed, Policy::Required, &[issued(1)]), Err(SignatureError::Wrong), "{field}");
        assert_eq!(judge(&changed, Policy::Optional, &[issued(1)]), Err(SignatureError::Wrong), "{field}");
        assert_eq!(judge(&changed, Policy::Off, &[issued(1)]), Ok(None));
    }
}

#[test]
fn another_key_and_none_are_told_apart() {
    let ack = signed();
    assert_eq!(judge(&ack, Policy::Required, &[issued(2)]), Err(SignatureError::UnknownKey));
    assert_eq!(judge(&ack, Policy::Optional, &[]), Err(SignatureError::UnknownKey));
    let mut borrowed = ack.clone();
    borrowed.signature.as_mut().unwrap().key = key(2).public().keyval.public.clone();
    assert_eq!(judge(&borrowed, Policy::Required, &[issued(1), issued(2)]), Err(SignatureError::Wrong));
    let bare = Ack { signature: None, ..ack };
    assert_eq!(judge(&bare, Policy::Required, &[issued(1)]), Err(SignatureError::Missing));
    assert_eq!(judge(&bare, Policy::Optional, &[issued(1)]), Ok(None));
}

#[test]
fn a_key_counts_for_what_came_before_its_credential_ended() {
    let ack = signed();
    let ended_at = |at: DateTime<Utc>| AckKey { ends_at: at, ..issued(1) };
    let (before, after) = (now() - TimeDelta::seconds(1), now() + TimeDelta::seconds(1));
    assert_eq!(judge(&ack, Policy::Required, &[ended_at(before)]), Err(SignatureError::Ended));
    assert_eq!(judge(&ack, Policy::Required, &[ended_at(now())]), Err(SignatureError::Ended));
    assert!(judge(&ack, Policy::Required, &[ended_at(after)]).is_ok());
    // Credentials that were issued anew with the same key.
    let again = AckKey { credential: Uuid::from_u128(5), ..issued(1) };
    assert_eq!(judge(&ack, Policy::Required, &[ended_at(before), again]), Ok(Some(Uuid::from_u128(5))));
}

#[test]
fn servers_say_without_a_signature_what_is_theirs_and_nothing_in_a_vehicles_place() {
    let by = |origin, state| Ack::by_server(origin, car(), 12, 1, state, now());
    for state in [S::Assigned, S::TimedOut, S::Cancelled, S::Superseded] {
        assert_eq!(judge(&by(Origin::Engine, state), Policy::Required, &[]), Ok(None));
    }
    assert_eq!(judge(&by(Origin::Gateway, S::Offered), Policy::Required, &[]), Ok(None));
    let stopped = by(Origin::Gateway, S::Cancelled);
    assert_eq!(judge(&stopped, Policy::Required, &[]), Err(SignatureError::NotAGateways(S::Cancelled)));
    assert_eq!(judge(&stopped, Policy::Optional, &[]), Ok(None));
}

#[test]
fn a_signature_that_is_none_is_no_report() {
    let good = AckReport { waiting_for: None, ..report() }.signed(&car(), &key(1)).unwrap();
    good.check().unwrap();
    let wrong: [fn(&mut AckReport); 4] = [
        |report| report.id = None,
        |report| report.signature.as_mut().unwrap().sig.truncate(126),
        |report| report.signature.as_mut().unwrap().key.make_ascii_uppercase(),
        |report| report.signature.as_mut().unwrap().sig.replace_range(0..1, "g"),
    ];
    for change in wrong {
        let mut report = good.clone();
        change(&mut report);
        assert_eq!(report.check(), Err(AckError::Signature), "{report:?}");
    }
}

#[test]
fn keys_that_verify_anything_or_nothing_are_no_keys() {
    let good = key(1).public().keyval.public.clone();
    assert_eq!(parse_key(&good), key(1).public().bytes());
    let neutral = format!("01{}", "0".repeat(62));
    for wrong in ["", "00", &good.to_uppercase(), &good[..62], &format!("{good}00"), &neutral, &"0".repeat(64)] {
        assert_eq!(parse_key(wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn whatever_a_vehicle_writes_its_signature_holds(
        log in proptest::option::of(".{0,60}"),
        code in proptest::option::of("\\PC{1,16}"),
        percent in proptest::option::of(0..=100_u8),
        sequence in 1..=crate::ack::MAX_SEQUENCE,
        millis in proptest::option::of(0..4_102_444_800_000_i64),
        installed in any::<bool>(),
    ) {
        let state = if installed { ReportedState::Installed } else { ReportedState::Installing };
        let report = AckReport {
            log,
            error_code: code,
            progress_percent: percent,
            health: installed.then_some(Health::Healthy),
            reported_at: millis.and_then(DateTime::from_timestamp_millis),
            ..AckReport::of(12, 1, sequence, state)
        };
        let sent = serde_json::to_vec(&report.signed(&car(), &key(1)).unwrap()).unwrap();
        let ack = read(&taken(serde_json::from_slice(&sent).unwrap()));
        prop_assert_eq!(judge(&ack, Policy::Required, &[issued(1)]), Ok(Some(Uuid::from_u128(1))));
    }
}
