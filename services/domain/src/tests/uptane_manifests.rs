//! Vehicle version manifests: what is believed, and each way in which one is not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::now;
use super::tuf_fixture::key;
use crate::tuf::Key;
use crate::uptane::manifest::{Inventoried, Manifest, Refusal, check};
use crate::uptane::{Directed, DirectedEcu, EcuKey, EcuSerial, Event, Outcome, canonical};

const PRIMARY: &str = "CA:FE:A6:D2:84:9D";
const SECONDARY: &str = "secondary-1";
const TIME: &str = "2026-03-01T11:00:00Z";

fn ecu(serial: &str, seed: u8, is_primary: bool) -> Inventoried {
    Inventoried {
        serial: EcuSerial::parse(serial).unwrap(),
        hardware_id: if is_primary { "GW" } else { "BCM" }.parse().unwrap(),
        is_primary,
        key: EcuKey::parse("ED25519", &key(seed).public().keyval.public.to_uppercase()).unwrap(),
        counter: None,
        time: None,
        report_sha256: None,
    }
}

fn inventory() -> Vec<Inventoried> {
    vec![ecu(PRIMARY, 1, true), ecu(SECONDARY, 2, false)]
}

/// Signed as aktualizr does.
fn signed(value: &Value, by: &Key) -> Value {
    let sig = hex::decode(by.sign(&canonical(value).unwrap()).unwrap()).unwrap();
    json!({"signatures": [{"keyid": "0", "method": "ed25519", "sig": STANDARD.encode(sig)}], "signed": value})
}

fn report(serial: &str, image: &str) -> Value {
    json!({
        "attacks_detected": "", "ecu_serial": serial, "previous_timeserver_time": TIME, "timeserver_time": TIME,
        "installed_image": {"filepath": image, "fileinfo": {"length": 3, "hashes": {"sha256": "AB".repeat(32)}}},
    })
}

/// What a vehicle says, to be changed before it is signed.
struct Said {
    primary: Value,
    secondary: Value,
    /// Beside the reports.
    vehicle: Value,
    keys: (u8, u8, u8),
    counter: u64,
}

impl Said {
    fn new() -> Self {
        let vehicle = json!({"primary_ecu_serial": PRIMARY});
        Self {
            primary: report(PRIMARY, "GW-1.bin"),
            secondary: report(SECONDARY, "BCM-1.bin"),
            vehicle,
            keys: (1, 1, 2),
            counter: 1,
        }
    }

    fn with(change: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut said = Self::new();
        change(&mut said);
        said.bytes()
    }

    fn bytes(mut self) -> Vec<u8> {
        if self.counter > 0 {
            self.primary["report_counter"] = self.counter.to_string().into();
        }
        let (outer, primary, secondary) = self.keys;
        let mut manifests = json!({ PRIMARY: signed(&self.primary, &key(primary)) });
        if !self.secondary.is_null() {
            manifests[SECONDARY] = signed(&self.secondary, &key(secondary));
        }
        self.vehicle["ecu_version_manifests"] = manifests;
        serde_json::to_vec(&signed(&self.vehicle, &key(outer))).unwrap()
    }
}

fn refused(bytes: &[u8], inventory: &[Inventoried]) -> &'static str {
    check(bytes, inventory, now()).unwrap_err().code()
}

#[test]
fn a_manifest_that_every_ecu_signed_is_believed() {
    let manifest = check(&Said::new().bytes(), &inventory(), now()).unwrap();
    let said: Vec<_> =
        manifest.ecus.iter().map(|ecu| (ecu.serial.as_str(), ecu.image.name.as_str(), ecu.counter)).collect();
    assert_eq!(said, [(PRIMARY, "GW-1.bin", Some(1)), (SECONDARY, "BCM-1.bin", None)]);
    assert_eq!(manifest.ecus[0].image.sha256, "ab".repeat(32), "hashes have small letters");
    assert_eq!(manifest.report, None);
}

