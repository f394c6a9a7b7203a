use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::now;
use super::tuf_fixture::{
    body, document, documents, image, images, key, online, repository, root, shelf, signed, steps,
};
use crate::document::DocumentState;
use crate::tuf::{Change, Metadata, Repository, Role, Root, Targets, Timestamp, parse_unverified, verify};

#[test]
fn a_change_of_everything_is_published_in_the_order_that_readers_need() {
    let mut repository = repository();
    let change = Change {
        documents: documents(12, Some(document(12, DocumentState::Running))).documents,
        ..images("BCM-2.3.0-r4.bin", Some(image("ab")))
    };
    let publication = repository.publish(&online(10), change, now()).unwrap();
    assert_eq!(
        steps(&publication),
        [
            "put 2.targets.json",
            "put HASH.campaign-12.json",
            "put 2.campaigns.json",
            "put 2.snapshot.json",
            "put timestamp.json"
        ]
    );
}

#[test]
fn only_what_changed_gets_a_new_version() {
    let mut repository = repository();
    let publication = repository.publish(&online(10), images("a.bin", Some(image("ab"))), now()).unwrap();
    assert_eq!(steps(&publication), ["put 2.targets.json", "put 2.snapshot.json", "put timestamp.json"]);
    let change = documents(12, Some(document(12, DocumentState::Running)));
    let publication = repository.publish(&online(10), change, now()).unwrap();
    assert_eq!(
        steps(&publication),
        ["put HASH.campaign-12.json", "put 2.campaigns.json", "put 3.snapshot.json", "put timestamp.json"]
    );
}

#[test]
fn a_document_that_did_not_change_is_no_new_file() {
    let mut repository = repository();
    let change = || documents(12, Some(document(12, DocumentState::Running)));
    repository.publish(&online(10), change(), now()).unwrap();
    let publication = repository.publish(&online(10), change(), now()).unwrap();
    assert_eq!(steps(&publication), ["put 3.campaigns.json", "put 3.snapshot.json", "put timestamp.json"]);
    assert_eq!(repository.documents.len(), 1);
}

#[test]
fn three_versions_stay_readable_and_older_ones_get_a_tombstone() {
    let mut repository = repository();
    let mut buried = Vec::new();
    for version in 2..=6 {
        let change = images("a.bin", Some(image(["ab", "cd"][version % 2])));
        let publication = repository.publish(&online(10), change, now()).unwrap();
        buried.push(steps(&publication).into_iter().filter(|step| step.starts_with("bury")).collect::<Vec<_>>());
        assert_eq!(steps(&publication).last().unwrap(), "put timestamp.json", "the timestamp is last");
    }
    assert_eq!(
        buried,
        [
            vec![],
            vec![],
            vec!["bury 1.targets.json", "bury 1.snapshot.json"],
            vec!["bury 2.targets.json", "bury 2.snapshot.json"],
            vec!["bury 3.targets.json", "bury 3.snapshot.json"],
        ]
    );
}

#[test]
fn a_document_is_buried_when_no_readable_version_has_it() {
    let mut repository = repository();
    let mut publications = Vec::new();
    for state in [DocumentState::Running, DocumentState::Paused, DocumentState::Ended] {
        publications.push(repository.publish(&online(10), documents(12, Some(document(12, state))), now()).unwrap());
    }
    publications.push(repository.publish(&online(10), documents(12, None), now()).unwrap());
    for campaign in 13..16 {
        let change = documents(campaign, Some(document(campaign, DocumentState::Running)));
        publications.push(repository.publish(&online(10), change, now()).unwrap());
    }
    // After each publication, whatever a readable `campaigns` names can be read.
    for end in 1..=publications.len() {
        let shelf = shelf(&publications[..end]);
        for (name, bytes) in shelf.iter().filter(|(name, _)| name.ends_with(".campaigns.json")) {
            let campaigns: Metadata<Targets> = parse_unverified(bytes).unwrap();
            for (target, meta) in campaigns.body.targets {
                let file = format!("{}.{target}", meta.hashes.sha256);
                assert!(shelf.contains_key(&file), "{name} names {file}, which is gone");
            }
        }
    }
    let shelf = shelf(&publications);
    let left = shelf.keys().filter(|name| name.ends_with(".campaign-12.json")).count();
    assert_eq!(left, 0, "all states of campaign 12 are gone: {:?}", shelf.keys());
    assert_eq!(repository.documents.len(), 3);
}

