//! A campaign for one vehicle that speaks DDI, and what Postgres says becomes of it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use otaru::demo::api::Api;
use otaru_domain::clock;
use serde_json::{Value, json};

use crate::cluster::{Cluster, eventually};
use crate::database::query;

pub const PATIENCE: Duration = Duration::from_secs(120);

/// The campaign, and the vehicle with its token.
pub struct Stage {
    pub campaign: i64,
    pub vin: String,
    pub token: String,
}

/// Brings an image, uploaded as `file_name`, to a vehicle of its own; `number` tells it from others.
pub async fn stage(api: &Api, number: usize, file_name: &str, image: Vec<u8>, policy: Value) -> anyhow::Result<Stage> {
    let vin = format!("XZZSWUZ00{number:08}");
    if api.find("/models/swu").await?.is_none() {
        let hardware = json!([{"hardware_id": "BCM", "name": "Body"}]);
        api.post("/models", &json!({"id": "swu", "name": "SWUpdate", "hardware": hardware})).await?;
    }
    api.post("/vehicles", &json!({"vin": vin, "model": "swu", "tags": [format!("t{number}")]})).await?;
    let credential = api.post(&format!("/vehicles/{vin}/credentials"), &json!({})).await?;
    let upload = format!("/artifacts?file_name={file_name}");
    let artifact = api.upload(&upload, "application/octet-stream", image).await?;
    let version = format!("2.{number}.0");
    let image = json!({"hardware_id": "BCM", "sha256": artifact["sha256"], "version": version});
    let release = json!({"name": "Body", "version": version, "models": ["swu"], "images": [image]});
    let release = api.post("/releases", &release).await?["id"].as_i64().context("no release")?;
    api.post(&format!("/releases/{release}/lock"), &json!({})).await?;
    let campaign = json!({
        "name": format!("For {vin}"), "release": release, "target": format!("\"t{number}\" in tags"),
        "waves": [{"share_ratio": 1.0, "gate_installed_ratio": 0.0}], "policy": policy,
        "deadline": clock::now() + chrono::TimeDelta::hours(1),
    });
    let campaign = api.post("/campaigns", &campaign).await?["id"].as_i64().context("no campaign")?;
    api.post(&format!("/campaigns/{campaign}/start"), &json!({})).await?;
    let token = credential["token"].as_str().context("no token")?.to_owned();
    Ok(Stage { campaign, vin, token })
}

/// A policy by which the vehicle's user is asked.
pub fn asking() -> Value {
    json!({"consent": {"mode": "ask", "texts": {"en": {"title": "New software", "body": "It takes a while."}}}})
}

impl Stage {
    /// Waits until the vehicle's assignment is in `state`, as Postgres says.
    pub async fn wait_for(&self, cluster: &Cluster, state: &str) -> anyhow::Result<()> {
        let (url, campaign) = (cluster.database_url.as_str(), self.campaign);
        eventually(state, PATIENCE, || async move {
            let rows = query(url, &format!("SELECT state FROM assignments WHERE campaign_id = {campaign}")).await?;
            ensure!(rows == [state], "it is {rows:?}");
            Ok(Some(()))
        })
        .await
    }
}
