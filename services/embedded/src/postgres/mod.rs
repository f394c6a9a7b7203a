//! A private Postgres, run from the server binaries that the machine has.
//!
//! It is a child process: it outlives a SIGKILL of its parent, and the next start finds it by its data folder and
//! takes it over. It listens on loopback alone, with a password that only the owner of the folder can read.

mod account;
mod cluster;
mod install;
mod server;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;

use crate::claim::Claim;
use cluster::Cluster;
use server::Server;

const WATCH: Duration = Duration::from_secs(1);

/// The private Postgres. Dropping it stops it, too, but does not wait for the end.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    stop: Option<mpsc::Sender<()>>,
    supervisor: Option<JoinHandle<()>>,
}

impl Postgres {
    /// Starts Postgres with its data in `data_dir/postgres`, which the first start creates. It listens on `port`,
    /// or on a free one that later starts keep to as long as they can.
    ///
    /// # Errors
    /// When no server is installed (it says what to install), the folder is taken or cannot be used, or the server
    /// does not come up (with the end of its log).
    pub async fn start(data_dir: &Path, port: Option<u16>) -> anyhow::Result<Self> {
        let data_dir = data_dir.to_owned();
        tokio::task::spawn_blocking(move || Self::start_blocking(&data_dir, port)).await?
    }

    fn start_blocking(data_dir: &Path, port: Option<u16>) -> anyhow::Result<Self> {
        let claim = Claim::take(data_dir, "postgres")?;
        let cluster = Cluster::open(&std::path::absolute(data_dir)?)?;
        let server = Server::up(&cluster, port)?;
        let url = cluster.url(server.port());
        let (stop, stopped) = mpsc::channel();
        let supervisor = std::thread::Builder::new()
            .name("postgres-watch".to_owned())
            .spawn(move || supervise(server, &cluster, &stopped, claim))?;
        Ok(Self { url, stop: Some(stop), supervisor: Some(supervisor) })
    }

    /// `postgres://user:password@127.0.0.1:port/database`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends all sessions, writes a checkpoint, and waits until the folder is free.
    pub async fn stop(mut self) {
        let supervisor = self.ask_to_stop();
        let joined = tokio::task::spawn_blocking(move || supervisor.map(JoinHandle::join)).await;
        if !matches!(joined, Ok(None | Some(Ok(())))) {
            tracing::warn!("the private Postgres' supervisor ended in a panic");
        }
    }

    fn ask_to_stop(&mut self) -> Option<JoinHandle<()>> {
        // The supervisor stops when the channel closes.
        self.stop = None;
        self.supervisor.take()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// Starts the server again when it dies (the kernel's out-of-memory killer likes it), on the port that is known.
fn supervise(mut server: Server, cluster: &Cluster, stopped: &mpsc::Receiver<()>, claim: Claim) {
    let port = server.port();
    while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(WATCH) {
        if server.lives(cluster) {
            continue;
        }
        tracing::warn!("the private Postgres has ended; starting it again");
        match Server::up(cluster, Some(port)) {
            Ok(fresh) => server = fresh,
            Err(error) => tracing::error!(error = format!("{error:#}"), "the private Postgres does not start"),
        }
    }
    server.down(cluster);
    drop(claim);
    tracing::info!("private Postgres down");
}

/// The last lines of a log, for an error message.
fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

/// Runs a program of the server's package to its end.
fn run(command: &mut std::process::Command) -> anyhow::Result<()> {
    let program = PathBuf::from(command.get_program());
    let output = command
        .stdin(std::process::Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{} failed: {}", program.display(), said.trim());
    Ok(())
}
