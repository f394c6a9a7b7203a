//! Uptane's two views: what is signed for aktualizr, and what is taken from it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::tuf_fixture::{document, documents, image, images, key, online, repository};
use super::{now, vin};
use crate::document::DocumentState;
use crate::tuf::{Key, PublicKey, PublishError, Repository, Role};
use crate::uptane::{
    DirectedImage, Direction, DirectorKeys, DirectorPublicKeys, EcuSerial, FILE, MAX_DIRECTOR_BYTES, Published,
    RepositoryName, Stamp, add_signatures, canonical, sign, verify,
};

fn director() -> DirectorKeys {
    DirectorKeys { targets: key(40), snapshot: key(41), timestamp: key(42) }
}

fn public() -> DirectorPublicKeys {
    let keys = director();
    let of = |key: &Key| key.public().clone();
    DirectorPublicKeys { targets: of(&keys.targets), snapshot: of(&keys.snapshot), timestamp: of(&keys.timestamp) }
}

/// A repository with Uptane roots, signed by key 1.
fn with_uptane() -> Repository {
    let mut repository = repository();
    let root_key = [key(1).public().clone()];
    let image = sign(&online(10).image_root(&root_key, 1, 1, now()), &[&key(1)]).unwrap();
    repository.accept_uptane_root(RepositoryName::Image, &image, &online(10), now()).unwrap();
    let director = sign(&public().root(&root_key, 1, 1, now()), &[&key(1)]).unwrap();
    repository.accept_uptane_root(RepositoryName::Director, &director, &online(10), now()).unwrap();
    repository
}

fn published(repository: &Repository) -> Published {
    serde_json::from_slice(repository.uptane.file.as_ref().unwrap()).unwrap()
}

fn keys_of(root: &Value, role: &str) -> (BTreeMap<String, PublicKey>, Vec<String>) {
    let keys = serde_json::from_value(root["signed"]["keys"].clone()).unwrap();
    (keys, serde_json::from_value(root["signed"]["roles"][role]["keyids"].clone()).unwrap())
}

#[test]
fn the_image_repository_is_the_models_targets_in_the_other_dialect() {
    let mut repository = with_uptane();
    let publication = repository.publish(&online(10), images("BCM-1.bin", Some(image("ab"))), now()).unwrap();
    let names: Vec<&str> = publication.files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[names.len() - 2..], [FILE, "timestamp.json"], "{names:?}");
    let image = published(&repository).image;
    let root = &image.roots[&1];
    for (file, kind, role) in [
        (&image.targets, "Targets", "targets"),
        (&image.snapshot, "Snapshot", "snapshot"),
        (&image.timestamp, "Timestamp", "timestamp"),
    ] {
        let file = file.as_ref().unwrap();
        assert_eq!(file["signed"]["_type"], kind);
        let (keys, keyids) = keys_of(root, role);
        verify::<Value>(&canonical(file).unwrap(), &keys, &keyids, 1).unwrap();
        let source = &repository.files[&Role::parse(role).unwrap()];
        assert_eq!(file["signed"]["version"], source.version);
        assert_eq!(file["signatures"][0]["method"], "ed25519");
    }
    let (targets, snapshot) = (image.targets.unwrap(), image.snapshot.unwrap());
    let target = &targets["signed"]["targets"]["BCM-1.bin"];
    assert_eq!(target["custom"]["hardwareIds"], json!(["BCM"]));
    assert_eq!((&target["custom"]["targetFormat"], &target["custom"]["releaseCounter"]), (&json!("BINARY"), &json!(4)));
    assert_eq!(targets["signed"]["targets"].as_object().unwrap().len(), 1, "no campaign documents");
    // What is hashed is the canonical form, which is what is served.
    let bytes = canonical(&snapshot).unwrap();
    let meta = &image.timestamp.unwrap()["signed"]["meta"]["snapshot.json"];
    assert_eq!(meta["hashes"]["sha256"], hex::encode(Sha256::digest(&bytes)));
    assert_eq!((&meta["length"], &meta["version"]), (&json!(bytes.len()), &snapshot["signed"]["version"]));
    assert_eq!(snapshot["signed"]["meta"]["targets.json"]["version"], targets["signed"]["version"]);
}

