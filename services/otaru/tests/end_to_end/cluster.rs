//! Otaru as it runs in the field: each role a process of its own, on a real broker and a real Postgres. Roles can be
//! killed and started again; everything ends with the test.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::backing::{Backing, Kind, free_port, log, otaru};

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

/// A cluster: what runs of it is the test's to say.
pub struct Cluster {
    pub dir: tempfile::TempDir,
    pub broker: Backing,
    pub postgres: Backing,
    /// Known when Postgres was up once.
    pub database_url: String,
    pub kafka: String,
    /// What the campaign service finds in its environment beside the rest.
    pub campaign_env: Vec<(String, String)>,
    /// The object store's URL; a folder unless given.
    pub artifacts: Option<String>,
    /// What gateways find in their environment beside the rest.
    pub gateway_env: Vec<(String, String)>,
    ports: [u16; 3],
    children: [Option<Child>; 3],
}

impl Cluster {
    /// Nothing runs yet.
    pub fn lay_out() -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("otaru-e2e-").tempdir()?;
        // Postgres does not run as root, and whoever it runs as must get there.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755))?;
        let broker = Backing::new(Kind::Broker, dir.path())?;
        Ok(Self {
            postgres: Backing::new(Kind::Postgres, dir.path())?,
            database_url: String::new(),
            kafka: broker.address().to_string(),
            broker,
            campaign_env: Vec::new(),
            artifacts: None,
            gateway_env: Vec::new(),
            ports: [free_port()?, free_port()?, free_port()?],
            children: [None, None, None],
            dir,
        })
    }

    /// A broker, a Postgres and the three roles, ready for work. With `kafka`, that broker is used instead.
    pub async fn start(kafka: Option<String>) -> anyhow::Result<Self> {
        let mut cluster = Self::lay_out()?;
        match kafka {
            Some(kafka) => cluster.kafka = kafka,
            None => drop(cluster.broker.start().await?),
        }
        cluster.start_postgres().await?;
        cluster.start_roles().await?;
        Ok(cluster)
    }

    /// Starts all roles and waits until they are ready for work.
    pub async fn start_roles(&mut self) -> anyhow::Result<()> {
        for role in Role::ALL {
            self.start_role(role).await?;
        }
        self.wait_all_ready().await
    }

    pub async fn start_postgres(&mut self) -> anyhow::Result<()> {
        let listening = self.postgres.start().await?;
        self.database_url = listening["database_url"].as_str().context("no database_url")?.to_owned();
        Ok(())
    }

    /// Starts a role; it need not be ready yet.
    pub async fn start_role(&mut self, role: Role) -> anyhow::Result<()> {
        let dir = self.dir.path();
        let mut command = otaru();
        command.arg(role.subcommand());
        self.reach(&mut command);
        command.args(["--listen", &format!("127.0.0.1:{}", self.port(role))]);
        if role != Role::VehicleState {
            command.args(["--artifacts", &self.artifacts()?]);
        }
        match role {
            Role::Campaign => {
                command.arg("--keys-dir").arg(dir.join("keys")).arg("--demo-root");
                command.env("OTARU_INITIAL_ADMIN_TOKEN", ADMIN_TOKEN);
                command.envs(self.campaign_env.iter().cloned());
            }
            Role::Gateway => {
                command.args(["--poll-interval-secs", "1"]).envs(self.gateway_env.iter().cloned());
            }
            Role::VehicleState => {}
        }
        let child = command.stdout(Stdio::null()).stderr(log(dir, role.subcommand())?).spawn()?;
        self.children[role as usize] = Some(child);
        Ok(())
    }

    /// A gateway of this cluster on another port, not started yet.
    pub fn gateway_at(&self, port: u16) -> anyhow::Result<Command> {
        let mut command = otaru();
        command.arg("gateway");
        self.reach(&mut command);
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--poll-interval-secs", "1"]);
        command.args(["--artifacts", &self.artifacts()?]).stdout(Stdio::null());
        Ok(command)
    }

    /// The object store's URL; its folder is made.
    fn artifacts(&self) -> anyhow::Result<String> {
        if let Some(artifacts) = &self.artifacts {
            return Ok(artifacts.clone());
        }
        let artifacts = self.dir.path().join("artifacts");
        std::fs::create_dir_all(&artifacts)?;
        Ok(format!("file://{}", artifacts.display()))
    }

    /// Says where Postgres and the broker are.
    fn reach(&self, command: &mut Command) {
        command.args(["--database-url", &self.database_url, "--kafka", &self.kafka]);
        for (name, value) in otaru_embedded::Broker::client_properties() {
            command.args(["--kafka-property", &format!("{name}={value}")]);
        }
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

    /// Why a role may not be sent work, a line for each part that is missing; nothing when it may.
    pub async fn missing(&self, role: Role) -> anyhow::Result<String> {
        let answer = reqwest::get(format!("{}/readyz", self.url(role))).await?;
        Ok(if answer.status().is_success() { String::new() } else { answer.text().await? })
    }

    /// Fails when a role has ended.
    pub fn lives(&mut self, role: Role) -> anyhow::Result<()> {
        let child = self.children[role as usize].as_mut().context("the role was not started")?;
        match child.try_wait()? {
            Some(status) => bail!("{role:?} ended with {status}:\n{}", self.log_of(role)),
            None => Ok(()),
        }
    }

    /// Waits until a role says that it may be sent work.
    pub async fn wait_ready(&mut self, role: Role) -> anyhow::Result<()> {
        self.wait_missing(role, "that it is ready", str::is_empty).await
    }

    pub async fn wait_all_ready(&mut self) -> anyhow::Result<()> {
        for role in Role::ALL {
            self.wait_ready(role).await?;
        }
        Ok(())
    }

    /// Waits until what a role says is missing is as `wanted`.
    pub async fn wait_missing(&mut self, role: Role, what: &str, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let missing = self.missing(role).await;
            if missing.as_deref().is_ok_and(&wanted) {
                return Ok(());
            }
            self.lives(role)?;
            if Instant::now() > deadline {
                bail!("{role:?} does not say {what} but {missing:?}\n{}", self.log_of(role));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until a role has logged these words.
    pub async fn wait_logged(&self, role: Role, words: &str) -> anyhow::Result<()> {
        eventually(&format!("{role:?} to log {words:?}"), PATIENCE, || async move {
            Ok(std::fs::read_to_string(self.log_path(role))?.contains(words).then_some(()))
        })
        .await
    }

    fn log_path(&self, role: Role) -> PathBuf {
        self.dir.path().join(format!("{}.log", role.subcommand()))
    }

    /// The last of what a role logged.
    pub fn log_of(&self, role: Role) -> String {
        let text = std::fs::read_to_string(self.log_path(role)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Replays `otaru.acks` beside what is there and compares; the summary, or where they differ.
    pub async fn rebuild_and_verify(&self) -> anyhow::Result<Value> {
        let mut command = otaru();
        command.args(["vehicle-state", "rebuild", "--verify"]);
        self.reach(&mut command);
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
        // In order, so that nothing of the private Postgres is left.
        self.broker.stop().await?;
        self.postgres.stop().await
    }
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
