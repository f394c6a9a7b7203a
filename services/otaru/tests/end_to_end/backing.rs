//! The broker and the Postgres under a test: each a process of its own that can be killed or stopped, and comes back
//! on the same port with the same data.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// What the roles depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Broker,
    Postgres,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Postgres => "postgres",
        }
    }
}

/// One of them, running or not.
pub struct Backing {
    kind: Kind,
    /// Where it keeps its data; can be changed before the first start.
    pub data_dir: PathBuf,
    log: PathBuf,
    port: u16,
    child: Option<Child>,
}

/// A port that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The command under test; it ends with the test.
pub fn otaru() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otaru"));
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

/// Where a process of the test logs to, in `dir`.
pub fn log(dir: &Path, name: &str) -> anyhow::Result<Stdio> {
    Ok(std::fs::OpenOptions::new().create(true).append(true).open(dir.join(format!("{name}.log")))?.into())
}

impl Backing {
    pub fn new(kind: Kind, dir: &Path) -> anyhow::Result<Self> {
        Ok(Self { kind, data_dir: dir.join("data"), log: dir.to_owned(), port: free_port()?, child: None })
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Starts it, and gives where it listens when it answers.
    pub async fn start(&mut self) -> anyhow::Result<Value> {
        let mut command = otaru();
        command.args(["embedded", "--data-dir"]).arg(&self.data_dir);
        match self.kind {
            Kind::Broker => command.arg("--broker").arg(self.address().to_string()),
            Kind::Postgres => command.args(["--postgres", "--postgres-port", &self.port.to_string()]),
        };
        let mut child = command.stdout(Stdio::piped()).stderr(log(&self.log, self.kind.name())?).spawn()?;
        let stdout = child.stdout.take().context("no stdout")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        let line = line.with_context(|| format!("{:?} does not start:\n{}", self.kind, self.logged()))?;
        self.child = Some(child);
        Ok(serde_json::from_str(&line)?)
    }

    /// SIGKILL: no goodbye. A Postgres outlives it, see [`Self::crash`].
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.take().context("it does not run")?.kill().await.context("kill")
    }

    /// SIGTERM, and waits for the end.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pid = child.id().context("it ended early")?;
        ensure!(Command::new("kill").arg(pid.to_string()).status().await?.success(), "{pid} cannot be stopped");
        child.wait().await?;
        Ok(())
    }

    /// Kills the Postgres server itself; whoever started it has to notice.
    pub async fn crash(&self) -> anyhow::Result<()> {
        ensure!(self.kind == Kind::Postgres, "only Postgres has a server of its own");
        // Where only root may enter the data folder, the files are elsewhere.
        let home = std::fs::read_to_string(self.data_dir.join("postgres.location"));
        let home = home.map_or_else(|_| self.data_dir.join("postgres"), |place| PathBuf::from(place.trim()));
        let lock = std::fs::read_to_string(home.join("postmaster.pid"))?;
        let pid = lock.lines().next().context("postmaster.pid is empty")?;
        ensure!(Command::new("kill").args(["-9", pid]).status().await?.success(), "{pid} cannot be killed");
        Ok(())
    }

    fn logged(&self) -> String {
        std::fs::read_to_string(self.log.join(format!("{}.log", self.kind.name()))).unwrap_or_default()
    }
}
