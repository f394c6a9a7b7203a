//! Vehicles that speak aktualizr's dialect of Uptane, with keys, canonical JSON and checks of their own, from their
//! registration to `installed` in Postgres: RSA and ed25519, success and failure, roots that follow one another, a Director
//! that is killed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use otaru::demo::api::Api;
use otaru_domain::clock;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::backing::otaru;
use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::database::query;
use crate::rotation::said;

const PATIENCE: Duration = Duration::from_secs(60);
const MODEL: &str = "uptane";
const ECUS: [&str; 2] = ["GW", "BCM"];

/// A vehicle with its token and where its client keeps what it knows.
struct Vehicle {
    vin: String,
    token: String,
    folder: PathBuf,
}

struct Fleet {
    cluster: Cluster,
    api: Api,
    director: PathBuf,
}

impl Fleet {
    async fn start() -> anyhow::Result<Self> {
        let mut cluster = Cluster::lay_out()?;
        let director = cluster.dir.path().join("director");
        let folder = director.display().to_string();
        cluster.campaign_env.push(("OTARU_DEMO_DIRECTOR_KEYS".to_owned(), folder.clone()));
        cluster.gateway_env.push(("OTARU_DIRECTOR_KEYS".to_owned(), folder));
        cluster.broker.start().await?;
        cluster.start_postgres().await?;
        cluster.start_roles().await?;
        let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
        let hardware = ECUS.map(|id| json!({"hardware_id": id, "name": id}));
        api.post("/models", &json!({"id": MODEL, "name": "Uptane", "hardware": hardware})).await?;
        Ok(Self { cluster, api, director })
    }

    /// A vehicle whose Primary and Secondary have keys of these kinds.
    async fn vehicle(&self, number: u32, keys: [&str; 2]) -> anyhow::Result<Vehicle> {
        let vin = format!("XZZUPTANE{number:08}");
        self.api.post("/vehicles", &json!({"vin": vin, "model": MODEL, "tags": [format!("t{number}")]})).await?;
        let credential = self.api.post(&format!("/vehicles/{vin}/credentials"), &json!({})).await?;
        let token = credential["token"].as_str().context("no token")?.to_owned();
        let vehicle = Vehicle { folder: self.cluster.dir.path().join(&vin), vin, token };
        self.run(&vehicle, &["init", keys[0], keys[1]]).await?;
        Ok(vehicle)
    }

