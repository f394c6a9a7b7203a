//! Otaru as it runs in the field: each role a process of its own, on a real broker and a real Postgres. Roles can be
//! killed and started again; everything ends with the test.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// The admin token that every test cluster starts with.
pub const ADMIN_TOKEN: &str = "otaru_test-admin-token-0123456789abcdefghijklmnopqrst";
/// How long something may take to become true.
const PATIENCE: Duration = Duration::from_secs(90);

/// A role of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Campaign,
    Gateway,
    VehicleState,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Campaign, Self::Gateway, Self::VehicleState];

    fn subcommand(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::Gateway => "gateway",
            Self::VehicleState => "vehicle-state",
        }
    }
}

/// A running cluster.
pub struct Cluster {
    pub dir: tempfile::TempDir,
    pub database_url: String,
    pub kafka: String,
    kafka_properties: Vec<String>,
    ports: [u16; 3],
    children: [Option<Child>; 3],
    embedded: Option<Child>,
}

/// A port that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn otaru() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otaru"));
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

impl Cluster {
    /// Starts a broker, a Postgres and the three roles, ready for work. With `kafka`, that broker is used instead.
    pub async fn start(kafka: Option<String>) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("otaru-e2e-").tempdir()?;
        let mut command = otaru();
        command.args(["embedded", "--postgres", "--data-dir"]).arg(dir.path());
        if kafka.is_none() {
            command.arg("--broker").arg(SocketAddr::from(([127, 0, 0, 1], free_port()?)).to_string());
        }
        let mut embedded = command.stdout(Stdio::piped()).stderr(log(dir.path(), "embedded")?).spawn()?;
        let stdout = embedded.stdout.take().context("no stdout")?;
        let line = BufReader::new(stdout).lines().next_line().await?.context("the embedded services did not start")?;
        let listening: Value = serde_json::from_str(&line)?;
        let text = |name: &str| listening[name].as_str().map(str::to_owned);
        let mut cluster = Self {
            database_url: text("database_url").context("no database_url")?,
            kafka_properties: listening["kafka_properties"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|property| property.as_str().map(str::to_owned))
                .collect(),
            kafka: kafka.or_else(|| text("kafka")).context("no kafka")?,
            ports: [free_port()?, free_port()?, free_port()?],
            children: [None, None, None],
            embedded: Some(embedded),
            dir,
        };
        for role in Role::ALL {
            cluster.start_role(role).await?;
        }
        for role in Role::ALL {
            cluster.wait_ready(role).await?;
        }
        Ok(cluster)
    }

    /// Starts a role; it need not be ready yet.
    pub async fn start_role(&mut self, role: Role) -> anyhow::Result<()> {
        let dir = self.dir.path();
        let mut command = otaru();
        command.arg(role.subcommand());
        command.args(["--database-url", &self.database_url, "--kafka", &self.kafka]);
        for property in &self.kafka_properties {
            command.args(["--kafka-property", property]);
        }
        command.args(["--listen", &format!("127.0.0.1:{}", self.port(role))]);
        if role != Role::VehicleState {
            let artifacts = dir.join("artifacts");
            std::fs::create_dir_all(&artifacts)?;
            command.args(["--artifacts", &format!("file://{}", artifacts.display())]);
        }
        match role {
            Role::Campaign => {
                command.arg("--keys-dir").arg(dir.join("keys")).arg("--demo-root");
                command.env("OTARU_INITIAL_ADMIN_TOKEN", ADMIN_TOKEN);
            }
            Role::Gateway => {
                command.args(["--poll-interval-secs", "1"]);
            }
            Role::VehicleState => {}
        }
        let child = command.stdout(Stdio::null()).stderr(log(dir, role.subcommand())?).spawn()?;
        self.children[role as usize] = Some(child);
        Ok(())
    }

    /// SIGKILL: no goodbye.
    pub async fn kill(&mut self, role: Role) -> anyhow::Result<()> {
        let child = self.children[role as usize].as_mut().context("the role does not run")?;
        child.kill().await.context("kill")
    }

    /// The port of a role.
    pub fn port(&self, role: Role) -> u16 {
        self.ports[role as usize]
    }

    /// The URL of a role.
    pub fn url(&self, role: Role) -> String {
        format!("http://127.0.0.1:{}", self.port(role))
    }

    /// Waits until a role says that it may be sent work.
    pub async fn wait_ready(&mut self, role: Role) -> anyhow::Result<()> {
        let url = format!("{}/readyz", self.url(role));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = reqwest::get(&url).await;
            let why = match answer {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            if let Some(status) =
                self.children[role as usize].as_mut().and_then(|child| child.try_wait().ok().flatten())
            {
                bail!("{role:?} ended with {status}:\n{}", self.log_of(role));
            }
            if Instant::now() > deadline {
                bail!("{role:?} is not ready: {why}\n{}", self.log_of(role));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The last of what a role logged.
    pub fn log_of(&self, role: Role) -> String {
        let text =
            std::fs::read_to_string(self.dir.path().join(format!("{}.log", role.subcommand()))).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Replays `otaru.acks` beside what is there and compares; the summary, or where they differ.
    pub async fn rebuild_and_verify(&self) -> anyhow::Result<Value> {
        let mut command = otaru();
        command.args(["vehicle-state", "rebuild", "--verify"]);
        command.args(["--database-url", &self.database_url, "--kafka", &self.kafka]);
        for property in &self.kafka_properties {
            command.args(["--kafka-property", property]);
        }
        let output = command.output().await?;
        if !output.status.success() {
            bail!("rebuild --verify: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Stops everything in order.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for child in self.children.iter_mut().flatten() {
            child.start_kill()?;
            child.wait().await?;
        }
        if let Some(mut embedded) = self.embedded.take() {
            // SIGTERM, so that the private Postgres ends, too.
            let pid = embedded.id().context("ended early")?;
            Command::new("kill").arg(pid.to_string()).status().await?;
            embedded.wait().await?;
        }
        Ok(())
    }
}

fn log(dir: &Path, name: &str) -> anyhow::Result<Stdio> {
    let path: PathBuf = dir.join(format!("{name}.log"));
    Ok(std::fs::OpenOptions::new().create(true).append(true).open(path)?.into())
}

/// Asks again until the answer is there.
pub async fn eventually<T, F: Future<Output = anyhow::Result<Option<T>>>>(
    what: &str,
    patience: Duration,
    mut ask: impl FnMut() -> F,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        let last = match ask().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if Instant::now() > deadline {
            match last {
                Some(error) => return Err(error.context(format!("waited for: {what}"))),
                None => bail!("waited in vain for: {what}"),
            }
        }
        sleep(Duration::from_millis(100)).await;
    }
}
