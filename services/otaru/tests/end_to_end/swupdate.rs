//! Debian's `swupdate` as a device: it polls the gateway over DDI, downloads, verifies and installs a signed container
//! into a file, and reports. Nobody on this project wrote it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use otaru::demo::api::Api;
use otaru_domain::clock;
use serde_json::{Value, json};

use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::database::query;
use crate::swupdate_device::{Container, Device};

const PATIENCE: Duration = Duration::from_secs(120);

/// A campaign for one vehicle, which has a token.
struct Stage {
    campaign: i64,
    vin: String,
    token: String,
}

/// Brings `container` to a vehicle of its own; `number` tells it from others.
async fn stage(api: &Api, number: usize, container: &Container) -> anyhow::Result<Stage> {
    let vin = format!("XZZSWUZ00{number:08}");
    if api.find("/models/swu").await?.is_none() {
        let hardware = json!([{"hardware_id": "BCM", "name": "Body"}]);
        api.post("/models", &json!({"id": "swu", "name": "SWUpdate", "hardware": hardware})).await?;
    }
    api.post("/vehicles", &json!({"vin": vin, "model": "swu", "tags": [format!("t{number}")]})).await?;
    let credential = api.post(&format!("/vehicles/{vin}/credentials"), &json!({})).await?;
    let upload = format!("/artifacts?file_name=body-{number}.swu");
    let artifact = api.upload(&upload, "application/octet-stream", std::fs::read(&container.path)?).await?;
    let version = format!("2.{number}.0");
    let image = json!({"hardware_id": "BCM", "sha256": artifact["sha256"], "version": version});
    let release = json!({"name": "Body", "version": version, "models": ["swu"], "images": [image]});
    let release = api.post("/releases", &release).await?["id"].as_i64().context("no release")?;
    api.post(&format!("/releases/{release}/lock"), &json!({})).await?;
    let campaign = json!({
        "name": format!("For {vin}"), "release": release, "target": format!("\"t{number}\" in tags"),
        "waves": [{"share_ratio": 1.0, "gate_installed_ratio": 0.0}],
        "deadline": clock::now() + chrono::TimeDelta::hours(1),
    });
    let campaign = api.post("/campaigns", &campaign).await?["id"].as_i64().context("no campaign")?;
    api.post(&format!("/campaigns/{campaign}/start"), &json!({})).await?;
    let token = credential["token"].as_str().context("no token")?.to_owned();
    Ok(Stage { campaign, vin, token })
}

/// Waits until the vehicle's assignment is in `state`, as Postgres says.
async fn wait_for(cluster: &Cluster, stage: &Stage, device: &Device, state: &str) -> anyhow::Result<()> {
    let (url, campaign) = (cluster.database_url.as_str(), stage.campaign);
    let reached = eventually(state, PATIENCE, || async move {
        let rows = query(url, &format!("SELECT state FROM assignments WHERE campaign_id = {campaign}")).await?;
        ensure!(rows == [state], "it is {rows:?}");
        Ok(Some(()))
    })
    .await;
    reached.with_context(|| format!("swupdate said:\n{}", device.log_tail()))
}

