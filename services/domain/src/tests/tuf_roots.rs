use chrono::TimeDelta;

use super::now;
use super::tuf_fixture::{key, online, repository, root, signed, steps};
use crate::tuf::{Key, Metadata, PublishError, Repository, Role, Root};

fn first(bytes: &[u8]) -> Result<Repository, PublishError> {
    let mut repository = Repository::default();
    let result = repository.accept_root(bytes, &online(10), now());
    if result.is_err() {
        assert_eq!(repository, Repository::default(), "a refused root changes nothing");
    }
    result.map(|_| repository)
}

fn changed(change: impl FnOnce(&mut Metadata<Root>)) -> Result<Repository, PublishError> {
    let mut root = root(&[key(1)], 1, 1);
    change(&mut root);
    first(&signed(&root, &[&key(1)]))
}

#[test]
fn a_model_without_a_root_awaits_one() {
    let mut repository = Repository::default();
    assert_eq!(repository.root_version(), 0);
    assert!(matches!(
        repository.publish(&online(10), crate::tuf::Change::default(), now()),
        Err(PublishError::AwaitingRoot)
    ));
    assert_eq!(repository.renew(&online(10), now()).unwrap(), None);
    assert_eq!(repository, Repository::default());
}

#[test]
fn the_first_root_brings_a_complete_repository() {
    let mut repository = Repository::default();
    let bytes = signed(&root(&[key(1)], 1, 1), &[&key(1)]);
    let publication = repository.accept_root(&bytes, &online(10), now()).unwrap();
    assert_eq!(
        steps(&publication),
        ["put 1.root.json", "put 1.targets.json", "put 1.campaigns.json", "put 1.snapshot.json", "put timestamp.json"]
    );
    assert_eq!(publication.files[0].1.as_deref(), Some(bytes.as_slice()), "the root is published byte for byte");
    assert_eq!(repository.root_version(), 1);
}

#[test]
fn a_root_of_another_version_than_the_next_is_refused() {
    for version in [0, 2, 7] {
        let result = first(&signed(&root(&[key(1)], 1, version), &[&key(1)]));
        assert!(matches!(result, Err(PublishError::RootVersion { got, expected: 1 }) if got == version));
    }
    let mut repository = repository();
    let again = signed(&root(&[key(1)], 1, 1), &[&key(1)]);
    let result = repository.accept_root(&again, &online(10), now());
    assert!(matches!(result, Err(PublishError::RootVersion { got: 1, expected: 2 })));
}

#[test]
fn a_root_needs_as_many_signatures_as_it_demands() {
    let two_of_three = root(&[key(1), key(2), key(3)], 2, 1);
    assert!(matches!(first(&signed(&two_of_three, &[&key(1)])), Err(PublishError::RootSignature(_))));
    assert!(matches!(first(&signed(&two_of_three, &[])), Err(PublishError::RootSignature(_))));
    assert!(first(&signed(&two_of_three, &[&key(1), &key(3)])).is_ok());
}

#[test]
fn a_signature_by_a_key_that_is_not_a_root_key_does_not_count() {
    assert!(matches!(first(&signed(&root(&[key(1)], 1, 1), &[&key(9)])), Err(PublishError::RootSignature(_))));
    // The online keys are in the file, but not for this role.
    assert!(matches!(first(&signed(&root(&[key(1)], 1, 1), &[&key(10)])), Err(PublishError::RootSignature(_))));
}

#[test]
fn a_new_root_is_signed_by_the_old_keys_and_by_the_new() {
    let rotated = root(&[key(2)], 1, 2);
    for by in [vec![key(1)], vec![key(2)]] {
        let mut repository = repository();
        let before = repository.clone();
        let by: Vec<&Key> = by.iter().collect();
        let result = repository.accept_root(&signed(&rotated, &by), &online(10), now());
        assert!(matches!(result, Err(PublishError::RootSignature(_))));
        assert_eq!(repository, before);
    }
    let mut repository = repository();
    let publication = repository.accept_root(&signed(&rotated, &[&key(1), &key(2)]), &online(10), now()).unwrap();
    assert_eq!(steps(&publication)[0], "put 2.root.json");
    assert_eq!(repository.roots.len(), 2, "roots stay for ever");
}

