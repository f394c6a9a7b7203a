//! What a gateway, or whoever stands in its place, cannot make a vehicle do.

use std::sync::Arc;

use otaru_domain::ack::ReportedState;
use otaru_domain::clock;
use otaru_domain::document::{CampaignDocument, DocumentState};
use otaru_domain::membership;
use otaru_domain::requirement::{Requirement, VersionRange};
use otaru_domain::tuf::{Change, Hashes, Target, TargetCustom};

use crate::car::{Car, VIN};
use crate::peer::{Peer, offered};
use crate::repository::{IMAGE, Model, SALT, firmware, sha256};

/// A running campaign for everybody, with whatever `change` makes of its document.
async fn campaign(change: impl FnOnce(&mut CampaignDocument)) -> (Arc<Peer>, Car) {
    let mut model = Model::new("harbour");
    model.add_image(IMAGE, &["BCM"], 5, "2.0.0", &firmware(1, 200_000));
    let mut document = model.document(&[("BCM", IMAGE)]);
    change(&mut document);
    model.publish_document(document);
    let peer = Peer::start(vec![model]).await;
    peer.offer(&[IMAGE]);
    let car = Car::new(&peer);
    (peer, car)
}

/// One check, which must refuse with these words and leave no trace.
async fn refuses(peer: &Peer, car: &Car, words: &str) {
    let error = car.run_once().await.expect_err("the vehicle should have refused");
    let text = format!("{error:#}");
    assert!(text.contains(words), "{text}");
    assert!(peer.world().acks.is_empty(), "nothing was begun: {:?}", peer.world().acks);
    assert_eq!(car.active(), None);
}

#[tokio::test]
async fn a_sound_campaign_is_installed() {
    let (peer, car) = campaign(|_| {}).await;
    car.run_once().await.unwrap();
    assert_eq!(peer.world().states().last(), Some(&ReportedState::Installed));
}

#[tokio::test]
async fn what_needs_an_approver_is_not_installed_on_the_word_of_the_server_alone() {
    let mut model = Model::approved("harbour");
    model.add_image(IMAGE, &["BCM"], 5, "2.0.0", &firmware(1, 200_000));
    let document = model.document(&[("BCM", IMAGE)]);
    model.publish_document(document.clone());
    let peer = Peer::start(vec![model]).await;
    peer.offer(&[IMAGE]);
    let car = Car::new(&peer);
    car.run_once().await.unwrap();
    assert_eq!(peer.world().states().last(), Some(&ReportedState::Installed), "what was approved is installed");

    peer.world().acks.clear();
    let evil = firmware(9, 100_000);
    {
        let mut world = peer.world();
        let model = world.model();
        let target = Target {
            length: evil.len() as u64,
            hashes: Hashes { sha256: sha256(&evil) },
            custom: Some(TargetCustom {
                hardware_ids: vec!["BCM".parse().unwrap()],
                release_counter: 6,
                version: "6.6.6".to_owned(),
                release: 2,
                requires: Vec::new(),
                delta: None,
                encryption: None,
            }),
        };
        model.take_over(Change {
            targets: [("evil.bin".to_owned(), Some(target))].into(),
            documents: [(document.campaign, Some(model.document(&[("BCM", "evil.bin")])))].into(),
        });
        model.files.insert(format!("targets/{}.evil.bin", sha256(&evil)), evil);
    }
    peer.world().offer = Some(offered(2, &["evil.bin"]));
    let error = format!("{:#}", car.run_once().await.expect_err("the vehicle should have refused"));
    assert!(error.contains("targets"), "{error}");
    assert!(peer.world().acks.is_empty());
    assert_eq!(car.image("a", "BCM"), firmware(1, 200_000));
}

#[tokio::test]
async fn a_closed_wave_is_refused() {
    let (peer, car) = campaign(|document| document.waves[0].open = false).await;
    refuses(&peer, &car, "wave is not open").await;
}

