//! Images by way of deltas: only what is new is downloaded, and whatever is wrong with a delta costs a download, not the
//! update.

use std::fs;
use std::io::Read as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use otaru_domain::ack::ReportedState;
use otaru_domain::delta::{Algorithm, make};
use otaru_domain::release::Installation;
use otaru_vehicle::agent::{AgentConfig, run};
use tokio_util::sync::CancellationToken;

use crate::car::{Car, peer_with};
use crate::kills::killed_after;
use crate::peer::{Peer, offered, one_report_per_sequence};
use crate::repository::{Model, firmware, sha256};

const NEXT: &str = "BCM-3.0.0-r2.bin";

/// What the vehicles of `peer_with` run once they were there.
fn before() -> Vec<u8> {
    firmware(1, 300_000)
}

/// Nearly the same.
fn after() -> Vec<u8> {
    let mut image = before();
    image.splice(120_000..120_100, firmware(2, 700));
    image
}

fn delta(algorithm: Algorithm, source: &[u8], image: &[u8]) -> Vec<u8> {
    make(algorithm, source, image, &|| true).unwrap()
}

/// A vehicle that runs the image of before, and is offered the one after.
async fn car() -> (Arc<Peer>, Car) {
    let peer = peer_with(None).await;
    let car = Car::new(&peer);
    car.run_once().await.unwrap();
    offer_next(&peer, &after());
    (peer, car)
}

fn offer_next(peer: &Peer, image: &[u8]) {
    let mut world = peer.world();
    let model = world.model();
    model.add_image(NEXT, &["BCM"], 6, "3.0.0", image);
    model.publish_document(model.document(&[("BCM", NEXT)]));
    world.offer = Some(offered(2, &[NEXT]));
    world.acks.clear();
    world.served.clear();
}

fn add(peer: &Peer, algorithm: Algorithm, source: Option<&[u8]>, delta: &[u8]) -> String {
    peer.world().model().add_delta(NEXT, algorithm, source, delta)
}

fn served(peer: &Peer, name: &str) -> usize {
    peer.world().served.get(name).copied().unwrap_or_default()
}

/// What the report of the download says beside its state.
fn told(peer: &Peer) -> String {
    let reports = one_report_per_sequence(&peer.world());
    assert_eq!(reports.last().unwrap().state, ReportedState::Installed);
    let downloaded = reports.into_iter().find(|ack| ack.state == ReportedState::Downloaded);
    downloaded.unwrap().log.unwrap_or_default()
}

/// Fails unless the image was downloaded whole, and the report says why in these words.
fn assert_fallback(peer: &Peer, car: &Car, why: &str) {
    let told = told(peer);
    assert!(told.contains(why), "{why:?} is not in {told:?}");
    assert_eq!(car.image("b", "BCM"), after(), "{why}");
    assert_eq!(served(peer, NEXT), after().len(), "{why}");
    assert!(car.downloads().is_empty(), "{why}: {:?}", car.downloads());
}

#[tokio::test]
async fn only_the_delta_is_downloaded_whatever_made_it() {
    for algorithm in [Algorithm::ZstdPatchFrom, Algorithm::BsdiffZstd] {
        let (peer, car) = car().await;
        let bytes = delta(algorithm, &before(), &after());
        let name = add(&peer, algorithm, Some(&before()), &bytes);
        // Beside it, one that is for others and smaller.
        add(&peer, algorithm, Some(b"what others run"), b"tiny");
        car.run_once().await.unwrap();
        assert_eq!(car.image("b", "BCM"), after());
        assert_eq!((served(&peer, &name), served(&peer, NEXT)), (bytes.len(), 0), "{algorithm:?}");
        assert!(bytes.len() < 2_000, "{}", bytes.len());
        let expected = format!("BCM: {} bytes downloaded instead of {}", bytes.len(), after().len());
        assert!(told(&peer).starts_with(&expected), "{}", told(&peer));
        assert!(car.downloads().is_empty());
    }
}

#[tokio::test]
async fn the_way_back_takes_a_delta_as_well() {
    let (peer, car) = car().await;
    add(&peer, Algorithm::ZstdPatchFrom, Some(&before()), &delta(Algorithm::ZstdPatchFrom, &before(), &after()));
    car.run_once().await.unwrap();
    let back = delta(Algorithm::ZstdPatchFrom, &after(), &before());
    let name = {
        let mut world = peer.world();
        let model = world.model();
        model.add_image("BCM-2.0.0-r3.bin", &["BCM"], 7, "2.0.0", &before());
        let name = model.add_delta("BCM-2.0.0-r3.bin", Algorithm::ZstdPatchFrom, Some(&after()), &back);
        model.publish_document(model.document(&[("BCM", "BCM-2.0.0-r3.bin")]));
        world.offer = Some(offered(3, &["BCM-2.0.0-r3.bin"]));
        world.acks.clear();
        name
    };
    car.run_once().await.unwrap();
    assert_eq!((car.image("a", "BCM"), served(&peer, &name)), (before(), back.len()));
    assert_eq!(served(&peer, "BCM-2.0.0-r3.bin"), 0);
}

