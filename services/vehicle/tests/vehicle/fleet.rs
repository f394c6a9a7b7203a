//! What the simulated fleet promises to those who test with it: real steps, no lost report, and the same again
//! for the same seed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use otaru_domain::ack::ReportedState;
use otaru_vehicle::fleet::{Behaviour, Download, FleetConfig, Stats, read_credentials, run};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::peer::{Peer, TOKEN};
use crate::repository::{IMAGE, Model, firmware, sha256};

const LENGTH: usize = 200_000;

fn vin(number: usize) -> String {
    format!("WVWZZZ1KZAW{number:06}")
}

async fn peer() -> Arc<Peer> {
    let models = ["harbour", "lake"].map(|id| {
        let mut model = Model::new(id);
        model.add_image(IMAGE, &["BCM"], 5, "2.0.0", &firmware(1, LENGTH));
        model.publish_document(model.document(&[("BCM", IMAGE)]));
        model
    });
    let peer = Peer::start(models.into()).await;
    peer.offer(&[IMAGE]);
    peer.world().offer_ends = true;
    peer
}

/// The fleet as its file says it, half of each model.
fn config(peer: &Peer, dir: &Path, size: usize) -> FleetConfig {
    let path = dir.join("fleet.ndjson");
    let lines = (0..size).map(|number| {
        let model = if number % 2 == 0 { "harbour" } else { "lake" };
        let root: Value = serde_json::from_slice(&peer.world().models[model].root).unwrap();
        let root = if number < 2 { root } else { Value::Null };
        let line = json!({ "vin": vin(number), "model": model, "token": TOKEN, "root": root,
                           "ecus": { "BCM": "1.0.0", "TCU": "7" } });
        format!("{line}\n")
    });
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    let mut config = FleetConfig::new(peer.url(), read_credentials(&path).unwrap());
    config.poll_interval = Duration::from_millis(100);
    config.behaviour = Behaviour {
        step_delay_mean: Duration::from_millis(20),
        online_mean: Duration::from_millis(300),
        offline_mean: Duration::from_millis(100),
        failure_ratio: 0.2,
        decline_ratio: 0.1,
        duplicate_ratio: 0.3,
        batch_ratio: 0.3,
        stream_ratio: 0.2,
        ..Behaviour::default()
    };
    config
}

struct Running {
    stats: Arc<Stats>,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(config: FleetConfig) -> Self {
        let (stats, stop) = (Arc::new(Stats::default()), CancellationToken::new());
        Self { task: tokio::spawn(run(config, stats.clone(), stop.clone())), stats, stop }
    }

    fn ended(&self) -> u64 {
        let now = self.stats.snapshot();
        now.installed + now.failed + now.declined
    }

    async fn until_ended(&self, peer: &Peer, size: u64) {
        peer.until("the fleet to finish", |_| self.ended() == size).await;
    }

    async fn stop(self) -> Arc<Stats> {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
        self.stats
    }
}

