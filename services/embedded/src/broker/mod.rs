//! A Kafka-compatible broker (crate `tansu-broker`, its sqlite store) in this process.
//!
//! Its storage task can die while its port stays open, so a supervisor asks it a question every few seconds
//! and starts it anew when no answer comes; clients reconnect by themselves.

mod engine;
mod probe;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::claim::Claim;
use engine::Engine;

const START: Duration = Duration::from_secs(30);
const WATCH: Duration = Duration::from_secs(2);
/// Unanswered questions in a row before the broker is started anew. A slow one is not a dead one.
const SILENT: u32 = 2;

/// The embedded broker. Dropping it stops it.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    stop: Option<mpsc::Sender<()>>,
    supervisor: Option<JoinHandle<()>>,
}

impl Broker {
    /// Starts the broker on `listen` (port 0: any free one) with its data in `data_dir/broker`, and returns when it
    /// answers.
    ///
    /// # Errors
    /// When the port or the folder is taken, the folder cannot be used, or the broker does not answer.
    pub async fn start(data_dir: &Path, listen: SocketAddr) -> anyhow::Result<Self> {
        let data_dir = data_dir.to_owned();
        tokio::task::spawn_blocking(move || Self::start_blocking(&data_dir, listen)).await?
    }

    fn start_blocking(data_dir: &Path, listen: SocketAddr) -> anyhow::Result<Self> {
        let folder = data_dir.join("broker");
        let claim = Claim::take(data_dir, "broker")?;
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let address = free(listen)?;
        let setup = Setup { storage: engine::storage_url(&folder.join("broker.db"))?, address };
        let mut engine = Engine::start(&setup)?;
        let begun = Instant::now();
        while let Err(error) = probe::ask(reachable(address)) {
            if engine.has_ended() {
                bail!("the embedded broker ended while it started: see the log, and check {}", folder.display());
            }
            if begun.elapsed() > START {
                engine.stop();
                return Err(error).context("the embedded broker does not answer after it started");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        tracing::info!(%address, folder = %folder.display(), "embedded broker up");
        let (stop, stopped) = mpsc::channel();
        let supervisor = std::thread::Builder::new()
            .name("broker-watch".to_owned())
            .spawn(move || supervise(engine, &setup, &stopped, claim))?;
        Ok(Self { address, stop: Some(stop), supervisor: Some(supervisor) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients on this machine take for `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        reachable(self.address).to_string()
    }

    /// What clients of this broker must set (names of librdkafka).
    #[must_use]
    pub fn client_properties() -> Vec<(String, String)> {
        [
            // It never delivers a message of 5 MiB or more, and everything behind it: refuse it when it is sent.
            ("message.max.bytes", "5000000"),
            // It holds each answer to a fetch back by this long, even when it has records.
            ("fetch.wait.max.ms", "100"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Stops the broker and waits until its port and folder are free.
    pub async fn stop(mut self) {
        let supervisor = self.ask_to_stop();
        let joined = tokio::task::spawn_blocking(move || supervisor.map(JoinHandle::join)).await;
        if !matches!(joined, Ok(None | Some(Ok(())))) {
            tracing::warn!("the embedded broker's supervisor ended in a panic");
        }
    }

    fn ask_to_stop(&mut self) -> Option<JoinHandle<()>> {
        // The supervisor stops when the channel closes.
        self.stop = None;
        self.supervisor.take()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.ask_to_stop();
    }
}

/// What an engine is started with, each time.
struct Setup {
    storage: url::Url,
    address: SocketAddr,
}

/// The engine is stopped before the claim is given back.
fn supervise(mut engine: Engine, setup: &Setup, stopped: &mpsc::Receiver<()>, claim: Claim) {
    let mut unanswered = 0;
    while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(WATCH) {
        match probe::ask(reachable(setup.address)) {
            Ok(()) => {
                unanswered = 0;
                continue;
            }
            Err(error) => {
                unanswered += 1;
                tracing::debug!(error = format!("{error:#}"), unanswered, "the embedded broker gave no answer");
            }
        }
        if unanswered < SILENT && !engine.has_ended() {
            continue;
        }
        tracing::warn!("the embedded broker is silent; starting it anew");
        engine.stop();
        match Engine::start(setup) {
            Ok(fresh) => engine = fresh,
            Err(error) => tracing::error!(error = format!("{error:#}"), "cannot start the embedded broker anew"),
        }
        unanswered = 0;
    }
    engine.stop();
    drop(claim);
    tracing::info!("embedded broker down");
}

/// Finds out whether `listen` can be had, and settles the port if any will do.
fn free(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).with_context(|| {
        format!("the embedded broker cannot listen on {listen}: something else does; choose another port")
    })?;
    Ok(listener.local_addr()?)
}

/// The address that clients on this machine use.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address }
}