    async fn run(&self, vehicle: &Vehicle, arguments: &[&str]) -> anyhow::Result<Value> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut client = Command::new(root.join("../../target/python/bin/python"));
        client.arg(root.join("tests/end_to_end/uptane_client.py")).arg(self.cluster.url(Role::Gateway));
        client.arg(&vehicle.token).arg(&vehicle.folder).args(arguments);
        let said = said(client).await.context("ops/lib/python.sh makes target/python")?;
        Ok(serde_json::from_str(&said)?)
    }

    /// One cycle, in which nothing is refused.
    async fn cycle(&self, vehicle: &Vehicle, failing: &[&str]) -> anyhow::Result<Value> {
        let said = self.run(vehicle, &[&["cycle"], failing].concat()).await?;
        ensure!(said.get("refused").is_none() && said["manifest"] == 200, "{said}");
        Ok(said)
    }

    /// A campaign that brings both ECUs of the vehicle with this number to `version`.
    async fn campaign(&self, number: u32, version: &str) -> anyhow::Result<i64> {
        let mut images = Vec::new();
        for id in ECUS {
            let bytes = format!("{id} {version} ").repeat(5_000).into_bytes();
            let path = format!("/artifacts?file_name={id}.bin");
            let artifact = self.api.upload(&path, "application/octet-stream", bytes).await?;
            images.push(json!({"hardware_id": id, "sha256": artifact["sha256"], "version": version}));
        }
        let release = json!({"name": "Both", "version": version, "models": [MODEL], "images": images});
        let release = self.api.post("/releases", &release).await?["id"].as_i64().context("no release")?;
        self.api.post(&format!("/releases/{release}/lock"), &json!({})).await?;
        let campaign = json!({
            "name": version, "release": release, "target": format!("\"t{number}\" in tags"),
            "waves": [{"share_ratio": 1.0, "gate_installed_ratio": 0.0}],
            "deadline": clock::now() + chrono::TimeDelta::hours(1),
        });
        let campaign = self.api.post("/campaigns", &campaign).await?["id"].as_i64().context("no campaign")?;
        self.api.post(&format!("/campaigns/{campaign}/start"), &json!({})).await?;
        Ok(campaign)
    }

    /// Cycles until the vehicle is directed to install something, which it does but for `failing`; the last cycle.
    async fn update(&self, vehicle: &Vehicle, failing: &[&str]) -> anyhow::Result<Value> {
        eventually("the Director to direct", PATIENCE, || async move {
            let said = self.cycle(vehicle, failing).await?;
            Ok((said["targets"] != json!([])).then_some(said))
        })
        .await
    }

    async fn becomes(&self, campaign: i64, state: &str) -> anyhow::Result<()> {
        let url = self.cluster.database_url.as_str();
        eventually(state, PATIENCE, || async move {
            let rows = query(url, &format!("SELECT state FROM assignments WHERE campaign_id = {campaign}")).await?;
            ensure!(rows == [state], "it is {rows:?}");
            Ok(Some(()))
        })
        .await
    }

    /// Signs the next root of a repository with the demo's root key, and puts it.
    async fn next_root(&self, repository: &str, query: &str) -> anyhow::Result<()> {
        let path = |name: &str| self.cluster.dir.path().join(format!("{repository}-{name}"));
        let draft = self.api.get(&format!("/models/{MODEL}/uptane/{repository}/root/draft{query}")).await?;
        std::fs::write(path("draft"), draft.to_string())?;
        let key = self.cluster.dir.path().join("keys").join(MODEL).join("root.pem");
        let mut sign = otaru();
        sign.args(["keys", "sign-root", "--draft"])
            .arg(path("draft"))
            .arg("--key")
            .arg(key)
            .arg("--out")
            .arg(path("root"));
        said(sign).await?;
        let put = format!("/models/{MODEL}/uptane/{repository}/root");
        self.api.put_bytes(&put, std::fs::read(path("root"))?).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vehicles_of_another_implementation_are_directed_and_believed_from_registration_to_the_end()
-> anyhow::Result<()> {
    let mut fleet = Fleet::start().await?;
    let rsa = fleet.vehicle(1, ["rsa", "ed25519"]).await?;
    // The model is new: until the gateway has its repositories, the client finds no roots.
    let said = eventually("the repositories", PATIENCE, || async {
        let said = fleet.run(&rsa, &["cycle"]).await?;
        Ok(said.get("refused").is_none().then_some(said))
    })
    .await?;
    assert_eq!((&said["targets"], &said["vehicle"]), (&json!([]), &json!(rsa.vin)));
    let campaign = fleet.campaign(1, "2.0.0").await?;
    let said = fleet.update(&rsa, &[]).await?;
    ensure!(said["report"] == 200 && said["targets"].as_array().is_some_and(|all| all.len() == 2), "{said}");
    fleet.becomes(campaign, "installed").await?;
    let url = fleet.cluster.database_url.clone();
    let versions = "SELECT hardware_id, version, serial FROM vehicle_ecus ORDER BY 1";
    eventually("the twin", PATIENCE, || async {
        Ok((query(&url, versions).await? == ["BCM|2.0.0|secondary-1", "GW|2.0.0|primary-1"]).then_some(()))
    })
    .await?;
    let history =
        "SELECT count(*) FROM ack_history WHERE origin = 'vehicle' AND state IN ('downloading', 'installing')";
    ensure!(query(&url, history).await? != ["0"], "its events are steps");
    let ecus = fleet.api.get(&format!("/vehicles/{}/uptane/ecus", rsa.vin)).await?;
    assert_eq!((&ecus["items"][0]["key_kind"], &ecus["items"][1]["key_kind"]), (&json!("rsa"), &json!("ed25519")));

    // What was sent before is dropped and seen, and the vehicle goes on.
    assert_eq!(fleet.run(&rsa, &["replay"]).await?["manifest"], 409);
    let api = &fleet.api;
    let letter = eventually("the dead letter", PATIENCE, || async move {
        let letters = api.get("/dead-letters").await?;
        Ok(letters["items"].as_array().and_then(|all| all.first()).cloned())
    })
    .await?;
    assert_eq!(letter["reason"], "manifest_replayed", "{letter}");
    fleet.cycle(&rsa, &[]).await?;

    // The other way round, and one ECU that fails.
    let other = fleet.vehicle(2, ["ed25519", "rsa"]).await?;
    fleet.cycle(&other, &[]).await?;
    let campaign = fleet.campaign(2, "3.0.0").await?;
    fleet.update(&other, &["secondary-1"]).await?;
    fleet.becomes(campaign, "failed").await?;
    let failures =
        format!("SELECT error_code, log LIKE '%line two%' FROM assignment_failures WHERE campaign_id = {campaign}");
    assert_eq!(query(&url, &failures).await?, ["uptane-INSTALL_FAILED|t"]);
    assert_eq!(fleet.cycle(&other, &[]).await?["targets"], json!([]), "not again");

    // Both roots are followed by another, the Director's keys with them; the gateway is killed meanwhile.
    let before = fleet.cycle(&rsa, &[]).await?["version"].as_u64();
    let fresh = fleet.cluster.dir.path().join("fresh");
    let mut make = otaru();
    make.args(["keys", "director", "--model", MODEL, "--director-keys"]).arg(&fresh);
    let query_of_keys = format!("?{}", said_lines(&crate::rotation::said(make).await?));
    for role in ["targets", "snapshot", "timestamp"] {
        let from = fresh.join(MODEL).join(format!("{role}.pem"));
        std::fs::copy(from, fleet.director.join(MODEL).join(format!("{role}.2.pem")))?;
    }
    fleet.next_root("director", &query_of_keys).await?;
    fleet.next_root("image", "").await?;
    fleet.cluster.kill(Role::Gateway).await?;
    fleet.cluster.start_role(Role::Gateway).await?;
    fleet.cluster.wait_ready(Role::Gateway).await?;
    let campaign = fleet.campaign(1, "4.0.0").await?;
    let said = fleet.update(&rsa, &[]).await?;
    ensure!(said["version"].as_u64() > before, "{said} after {before:?}");
    fleet.becomes(campaign, "installed").await?;
    let roots: Value = serde_json::from_slice(&std::fs::read(rsa.folder.join("client.json"))?)?;
    assert_eq!((&roots["roots"]["director"]["version"], &roots["roots"]["repo"]["version"]), (&json!(2), &json!(2)));
    fleet.cluster.stop().await
}

/// `a=1` lines as a query.
fn said_lines(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join("&")
}
