//! The attacks that Uptane is made against (Standard 2.1.0, 4.3), by their names, made by a gateway, a cache or somebody on
//! the way that holds none of the model's keys. What a server makes of hostile vehicles is in the gateway's tests, under the
//! same names.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::{StatusCode, header};
use chrono::TimeDelta;
use otaru_domain::ack::ReportedState;
use otaru_domain::clock;
use otaru_domain::tuf::Change;

use crate::car::{Car, peer_with};
use crate::peer::{Peer, offered, one_report_per_sequence};
use crate::redirects::Store;
use crate::repository::{IMAGE, Model, firmware, sha256};

const TIMESTAMP: &str = "harbour/metadata/timestamp.json";

fn model() -> Model {
    let mut model = Model::new("harbour");
    model.add_image(IMAGE, &["BCM"], 5, "2.0.0", &firmware(1, 200_000));
    model.publish_document(model.document(&[("BCM", IMAGE)]));
    model
}

/// A running campaign for everybody, offered by whoever attacks.
async fn attacked() -> (Arc<Peer>, Car) {
    let peer = Peer::start(vec![model()]).await;
    peer.offer(&[IMAGE]);
    let car = Car::new(&peer);
    (peer, car)
}

/// One check, which must be refused with these words before anything is begun.
async fn is_refused(peer: &Peer, car: &Car, words: &str) {
    let error = format!("{:#}", car.run_once().await.expect_err("the vehicle should have refused"));
    assert!(error.contains(words), "{error}");
    assert!(peer.world().acks.is_empty(), "nothing was begun: {:?}", peer.world().acks);
    assert_eq!(car.active(), None);
}

/// Once the attack is over, the vehicle is updated as if there had been none.
async fn recovers(peer: &Peer, car: &Car) {
    peer.world().overrides.clear();
    car.run_once().await.unwrap();
    assert_eq!(peer.world().states().last(), Some(&ReportedState::Installed));
}

fn replace(peer: &Peer, files: BTreeMap<String, Vec<u8>>) {
    for (path, bytes) in files {
        peer.world().overrides.insert(format!("harbour/{path}"), bytes);
    }
}

#[tokio::test]
async fn eavesdropping_whoever_serves_the_files_learns_no_credential() {
    let peer = peer_with(None).await;
    let (store, address) = Store::start().await;
    peer.world().images_at = Some(format!("http://{address}/images/"));
    let car = Car::new(&peer);
    car.run_once().await.unwrap();
    assert_eq!(peer.world().states().last(), Some(&ReportedState::Installed));
    assert_eq!(peer.world().credentials_with_metadata, 0, "a cache that hands it out is no gateway");
    assert_eq!(store.asked(&header::AUTHORIZATION), [None], "nor is a CDN");
}

#[tokio::test]
async fn drop_request_reports_that_are_dropped_are_sent_until_they_arrive() {
    let (peer, car) = attacked().await;
    peer.world().acks_answer = Some(StatusCode::SERVICE_UNAVAILABLE);
    let running = car.start();
    let polls = peer.world().polls;
    peer.until("polls while reports are dropped", |world| world.polls > polls + 2).await;
    assert!(peer.world().acks.is_empty());
    peer.world().acks_answer = None;
    peer.until("the end", |world| world.states().contains(&ReportedState::Installed)).await;
    running.stop().await;
    assert_eq!(one_report_per_sequence(&peer.world()).last().unwrap().state, ReportedState::Installed);
}

#[tokio::test]
async fn slow_retrieval_a_download_that_stands_still_goes_on_elsewhere_where_it_stopped() {
    let (peer, car) = attacked().await;
    let begun = || car.downloads().iter().any(|path| (1..200_000).contains(&path.metadata().unwrap().len()));
    for points in 1..100 {
        peer.silence_after(Some(points));
        let running = car.start();
        peer.until_silent().await;
        running.kill().await;
        peer.silence_after(None);
        if begun() {
            break;
        }
    }
    assert!(begun(), "the server fell silent within the image");
    assert_eq!(car.active(), None, "half an image is not installed");
    peer.world().ranges.clear();
    recovers(&peer, &car).await;
    assert!(peer.world().ranges.iter().any(|range| !range.starts_with("bytes=0-")), "what was there was kept");
}

#[tokio::test]
async fn freeze_metadata_that_has_expired_is_refused() {
    let mut model = model();
    model.publish_at(Change::default(), clock::now() - TimeDelta::days(2));
    let old = model.metadata();
    model.publish(Change::default());
    let peer = Peer::start(vec![model]).await;
    peer.offer(&[IMAGE]);
    let car = Car::new(&peer);
    replace(&peer, old);
    is_refused(&peer, &car, "expired").await;
    recovers(&peer, &car).await;
}

#[tokio::test]
async fn partial_bundle_of_a_release_all_ecus_are_updated_or_none() {
    let mut model = Model::new("harbour");
    model.add_image(IMAGE, &["BCM"], 5, "2.0.0", &firmware(1, 20_000));
    model.add_image("GW-2.bin", &["GW"], 5, "2.0.0", &firmware(2, 20_000));
    model.publish_document(model.document(&[("BCM", IMAGE), ("GW", "GW-2.bin")]));
    let peer = Peer::start(vec![model]).await;
    let mut car = Car::new(&peer);
    car.config.ecus = ["BCM", "GW"].map(|id| (id.parse().unwrap(), "1.0.0".to_owned())).into();
    let mut changed = firmware(2, 20_000);
    changed[7] ^= 1;
    peer.world().overrides.insert(format!("harbour/targets/{}.GW-2.bin", sha256(&firmware(2, 20_000))), changed);
    peer.offer(&[IMAGE, "GW-2.bin"]);
    car.run_once().await.expect_err("one image is not what was signed");
    assert_eq!(peer.world().acks.last().unwrap().1.error_code.as_deref(), Some("hash_mismatch"));
    assert_eq!(car.active(), None, "the other one, which was sound, is not installed either");
    // An answer that names fewer images than the document is no way around that.
    peer.world().overrides.clear();
    peer.world().acks.clear();
    peer.world().offer = Some(offered(2, &[IMAGE]));
    let error = format!("{:#}", car.run_once().await.expect_err("a part of the release"));
    assert!(error.contains("installs them together"), "{error}");
    assert_eq!(car.active(), None);
}

