//! Targets that need an approver's signature beside the service's.

use chrono::TimeDelta;

use super::now;
use super::tuf_fixture::{document, image, key, online, repository, root, signed, steps};
use crate::document::DocumentState;
use crate::tuf::{
    Change, Key, Metadata, PublishError, Repository, Role, Root, Targets, add_signatures, parse_unverified, verify,
};

/// The next root, which names key 7 as an approver.
fn approved_root(version: u64) -> Vec<u8> {
    let root = online(10).root(&[key(1).public().clone()], 1, &[key(7).public().clone()], version, now());
    signed(&root, &[&key(1)])
}

fn brings(name: &str) -> Change {
    Change { targets: [(name.to_owned(), Some(image("ab")))].into(), ..Change::default() }
}

/// The draft, signed by these.
fn draft_signed(repository: &Repository, by: &[Key]) -> Vec<u8> {
    let draft = &repository.pending.as_ref().unwrap().targets.bytes;
    add_signatures(draft, &by.iter().collect::<Vec<_>>()).unwrap()
}

/// A repository that has had its approver's signature once.
fn cosigned() -> Repository {
    let mut repository = Repository::default();
    repository.accept_root(&approved_root(1), &online(10), now()).unwrap();
    repository.cosign(&draft_signed(&repository, &[key(7)]), &online(10), now()).unwrap();
    repository
}

/// Whether a client that has the newest root accepts the published targets.
fn is_accepted(repository: &Repository) -> bool {
    let root = repository.roots.values().next_back().unwrap();
    let root: Metadata<Root> = parse_unverified(root).unwrap();
    let role = &root.body.roles[&Role::Targets];
    let file = &repository.files[&Role::Targets].bytes;
    verify::<Metadata<Targets>>(file, &root.body.keys, &role.keyids, role.threshold).is_ok()
}

#[test]
fn the_first_root_is_published_with_targets_that_were_approved() {
    let mut repository = Repository::default();
    let publication = repository.accept_root(&approved_root(1), &online(10), now()).unwrap();
    assert!(publication.files.is_empty(), "{publication:?}");
    assert_eq!(repository.root_version(), 0);
    assert!(matches!(repository.publish(&online(10), brings("a.bin"), now()), Err(PublishError::AwaitingRoot)));
    let signed = draft_signed(&repository, &[key(7)]);
    let publication = repository.cosign(&signed, &online(10), now()).unwrap();
    assert_eq!(
        steps(&publication),
        ["put 1.root.json", "put 1.targets.json", "put 1.campaigns.json", "put 1.snapshot.json", "put timestamp.json"]
    );
    assert!(is_accepted(&repository) && repository.pending.is_none());
    assert!(matches!(repository.cosign(&signed, &online(10), now()), Err(PublishError::NothingToSign)));
}

#[test]
fn what_is_to_be_installed_waits_and_campaigns_go_on() {
    let mut repository = cosigned();
    let publication = repository.publish(&online(10), brings("a.bin"), now()).unwrap();
    assert!(publication.files.iter().all(|(name, _)| !name.contains("targets")), "{:?}", steps(&publication));
    assert!(repository.targets().unwrap().is_empty());
    let change = Change { documents: [(5, Some(document(5, DocumentState::Running)))].into(), ..Change::default() };
    let publication = repository.publish(&online(10), change, now()).unwrap();
    assert!(steps(&publication).contains(&"put 2.campaigns.json".to_owned()));
    assert!(is_accepted(&repository));

    // What is drafted meanwhile comes with it, and asks for the signature anew.
    let early = draft_signed(&repository, &[key(7)]);
    repository.publish(&online(10), brings("b.bin"), now()).unwrap();
    let before = repository.clone();
    assert!(matches!(repository.cosign(&early, &online(10), now()), Err(PublishError::TargetsSignature(_))));
    assert_eq!(repository, before);
    let publication = repository.cosign(&draft_signed(&repository, &[key(7)]), &online(10), now()).unwrap();
    assert_eq!(steps(&publication)[0], "put 2.targets.json");
    assert_eq!(steps(&publication).last().unwrap(), "put timestamp.json");
    assert_eq!(repository.targets().unwrap().keys().collect::<Vec<_>>(), ["a.bin", "b.bin"]);
    assert!(is_accepted(&repository));
}