#[test]
fn a_document_that_returns_to_an_earlier_content_is_not_buried() {
    let mut repository = repository();
    let mut publications = Vec::new();
    for state in [DocumentState::Running, DocumentState::Paused, DocumentState::Running] {
        publications.push(repository.publish(&online(10), documents(12, Some(document(12, state))), now()).unwrap());
    }
    for _ in 0..6 {
        publications.push(repository.publish(&online(10), documents(99, None), now()).unwrap());
    }
    let current: Metadata<Targets> = parse_unverified(&repository.files[&Role::Campaigns].bytes).unwrap();
    let sha256 = &current.body.targets["campaign-12.json"].hashes.sha256;
    assert!(shelf(&publications).contains_key(&format!("{sha256}.campaign-12.json")));
    assert_eq!(repository.documents.len(), 1);
}

#[test]
fn a_root_is_never_buried() {
    let mut repository = repository();
    let mut all = Vec::new();
    for version in 2..=8 {
        let root = signed(&root(&[key(1)], 1, version), &[&key(1)]);
        all.extend(steps(&repository.accept_root(&root, &online(10), now()).unwrap()));
    }
    assert!(all.iter().any(|step| step == "bury 1.targets.json"));
    assert!(!all.iter().any(|step| step.starts_with("bury") && step.ends_with("root.json")), "{all:?}");
}

#[test]
fn a_client_can_verify_every_file_from_the_root_down() {
    let mut repository = repository();
    let change = Change {
        documents: documents(12, Some(document(12, DocumentState::Running))).documents,
        ..images("a.bin", Some(image("ab")))
    };
    repository.publish(&online(10), change, now()).unwrap();
    let root: Metadata<Root> = parse_unverified(&repository.roots[&1]).unwrap();
    for role in [Role::Targets, Role::Snapshot, Role::Timestamp] {
        let entry = &root.body.roles[&role];
        let bytes = &repository.files[&role].bytes;
        assert!(verify::<serde_json::Value>(bytes, &root.body.keys, &entry.keyids, entry.threshold).is_ok(), "{role}");
    }
    let targets: Metadata<Targets> = parse_unverified(&repository.files[&Role::Targets].bytes).unwrap();
    let delegations = targets.body.delegations.unwrap();
    let role = &delegations.roles[0];
    assert_eq!((role.name.as_str(), role.paths.as_slice()), ("campaigns", &["campaign-*.json".to_owned()][..]));
    let bytes = &repository.files[&Role::Campaigns].bytes;
    assert!(verify::<serde_json::Value>(bytes, &delegations.keys, &role.keyids, role.threshold).is_ok());
    assert_eq!(body(bytes)["_type"], "targets", "a delegated role's file is of the type targets");
}

#[test]
fn the_timestamp_names_the_snapshot_and_that_names_the_rest_by_hash() {
    let repository = repository();
    let named = |file: Role, role: &str| body(&repository.files[&file].bytes)["meta"][format!("{role}.json")].clone();
    for (above, role) in
        [(Role::Timestamp, Role::Snapshot), (Role::Snapshot, Role::Targets), (Role::Snapshot, Role::Campaigns)]
    {
        let bytes = &repository.files[&role].bytes;
        assert_eq!(
            named(above, role.as_str()),
            json!({"version": 1, "length": bytes.len(), "hashes": {"sha256": hex::encode(Sha256::digest(bytes))}})
        );
    }
}

fn renewed(repository: &mut Repository, at: DateTime<Utc>) -> Vec<String> {
    repository.renew(&online(10), at).unwrap().map(|publication| steps(&publication)).unwrap_or_default()
}

