//! The reference agent as a command, against real roles: what it installs, and what its exit code says.

use std::process::Output;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chrono::TimeDelta;
use otaru::demo::api::Api;
use otaru_domain::clock;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::backing::{free_port, log, otaru};
use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::database::query;

const IMAGE: &[u8] = b"the new body control";
const GOOD: &str = "WVWZZZ1KZAW000001";
const BAD: &str = "WVWZZZ1KZAW000002";

/// A campaign for two vehicles of a model whose vehicles sign, open for both; their credentials.
async fn open_campaign(cluster: &Cluster, api: &Api) -> anyhow::Result<Vec<Value>> {
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
    let signing = json!({"ack_signatures": "required"}).to_string();
    api.put_bytes("/models/harbour/ack-signatures", signing.into_bytes()).await?;
    let mut credentials = Vec::new();
    for vin in [GOOD, BAD] {
        api.post("/vehicles", &json!({"vin": vin, "model": "harbour", "region": "EU"})).await?;
        let made = otaru().args(["vehicle", "make-key", "--out"]).arg(key_of(cluster, vin)).output().await?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let ack_key = String::from_utf8(made.stdout)?.trim().to_owned();
        credentials.push(api.post(&format!("/vehicles/{vin}/credentials"), &json!({"ack_key": ack_key})).await?);
    }
    let campaign = json!({
        "name": "Spring", "release": release, "target": r#"region == "EU""#,
        "waves": [{"share_ratio": 1.0, "gate_installed_ratio": 0.0}], "deadline": clock::now() + TimeDelta::hours(1),
    });
    let campaign = api.post("/campaigns", &campaign).await?["id"].clone();
    api.post(&format!("/campaigns/{campaign}/start"), &json!({})).await?;
    Ok(credentials)
}

/// The file of the key by which the vehicle signs.
fn key_of(cluster: &Cluster, vin: &str) -> std::path::PathBuf {
    cluster.dir.path().join(format!("{vin}.pem"))
}

/// Runs the agent of `vin` once, with this ECU and what tells it how to get to a gateway.
async fn once(cluster: &Cluster, credentials: &Value, vin: &str, ecu: &str, way: &[&str]) -> anyhow::Result<Output> {
    let path = cluster.dir.path().join(format!("{vin}.json"));
    std::fs::write(&path, serde_json::to_vec(credentials)?)?;
    let mut command = otaru();
    command.args(["vehicle", "--once", "--ecu", ecu]).args(way);
    command.arg("--ack-key").arg(key_of(cluster, vin));
    command.arg("--credentials").arg(&path).arg("--state-dir").arg(cluster.dir.path().join(vin));
    command.output().await.context("otaru vehicle")
}

/// A gateway beside the cluster's that lets in nobody without a certificate.
struct MutualTls {
    dir: std::path::PathBuf,
    port: u16,
    _gateway: Child,
}