#[test]
fn only_an_approvers_signature_counts() {
    let mut repository = cosigned();
    repository.publish(&online(10), brings("a.bin"), now()).unwrap();
    let before = repository.clone();
    for by in [vec![], vec![key(8)], vec![key(1)], vec![online(10).targets], vec![online(10).campaigns]] {
        let signed = draft_signed(&repository, &by);
        let result = repository.cosign(&signed, &online(10), now());
        assert!(matches!(result, Err(PublishError::TargetsSignature(_))), "{by:?}");
        assert_eq!(repository, before);
    }
    // The right key over other targets.
    let mut other = cosigned();
    other.publish(&online(10), brings("evil.bin"), now()).unwrap();
    let forged = draft_signed(&other, &[key(7)]);
    assert!(matches!(repository.cosign(&forged, &online(10), now()), Err(PublishError::TargetsSignature(_))));
    for junk in [&b""[..], b"{}", b"[]"] {
        assert!(matches!(repository.cosign(junk, &online(10), now()), Err(PublishError::TargetsSignature(_))));
    }
    // What else is signed by is not published: clients stumble over keys they do not know.
    let crowded = draft_signed(&repository, &[key(7), key(8), key(9)]);
    repository.cosign(&crowded, &online(10), now()).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&repository.files[&Role::Targets].bytes).unwrap();
    assert_eq!(file["signatures"].as_array().unwrap().len(), 2);
}

#[test]
fn a_repository_in_use_asks_for_approval_without_a_gap() {
    let mut repository = repository();
    repository.publish(&online(10), brings("a.bin"), now()).unwrap();
    let publication = repository.accept_root(&approved_root(2), &online(10), now()).unwrap();
    assert!(publication.files.is_empty() && repository.root_version() == 1);
    // Until an approver has signed, the root before holds, and so does all that it allows.
    let publication = repository.publish(&online(10), brings("b.bin"), now()).unwrap();
    assert!(steps(&publication).contains(&"put 3.targets.json".to_owned()), "{:?}", steps(&publication));
    assert!(is_accepted(&repository));
    let publication = repository.cosign(&draft_signed(&repository, &[key(7)]), &online(10), now()).unwrap();
    assert_eq!(steps(&publication)[..2], ["put 2.root.json", "put 4.targets.json"]);
    assert!(is_accepted(&repository));
    assert_eq!(repository.targets().unwrap().len(), 2);
    repository.publish(&online(10), brings("c.bin"), now()).unwrap();
    assert_eq!(repository.targets().unwrap().len(), 2, "now it waits");

    // A root that asks for no approval any more publishes what waited.
    let plain = signed(&root(&[key(1)], 1, 3), &[&key(1)]);
    repository.accept_root(&plain, &online(10), now()).unwrap();
    assert_eq!(repository.targets().unwrap().len(), 3);
    assert!(is_accepted(&repository) && repository.pending.is_none());
}

#[test]
fn a_renewal_is_drafted_once_and_the_rest_is_renewed_meanwhile() {
    let mut repository = cosigned();
    let at = |days| now() + TimeDelta::days(days);
    let names = |publication: Option<_>| publication.map(|one| steps(&one)).unwrap_or_default();
    let renewed = names(repository.renew(&online(10), at(45)).unwrap());
    assert!(renewed.iter().all(|step| !step.contains("targets")), "{renewed:?}");
    let draft = repository.pending.clone().unwrap();
    assert_eq!(draft.targets.version, 2);
    let renewed = names(repository.renew(&online(10), at(50)).unwrap());
    assert!(renewed.contains(&"put timestamp.json".to_owned()));
    assert_eq!(repository.pending, Some(draft), "whoever signs it now need not begin again");
    repository.cosign(&draft_signed(&repository, &[key(7)]), &online(10), at(51)).unwrap();
    assert_eq!(repository.files[&Role::Targets].expires, at(45 + 90));
    assert!(repository.renew(&online(10), at(51)).unwrap().is_none());
}