#[test]
fn each_check_of_the_standard_drops_the_manifest() {
    let all = inventory();
    assert_eq!(refused(b"{}", &all), "manifest_unparsable");
    assert_eq!(refused(&Said::new().bytes(), &[]), "ecus_not_registered");
    assert_eq!(refused(&Said::with(|said| said.keys.0 = 9), &all), "manifest_signature");
    assert_eq!(
        refused(&Said::with(|said| said.keys.0 = 2), &all),
        "manifest_signature",
        "a Secondary speaks for the vehicle"
    );
    assert_eq!(refused(&Said::with(|said| said.keys.1 = 9), &all), "manifest_ecu_signature");
    assert_eq!(
        refused(&Said::with(|said| said.keys.2 = 1), &all),
        "manifest_ecu_signature",
        "the Primary signs for a Secondary"
    );
    assert_eq!(refused(&Said::with(|said| said.secondary = Value::Null), &all), "manifest_ecu_missing");
    assert_eq!(refused(&Said::new().bytes(), &all[..1]), "manifest_ecu_unknown");
    assert_eq!(
        refused(&Said::with(|said| said.vehicle["primary_ecu_serial"] = SECONDARY.into()), &all),
        "manifest_other_primary"
    );
    assert_eq!(refused(&Said::with(|said| said.secondary["ecu_serial"] = PRIMARY.into()), &all), "manifest_other_ecu");
    assert_eq!(
        refused(&Said::with(|said| said.secondary["timeserver_time"] = "2026-03-03T12:00:00Z".into()), &all),
        "manifest_far_future"
    );
    assert_eq!(refused(&Said::with(|said| said.counter = 0), &all), "manifest_no_counter");
    assert_eq!(
        refused(
            &Said::with(|said| said.secondary["installed_image"]["fileinfo"]["hashes"] = json!({"md5": "x"})),
            &all
        ),
        "manifest_unparsable"
    );
}

#[test]
fn a_part_that_was_changed_after_it_was_signed_is_not_believed() {
    let mut manifest: Value = serde_json::from_slice(&Said::new().bytes()).unwrap();
    let report = &mut manifest["signed"]["ecu_version_manifests"][SECONDARY]["signed"];
    report["installed_image"]["filepath"] = "BCM-2.bin".into();
    assert_eq!(refused(&serde_json::to_vec(&manifest).unwrap(), &inventory()), "manifest_signature");
    let inner = manifest["signed"].clone();
    let resigned = signed(&inner, &key(1));
    assert_eq!(refused(&serde_json::to_vec(&resigned).unwrap(), &inventory()), "manifest_ecu_signature");
}

/// The inventory after `manifest`.
fn after(manifest: &Manifest) -> Vec<Inventoried> {
    let mut all = inventory();
    for (ecu, said) in all.iter_mut().zip(&manifest.ecus) {
        ecu.counter = said.counter;
        ecu.time = Some(said.time);
        ecu.report_sha256 = Some(said.report_sha256);
    }
    all
}

#[test]
fn a_counter_is_used_once_and_only_rises() {
    let five = Said::with(|said| said.counter = 5);
    let all = after(&check(&five, &inventory(), now()).unwrap());
    assert_eq!(refused(&five, &all), "manifest_replayed");
    assert_eq!(refused(&Said::with(|said| said.counter = 4), &all), "manifest_replayed");
    check(&Said::with(|said| said.counter = 6), &all, now()).unwrap();
}

#[test]
fn a_secondary_that_counts_goes_on_counting_unless_its_last_report_is_sent_again() {
    let counted = |counter: Option<u64>, image: &'static str| {
        move |said: &mut Said| {
            said.counter = 10 + counter.unwrap_or(0);
            said.secondary = report(SECONDARY, image);
            if let Some(counter) = counter {
                said.secondary["report_counter"] = counter.into();
            }
        }
    };
    let all = after(&check(&Said::with(counted(Some(3), "BCM-1.bin")), &inventory(), now()).unwrap());
    let again = |counter, image: &'static str| {
        Said::with(|said| {
            counted(counter, image)(said);
            said.counter = 20;
        })
    };
    assert_eq!(refused(&again(Some(3), "BCM-2.bin"), &all), "manifest_replayed");
    assert_eq!(refused(&again(Some(2), "BCM-1.bin"), &all), "manifest_replayed");
    assert_eq!(refused(&again(None, "BCM-1.bin"), &all), "manifest_no_counter");
    check(&again(Some(3), "BCM-1.bin"), &all, now()).unwrap();
    check(&again(Some(4), "BCM-2.bin"), &all, now()).unwrap();
}

