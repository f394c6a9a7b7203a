//! The reference agent as a command, against real roles: what it installs, and what its exit code says.

use std::process::Output;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use otaru::demo::api::Api;
use otaru_domain::clock;
use serde_json::{Value, json};

use crate::backing::otaru;
use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};

const IMAGE: &[u8] = b"the new body control";
const GOOD: &str = "WVWZZZ1KZAW000001";
const BAD: &str = "WVWZZZ1KZAW000002";

/// A campaign for two vehicles, open for both.
async fn open_campaign(api: &Api) -> anyhow::Result<()> {
    api.post(
        "/models",
        &json!({"id": "harbour", "name": "Harbour", "hardware": [{"hardware_id": "BCM", "name": "BCM"}]}),
    )
    .await?;
    let artifact = api.upload("/artifacts?file_name=bcm.bin", "application/octet-stream", IMAGE).await?;
    let images = json!([{"hardware_id": "BCM", "sha256": artifact["sha256"], "version": "2.0.0"}]);
    let release = json!({"name": "Spring", "version": "2", "models": ["harbour"], "images": images});
    let release = api.post("/releases", &release).await?["id"].clone();
    api.post(&format!("/releases/{release}/lock"), &json!({})).await?;
    for vin in [GOOD, BAD] {
        api.post("/vehicles", &json!({"vin": vin, "model": "harbour", "region": "EU"})).await?;
    }
    let campaign = json!({
        "name": "Spring", "release": release, "target": r#"region == "EU""#,
        "waves": [{"share_ratio": 1.0, "gate_installed_ratio": 0.0}], "deadline": clock::now() + TimeDelta::hours(1),
    });
    let campaign = api.post("/campaigns", &campaign).await?["id"].clone();
    api.post(&format!("/campaigns/{campaign}/start"), &json!({})).await?;
    Ok(())
}

/// Runs the agent of `vin` once, with this ECU.
async fn once(cluster: &Cluster, credentials: &Value, vin: &str, ecu: &str) -> anyhow::Result<Output> {
    let path = cluster.dir.path().join(format!("{vin}.json"));
    std::fs::write(&path, serde_json::to_vec(credentials)?)?;
    let mut command = otaru();
    command.args(["vehicle", "--once", "--gateway", &cluster.url(Role::Gateway), "--ecu", ecu]);
    command.arg("--credentials").arg(&path).arg("--state-dir").arg(cluster.dir.path().join(vin));
    command.output().await.context("otaru vehicle")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_installs_and_its_exit_code_says_how_that_went() -> anyhow::Result<()> {
    let owned = Cluster::start(None).await?;
    let cluster = &owned;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    open_campaign(&api).await?;
    let mut credentials = Vec::new();
    for vin in [GOOD, BAD] {
        credentials.push(api.post(&format!("/vehicles/{vin}/credentials"), &json!({})).await?);
    }
    let installed = cluster.dir.path().join(GOOD).join("slots/a/BCM.bin");
    let (credentials, installed) = (&credentials, &installed);
    // Until the wave is open, there is nothing to do, which is no failure.
    eventually("the update to be installed", Duration::from_secs(60), || async move {
        let output = once(cluster, &credentials[0], GOOD, "BCM=1.0.0").await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(installed.is_file().then_some(()))
    })
    .await?;
    assert_eq!(std::fs::read(installed)?, IMAGE);

    let failed = once(cluster, &credentials[1], BAD, "IVI=1.0.0").await?;
    let said = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("otaru: the update to campaign 1 failed with no_such_ecu"), "{said}");
    let again = once(cluster, &credentials[1], BAD, "IVI=1.0.0").await?;
    assert!(again.status.success(), "nothing is attempted again: {}", String::from_utf8_lossy(&again.stderr));
    owned.stop().await
}
