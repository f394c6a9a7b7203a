use otaru_domain::clock;
use otaru_domain::document::DocumentState;
use otaru_domain::tuf::{Change, Hashes, Key, Publication, Target, TargetCustom, TargetDelta};
use otaru_domain::uptane::DirectorPublicKeys;

use super::*;

#[path = "../../tests/gateway/model.rs"]
mod model;

use model::Model;

fn apply(repository: &Repository, publication: &Publication) {
    for (name, bytes) in &publication.files {
        repository.apply(name, bytes.clone());
    }
}

fn version(repository: &Repository) -> Option<u64> {
    repository.view().map(|view| view.version)
}

fn harbour() -> (Model, Repository) {
    let (model, first) = Model::new("harbour", clock::now());
    let repository = Repository::new(model.id.clone());
    apply(&repository, &first);
    (model, repository)
}

#[test]
fn a_model_is_served_once_its_timestamp_and_all_below_it_are_there() {
    let (model, first) = Model::new("harbour", clock::now());
    let repository = Repository::new(model.id);
    let (last, others) = first.files.split_last().unwrap();
    for (name, bytes) in others {
        repository.apply(name, bytes.clone());
        assert_eq!(version(&repository), None, "{name}");
    }
    repository.apply(&last.0, last.1.clone());
    assert_eq!(version(&repository), Some(1));
}

#[test]
fn files_in_any_order_end_in_the_same_view() {
    let (model, first) = Model::new("harbour", clock::now());
    let repository = Repository::new(model.id);
    for (name, bytes) in first.files.iter().rev() {
        repository.apply(name, bytes.clone());
    }
    assert_eq!(version(&repository), Some(1));
}

#[test]
fn a_timestamp_that_is_not_newer_changes_nothing() {
    let now = clock::now();
    let (mut model, repository) = harbour();
    let second = model.publish_document(model.document(1, now), now);
    apply(&repository, &second);
    let third = model.publish_document(model.document(2, now), now);
    apply(&repository, &third);
    let served = repository.file(TIMESTAMP).unwrap().sha256;
    let changes = repository.watch();
    apply(&repository, &second);
    apply(&repository, &third);
    assert_eq!(version(&repository), Some(3));
    assert_eq!(repository.view().unwrap().documents.len(), 2);
    assert_eq!(repository.file(TIMESTAMP).unwrap().sha256, served);
    assert!(!changes.has_changed().unwrap());
}

#[test]
fn while_something_is_missing_the_version_before_stays() {
    let now = clock::now();
    let (mut model, repository) = harbour();
    let second = model.publish_document(model.document(1, now), now);
    let (snapshot, others): (Vec<_>, Vec<_>) =
        second.files.into_iter().partition(|(name, _)| name == "2.snapshot.json");
    for (name, bytes) in others {
        repository.apply(&name, bytes);
    }
    assert_eq!(version(&repository), Some(1));
    for (name, bytes) in snapshot {
        repository.apply(&name, bytes);
    }
    assert_eq!(version(&repository), Some(2));
}

#[test]
fn a_changed_file_below_the_timestamp_is_not_served_as_the_newest() {
    let now = clock::now();
    for changed in ["2.snapshot.json", "2.campaigns.json"] {
        let (mut model, repository) = harbour();
        let second = model.publish_document(model.document(1, now), now);
        for (name, bytes) in second.files {
            let bytes = bytes.map(|mut bytes| {
                if name == changed {
                    let digit = bytes.iter().rposition(u8::is_ascii_digit).unwrap();
                    bytes[digit] = if bytes[digit] == b'1' { b'2' } else { b'1' };
                }
                bytes
            });
            repository.apply(&name, bytes);
        }
        assert_eq!(version(&repository), Some(1), "{changed}");
    }
}

#[test]
fn a_document_with_another_hash_than_its_name_says_is_left_aside() {
    let now = clock::now();
    let (mut model, repository) = harbour();
    let second = model.publish_document(model.document(1, now), now);
    for (name, bytes) in second.files {
        let bytes = bytes.map(|bytes| if name.contains("campaign-1") { b"{}".to_vec() } else { bytes });
        repository.apply(&name, bytes);
    }
    assert_eq!(version(&repository), Some(1));
}

#[test]
fn what_is_served_outlives_its_tombstone() {
    let (_, repository) = harbour();
    repository.apply("1.targets.json", None);
    repository.apply("1.snapshot.json", None);
    assert!(repository.file("1.targets.json").is_some());
    assert!(repository.file("1.snapshot.json").is_some());
}

#[test]
fn buried_files_are_gone_and_kept_versions_are_not() {
    let now = clock::now();
    let (mut model, repository) = harbour();
    for campaign in 1..=4 {
        let publication = model.publish_document(model.document(campaign, now), now);
        apply(&repository, &publication);
    }
    assert_eq!(version(&repository), Some(5));
    assert!(repository.file("2.campaigns.json").is_none());
    for kept in ["1.root.json", "3.campaigns.json", "5.campaigns.json", "4.snapshot.json"] {
        assert!(repository.file(kept).is_some(), "{kept}");
    }
}

