//! A delta on its whole way, over real roles: built although the campaign service is killed over it, signed, and all that
//! the reference agent downloads.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use otaru::demo::api::Api;
use otaru_domain::clock;
use serde_json::{Value, json};

use crate::backing::otaru;
use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};

const VIN: &str = "WVWZZZ1KZAW000001";
const PATIENCE: Duration = Duration::from_secs(120);
/// Large enough that a delta is not built in a moment.
const IMAGE_BYTES: usize = 4_000_000;

/// Firmware that compresses badly, nearly the same for each number.
fn firmware(number: u8) -> Vec<u8> {
    let mut state = 5_u64;
    let next = std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    let mut bytes: Vec<u8> = next.take(IMAGE_BYTES).collect();
    bytes.splice(1_000_000..1_000_900, [number; 1_000]);
    bytes
}

struct Vehicle {
    credentials: PathBuf,
    state: PathBuf,
}

impl Vehicle {
    async fn register(cluster: &Cluster, api: &Api) -> anyhow::Result<Self> {
        api.post("/vehicles", &json!({"vin": VIN, "model": "harbour", "region": "EU"})).await?;
        let credentials = api.post(&format!("/vehicles/{VIN}/credentials"), &json!({})).await?;
        let path = cluster.dir.path().join("vehicle.json");
        std::fs::write(&path, serde_json::to_vec(&credentials)?)?;
        Ok(Self { credentials: path, state: cluster.dir.path().join("vehicle") })
    }

    /// What runs on the BCM.
    fn image(&self) -> Option<Vec<u8>> {
        let slot = std::fs::read_to_string(self.state.join("slots/active")).ok()?;
        std::fs::read(self.state.join("slots").join(slot.trim()).join("BCM.bin")).ok()
    }

    /// Has the agent look until this image runs.
    async fn until(&self, cluster: &Cluster, image: &[u8]) -> anyhow::Result<()> {
        eventually("the image to be installed", PATIENCE, || async move {
            let mut command = otaru();
            command.args(["vehicle", "--once", "--ecu", "BCM=0.9", "--gateway", &cluster.url(Role::Gateway)]);
            command.arg("--credentials").arg(&self.credentials).arg("--state-dir").arg(&self.state);
            let output = command.output().await.context("otaru vehicle")?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Ok((self.image().as_deref() == Some(image)).then_some(()))
        })
        .await
    }
}

/// Locks a release that brings the BCM to a version; its id.
async fn lock(api: &Api, version: &str, image: &[u8]) -> anyhow::Result<i64> {
    let artifact = api.upload("/artifacts?file_name=bcm.bin", "application/octet-stream", image.to_vec()).await?;
    let images = json!([{"hardware_id": "BCM", "sha256": artifact["sha256"], "version": version}]);
    let release = json!({"name": "Spring", "version": version, "models": ["harbour"], "images": images});
    let release = api.post("/releases", &release).await?["id"].as_i64().context("an id")?;
    api.post(&format!("/releases/{release}/lock"), &json!({})).await?;
    Ok(release)
}

async fn start_campaign(api: &Api, release: i64) -> anyhow::Result<()> {
    let campaign = json!({
        "name": format!("release {release}"), "release": release, "target": r#"region == "EU""#,
        "waves": [{"share_ratio": 1.0, "gate_installed_ratio": 0.0}], "deadline": clock::now() + TimeDelta::hours(1),
    });
    let campaign = api.post("/campaigns", &campaign).await?["id"].clone();
    api.post(&format!("/campaigns/{campaign}/start"), &json!({})).await?;
    Ok(())
}

/// Waits until the release's delta from 1.0 is as `wanted` says.
async fn delta(api: &Api, release: i64, what: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let wanted = &wanted;
    eventually(what, PATIENCE, || async move {
        let deltas = api.get(&format!("/releases/{release}/deltas")).await?;
        let found = deltas["items"].as_array().context("items")?.iter().find(|one| one["source_version"] == "1.0");
        Ok(found.filter(|one| wanted(one)).cloned())
    })
    .await
}

/// Bytes of images that the gateway has served.
async fn served(cluster: &Cluster) -> anyhow::Result<u64> {
    let metrics = reqwest::get(format!("{}/metrics", cluster.url(Role::Gateway))).await?.text().await?;
    let line = metrics.lines().find(|line| line.starts_with("otaru_gateway_image_bytes_total{"));
    Ok(line.and_then(|line| line.rsplit(' ').next()).context("no such metric")?.parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vehicle_downloads_a_delta_that_was_built_in_spite_of_a_kill() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(None).await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let hardware = json!([{"hardware_id": "BCM", "name": "BCM"}]);
    api.post("/models", &json!({"id": "harbour", "name": "Harbour", "hardware": hardware})).await?;
    let vehicle = Vehicle::register(&cluster, &api).await?;
    let (before, after) = (firmware(1), firmware(2));
    let first = lock(&api, "1.0", &before).await?;
    start_campaign(&api, first).await?;
    vehicle.until(&cluster, &before).await?;

    let release = lock(&api, "2.0", &after).await?;
    delta(&api, release, "the delta to be under way", |one| one["state"] == "building").await?;
    cluster.kill(Role::Campaign).await?;
    cluster.start_role(Role::Campaign).await?;
    cluster.wait_ready(Role::Campaign).await?;
    let built = delta(&api, release, "the delta to be published", |one| one["published_at"].is_string()).await?;
    assert_eq!(built["state"], "built");
    assert!(built["attempts"].as_u64().is_some_and(|attempts| attempts >= 2), "it was not killed over it: {built}");

    let served_before = served(&cluster).await?;
    start_campaign(&api, release).await?;
    vehicle.until(&cluster, &after).await?;
    let downloaded = served(&cluster).await? - served_before;
    assert_eq!(Some(downloaded), built["length_bytes"].as_u64(), "the delta and nothing else");
    assert!(downloaded < 20_000, "{downloaded}");
    cluster.stop().await
}