/// What each vehicle reported, by sequence.
fn histories(peer: &Peer) -> BTreeMap<String, BTreeMap<u64, (ReportedState, uuid::Uuid)>> {
    let mut histories: BTreeMap<String, BTreeMap<u64, _>> = BTreeMap::new();
    for (vin, ack) in &peer.world().acks {
        let report = (ack.state, ack.id.unwrap());
        let known = histories.entry(vin.clone()).or_default().entry(ack.sequence).or_insert(report);
        assert_eq!(*known, report, "{vin} gave a sequence twice");
    }
    histories
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_finishes_a_campaign_and_loses_no_report() {
    let (peer, dir) = (peer().await, tempfile::tempdir().unwrap());
    let mut config = config(&peer, dir.path(), 60);
    config.accepted_acks = Some(dir.path().join("accepted.ndjson"));
    let fleet = Running::start(config);
    peer.until("the first reports", |world| world.acks.len() > 20).await;
    peer.world().acks_answer = Some(axum::http::StatusCode::SERVICE_UNAVAILABLE);
    let errors = fleet.stats.errors.load(Ordering::Relaxed);
    peer.until("refused reports", |_| fleet.stats.errors.load(Ordering::Relaxed) > errors + 5).await;
    peer.world().acks_answer = None;
    fleet.until_ended(&peer, 60).await;
    let stats = fleet.stop().await.snapshot();

    let histories = histories(&peer);
    assert_eq!(histories.len(), 60);
    let mut ends = BTreeMap::new();
    for (vin, history) in &histories {
        let sequences: Vec<u64> = history.keys().copied().collect();
        assert_eq!(sequences, (1..=history.len() as u64).collect::<Vec<_>>(), "{vin} left a sequence out");
        *ends.entry(history.values().last().unwrap().0).or_insert(0_u64) += 1;
    }
    let of = |state| ends.get(&state).copied().unwrap_or(0);
    assert_eq!(of(ReportedState::Installed), stats.installed);
    assert_eq!(of(ReportedState::Failed), stats.failed);
    assert_eq!(of(ReportedState::Declined), stats.declined);
    assert!(stats.failed > 0 && stats.declined > 0, "{stats:?}");
    assert!(peer.world().acks.len() as u64 > stats.acks_accepted, "some were sent twice");
    assert_eq!(stats.online, 0, "who is stopped is not online");

    let taken: BTreeSet<_> =
        histories.iter().flat_map(|(vin, acks)| acks.values().map(|(_, id)| (vin.clone(), *id))).collect();
    let noted = std::fs::read_to_string(dir.path().join("accepted.ndjson")).unwrap();
    let noted: Vec<_> = noted
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["vin"].as_str().unwrap().to_owned(), line["id"].as_str().unwrap().parse().unwrap())
        })
        .collect();
    assert_eq!(noted.len() as u64, stats.acks_accepted);
    assert_eq!(noted.iter().cloned().collect::<BTreeSet<_>>(), taken, "each is noted once");
    assert_eq!(noted.len(), taken.len());

    let inventories = &peer.world().inventories;
    assert_eq!(inventories.len() as u64, stats.installed);
    let versions: Vec<_> = inventories[0].1.ecus.iter().map(|ecu| ecu.version.as_str()).collect();
    assert_eq!(versions, ["2.0.0", "7"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_gives_the_same_reports() {
    let mut runs = Vec::new();
    let (peer, dir) = (peer().await, tempfile::tempdir().unwrap());
    for _ in 0..2 {
        peer.world().acks.clear();
        let fleet = Running::start(config(&peer, dir.path(), 20));
        fleet.until_ended(&peer, 20).await;
        fleet.stop().await;
        runs.push(histories(&peer));
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_members_of_an_open_wave_take_the_update() {
    let (peer, dir) = (peer().await, tempfile::tempdir().unwrap());
    let half = 1 << 51;
    for model in peer.world().models.values_mut() {
        let mut document = model.document(&[("BCM", IMAGE)]);
        document.waves[0].cutoff = half;
        model.publish_document(document);
    }
    let expected: BTreeSet<String> = (0..40)
        .map(vin)
        .filter(|vin| otaru_domain::membership::rank(crate::repository::SALT, &vin.parse().unwrap()) <= half)
        .collect();
    let fleet = Running::start(config(&peer, dir.path(), 40));
    fleet.until_ended(&peer, expected.len() as u64).await;
    peer.until("refusals", |_| fleet.stats.errors.load(Ordering::Relaxed) >= 40).await;
    fleet.stop().await;
    assert_eq!(histories(&peer).into_keys().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_image_fails_in_every_vehicle() {
    let (peer, dir) = (peer().await, tempfile::tempdir().unwrap());
    let mut bytes = firmware(1, LENGTH);
    let path = format!("targets/{}.{IMAGE}", sha256(&bytes));
    bytes[7] ^= 1;
    for model in ["harbour", "lake"] {
        peer.world().overrides.insert(format!("{model}/{path}"), bytes.clone());
    }
    let mut config = config(&peer, dir.path(), 10);
    config.behaviour.decline_ratio = 0.0;
    let fleet = Running::start(config);
    fleet.until_ended(&peer, 10).await;
    assert_eq!(fleet.stop().await.snapshot().failed, 10);
    let codes: BTreeSet<_> = peer.world().acks.iter().filter_map(|(_, ack)| ack.error_code.clone()).collect();
    assert_eq!(codes, BTreeSet::from(["hash_mismatch".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_move_one_whole_image_and_a_piece_for_each_vehicle() {
    let (peer, dir) = (peer().await, tempfile::tempdir().unwrap());
    let mut config = config(&peer, dir.path(), 20);
    config.behaviour.decline_ratio = 0.0;
    config.download = Download::Ranges(1_000);
    let fleet = Running::start(config);
    fleet.until_ended(&peer, 20).await;
    let stats = fleet.stop().await.snapshot();
    assert_eq!(stats.downloaded_bytes, LENGTH as u64 + 20 * 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_takes_ciphertexts_for_what_they_are_downloads() {
    let (peer, dir) = (peer().await, tempfile::tempdir().unwrap());
    for model in peer.world().models.values_mut() {
        model.add_encrypted_image(IMAGE, "age", b"what nobody simulates", &firmware(2, LENGTH));
    }
    let mut config = config(&peer, dir.path(), 10);
    (config.behaviour.decline_ratio, config.behaviour.failure_ratio) = (0.0, 0.0);
    let fleet = Running::start(config);
    fleet.until_ended(&peer, 10).await;
    let stats = fleet.stop().await.snapshot();
    assert_eq!(stats.installed, 10);
    assert!(stats.downloaded_bytes >= 10 * LENGTH as u64, "{stats:?}");
}

#[tokio::test]
async fn a_bad_line_of_the_fleets_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fleet.ndjson");
    std::fs::write(&path, "{\"vin\":\"NOVIN\",\"model\":\"m\",\"token\":\"t\"}\n").unwrap();
    let error = format!("{:#}", read_credentials(&path).unwrap_err());
    assert!(error.contains("line 1") && error.contains("VIN"), "{error}");
}