#[test]
fn a_model_out_of_service_has_nothing_until_it_is_published_again() {
    let now = clock::now();
    let (mut model, repository) = harbour();
    repository.apply(TIMESTAMP, None);
    assert_eq!(version(&repository), None);
    assert!(repository.file(TIMESTAMP).is_none());
    let second = model.publish_document(model.document(1, now), now);
    apply(&repository, &second);
    assert_eq!(version(&repository), Some(2));
}

#[test]
fn an_unreadable_document_takes_only_its_own_campaign_away() {
    let now = clock::now();
    let (mut model, repository) = harbour();
    let mut foreign = model.document(1, now);
    foreign.model = ModelId::parse("meadow").unwrap();
    apply(&repository, &model.publish_document(foreign, now));
    let mut paused = model.document(2, now);
    paused.state = DocumentState::Paused;
    apply(&repository, &model.publish_document(paused, now));
    apply(&repository, &model.publish_document(model.document(3, now), now));
    let view = repository.view().unwrap();
    assert_eq!(view.documents.keys().copied().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(view.running(), 1);
}

#[test]
fn names_say_what_a_file_is() {
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Name::parse("timestamp.json"), Some(Name::Timestamp));
    assert_eq!(Name::parse("12.root.json"), Some(Name::Metadata(Role::Root)));
    assert_eq!(Name::parse("1.campaigns.json"), Some(Name::Metadata(Role::Campaigns)));
    assert_eq!(Name::parse(&format!("{hash}.a.bin")), Some(Name::Target { sha256: hash }));
    let none =
        ["", "root.json", "01.root.json", "1.root", "1.other.json", "1.timestamp.json", "-1.root.json", "+1.root.json"];
    for name in none {
        assert_eq!(Name::parse(name), None, "{name}");
    }
    for name in [hash.to_owned(), format!("{hash}."), format!("{}.a", hash.to_uppercase())] {
        assert_eq!(Name::parse(&name), None, "{name}");
    }
}

#[test]
fn an_image_is_known_by_its_hash_and_its_name() {
    let now = clock::now();
    let (mut model, repository) = harbour();
    let sha256 = otaru_domain::id::Sha256::parse(&"ab".repeat(32)).unwrap();
    apply(&repository, &model.publish_image("BCM.bin", &sha256, 10, now));
    apply(&repository, &model.publish_document(model.document(1, now), now));
    let images = &repository.view().unwrap().images;
    let known = Image { sha256: sha256.clone(), length_bytes: 10, brings: "BCM.bin".to_owned() };
    assert_eq!(images.get(&format!("{sha256}.BCM.bin")), Some(&known));
    assert_eq!(images.len(), 1);
}

#[test]
fn a_delta_is_fetched_for_the_image_that_it_makes() {
    let now = clock::now();
    let (mut model, repository) = harbour();
    let sha256 = "cd".repeat(32);
    let delta = TargetDelta { algorithm: "bsdiff".to_owned(), image: "BCM.bin".to_owned(), source_sha256: None };
    let custom = TargetCustom {
        hardware_ids: Vec::new(),
        release_counter: 1,
        version: "2.0.0".to_owned(),
        release: 1,
        requires: Vec::new(),
        delta: Some(delta),
        encryption: None,
    };
    let target = Target { length: 3, hashes: Hashes { sha256: sha256.clone() }, custom: Some(custom) };
    let targets = [("BCM.delta".to_owned(), Some(target))].into();
    apply(&repository, &model.publish(Change { targets, ..Change::default() }, now));
    assert_eq!(repository.view().unwrap().images[&format!("{sha256}.BCM.delta")].brings, "BCM.bin");
}

fn director() -> DirectorPublicKeys {
    let public = || Key::generate().unwrap().public().clone();
    DirectorPublicKeys { targets: public(), snapshot: public(), timestamp: public() }
}

#[test]
fn the_uptane_repositories_are_as_their_last_readable_message_says() {
    let now = clock::now();
    let (mut model, repository) = harbour();
    assert!(repository.uptane().is_none());
    apply(&repository, &model.begin_uptane(&director(), now));
    let files = repository.uptane().unwrap();
    assert!(files.image_root(1).is_some() && files.image_file("targets.json").is_some());
    assert!(files.director_root(1).is_some() && files.director_root(2).is_none());
    apply(&repository, &model.next_director(&director(), now));
    let files = repository.uptane().unwrap();
    assert_eq!(files.director_root(0), files.director_root(2));
    repository.apply(UPTANE, Some(b"nonsense".to_vec()));
    assert!(repository.uptane().unwrap().director_root(2).is_some(), "what cannot be read changes nothing");
    repository.apply(UPTANE, None);
    assert!(repository.uptane().is_none());
    assert!(repository.file(UPTANE).is_none(), "it is no file of the TUF repository");
}