#[tokio::test]
async fn a_vehicle_above_the_cutoff_is_no_member() {
    let rank = membership::rank(SALT, &VIN.parse().unwrap());
    let (peer, car) = campaign(|document| document.waves[0].cutoff = rank - 1).await;
    refuses(&peer, &car, "no wave").await;
}

#[tokio::test]
async fn an_expired_offer_is_refused() {
    let (peer, car) = campaign(|document| document.offer_expires = clock::now()).await;
    refuses(&peer, &car, "expired").await;
}

#[tokio::test]
async fn a_paused_campaign_is_refused() {
    let (peer, car) = campaign(|document| document.state = DocumentState::Paused).await;
    refuses(&peer, &car, "not running").await;
}

#[tokio::test]
async fn a_document_for_another_model_is_refused() {
    let (peer, car) = campaign(|document| document.model = "lake".parse().unwrap()).await;
    refuses(&peer, &car, "another model").await;
}

#[tokio::test]
async fn another_models_repository_is_refused() {
    let (peer, car) = campaign(|_| {}).await;
    let mut other = Model::new("lake");
    other.add_image(IMAGE, &["BCM"], 5, "2.0.0", &firmware(2, 1_000));
    other.publish_document(other.document(&[("BCM", IMAGE)]));
    for (path, bytes) in other.files {
        peer.world().overrides.insert(format!("harbour/{path}"), bytes);
    }
    refuses(&peer, &car, "not verified").await;
}

#[tokio::test]
async fn a_changed_timestamp_is_refused() {
    let (peer, car) = campaign(|_| {}).await;
    let path = "harbour/metadata/timestamp.json".to_owned();
    let forged = peer.world().model().forged_timestamp();
    peer.world().overrides.insert(path, forged);
    refuses(&peer, &car, "not verified").await;
}

#[tokio::test]
async fn metadata_that_goes_back_is_refused_even_after_a_restart() {
    let (peer, car) = campaign(|_| {}).await;
    let old = peer.world().model().metadata();
    peer.world().model().publish(otaru_domain::tuf::Change::default());
    let offer = peer.world().offer.clone();
    car.run_once().await.unwrap();
    peer.world().acks.clear();
    for (path, bytes) in old {
        peer.world().overrides.insert(format!("harbour/{path}"), bytes);
    }
    peer.world().offer = offer.map(|mut offer| {
        offer["attempt"] = 2.into();
        offer
    });
    let error = format!("{:#}", car.run_once().await.expect_err("a rollback"));
    assert!(error.contains("not verified"), "{error}");
    assert!(peer.world().acks.is_empty());
}

#[tokio::test]
async fn endless_metadata_is_cut_off() {
    let (peer, car) = campaign(|_| {}).await;
    peer.world().overrides.insert("harbour/metadata/timestamp.json".to_owned(), vec![b' '; 1_000_000]);
    refuses(&peer, &car, "not verified").await;
}

#[tokio::test]
async fn a_target_that_the_document_does_not_name_is_refused() {
    let (peer, car) = campaign(|_| {}).await;
    peer.world().model().add_image("BCM-9.bin", &["BCM"], 9, "9", b"nine");
    peer.offer(&["BCM-9.bin"]);
    refuses(&peer, &car, "the signed document does not").await;
}

#[tokio::test]
async fn a_target_that_is_not_signed_is_refused() {
    let (peer, car) = campaign(|document| document.targets[0].name = "other.bin".to_owned()).await;
    peer.offer(&["other.bin"]);
    refuses(&peer, &car, "not among the signed targets").await;
}

/// One check, which must end in an error that names this code.
async fn attempt_fails(car: &Car, code: &str) {
    let error = format!("{:#}", car.run_once().await.expect_err("the update should have failed"));
    assert!(error.contains("the update to campaign") && error.contains(code), "{error}");
}

/// The attempt fails with this code, and nothing is installed.
async fn fails(peer: &Peer, car: &Car, code: &str) {
    attempt_fails(car, code).await;
    car.run_once().await.expect("nothing is attempted again");
    let world = peer.world();
    let (_, last) = world.acks.last().unwrap();
    assert_eq!((last.state, last.error_code.as_deref()), (ReportedState::Failed, Some(code)));
    assert_eq!(car.active(), None);
    assert!(car.downloads().is_empty(), "the bad file is gone");
}