#[tokio::test]
async fn denial_of_service_a_server_that_answers_nonsense_only_delays() {
    let (peer, car) = attacked().await;
    for nonsense in [
        b"".to_vec(),
        b"{}".to_vec(),
        b"[[[[".to_vec(),
        vec![0xff; 5_000],
        b"{\"signed\":{},\"signatures\":[]}".to_vec(),
    ] {
        peer.world().overrides.insert(TIMESTAMP.to_owned(), nonsense);
        is_refused(&peer, &car, "not verified").await;
    }
    peer.world().polls_answer = Some(StatusCode::TOO_MANY_REQUESTS);
    car.run_once().await.expect_err("turned away");
    peer.world().polls_answer = None;
    recovers(&peer, &car).await;
}

#[tokio::test]
async fn rollback_neither_metadata_nor_software_goes_back() {
    let (peer, car) = attacked().await;
    let old = peer.world().model().metadata();
    peer.world().model().publish(Change::default());
    car.run_once().await.unwrap();
    peer.world().acks.clear();
    replace(&peer, old);
    peer.world().offer = Some(offered(2, &[IMAGE]));
    let error = format!("{:#}", car.run_once().await.expect_err("older metadata"));
    assert!(error.contains("not verified"), "{error}");
    assert!(peer.world().acks.is_empty());
    // Signed anew by who has the keys, an older release is refused by its counter.
    peer.world().overrides.clear();
    peer.world().model().add_image(IMAGE, &["BCM"], 4, "1.0.0", &firmware(3, 1_000));
    car.run_once().await.expect_err("an older release");
    assert_eq!(peer.world().acks.last().unwrap().1.error_code.as_deref(), Some("older_release"));
    assert_eq!(car.image("a", "BCM"), firmware(1, 200_000));
}

#[tokio::test]
async fn endless_data_is_read_no_further_than_it_may_be_long() {
    let (peer, car) = attacked().await;
    peer.world().overrides.insert(TIMESTAMP.to_owned(), vec![b' '; 1_000_000]);
    is_refused(&peer, &car, "not verified").await;
    peer.world().overrides.clear();
    peer.world().endless = true;
    let bytes = firmware(1, 200_000);
    peer.world().overrides.insert(format!("harbour/targets/{}.{IMAGE}", sha256(&bytes)), bytes[..199_999].to_vec());
    car.run_once().await.expect_err("an image without an end");
    assert_eq!(peer.world().acks.last().unwrap().1.error_code.as_deref(), Some("length_exceeded"));
    assert!(car.downloads().is_empty());
}

#[tokio::test]
async fn mix_and_match_files_that_never_were_together_are_refused() {
    let (peer, car) = attacked().await;
    let old = peer.world().model().metadata();
    peer.world().model().add_image("BCM-9.bin", &["BCM"], 9, "9.0.0", b"nine");
    let new = peer.world().model().metadata();
    // What was verified before is kept, so from the first file to the last.
    for role in ["snapshot", "targets", "campaigns"] {
        let newest = |files: &BTreeMap<String, Vec<u8>>| {
            let of_role = files.keys().filter(|name| name.ends_with(&format!(".{role}.json")));
            let number = |name: &&String| {
                name.trim_start_matches("metadata/").split('.').next().unwrap().parse::<u64>().unwrap()
            };
            of_role.max_by_key(number).unwrap().clone()
        };
        let (before, now) = (newest(&old), newest(&new));
        if before == now {
            continue;
        }
        // The older file of the role, under the name of the newer one.
        peer.world().overrides = BTreeMap::from([(format!("harbour/{now}"), old[&before].clone())]);
        is_refused(&peer, &car, "not verified").await;
    }
    // Files of another model's repository, sound in themselves.
    let mut other = Model::new("lake");
    other.add_image(IMAGE, &["BCM"], 5, "2.0.0", &firmware(2, 1_000));
    other.publish_document(other.document(&[("BCM", IMAGE)]));
    peer.world().overrides.clear();
    replace(&peer, other.files);
    is_refused(&peer, &car, "not verified").await;
    recovers(&peer, &car).await;
}

#[tokio::test]
async fn arbitrary_software_is_not_installed_whatever_the_server_offers() {
    let (peer, car) = attacked().await;
    let evil = firmware(9, 200_000);
    let path = format!("harbour/targets/{}.{IMAGE}", sha256(&firmware(1, 200_000)));
    peer.world().model().files.insert(format!("targets/{}.evil.bin", sha256(&evil)), evil.clone());
    peer.world().offer = Some(offered(1, &["evil.bin"]));
    is_refused(&peer, &car, "the signed document does not").await;
    peer.world().offer = Some(offered(1, &[IMAGE]));
    let forged = peer.world().model().forged_timestamp();
    peer.world().overrides.insert(TIMESTAMP.to_owned(), forged);
    is_refused(&peer, &car, "not verified").await;
    peer.world().overrides = BTreeMap::from([(path, evil)]);
    car.run_once().await.expect_err("another image of the same length");
    assert_eq!(peer.world().acks.last().unwrap().1.error_code.as_deref(), Some("hash_mismatch"));
    assert_eq!(car.active(), None);
}