#[test]
fn every_publication_moves_both_views_together() {
    let mut repository = with_uptane();
    for publication in [
        repository.publish(&online(10), documents(1, Some(document(1, DocumentState::Running))), now()).unwrap(),
        repository.renew(&online(10), now() + TimeDelta::hours(13)).unwrap().unwrap(),
    ] {
        assert!(publication.files.iter().any(|(name, bytes)| name == FILE && bytes.is_some()));
        let view = published(&repository).image.timestamp.unwrap();
        assert_eq!(view["signed"]["version"], repository.files[&Role::Timestamp].version);
        assert_eq!(view["signed"]["expires"], {
            let tuf: Value = serde_json::from_slice(&repository.files[&Role::Timestamp].bytes).unwrap();
            tuf["signed"]["expires"].clone()
        });
    }
    let again = repository.republish();
    assert_eq!(again.files.iter().rev().nth(1).unwrap(), &(FILE.to_owned(), repository.uptane.file.clone()));
}

#[test]
fn a_model_without_uptane_roots_publishes_nothing_of_it() {
    let mut repository = repository();
    let publication = repository.publish(&online(10), images("BCM-1.bin", Some(image("ab"))), now()).unwrap();
    assert!(publication.files.iter().all(|(name, _)| name != FILE));
}

#[test]
fn the_next_root_is_signed_by_the_keys_of_the_one_before() {
    let mut repository = with_uptane();
    let next = public().root(&[key(2).public().clone()], 1, 2, now());
    for (signers, taken) in [(vec![key(2)], false), (vec![key(1)], false), (vec![key(1), key(2)], true)] {
        let signed = sign(&next, &signers.iter().collect::<Vec<_>>()).unwrap();
        let result = repository.accept_uptane_root(RepositoryName::Director, &signed, &online(10), now());
        assert_eq!(result.is_ok(), taken, "{signers:?}: {result:?}");
    }
    assert_eq!(published(&repository).director.roots.keys().copied().collect::<Vec<_>>(), [1, 2]);
    let signed = sign(&next, &[&key(1), &key(2)]).unwrap();
    let again = repository.accept_uptane_root(RepositoryName::Director, &signed, &online(10), now());
    assert!(matches!(again, Err(PublishError::RootVersion { got: 2, expected: 3 })));
}

#[test]
fn people_sign_a_root_one_after_the_other() {
    let keys = [key(1).public().clone(), key(2).public().clone()];
    let root = public().root(&keys, 2, 1, now());
    let draft = serde_json::to_vec(&root).unwrap();
    let once = add_signatures(&draft, &[&key(1)]).unwrap();
    let mut repository = repository();
    let mut accept = |bytes: &[u8]| repository.accept_uptane_root(RepositoryName::Director, bytes, &online(10), now());
    assert!(accept(&once).is_err());
    assert!(accept(&add_signatures(&once, &[&key(1)]).unwrap()).is_err(), "the same key twice is one");
    accept(&add_signatures(&once, &[&key(2)]).unwrap()).unwrap();
}

#[test]
fn an_image_root_that_gives_a_role_to_a_key_that_is_not_here_is_refused() {
    let mut repository = repository();
    let root = online(70).image_root(&[key(1).public().clone()], 1, 1, now());
    let signed = sign(&root, &[&key(1)]).unwrap();
    let refused = repository.accept_uptane_root(RepositoryName::Image, &signed, &online(10), now());
    assert!(matches!(refused, Err(PublishError::RootKeys(Role::Targets))), "{refused:?}");
    let tuf = sign(&online(10).root(&[key(1).public().clone()], 1, &[], 1, now()), &[&key(1)]).unwrap();
    assert!(repository.accept_uptane_root(RepositoryName::Image, &tuf, &online(10), now()).is_err(), "a TUF root");
}

#[test]
fn targets_that_need_an_approver_are_in_no_image_repository() {
    let mut repository = with_uptane();
    let approved = online(10).root(&[key(1).public().clone()], 1, &[key(9).public().clone()], 2, now());
    let signed = crate::tuf::sign(&approved, &[&key(1)]).unwrap();
    let refused = repository.accept_root(&signed, &online(10), now());
    assert!(matches!(refused, Err(PublishError::UptaneCosigned)), "{refused:?}");
}

#[test]
fn a_file_that_aktualizr_would_not_read_is_not_published() {
    let mut repository = with_uptane();
    let before = repository.clone();
    let mut big = images("BCM-1.bin", Some(image("ab")));
    let target = big.targets["BCM-1.bin"].clone();
    for number in 0..40_000 {
        big.targets.insert(format!("BCM-{number}-{}.bin", "x".repeat(60)), target.clone());
    }
    let refused = repository.publish(&online(10), big, now());
    assert!(matches!(refused, Err(PublishError::UptaneTooLong { role: Role::Targets, .. })));
    assert_eq!(repository, before);
}

fn serial(text: &str) -> EcuSerial {
    EcuSerial::parse(text).unwrap()
}