#[tokio::test]
async fn a_vehicle_that_runs_something_else_takes_the_compressed_whole() {
    let image = [before(), vec![0; 400_000]].concat();
    let compressed = delta(Algorithm::Zstd, &[], &image);
    // Nothing runs in a slot before the first installation, and a workshop may have put something there.
    for run_before in [false, true] {
        let peer = peer_with(None).await;
        let car = Car::new(&peer);
        if run_before {
            car.run_once().await.unwrap();
            fs::write(car.config.state_dir.join("slots/a/BCM.bin"), b"the workshop's").unwrap();
        }
        offer_next(&peer, &image);
        let name = add(&peer, Algorithm::Zstd, None, &compressed);
        add(&peer, Algorithm::ZstdPatchFrom, Some(&before()), &delta(Algorithm::ZstdPatchFrom, &before(), &image));
        car.run_once().await.unwrap();
        assert_eq!((served(&peer, &name), served(&peer, NEXT)), (compressed.len(), 0), "{run_before}");
        assert_eq!(car.image(&car.active().unwrap(), "BCM"), image);
    }
}

#[tokio::test]
async fn a_source_that_was_changed_on_disk_is_no_source() {
    let (peer, car) = car().await;
    let name =
        add(&peer, Algorithm::ZstdPatchFrom, Some(&before()), &delta(Algorithm::ZstdPatchFrom, &before(), &after()));
    let path = car.config.state_dir.join("slots/a/BCM.bin");
    let mut bytes = fs::read(&path).unwrap();
    bytes[200_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    car.run_once().await.unwrap();
    assert_eq!((served(&peer, &name), served(&peer, NEXT)), (0, after().len()));
    assert_eq!(car.image("b", "BCM"), after());
}

#[tokio::test]
async fn a_delta_that_is_corrupt_or_missing_costs_a_download_and_not_the_update() {
    let good = delta(Algorithm::ZstdPatchFrom, &before(), &after());
    for (missing, why) in [(false, "the file's hash is not the signed one"), (true, "does not send the file (404")] {
        let (peer, car) = car().await;
        let name = add(&peer, Algorithm::ZstdPatchFrom, Some(&before()), &good);
        let path = format!("targets/{}.{name}", sha256(&good));
        let file = peer.world().model().files.remove(&path).unwrap();
        if !missing {
            let changed = file.iter().map(|byte| byte ^ 1).collect();
            peer.world().model().files.insert(path, changed);
        }
        car.run_once().await.unwrap();
        assert_fallback(&peer, &car, why);
    }
}

#[tokio::test]
async fn a_delta_that_is_not_served_at_present_is_waited_for_but_not_for_ever_unless_the_gateway_says_how_long() {
    for (tries, retry_after, by_delta) in [(2, None, true), (3, None, false), (4, Some(1), true)] {
        let (peer, car) = car().await;
        peer.world().retry_after = retry_after;
        let bytes = delta(Algorithm::ZstdPatchFrom, &before(), &after());
        let name = add(&peer, Algorithm::ZstdPatchFrom, Some(&before()), &bytes);
        peer.world().unavailable = Some(name.clone());
        for _ in 0..tries {
            let error = format!("{:#}", car.run_once().await.expect_err("the gateway is busy"));
            assert!(error.contains("503"), "{error}");
            assert_eq!(served(&peer, NEXT), 0, "a busy gateway is not asked for more");
        }
        if by_delta {
            peer.world().unavailable = None;
        }
        car.run_once().await.unwrap();
        assert_eq!(car.image("b", "BCM"), after());
        assert_eq!((served(&peer, &name) > 0, served(&peer, NEXT) > 0), (by_delta, !by_delta));
    }
}

#[tokio::test]
async fn a_signed_delta_that_gives_anything_else_is_not_believed() {
    let bomb = delta(Algorithm::Zstd, &[], &vec![0; 100_000_000]);
    let longer = delta(Algorithm::ZstdPatchFrom, &before(), &[after(), b"more".to_vec()].concat());
    let mut other = after();
    other[7] ^= 1;
    let other = delta(Algorithm::BsdiffZstd, &before(), &other);
    let wrong = [
        (Algorithm::Zstd, bomb, "more than the image's signed length"),
        (Algorithm::ZstdPatchFrom, longer, "more than the image's signed length"),
        (Algorithm::ZstdPatchFrom, delta(Algorithm::ZstdPatchFrom, &before(), b"short"), "less than the image's"),
        (Algorithm::BsdiffZstd, other, "the result's hash is not the signed one"),
        (Algorithm::BsdiffZstd, b"no delta at all".to_vec(), "it cannot be read"),
    ];
    for (algorithm, bytes, why) in wrong {
        let (peer, car) = car().await;
        let source = before();
        add(&peer, algorithm, algorithm.has_source().then_some(source.as_slice()), &bytes);
        car.run_once().await.unwrap();
        assert_fallback(&peer, &car, why);
    }
}

#[tokio::test]
async fn an_agent_without_the_memory_for_a_delta_does_without_it() {
    let (peer, mut car) = car().await;
    let name =
        add(&peer, Algorithm::ZstdPatchFrom, Some(&before()), &delta(Algorithm::ZstdPatchFrom, &before(), &after()));
    car.config.delta_memory_bytes = 1 << 20;
    car.run_once().await.unwrap();
    assert_eq!((served(&peer, &name), served(&peer, NEXT)), (0, after().len()));
    assert_eq!(told(&peer), "");
}

#[tokio::test]
async fn a_campaign_that_names_a_delta_as_an_image_installs_nothing() {
    let (peer, car) = car().await;
    let name =
        add(&peer, Algorithm::ZstdPatchFrom, Some(&before()), &delta(Algorithm::ZstdPatchFrom, &before(), &after()));
    {
        let mut world = peer.world();
        let model = world.model();
        model.publish_document(model.document(&[("BCM", &name)]));
        world.offer = Some(offered(2, &[&name]));
    }
    car.run_once().await.expect_err("it is no image");
    assert_eq!(peer.world().acks.last().unwrap().1.error_code.as_deref(), Some("wrong_hardware"));
    assert_eq!(car.active().as_deref(), Some("a"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_applying_loses_nothing() {
    let (peer, car) = car().await;
    let bytes = delta(Algorithm::ZstdPatchFrom, &before(), &after());
    let name = add(&peer, Algorithm::ZstdPatchFrom, Some(&before()), &bytes);
    // A pipe takes what is made, and holds the agent up when it is full.
    let path = car.config.state_dir.join("downloads").join(format!("{}.made", sha256(&after())));
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = AgentConfig { once: true, ..car.config.clone() };
    let agent = runtime.spawn(run(config, CancellationToken::new()));
    let pipe = path.clone();
    let begun = tokio::task::spawn_blocking(move || {
        let mut pipe = fs::File::open(pipe).unwrap();
        let mut begun = vec![0; 1_000];
        pipe.read_exact(&mut begun).unwrap();
        assert!(!agent.is_finished(), "it is in the middle of it");
        runtime.shutdown_timeout(Duration::from_millis(100));
        begun
    });
    let begun = begun.await.unwrap();
    assert_eq!(begun, after()[..1_000]);
    // What a kill leaves on a disk.
    fs::remove_file(&path).unwrap();
    fs::write(&path, &begun).unwrap();
    car.run_once().await.unwrap();
    assert_eq!(car.image("b", "BCM"), after());
    assert_eq!((served(&peer, &name), served(&peer, NEXT)), (bytes.len(), 0), "the delta was downloaded once");
    assert!(told(&peer).contains("instead of"), "{}", told(&peer));
    assert!(car.downloads().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_point_of_an_update_by_delta_changes_nothing_but_the_time() {
    for points in 0.. {
        let (peer, car) = car().await;
        add(&peer, Algorithm::BsdiffZstd, Some(&before()), &delta(Algorithm::BsdiffZstd, &before(), &after()));
        let killed = killed_after(&peer, &car, points).await;
        car.run_once().await.unwrap();
        assert!(told(&peer).contains("instead of"), "killed at point {points}: {}", told(&peer));
        assert_eq!((car.image("b", "BCM"), served(&peer, NEXT)), (after(), 0), "killed at point {points}");
        if !killed {
            assert!(points > 20, "there are that many points in an update, not {points}");
            return;
        }
    }
}

#[tokio::test]
async fn several_ecus_in_an_order_take_a_delta_each() {
    let ecus = ["GW", "BCM"];
    let mut model = Model::new("harbour");
    let names = ["gw.bin", "bcm.bin"];
    for (name, ecu) in names.iter().zip(ecus) {
        model.add_image(name, &[ecu], 5, "2.0.0", &before());
    }
    model.publish_document(model.document(&[("GW", names[0]), ("BCM", names[1])]));
    let peer = Peer::start(vec![model]).await;
    peer.offer(&names);
    let mut car = Car::new(&peer);
    car.config.ecus = ecus.map(|id| (id.parse().unwrap(), "1.0.0".to_owned())).into();
    car.run_once().await.unwrap();
    let next = ["gw-3.bin", "bcm-3.bin"];
    {
        let mut world = peer.world();
        let model = world.model();
        for (name, ecu) in next.iter().zip(ecus) {
            model.add_image(name, &[ecu], 6, "3.0.0", &after());
            let bytes = delta(Algorithm::ZstdPatchFrom, &before(), &after());
            model.add_delta(name, Algorithm::ZstdPatchFrom, Some(&before()), &bytes);
        }
        let mut document = model.document(&[("GW", next[0]), ("BCM", next[1])]);
        document.installation = Installation::Ordered;
        model.publish_document(document);
        world.offer = Some(offered(2, &next));
        world.acks.clear();
    }
    car.run_once().await.unwrap();
    let slot = car.active().unwrap();
    assert_eq!(ecus.map(|ecu| car.image(&slot, ecu)), [after(), after()]);
    assert_eq!(next.map(|name| served(&peer, name)), [0, 0]);
    assert_eq!(told(&peer).lines().count(), 2, "{}", told(&peer));
}
