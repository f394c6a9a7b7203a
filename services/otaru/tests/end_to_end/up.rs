//! `otaru up` as a process: everything at once, with what only gateways are told otherwise.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::backing::{free_port, log, otaru};
use crate::cluster::eventually;

const PATIENCE: Duration = Duration::from_secs(120);

/// An MQTT broker that lets everybody in.
struct Mosquitto {
    port: u16,
    process: Child,
}

impl Mosquitto {
    fn start(dir: &std::path::Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let path = dir.join("mosquitto.conf");
        std::fs::write(&path, format!("listener {port} 127.0.0.1\nallow_anonymous true\n"))?;
        let mut command = Command::new("/usr/sbin/mosquitto");
        command.arg("-c").arg(path).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { port, process: command.spawn().context("mosquitto is missing: apt-get install mosquitto")? })
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            eprintln!("mosquitto could not be stopped: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_one_process_takes_the_gateways_mqtt_broker_and_ends_when_told() -> anyhow::Result<()> {
    let dir = tempfile::Builder::new().prefix("otaru-up-").tempdir()?;
    // Postgres does not run as root, and whoever it runs as must get there.
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755))?;
    let broker = Mosquitto::start(dir.path())?;
    let (campaign, gateway) = (free_port()?, free_port()?);
    let mut command = otaru();
    command.args(["up", "--once", "--data-dir"]).arg(dir.path().join("data"));
    for (flag, port) in [
        ("--campaign-port", campaign),
        ("--gateway-port", gateway),
        ("--vehicle-state-port", free_port()?),
        ("--broker-port", free_port()?),
    ] {
        command.args([flag, &port.to_string()]);
    }
    command.args(["--mqtt-url", &format!("mqtt://127.0.0.1:{}", broker.port), "--mqtt-client-id", "gateway-1"]);
    let up = command.stdout(Stdio::piped()).stderr(log(dir.path(), "up")?).spawn()?;
    eventually("the gateway to be on its MQTT broker", PATIENCE, || async move {
        let metrics = reqwest::get(format!("http://127.0.0.1:{gateway}/metrics")).await?.text().await?;
        Ok(metrics.contains("otaru_gateway_mqtt_connected 1").then_some(()))
    })
    .await?;
    let pid = up.id().context("it ended early")?.to_string();
    ensure!(Command::new("kill").arg(&pid).status()?.success(), "{pid} cannot be stopped");
    let output = tokio::time::timeout(PATIENCE, up.wait_with_output()).await.context("it does not end")??;
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "the demo has not ended: {said}");
    ensure!(said.contains("Stopped before the demo's campaign had ended") && !said.contains("stays up"), "{said}");
    Ok(())
}
