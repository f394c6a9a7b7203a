use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{model, now, vin};
use crate::ack::{AckKey, SignatureError, SignaturePolicy as Policy};
use crate::id::Vin;
use crate::inventory::{AttributesMode, EcuReport, Inventory, InventoryError, InventoryReport, judge};
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

fn report() -> InventoryReport {
    let ecu = EcuReport { hardware_id: "BCM".parse().unwrap(), version: "2.3.0".into(), serial: Some("Z-1".into()) };
    let attributes = [("trim".to_owned(), "Zürich \"quoted\"".to_owned())].into();
    InventoryReport::of(vec![ecu], attributes, Some(now() + TimeDelta::nanoseconds(120)))
}

/// Signed, as a gateway writes it and vehicle-state reads it.
fn signed() -> Inventory {
    let report = report().signed(&car(), 7, &key(1)).unwrap();
    report.check().unwrap();
    let report: InventoryReport = serde_json::from_slice(&serde_json::to_vec(&report).unwrap()).unwrap();
    let inventory = report.into_inventory(car(), Some(model("harbour")), now());
    serde_json::from_slice(&serde_json::to_vec(&inventory).unwrap()).unwrap()
}

#[test]
fn what_the_vehicle_signed_holds_after_every_writer_and_reader() {
    let inventory = signed();
    let signer = Ok(Some(Uuid::from_u128(1)));
    assert_eq!(judge(&inventory, Policy::Required, &[issued(2), issued(1)]), signer);
    let elsewhere =
        Inventory { id: Uuid::new_v4(), model: None, received_at: now() - TimeDelta::hours(3), ..inventory };
    assert_eq!(judge(&elsewhere, Policy::Optional, &[issued(1)]), signer, "who took it and when is not the vehicle's");
}

#[test]
fn the_signed_bytes_are_the_inventory_in_canonical_form_with_the_vin() {
    let signed = report().signed(&car(), 7, &key(1)).unwrap();
    let mut said = serde_json::to_value(&signed).unwrap();
    said.as_object_mut().unwrap().remove("signature");
    said["vin"] = json!(car());
    said["_type"] = json!("otaru-inventory");
    assert_eq!(signed.signature.unwrap().sig, key(1).sign(&canonical(&said).unwrap()).unwrap());
}

#[test]
fn a_changed_field_of_any_kind_is_found() {
    let original = serde_json::to_value(signed()).unwrap();
    let changes: [(&str, Value); 8] = [
        ("vin", json!("WVWZZZ1KZAW000002")),
        ("ecus", json!([{"hardware_id": "BCM", "version": "9.9.9", "serial": "Z-1"}])),
        ("ecus", json!([])),
        ("attributes", json!({})),
        ("sequence", json!(8)),
        ("reported_at", json!("2031-01-01T00:00:00Z")),
        ("tells_ecus", json!(false)),
        ("attributes_mode", json!("replace")),
    ];
    for (field, value) in changes {
        let mut changed = original.clone();
        changed[field] = value;
        let changed: Inventory = serde_json::from_value(changed).unwrap();
        assert_eq!(judge(&changed, Policy::Required, &[issued(1)]), Err(SignatureError::Wrong), "{field}");
    }
}

#[test]
fn the_model_says_what_is_asked_and_a_key_counts_until_its_credential_ends() {
    let bare = Inventory { signature: None, sequence: None, ..signed() };
    assert_eq!(judge(&bare, Policy::Required, &[issued(1)]), Err(SignatureError::Missing));
    for policy in [Policy::Optional, Policy::Off] {
        assert_eq!(judge(&bare, policy, &[issued(1)]), Ok(None));
    }
    assert_eq!(judge(&signed(), Policy::Off, &[]), Ok(None), "nobody looks");
    assert_eq!(judge(&signed(), Policy::Optional, &[issued(2)]), Err(SignatureError::UnknownKey));
    let ended = AckKey { ends_at: now(), ..issued(1) };
    assert_eq!(judge(&signed(), Policy::Optional, &[ended]), Err(SignatureError::Ended));
    let over_ddi = Inventory { tells_ecus: false, attributes_mode: AttributesMode::Replace, ..bare };
    assert_eq!(judge(&over_ddi, Policy::Required, &[issued(1)]), Err(SignatureError::Missing));
}

#[test]
fn a_signature_comes_with_a_sequence_and_is_written_as_one() {
    let signed = report().signed(&car(), 7, &key(1)).unwrap();
    for sequence in [None, Some(0), Some(u64::MAX)] {
        assert_eq!(InventoryReport { sequence, ..signed.clone() }.check(), Err(InventoryError::Sequence));
    }
    let mut shouted = signed.clone();
    shouted.signature.as_mut().unwrap().sig.make_ascii_uppercase();
    assert_eq!(shouted.check(), Err(InventoryError::Signature));
}