#[test]
fn a_root_that_gives_the_roles_to_foreign_keys_is_refused() {
    let mut repository = Repository::default();
    let root = online(20).root(&[key(1).public().clone()], 1, &[], 1, now());
    let result = repository.accept_root(&signed(&root, &[&key(1)]), &online(10), now());
    assert!(matches!(result, Err(PublishError::RootKeys(Role::Targets))));
}

#[test]
fn a_root_that_leaves_one_role_to_a_foreign_key_is_refused() {
    for (role, keys) in [
        (Role::Snapshot, crate::tuf::OnlineKeys { snapshot: key(9), ..online(10) }),
        (Role::Timestamp, crate::tuf::OnlineKeys { timestamp: key(9), ..online(10) }),
    ] {
        let mut repository = Repository::default();
        let root = keys.root(&[key(1).public().clone()], 1, &[], 1, now());
        let result = repository.accept_root(&signed(&root, &[&key(1)]), &online(10), now());
        assert!(matches!(result, Err(PublishError::RootKeys(refused)) if refused == role), "{role}");
    }
}

#[test]
fn a_root_that_demands_more_signatures_than_can_be_had_is_refused() {
    let demand = |role: Role, others: &[Key], threshold: u32| {
        changed(|root| {
            let entry = root.body.roles.get_mut(&role).unwrap();
            entry.keyids.extend(others.iter().map(|key| key.id().to_owned()));
            entry.threshold = threshold;
            root.body.keys.extend(others.iter().map(|key| (key.id().to_owned(), key.public().clone())));
        })
    };
    for role in [Role::Snapshot, Role::Timestamp] {
        assert!(matches!(demand(role, &[key(9)], 2), Err(PublishError::RootKeys(refused)) if refused == role));
    }
    let lacks = |result| matches!(result, Err(PublishError::RootThreshold { .. }));
    assert!(lacks(demand(Role::Targets, &[], 2)));
    assert!(lacks(demand(Role::Targets, &[key(9)], 3)));
    assert!(lacks(demand(Role::Targets, &[key(9), key(9)], 3)));
    // The service has its other keys, too: theirs would be no second person's signature.
    assert!(lacks(demand(Role::Targets, &[online(10).snapshot], 2)));
    assert!(lacks(demand(Role::Targets, &[key(9), online(10).timestamp], 2)));
    assert!(demand(Role::Targets, &[key(9)], 2).is_ok());
}

#[test]
fn a_root_that_some_client_would_refuse_is_refused() {
    let parse = |result| matches!(result, Err(PublishError::RootSignature(_)));
    assert!(matches!(changed(|root| root.body.consistent_snapshot = false), Err(PublishError::RootConsistentSnapshot)));
    assert!(parse(changed(|root| root.kind = "targets".into())));
    assert!(parse(changed(|root| {
        let timestamp = root.body.roles[&Role::Timestamp].clone();
        root.body.roles.insert(Role::Campaigns, timestamp);
    })));
    assert!(parse(changed(|root| {
        root.body.keys.insert("0".repeat(64), key(9).public().clone());
    })));
    assert!(parse(changed(|root| {
        root.body.roles.remove(&Role::Snapshot);
    })));
}

#[test]
fn a_root_that_hardly_lives_on_is_refused() {
    let result = changed(|root| root.expires = now() + TimeDelta::hours(24));
    assert!(matches!(result, Err(PublishError::RootExpired)));
    assert!(changed(|root| root.expires = now() + TimeDelta::hours(25)).is_ok());
}

#[test]
fn what_is_no_root_is_refused() {
    let targets = repository().files[&Role::Targets].bytes.clone();
    for bytes in [&b""[..], b"{}", b"[]", b"\xff\xff", b"{\"signatures\":[],\"signed\":{}}", &targets] {
        assert!(matches!(first(bytes), Err(PublishError::RootSignature(_))));
    }
}