#[test]
fn metadata_is_renewed_at_half_of_its_life_and_only_what_is_due() {
    let mut repository = repository();
    let (hour, day) = (TimeDelta::hours(1), TimeDelta::days(1));
    let none: [&str; 0] = [];
    assert_eq!(renewed(&mut repository, now() + hour * 12 - TimeDelta::seconds(1)), none);
    assert_eq!(renewed(&mut repository, now() + hour * 12), ["put timestamp.json"]);
    assert_eq!(renewed(&mut repository, now() + hour * 13), none);
    assert_eq!(
        renewed(&mut repository, now() + hour * 84),
        ["put 2.campaigns.json", "put 2.snapshot.json", "put timestamp.json"]
    );
    assert_eq!(
        renewed(&mut repository, now() + day * 45),
        ["put 2.targets.json", "put 3.campaigns.json", "put 3.snapshot.json", "put timestamp.json"]
    );
}

#[test]
fn a_change_renews_what_is_due_anyway() {
    let mut repository = repository();
    let change = images("a.bin", Some(image("ab")));
    let publication = repository.publish(&online(10), change, now() + TimeDelta::days(6)).unwrap();
    assert!(steps(&publication).contains(&"put 2.campaigns.json".to_owned()));
}

#[test]
fn expiry_is_written_in_whole_seconds() {
    let mut repository = repository();
    let at = now() + TimeDelta::milliseconds(43_200_750);
    repository.renew(&online(10), at).unwrap().unwrap();
    let file = &repository.files[&Role::Timestamp];
    assert_eq!(body(&file.bytes)["expires"], "2026-03-03T00:00:00Z");
    let read: Metadata<Timestamp> = parse_unverified(&file.bytes).unwrap();
    assert_eq!(read.expires, file.expires, "what is kept beside the file is what the file says");
}

#[test]
fn an_image_that_is_removed_is_gone_from_the_targets() {
    let mut repository = repository();
    repository.publish(&online(10), images("a.bin", Some(image("ab"))), now()).unwrap();
    assert_eq!(repository.targets().unwrap().keys().collect::<Vec<_>>(), ["a.bin"]);
    repository.publish(&online(10), images("a.bin", None), now()).unwrap();
    assert!(repository.targets().unwrap().is_empty());
}

#[test]
fn text_beyond_ascii_is_escaped_in_a_document_and_refused_in_metadata() {
    let mut repository = repository();
    let mut speaking = document(12, DocumentState::Running);
    speaking.release_version = "été 🚗".into();
    let publication = repository.publish(&online(10), documents(12, Some(speaking.clone())), now()).unwrap();
    let bytes = publication.files[0].1.as_ref().unwrap();
    assert!(bytes.is_ascii());
    assert_eq!(serde_json::from_slice::<crate::document::CampaignDocument>(bytes).unwrap(), speaking);

    let before = repository.clone();
    let mut target = image("ab");
    target.custom.as_mut().unwrap().version = "été".into();
    assert!(repository.publish(&online(10), images("a.bin", Some(target)), now()).is_err());
    assert_eq!(repository, before, "what cannot be signed changes nothing");
}

#[test]
fn republishing_gives_a_complete_repository_with_the_timestamp_last() {
    let mut repository = repository();
    repository.publish(&online(10), documents(12, Some(document(12, DocumentState::Running))), now()).unwrap();
    let publication = repository.republish();
    assert_eq!(
        steps(&publication),
        [
            "put 1.root.json",
            "put 1.targets.json",
            "put HASH.campaign-12.json",
            "put 2.campaigns.json",
            "put 2.snapshot.json",
            "put timestamp.json"
        ]
    );
    for (name, bytes) in shelf(&[publication]) {
        if let Some((version, role)) = name.strip_suffix(".json").and_then(|name| name.split_once('.'))
            && let Some(role) = Role::parse(role).filter(|role| *role != Role::Root)
        {
            assert_eq!(repository.files[&role].version.to_string(), version);
            assert_eq!(repository.files[&role].bytes, bytes);
        }
    }
}
