//! Debian's `swupdate` as a device: it polls the gateway over DDI, downloads, verifies and installs a signed container
//! into a file, and reports. Nobody on this project wrote it.

use anyhow::{Context as _, ensure};
use otaru::demo::api::Api;
use serde_json::{Value, json};

use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::database::query;
use crate::ddi_stage::{self, PATIENCE, Stage, asking};
use crate::swupdate_device::{Container, Device};

/// Brings `container` to a vehicle of its own.
async fn stage(api: &Api, number: usize, container: &Container, policy: Value) -> anyhow::Result<Stage> {
    ddi_stage::stage(api, number, &format!("body-{number}.swu"), std::fs::read(&container.path)?, policy).await
}

/// Waits until the vehicle's assignment is in `state`, as Postgres says.
async fn wait_for(cluster: &Cluster, stage: &Stage, device: &Device, state: &str) -> anyhow::Result<()> {
    stage.wait_for(cluster, state).await.with_context(|| format!("swupdate said:\n{}", device.log_tail()))
}

#[tokio::test(flavor = "multi_thread")]
async fn swupdate_installs_what_is_genuine_and_fails_on_what_is_corrupt() -> anyhow::Result<()> {
    let cluster = Cluster::start(None).await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let gateway = cluster.url(Role::Gateway);

    let mut device = Device::new()?;
    let container = device.container(300_000)?;
    let good = stage(&api, 1, &container, json!({})).await?;
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
    let bad = stage(&api, 2, &container, json!({})).await?;
    device.start(&gateway, &bad.vin, &bad.token, &[])?;
    wait_for(&cluster, &bad, &device, "failed").await?;
    let why =
        format!("SELECT error_code, length(log) > 0 FROM assignment_failures WHERE campaign_id = {}", bad.campaign);
    assert_eq!(query(&cluster.database_url, &why).await?, ["ddi-failure|t"]);
    device.stop()?;
    cluster.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn swupdate_waits_until_its_user_has_confirmed() -> anyhow::Result<()> {
    let cluster = Cluster::start(None).await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let gateway = cluster.url(Role::Gateway);
    let mut device = Device::new()?;
    let container = device.container(300_000)?;
    let asked = stage(&api, 5, &container, asking()).await?;
    device.start(&gateway, &asked.vin, &asked.token, &[])?;
    // Its user's app, for this swupdate knows no confirmations and takes them for nothing to do.
    let http = reqwest::Client::new();
    let (http, token) = (&http, format!("TargetToken {}", asked.token));
    let root = format!("{gateway}/DEFAULT/controller/v1/{}", asked.vin);
    let (root, token) = (root.as_str(), token.as_str());
    let link = eventually("the question", PATIENCE, || async move {
        let answer = http.get(root).header("authorization", token).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        ensure!(answer["_links"]["deploymentBase"].is_null(), "it does not wait: {answer}");
        Ok(answer["_links"]["confirmationBase"]["href"].as_str().map(str::to_owned))
    })
    .await?;
    wait_for(&cluster, &asked, &device, "offered").await?;
    ensure!(!device.target().exists(), "it was not confirmed");
    let call = format!("{}/feedback", link.split('?').next().context("no link")?);
    let said = json!({"confirmation": "confirmed", "code": 1, "details": ["the user agrees"]});
    http.post(call).header("authorization", token).json(&said).send().await?.error_for_status()?;
    device.wait_for_log("Update successful", PATIENCE).await?;
    ensure!(std::fs::read(device.target())? == container.payload, "another image");
    device.stop()?;
    device.start(&gateway, &asked.vin, &asked.token, &["-c", "2"])?;
    wait_for(&cluster, &asked, &device, "installed").await?;
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
    let slow = stage(&api, 3, &container, json!({})).await?;
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
    let killed = stage(&api, 4, &container, json!({})).await?;
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
