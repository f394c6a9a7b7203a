//! Keys that follow others: the root that is in force says which of ours sign.

use super::now;
use super::tuf_fixture::{document, documents, image, images, key, online, repository, root, signed, steps};
use crate::document::DocumentState;
use crate::tuf::{
    Change, Key, Metadata, OnlineKeys, PublishError, Repository, Role, Root, Targets, Timestamp, VerifyError,
    add_signatures, parse_unverified, sign, verify,
};

/// The keys `10…` with `next` as the newest of `role`.
fn followed(role: Role, next: Key) -> OnlineKeys {
    let mut keys = online(10);
    let old = keys.of(role).unwrap().clone();
    match role {
        Role::Targets => keys.targets = next,
        Role::Campaigns => keys.campaigns = next,
        Role::Snapshot => keys.snapshot = next,
        Role::Timestamp | Role::Root => keys.timestamp = next,
    }
    keys.earlier.push((role, old));
    keys
}

/// The root that names the newest keys, with key 7 as an approver or without.
fn next_root(keys: &OnlineKeys, version: u64, approved: bool) -> Vec<u8> {
    let approvers = if approved { vec![key(7).public().clone()] } else { Vec::new() };
    signed(&keys.root(&[key(1).public().clone()], 1, &approvers, version, now()), &[&key(1)])
}

fn present(repository: &Repository) -> Root {
    parse_unverified::<Metadata<Root>>(repository.roots.values().next_back().unwrap()).unwrap().body
}

/// Fails unless a client with the newest root takes every file of the repository.
fn check(repository: &Repository) {
    let root = present(repository);
    let taken = |role: Role| {
        let (file, entry) = (&repository.files[&role], &root.roles[&role]);
        verify::<serde_json::Value>(&file.bytes, &root.keys, &entry.keyids, entry.threshold)
    };
    for role in [Role::Targets, Role::Snapshot, Role::Timestamp] {
        taken(role).unwrap_or_else(|error| panic!("{role}: {error}"));
    }
    let targets: Metadata<Targets> = parse_unverified(&repository.files[&Role::Targets].bytes).unwrap();
    let delegations = targets.body.delegations.unwrap();
    let campaigns = &repository.files[&Role::Campaigns].bytes;
    let role = &delegations.roles[0];
    verify::<serde_json::Value>(campaigns, &delegations.keys, &role.keyids, role.threshold).unwrap();
}

#[test]
fn a_key_that_waits_signs_nothing_and_one_that_is_named_signs_all() {
    for role in [Role::Targets, Role::Snapshot, Role::Timestamp] {
        let (mut repository, keys) = (repository(), followed(role, key(40)));
        repository.publish(&keys, images("a.bin", Some(image("ab"))), now()).unwrap();
        check(&repository);
        assert_eq!(repository.keys_in_force(role).unwrap(), [online(10).of(role).unwrap().id()]);

        let publication = repository.accept_root(&next_root(&keys, 2, false), &keys, now()).unwrap();
        assert_eq!(steps(&publication)[0], "put 2.root.json");
        assert_eq!(repository.keys_in_force(role).unwrap(), [key(40).id()]);
        check(&repository);
        repository.publish(&keys, documents(5, Some(document(5, DocumentState::Running))), now()).unwrap();
        check(&repository);
    }
}

#[test]
fn a_key_that_a_root_replaced_signs_nothing_that_is_taken() {
    let (mut repository, keys) = (repository(), followed(Role::Timestamp, key(40)));
    repository.accept_root(&next_root(&keys, 2, false), &keys, now()).unwrap();
    let genuine: Metadata<Timestamp> = parse_unverified(&repository.files[&Role::Timestamp].bytes).unwrap();
    let stolen = online(10).timestamp;
    let forged = sign(&Metadata { version: 99, ..genuine }, &[&stolen]).unwrap();
    let root = present(&repository);
    let role = &root.roles[&Role::Timestamp];
    let refused = verify::<serde_json::Value>(&forged, &root.keys, &role.keyids, role.threshold);
    assert_eq!(refused, Err(VerifyError::Threshold { got: 0, threshold: 1 }));
    // Whoever has lost the new keys signs nothing at all, rather than with the old one.
    let result = repository.publish(&online(10), Change::default(), now());
    assert!(matches!(result, Err(PublishError::KeyMissing(Role::Timestamp))));
    // A draft from before the key was revoked names it still.
    let late = signed(&root_of_old(3), &[&key(1)]);
    let mut revoked = keys.clone();
    revoked.earlier.clear();
    assert!(matches!(repository.accept_root(&late, &revoked, now()), Err(PublishError::RootKeys(Role::Timestamp))));
}

fn root_of_old(version: u64) -> Metadata<Root> {
    root(&[key(1)], 1, version)
}