#[tokio::test]
async fn a_changed_target_fails_with_its_code_and_is_deleted() {
    let (peer, car) = campaign(|_| {}).await;
    let mut bytes = firmware(1, 200_000);
    let path = format!("harbour/targets/{}.{IMAGE}", sha256(&bytes));
    bytes[100_000] ^= 1;
    peer.world().overrides.insert(path, bytes);
    fails(&peer, &car, "hash_mismatch").await;
}

#[tokio::test]
async fn endless_data_is_cut_off_at_the_signed_length() {
    let (peer, car) = campaign(|_| {}).await;
    let bytes = firmware(1, 200_000);
    // One byte short, so that the endless rest crosses the signed length.
    let path = format!("harbour/targets/{}.{IMAGE}", sha256(&bytes));
    peer.world().overrides.insert(path, bytes[..199_999].to_vec());
    peer.world().endless = true;
    fails(&peer, &car, "length_exceeded").await;
}

#[tokio::test]
async fn an_image_for_other_hardware_fails() {
    let (peer, car) = campaign(|_| {}).await;
    peer.world().model().add_image(IMAGE, &["TCU"], 5, "2.0.0", &firmware(1, 200_000));
    fails(&peer, &car, "wrong_hardware").await;
}

#[tokio::test]
async fn an_ecu_that_the_vehicle_does_not_have_fails() {
    let (peer, car) = campaign(|document| document.targets[0].hardware_id = "TCU".parse().unwrap()).await;
    peer.world().model().add_image(IMAGE, &["TCU"], 5, "2.0.0", &firmware(1, 200_000));
    fails(&peer, &car, "no_such_ecu").await;
}

#[tokio::test]
async fn an_older_release_than_the_installed_one_fails() {
    let (peer, car) = campaign(|_| {}).await;
    car.run_once().await.unwrap();
    peer.world().model().add_image(IMAGE, &["BCM"], 4, "1.0.0", &firmware(3, 1_000));
    peer.world().offer = Some(crate::peer::offered(2, &[IMAGE]));
    attempt_fails(&car, "older_release").await;
    let world = peer.world();
    let (_, last) = world.acks.last().unwrap();
    assert_eq!((last.state, last.error_code.as_deref()), (ReportedState::Failed, Some("older_release")));
    assert_eq!(car.image("a", "BCM"), firmware(1, 200_000), "the newer one still runs");
}

#[tokio::test]
async fn an_image_that_requires_what_does_not_run_here_fails_before_it_is_downloaded() {
    for (requires, runs) in [("BCM >=1.5", false), ("GW >=1", false), ("BCM >=1, <1.5", true), ("BCM !=9", true)] {
        let (ecu, versions) = requires.split_once(' ').unwrap();
        let requirement =
            Requirement { hardware_id: ecu.parse().unwrap(), versions: VersionRange::parse(versions).unwrap() };
        let mut model = Model::new("harbour");
        model.add_demanding_image(IMAGE, &["BCM"], 5, "2.0.0", &firmware(1, 1_000), vec![requirement]);
        let document = model.document(&[("BCM", IMAGE)]);
        model.publish_document(document);
        let peer = Peer::start(vec![model]).await;
        peer.offer(&[IMAGE]);
        let car = Car::new(&peer);
        if runs {
            car.run_once().await.unwrap();
            assert_eq!(peer.world().states().last(), Some(&ReportedState::Installed), "{requires}");
            continue;
        }
        attempt_fails(&car, "requires").await;
        let world = peer.world();
        let (_, last) = world.acks.last().unwrap();
        assert_eq!((last.state, last.error_code.as_deref()), (ReportedState::Failed, Some("dependency_not_met")));
        assert!(last.log.as_deref().is_some_and(|log| log.contains(requires)), "{:?}", last.log);
        assert!(!world.states().contains(&ReportedState::Downloading), "{requires}");
    }
}