#[test]
fn a_time_that_went_back_is_not_believed_and_the_same_time_is() {
    let all = after(&check(&Said::new().bytes(), &inventory(), now()).unwrap());
    let at = |time: &'static str| {
        Said::with(|said| {
            said.counter = 2;
            said.secondary["timeserver_time"] = time.into();
        })
    };
    assert_eq!(refused(&at("2026-03-01T10:59:59Z"), &all), "manifest_time_went_back");
    check(&at(TIME), &all, now()).unwrap();
    check(&at("2026-03-02T11:00:00Z"), &all, now()).unwrap();
}

#[test]
fn what_a_vehicle_writes_is_taken_in_either_canonical_form() {
    let odd = "two\nlines, \u{fc}ber 3 \u{1f600}";
    let mut said = Said::new();
    said.vehicle["installation_report"] = json!({"content_type": "x", "report": {
        "correlation_id": "urn:otaru:campaign:1:1", "raw_report": odd, "items": [],
        "result": {"success": true, "code": "OK", "description": ""}}});
    let bytes = said.bytes();
    assert_eq!(check(&bytes, &inventory(), now()).unwrap().report.unwrap().raw_report, odd);
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    let olpc = crate::tuf::canonical(&value["signed"]).unwrap();
    assert_ne!(olpc, canonical(&value["signed"]).unwrap());
    let sig = STANDARD.encode(hex::decode(key(1).sign(&olpc).unwrap()).unwrap());
    let other = json!({"signatures": [{"keyid": "0", "method": "ed25519", "sig": sig}], "signed": value["signed"]});
    check(&serde_json::to_vec(&other).unwrap(), &inventory(), now()).unwrap();
}

#[test]
fn an_image_under_the_name_of_one_of_ours_must_be_that_one() {
    let manifest = check(&Said::new().bytes(), &inventory(), now()).unwrap();
    let mut target = super::tuf_fixture::image("ab");
    target.length = 3;
    let ours = [("BCM-1.bin".to_owned(), target.clone())].into();
    manifest.check_images(&ours).unwrap();
    target.hashes.sha256 = "cd".repeat(32);
    let others = [("BCM-1.bin".to_owned(), target)].into();
    assert!(matches!(manifest.check_images(&others), Err(Refusal::ImageDiffers { .. })));
}

fn directed() -> Directed {
    let ecu = |serial: &str, name: &str| DirectedEcu {
        serial: EcuSerial::parse(serial).unwrap(),
        name: name.to_owned(),
        length: 3,
        sha256: "ab".repeat(32),
    };
    Directed { campaign: 7, attempt: 2, ecus: vec![ecu(PRIMARY, "GW-2.bin"), ecu(SECONDARY, "BCM-2.bin")] }
}

fn outcome(primary: &str, secondary: &str, result: Option<(bool, &str, &str)>) -> Option<Outcome> {
    let bytes = Said::with(|said| {
        said.primary = report(PRIMARY, primary);
        said.secondary = report(SECONDARY, secondary);
        if let Some((success, code, correlation)) = result {
            let result = json!({"success": success, "code": code, "description": "because"});
            said.vehicle["installation_report"] = json!({"content_type": "x", "report": {
                "correlation_id": correlation, "raw_report": "raw", "result": result,
                "items": [{"ecu": SECONDARY, "result": result}]}});
        }
    });
    check(&bytes, &inventory(), now()).unwrap().outcome(&directed())
}