#[tokio::test(flavor = "multi_thread")]
async fn swupdate_installs_what_is_genuine_and_fails_on_what_is_corrupt() -> anyhow::Result<()> {
    let cluster = Cluster::start(None).await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let gateway = cluster.url(Role::Gateway);

    let mut device = Device::new()?;
    let container = device.container(300_000)?;
    let good = stage(&api, 1, &container).await?;
    device.start(&gateway, &good.vin, &good.token, &[])?;
    wait_for(&cluster, &good, &device, "installing").await?;
    let (target, payload) = (device.target(), container.payload.clone());
    eventually("the image in its place", PATIENCE, || async {
        Ok((std::fs::read(&target).ok().as_deref() == Some(payload.as_slice())).then_some(()))
    })
    .await?;
    device.wait_for_log("Update successful", PATIENCE).await?;
    // It restarts into what it installed, and says that it runs.
    device.stop()?;
    device.start(&gateway, &good.vin, &good.token, &["-c", "2"])?;
    wait_for(&cluster, &good, &device, "installed").await?;
    let (url, vin) = (cluster.database_url.as_str(), good.vin.as_str());
    eventually("its attributes", PATIENCE, || async move {
        let rows = query(url, &format!("SELECT attributes ->> 'trim' FROM vehicles WHERE vin = '{vin}'")).await?;
        Ok((rows == ["sport"]).then_some(()))
    })
    .await?;
    device.stop()?;
    let root: Value = reqwest::Client::new()
        .get(format!("{gateway}/DEFAULT/controller/v1/{}", good.vin))
        .header("authorization", format!("TargetToken {}", good.token))
        .send()
        .await?
        .json()
        .await?;
    ensure!(root["_links"]["installedBase"].is_object() && root["_links"]["deploymentBase"].is_null(), "{root}");

    let mut device = Device::new()?;
    let container = device.container(300_000)?.corrupted()?;
    let bad = stage(&api, 2, &container).await?;
    device.start(&gateway, &bad.vin, &bad.token, &[])?;
    wait_for(&cluster, &bad, &device, "failed").await?;
    let why =
        format!("SELECT error_code, length(log) > 0 FROM assignment_failures WHERE campaign_id = {}", bad.campaign);
    assert_eq!(query(&cluster.database_url, &why).await?, ["ddi-failure|t"]);
    device.stop()?;
    cluster.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn swupdate_stops_when_cancelled_and_goes_on_after_a_gateway_was_killed() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(None).await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let gateway = cluster.url(Role::Gateway);

    let mut device = Device::new()?;
    let container = device.container(8 << 20)?;
    let slow = stage(&api, 3, &container).await?;
    device.start(&gateway, &slow.vin, &slow.token, &["-n", "100k"])?;
    wait_for(&cluster, &slow, &device, "installing").await?;
    api.post(&format!("/campaigns/{}/cancel", slow.campaign), &json!({})).await?;
    let (url, campaign) = (cluster.database_url.as_str(), slow.campaign);
    let answered = format!(
        "SELECT a.state, h.origin FROM assignments a JOIN ack_history h USING (vehicle_id, campaign_id)
          WHERE campaign_id = {campaign} AND h.state = 'cancelled' ORDER BY h.origin"
    );
    let answered = answered.as_str();
    eventually("the device stopped", PATIENCE, || async move {
        Ok((query(url, answered).await? == ["cancelled|engine", "cancelled|gateway"]).then_some(()))
    })
    .await
    .with_context(|| format!("swupdate said:\n{}", device.log_tail()))?;
    device.stop()?;
    ensure!(std::fs::read(device.target()).ok().as_deref() != Some(container.payload.as_slice()), "it was installed");

    let mut device = Device::new()?;
    let container = device.container(8 << 20)?;
    let killed = stage(&api, 4, &container).await?;
    device.start(&gateway, &killed.vin, &killed.token, &["-n", "1M", "-r", "50", "-w", "1"])?;
    wait_for(&cluster, &killed, &device, "installing").await?;
    let target = device.target();
    let arrived = || std::fs::metadata(&target).map_or(0, |file| file.len());
    eventually("a part of the image", PATIENCE, || async { Ok((arrived() > 1 << 20).then_some(())) }).await?;
    cluster.kill(Role::Gateway).await?;
    let before = arrived();
    ensure!(before < 8 << 20, "all of it was there before the kill");
    cluster.start_role(Role::Gateway).await?;
    let payload = container.payload.clone();
    eventually("the whole image", PATIENCE, || async {
        Ok((std::fs::read(&target).ok().as_deref() == Some(payload.as_slice())).then_some(()))
    })
    .await
    .with_context(|| format!("swupdate said:\n{}", device.log_tail()))?;
    // The gateway that came back counts from zero.
    let metrics = reqwest::get(format!("{gateway}/metrics")).await?.text().await?;
    let sent = metrics.lines().find_map(|line| line.strip_prefix("otaru_gateway_image_bytes_total{model=\"swu\"} "));
    let sent: u64 = sent.context("no bytes were counted")?.trim().parse()?;
    ensure!(sent < container.length_bytes()?, "it began anew: {sent} bytes");
    device.wait_for_log("Update successful", PATIENCE).await?;
    device.stop()?;
    device.start(&gateway, &killed.vin, &killed.token, &["-c", "2"])?;
    wait_for(&cluster, &killed, &device, "installed").await?;
    device.stop()?;
    cluster.stop().await
}