impl MutualTls {
    /// With a certificate for `vin`.
    async fn start(cluster: &Cluster, vin: &str) -> anyhow::Result<Self> {
        let (dir, port) = (cluster.dir.path().to_owned(), free_port()?);
        let request = |name: &str, subject: &str, extensions: &[&str]| {
            let mut command = Command::new("openssl");
            command.current_dir(&dir).args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ]);
            command.args([
                "-days",
                "2",
                "-subj",
                subject,
                "-keyout",
                &format!("{name}.key"),
                "-out",
                &format!("{name}.pem"),
            ]);
            command.args(extensions.iter().flat_map(|extension| ["-addext", extension]));
            command
        };
        let leaf = ["basicConstraints=critical,CA:FALSE", "subjectAltName=IP:127.0.0.1"];
        let mut commands = vec![request("ca", "/CN=makers", &[])];
        for (name, subject) in [("gateway", "/CN=gateway".to_owned()), ("vehicle", format!("/CN={vin}"))] {
            let mut command = request(name, &subject, &leaf[..if name == "gateway" { 2 } else { 1 }]);
            command.args(["-CA", "ca.pem", "-CAkey", "ca.key"]);
            commands.push(command);
        }
        for mut command in commands {
            let output = command.output().await.context("openssl")?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let mut command = cluster.gateway_at(port)?;
        command.current_dir(&dir).args(["--tls-certificate", "gateway.pem", "--tls-key", "gateway.key"]);
        command.args(["--tls-client-ca", "ca.pem", "--tls-client-required"]);
        let gateway = command.kill_on_drop(true).stderr(log(&dir, "mutual-tls")?).spawn()?;
        let started = Self { dir, port, _gateway: gateway };
        started.ready().await?;
        Ok(started)
    }

    /// The gateway's address, and the files of authority, certificate and key.
    fn way(&self) -> [String; 4] {
        let file = |name: &str| self.dir.join(name).display().to_string();
        [format!("https://127.0.0.1:{}", self.port), file("ca.pem"), file("vehicle.pem"), file("vehicle.key")]
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let [address, ca, certificate, key] = self.way();
        let arguments = ["-sf", "--cacert", &ca, "--cert", &certificate, "--key", &key, &format!("{address}/readyz")];
        let arguments = &arguments;
        eventually("the gateway behind TLS to be ready", Duration::from_secs(60), || async move {
            let ready = Command::new("curl").args(arguments).output().await?;
            Ok(ready.status.success().then_some(()))
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_installs_and_its_exit_code_says_how_that_went() -> anyhow::Result<()> {
    let owned = Cluster::start(None).await?;
    let cluster = &owned;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let credentials = open_campaign(cluster, &api).await?;
    let installed = cluster.dir.path().join(GOOD).join("slots/a/BCM.bin");
    let plain = cluster.url(Role::Gateway);
    let (credentials, installed, gateway) = (&credentials, &installed, &plain);
    // Until the wave is open, there is nothing to do, which is no failure.
    eventually("the update to be installed", Duration::from_secs(60), || async move {
        let output = once(cluster, &credentials[0], GOOD, "BCM=1.0.0", &["--gateway", gateway]).await?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(installed.is_file().then_some(()))
    })
    .await?;
    assert_eq!(std::fs::read(installed)?, IMAGE);

    let tls = MutualTls::start(cluster, BAD).await?;
    let [address, ca, certificate, key] = tls.way();
    let nobody =
        once(cluster, &credentials[1], BAD, "IVI=1.0.0", &["--gateway", &address, "--gateway-ca", &ca]).await?;
    let said = String::from_utf8_lossy(&nobody.stderr);
    assert!(
        !nobody.status.success() && said.contains("the gateway cannot be reached"),
        "without a certificate: {said}"
    );
    let way = ["--gateway", &address, "--gateway-ca", &ca, "--client-cert", &certificate, "--client-key", &key];
    let failed = once(cluster, &credentials[1], BAD, "IVI=1.0.0", &way).await?;
    let said = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("otaru: the update to campaign 1 failed with no_such_ecu"), "{said}");
    let again = once(cluster, &credentials[1], BAD, "IVI=1.0.0", &way).await?;
    assert!(again.status.success(), "nothing is attempted again: {}", String::from_utf8_lossy(&again.stderr));
    drop(tls);
    let ends = "SELECT state, count(*), bool_and(h.signed_by IS NOT NULL) FROM ack_history h
                 WHERE origin = 'vehicle' AND state IN ('installed', 'failed') GROUP BY 1 ORDER BY 1";
    let url = cluster.database_url.as_str();
    eventually("both ends, each signed", Duration::from_secs(60), || async move {
        Ok((query(url, ends).await? == ["failed|1|t", "installed|1|t"]).then_some(()))
    })
    .await?;
    let rebuilt = cluster.rebuild_and_verify().await?;
    assert_eq!(rebuilt["differences"], 0, "{rebuilt}");
    owned.stop().await
}
