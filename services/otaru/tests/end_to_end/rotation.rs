//! Every key of a model follows another while a vehicle runs, the campaign service is killed between the steps, and
//! everything offline is signed by `ops/ceremony` without a network. Nobody restarts the vehicle.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use otaru::demo::api::Api;
use otaru_domain::clock;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::backing::{log, otaru};
use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::tamper;

pub const MODEL: &str = "harbour";
const VIN: &str = "WVWZZZ1KZAW000001";

/// Runs `otaru keys …` as an operator; what it prints.
pub async fn keys(cluster: &Cluster, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = otaru();
    command.arg("keys").args(arguments);
    if !arguments.contains(&"init") {
        command.args(["--api", &cluster.url(Role::Campaign), "--model", MODEL]).env("OTARU_TOKEN", ADMIN_TOKEN);
    }
    said(command).await
}

pub async fn said(mut command: Command) -> anyhow::Result<String> {
    let output = command.output().await.context("the command cannot be run")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// `ops/ceremony` where there is no network, not even loopback.
fn ceremony(arguments: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ops/ceremony");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net"]).arg(script).args(arguments);
    command.env("OTARU", env!("CARGO_BIN_EXE_otaru"));
    command
}

struct Rotation {
    cluster: Cluster,
    step: u32,
}

impl Rotation {
    /// SIGKILL, and another process in its place.
    async fn kill(&mut self) -> anyhow::Result<()> {
        self.cluster.kill(Role::Campaign).await?;
        self.cluster.start_role(Role::Campaign).await?;
        self.cluster.wait_ready(Role::Campaign).await
    }

    fn path(&self, name: &str) -> PathBuf {
        self.cluster.dir.path().join(name)
    }

    /// The next root, signed offline by these keys; `more` goes to the draft.
    async fn signed_root(&mut self, more: &[&str], by: &[&Path]) -> anyhow::Result<PathBuf> {
        self.step += 1;
        let (draft, out) = (self.path(&format!("{}.draft", self.step)), self.path(&format!("{}.root", self.step)));
        let (draft, root) = (draft.to_str().context("path")?, out.to_str().context("path")?);
        let mut arguments = vec!["draft", "--out", draft];
        arguments.extend(more);
        keys(&self.cluster, &arguments).await?;
        let mut sum = Command::new("sha256sum");
        sum.arg(draft);
        let sum = said(sum).await?;
        let sum = sum.split(' ').next().unwrap_or_default();
        let by: Vec<&str> = by.iter().filter_map(|path| path.to_str()).collect();
        let wrong = ceremony(&[&["root", "--expect", &"0".repeat(64), draft, root], by.as_slice()].concat());
        ensure!(said(wrong).await.is_err() && !out.exists(), "another draft than was asked for is signed");
        said(ceremony(&[&["root", "--expect", sum, draft, root], by.as_slice()].concat())).await?;
        Ok(out)
    }

    async fn put(&self, root: &Path) -> anyhow::Result<String> {
        keys(&self.cluster, &["put-root", "--root", root.to_str().context("path")?]).await
    }
}

/// A campaign for the vehicle with this image.
async fn campaign(api: &Api, version: &str, image: &'static [u8]) -> anyhow::Result<i64> {
    let artifact = api.upload("/artifacts?file_name=bcm.bin", "application/octet-stream", image).await?;
    let images = json!([{"hardware_id": "BCM", "sha256": artifact["sha256"], "version": version}]);
    let release = json!({"name": "Spring", "version": version, "models": [MODEL], "images": images});
    let release = api.post("/releases", &release).await?["id"].clone();
    api.post(&format!("/releases/{release}/lock"), &json!({})).await?;
    let campaign = json!({
        "name": version, "release": release, "target": r#"region == "EU""#,
        "waves": [{"share_ratio": 1.0, "gate_installed_ratio": 1.0}], "deadline": clock::now() + TimeDelta::hours(1),
    });
    let id = api.post("/campaigns", &campaign).await?["id"].as_i64().context("no id")?;
    api.post(&format!("/campaigns/{id}/start"), &json!({})).await?;
    Ok(id)
}

async fn until_completed(api: &Api, campaign: i64) -> anyhow::Result<()> {
    eventually("the vehicle to have installed", Duration::from_secs(90), || async move {
        let campaign = api.get(&format!("/campaigns/{campaign}")).await?;
        Ok((campaign["state"] == "completed").then_some(()))
    })
    .await
}

/// python-tuf with a memory: it goes on from what it trusted before.
pub async fn python_tuf(cluster: &Cluster, gateway: &str, target: &str) -> anyhow::Result<Value> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let work = cluster.dir.path().join("python-tuf");
    std::fs::create_dir_all(&work)?;
    let mut command = Command::new(here.join("../../target/python/bin/python"));
    command.arg(here.join("tests/end_to_end/tuf_client.py"));
    let base = format!("{gateway}/tuf/{MODEL}");
    command.args([format!("{base}/metadata/"), format!("{base}/targets/")]);
    command.arg(cluster.dir.path().join("1.root.json")).arg(work).arg(target);
    Ok(serde_json::from_str(&said(command).await?)?)
}