#[test]
fn installed_is_what_all_ecus_prove_and_failed_the_vehicles_own_word() {
    const OURS: &str = "urn:otaru:campaign:7:2";
    assert_eq!(outcome("GW-1.bin", "BCM-1.bin", None), None);
    assert_eq!(outcome("GW-2.bin", "BCM-1.bin", None), Some(Outcome::Installing { done: 1, of: 2 }));
    assert_eq!(outcome("GW-2.bin", "BCM-2.bin", None), Some(Outcome::Installed));
    assert_eq!(outcome("GW-2.bin", "BCM-2.bin", Some((true, "OK", OURS))), Some(Outcome::Installed));
    assert_eq!(
        outcome("GW-2.bin", "BCM-1.bin", Some((true, "OK", OURS))),
        Some(Outcome::Installing { done: 1, of: 2 }),
        "a success that an ECU does not prove is none"
    );
    assert_eq!(
        outcome("GW-1.bin", "BCM-1.bin", Some((false, "NEED_COMPLETION", OURS))),
        Some(Outcome::Installing { done: 0, of: 2 })
    );
    let failed = outcome("GW-2.bin", "BCM-1.bin", Some((false, "INSTALL_FAILED", OURS)));
    let Some(Outcome::Failed { code, log }) = failed else { panic!("{failed:?}") };
    assert_eq!(code, "uptane-INSTALL_FAILED");
    assert!(log.contains("raw") && log.contains("secondary-1: INSTALL_FAILED because"), "{log}");
    assert_eq!(
        outcome("GW-1.bin", "BCM-1.bin", Some((false, "INSTALL_FAILED", "urn:otaru:campaign:7:1"))),
        None,
        "another attempt"
    );
}

#[test]
fn events_tell_how_far_a_vehicle_is_and_never_how_it_ended() {
    let step = |id: &str, success: Option<bool>, only: bool| {
        let event: Event = serde_json::from_value(json!({
            "id": "x", "deviceTime": "2026-03-01T11:00:00Z", "eventType": {"id": id, "version": 0},
            "event": {"ecu": PRIMARY, "correlationId": "urn:otaru:campaign:7:2", "success": success}}))
        .unwrap();
        event.step(only).map(|step| format!("{:?}", step.state))
    };
    assert_eq!(step("EcuDownloadStarted", None, true).as_deref(), Some("Downloading"));
    assert_eq!(step("EcuDownloadCompleted", Some(true), true).as_deref(), Some("Downloaded"));
    assert_eq!(step("EcuDownloadCompleted", Some(true), false).as_deref(), Some("Downloading"), "one of several");
    for success in [true, false] {
        assert_eq!(step("EcuInstallationCompleted", Some(success), true).as_deref(), Some("Installing"));
    }
    assert_eq!(step("campaign_accepted", None, true), None);
}

/// Made with another implementation: OpenSSL's RSA-PSS by way of Python's `cryptography`, salt as long as the hash.
#[test]
fn rsa_signatures_of_another_implementation_hold_and_shorter_keys_are_refused() {
    let vectors: Value = serde_json::from_str(include_str!("uptane_rsa.json")).unwrap();
    let text = |name: &str| vectors[name].as_str().unwrap();
    let key = EcuKey::parse("RSA", text("public")).unwrap();
    let message = text("message").as_bytes();
    for method in ["rsassa-pss", "rsassa-pss-sha256", "RSASSA-PSS-SHA256"] {
        assert!(key.signed(method, text("signature"), message), "{method}");
    }
    assert!(!key.signed("ed25519", text("signature"), message));
    assert!(!key.signed("rsassa-pss", text("signature"), b"something else"));
    assert!(!key.signed("rsassa-pss", text("pkcs1v15"), message), "another padding");
    assert_eq!(key.id(), text("keyid"));
    assert!(EcuKey::parse("RSA", text("short")).is_err(), "1024 bits");
    assert!(EcuKey::parse("RSA", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----").is_err());
    assert!(EcuKey::parse("ECDSA", text("public")).is_err());
    assert!(EcuKey::parse("ed25519", &"0".repeat(64)).is_err(), "a weak point");
    assert!(EcuKey::parse("ed25519", "00").is_err());
}