fn direction(ecus: usize) -> Direction {
    let ecus = (0..ecus).map(|number| (serial(&format!("ecu-{number:0>40}")), "BCM".parse().unwrap())).collect();
    let image =
        DirectedImage { name: "BCM-1.bin".into(), length: 3, sha256: "ab".repeat(32), release_counter: 4, ecus };
    Direction { vin: vin("WVWZZZ1KZAW000001"), attempt: Some((12, 1)), images: vec![image] }
}

#[test]
fn the_directors_files_name_ecus_the_attempt_and_the_vehicle_and_any_director_signs_the_same() {
    let stamp = Stamp { version: 7, expires: now() };
    let files = direction(2).sign(stamp, &director()).unwrap();
    assert_eq!(files, direction(2).sign(stamp, &director()).unwrap());
    let targets: Value = serde_json::from_slice(&files.targets).unwrap();
    let signed = &targets["signed"];
    assert_eq!((&signed["_type"], &signed["version"]), (&json!("Targets"), &json!(7)));
    assert_eq!(signed["custom"], json!({"correlationId": "urn:otaru:campaign:12:1", "vehicleId": "WVWZZZ1KZAW000001"}));
    let custom = &signed["targets"]["BCM-1.bin"]["custom"];
    assert_eq!(custom["ecuIdentifiers"].as_object().unwrap().len(), 2);
    assert!(custom.get("hardwareIds").is_none(), "aktualizr would take it for another target");
    assert!(signed.get("delegations").is_none());
    let timestamp: Value = serde_json::from_slice(&files.timestamp).unwrap();
    let hash = &timestamp["signed"]["meta"]["snapshot.json"]["hashes"]["sha256"];
    assert_eq!(hash, &json!(hex::encode(Sha256::digest(&files.snapshot))));
}

#[test]
fn with_nothing_to_do_the_directors_targets_are_empty_and_carry_the_vehicles_id() {
    let nothing = Direction::nothing(vin("WVWZZZ1KZAW000001"));
    let files = nothing.sign(Stamp { version: 1, expires: now() }, &director()).unwrap();
    let targets: Value = serde_json::from_slice(&files.targets).unwrap();
    assert_eq!(targets["signed"]["targets"], json!({}));
    assert_eq!(targets["signed"]["custom"], json!({"vehicleId": "WVWZZZ1KZAW000001"}));
    assert_eq!(nothing.directed(), None);
    assert_ne!(nothing.digest(&director()).unwrap(), direction(1).digest(&director()).unwrap());
    let other = DirectorKeys { targets: key(50), ..director() };
    assert_ne!(nothing.digest(&director()).unwrap(), nothing.digest(&other).unwrap(), "another key, another version");
}

#[test]
fn more_ecus_than_aktualizr_reads_are_refused_with_the_limit() {
    let error = direction(1000).sign(Stamp { version: 1, expires: now() }, &director()).unwrap_err();
    assert!(error.to_string().contains(&MAX_DIRECTOR_BYTES.to_string()), "{error}");
}

#[test]
fn only_our_own_correlation_ids_name_an_attempt() {
    assert_eq!(Direction::attempt_of("urn:otaru:campaign:12:3"), Some((12, 3)));
    for other in [
        "urn:here-ota:campaign:1",
        "urn:otaru:campaign:12",
        "urn:otaru:campaign:012:3",
        "urn:otaru:campaign:0:1",
        "urn:otaru:campaign:12:0",
        "urn:otaru:campaign:-1:1",
        "urn:otaru:campaign:12:3:4",
        "urn:otaru:campaign:12:4294967295",
        "",
    ] {
        assert_eq!(Direction::attempt_of(other), None, "{other}");
    }
}

#[test]
fn the_canonical_form_is_sorted_compact_and_ascii() {
    let value = json!({"b": [1, true, null], "a": "tab\t \u{e9} \u{1f600} \"q\" \\ /"});
    let text = String::from_utf8(canonical(&value).unwrap()).unwrap();
    assert_eq!(text, r#"{"a":"tab\t \u00e9 \ud83d\ude00 \"q\" \\ /","b":[1,true,null]}"#);
    assert!(canonical(&json!({"a": 1.5})).is_err());
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    assert!(canonical(&deep).is_err());
}

#[test]
fn what_we_sign_is_ascii_so_that_every_client_hashes_the_same() {
    assert!(sign(&json!({"a": "\u{e9}"}), &[&key(1)]).is_err());
    assert!(sign(&json!({"a": "two\nlines"}), &[&key(1)]).is_err());
    let file: Value = serde_json::from_slice(&sign(&json!({"a": 1}), &[&key(1)]).unwrap()).unwrap();
    let sig = STANDARD.decode(file["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    assert_eq!(sig.len(), 64);
}