async fn start_vehicle(cluster: &Cluster, api: &Api) -> anyhow::Result<Child> {
    api.post("/vehicles", &json!({"vin": VIN, "model": MODEL, "region": "EU"})).await?;
    let credentials = api.post(&format!("/vehicles/{VIN}/credentials"), &json!({})).await?;
    let dir = cluster.dir.path();
    std::fs::write(dir.join("credentials.json"), serde_json::to_vec(&credentials)?)?;
    let mut command = otaru();
    command.args(["vehicle", "--gateway", &cluster.url(Role::Gateway), "--ecu", "BCM=1.0.0"]);
    command.arg("--credentials").arg(dir.join("credentials.json")).arg("--state-dir").arg(dir.join("vehicle"));
    command.kill_on_drop(true);
    Ok(command.stderr(log(dir, "vehicle")?).spawn()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_follows_another_while_vehicles_go_on() -> anyhow::Result<()> {
    let mut rotation = Rotation { cluster: Cluster::start(None).await?, step: 0 };
    let api = Api::new(&rotation.cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let gateway = rotation.cluster.url(Role::Gateway);
    let hardware = json!([{"hardware_id": "BCM", "name": "BCM"}]);
    api.post("/models", &json!({"id": MODEL, "name": "Harbour", "hardware": hardware})).await?;
    let first = serde_json::to_vec(&api.get(&format!("/models/{MODEL}/root")).await?)?;
    std::fs::write(rotation.path("1.root.json"), first)?;
    let mut vehicle = start_vehicle(&rotation.cluster, &api).await?;
    let before = campaign(&api, "2", b"before any rotation").await?;
    until_completed(&api, before).await?;
    let document = format!("campaign-{before}.json");
    let answer = python_tuf(&rotation.cluster, &gateway, &document).await?;
    ensure!(answer.get("targets").is_some(), "{answer}");

    let old = api.get(&format!("/models/{MODEL}/keys")).await?;
    let root_key = rotation.path("keys").join(MODEL).join("root.pem");
    // A campaign runs on meanwhile, for a vehicle that never comes.
    api.post("/vehicles", &json!({"vin": "WVWZZZ1KZAW000002", "model": MODEL, "region": "EU"})).await?;
    let during = campaign(&api, "3", b"during the rotation").await?;
    for roles in [&["timestamp"][..], &["snapshot", "targets", "campaigns"]] {
        for role in roles {
            keys(&rotation.cluster, &["rotate", "--role", role]).await?;
            rotation.kill().await?;
        }
        let root = rotation.signed_root(&[], &[&root_key]).await?;
        rotation.put(&root).await?;
        rotation.kill().await?;
        ensure!(rotation.put(&root).await.is_err(), "a root is taken twice");
    }
    // The root itself: from one key to two of two, signed by all three.
    let (one, two) = (rotation.path("one.pem"), rotation.path("two.pem"));
    let mut public = Vec::new();
    for key in [&one, &two] {
        public.push(said(ceremony(&["make-key", key.to_str().context("path")?])).await?);
    }
    let names = ["--root-key", &public[0], "--root-key", &public[1], "--threshold", "2"];
    for by in [&[root_key.as_path(), &one][..], &[&one, &two]] {
        let root = rotation.signed_root(&names, by).await?;
        let refused = rotation.put(&root).await.map(|_| ()).map_err(|error| error.to_string());
        ensure!(refused.as_ref().is_err_and(|error| error.contains("signatures")), "{refused:?}");
    }
    let root = rotation.signed_root(&names, &[&root_key, &one, &two]).await?;
    rotation.put(&root).await?;
    rotation.kill().await?;
    let alone = rotation.signed_root(&[], &[&root_key]).await?;
    ensure!(rotation.put(&alone).await.is_err(), "the old root key signs a root");

    let stolen = std::fs::read_to_string(rotation.path("keys").join(MODEL).join("timestamp.pem"))?;
    for key in old["items"].as_array().context("no items")? {
        ensure!(keys(&rotation.cluster, &["revoke", "--key", key["key_id"].as_str().context("id")?]).await.is_ok());
    }
    let newest = api.get(&format!("/models/{MODEL}/root")).await?["signed"]["version"].clone();
    let newest = format!("{gateway}/tuf/{MODEL}/metadata/{newest}.root.json");
    eventually("the gateway to have the newest root", Duration::from_secs(30), || async {
        Ok(reqwest::get(&newest).await?.status().is_success().then_some(()))
    })
    .await?;
    let forging = tamper::forge_timestamp(&gateway, &stolen).await?;
    let answer = python_tuf(&rotation.cluster, &forging, &document).await?;
    ensure!(answer["error"] == "UnsignedMetadataError", "{answer}");

    let metrics = format!("{}/metrics", rotation.cluster.url(Role::Campaign));
    eventually("the gauge of the root's end", Duration::from_secs(30), || async {
        let text = reqwest::get(&metrics).await?.text().await?;
        let gauge = text.lines().find_map(|line| {
            line.strip_prefix(
                "otaru_campaign_metadata_expiry_seconds{model=\"harbour\",role=\"root\",state=\"published\"} ",
            )
        });
        let Some(seconds) = gauge else { return Ok(None) };
        let days = seconds.parse::<f64>()? / 86_400.0;
        ensure!((364.0..=365.0).contains(&days), "{days} days");
        Ok(Some(()))
    })
    .await?;

    let after = campaign(&api, "4", b"after the rotation").await?;
    let installed = rotation.path("vehicle/slots");
    eventually("the image of after", Duration::from_secs(90), || async {
        let image = ["a", "b"].iter().any(|slot| {
            std::fs::read(installed.join(slot).join("BCM.bin")).is_ok_and(|bytes| bytes == b"after the rotation")
        });
        Ok(image.then_some(()))
    })
    .await?;
    let (cluster, gateway) = (&rotation.cluster, gateway.as_str());
    for id in [during, after] {
        eventually("python-tuf to follow", Duration::from_secs(30), || async move {
            let answer = python_tuf(cluster, gateway, &format!("campaign-{id}.json")).await?;
            Ok(answer.get("targets").is_some().then_some(()))
        })
        .await?;
    }
    ensure!(vehicle.try_wait()?.is_none(), "the vehicle ended");
    vehicle.kill().await?;
    rotation.cluster.stop().await
}