#[test]
fn campaigns_go_over_to_their_newest_key_without_a_root() {
    let (mut repository, keys) = (repository(), followed(Role::Campaigns, key(40)));
    repository.publish(&keys, documents(5, Some(document(5, DocumentState::Running))), now()).unwrap();
    check(&repository);
    assert_eq!(repository.keys_in_force(Role::Campaigns).unwrap(), [online(10).campaigns.id()]);
    let publication = repository.hand_over(&keys, now()).unwrap().unwrap();
    assert_eq!(
        steps(&publication),
        ["put 2.targets.json", "put 3.campaigns.json", "put 3.snapshot.json", "put timestamp.json"]
    );
    assert_eq!(repository.keys_in_force(Role::Campaigns).unwrap(), [key(40).id()]);
    check(&repository);
    assert!(repository.hand_over(&keys, now()).unwrap().is_none());
    // A release that is locked takes a waiting key along, too.
    let mut other = super::tuf_fixture::repository();
    other.publish(&keys, images("a.bin", Some(image("ab"))), now()).unwrap();
    assert_eq!(other.keys_in_force(Role::Campaigns).unwrap(), [key(40).id()]);
    check(&other);
}

/// A repository whose targets an approver has signed.
fn cosigned() -> Repository {
    let mut repository = repository();
    repository.accept_root(&next_root(&online(10), 2, true), &online(10), now()).unwrap();
    approve(&mut repository, &online(10));
    repository
}

fn approve(repository: &mut Repository, keys: &OnlineKeys) {
    let draft = repository.pending.as_ref().unwrap().targets.bytes.clone();
    repository.cosign(&add_signatures(&draft, &[&key(7)]).unwrap(), keys, now()).unwrap();
}

#[test]
fn with_approvers_a_stolen_timestamp_key_is_out_of_use_without_them() {
    let (mut repository, keys) = (cosigned(), followed(Role::Timestamp, key(40)));
    repository.publish(&keys, images("a.bin", Some(image("ab"))), now()).unwrap();
    let publication = repository.accept_root(&next_root(&keys, 3, true), &keys, now()).unwrap();
    assert_eq!(
        steps(&publication)[..3],
        ["put 3.root.json".to_owned(), "put 3.campaigns.json".to_owned(), "put 4.snapshot.json".to_owned()]
    );
    check(&repository);
    approve(&mut repository, &keys);
    check(&repository);
    assert_eq!(repository.targets().unwrap().len(), 1);
}

#[test]
fn with_approvers_new_targets_and_campaigns_keys_wait_for_them() {
    for role in [Role::Targets, Role::Campaigns] {
        let (mut repository, keys) = (cosigned(), followed(role, key(40)));
        match role {
            Role::Campaigns => drop(repository.hand_over(&keys, now()).unwrap()),
            _ => drop(repository.accept_root(&next_root(&keys, 3, true), &keys, now()).unwrap()),
        }
        assert_eq!(repository.keys_in_force(role).unwrap()[0], online(10).of(role).unwrap().id());
        // Work goes on under the present root, also on what waits.
        repository.publish(&keys, documents(5, Some(document(5, DocumentState::Running))), now()).unwrap();
        repository.publish(&keys, images("a.bin", Some(image("ab"))), now()).unwrap();
        check(&repository);
        assert!(repository.needs_key(key(40).id()).unwrap(), "what waits names it");
        assert!(role == Role::Targets || repository.hand_over(&keys, now()).unwrap().is_none(), "it is under way");
        approve(&mut repository, &keys);
        assert_eq!(repository.keys_in_force(role).unwrap()[0], key(40).id());
        assert!(!repository.needs_key(online(10).of(role).unwrap().id()).unwrap());
        check(&repository);
        assert_eq!(repository.targets().unwrap().len(), 1);
    }
}

#[test]
fn root_keys_are_replaced_up_to_the_old_threshold_and_the_new() {
    let mut repository = Repository::default();
    let first = root(&[key(1), key(2), key(3)], 2, 1);
    repository.accept_root(&signed(&first, &[&key(1), &key(2)]), &online(10), now()).unwrap();
    let next = root(&[key(3), key(4), key(5), key(6)], 3, 2);
    // Key 3 counts for both; too few of the old, then too few of the new.
    for by in [vec![key(3), key(4), key(5)], vec![key(1), key(2), key(3), key(4)]] {
        let result = repository.accept_root(&signed(&next, &by.iter().collect::<Vec<_>>()), &online(10), now());
        assert!(matches!(result, Err(PublishError::RootSignature(VerifyError::Threshold { .. }))));
    }
    let enough = [key(1), key(3), key(4), key(5)];
    repository.accept_root(&signed(&next, &enough.iter().collect::<Vec<_>>()), &online(10), now()).unwrap();
    // From now on the old keys alone sign no root.
    let late = signed(&root(&[key(1), key(2)], 2, 3), &[&key(1), &key(2)]);
    assert!(matches!(repository.accept_root(&late, &online(10), now()), Err(PublishError::RootSignature(_))));
    check(&repository);
}
