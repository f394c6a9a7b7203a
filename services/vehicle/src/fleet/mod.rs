//! A simulated fleet: thousands of vehicles in one process that talk to a gateway as real ones do, slow,
//! often offline, at times failing, and saying things twice.
//!
//! What a vehicle will do is drawn from the seed, its VIN, the campaign and the attempt alone, so a run can
//! be repeated, and a simulator that was killed goes on with the very same reports.

mod acks;
mod attempt;
mod credentials;
mod fetch;
mod models;
mod plan;
mod record;
mod stats;
mod vehicle;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use otaru_domain::id::HardwareId;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::credentials::{FleetVehicles, SimulatedVehicle, read_credentials};
pub use self::stats::{Stats, StatsSnapshot};

use self::fetch::Images;
use self::models::Models;
use self::record::Recorder;
use self::vehicle::Vehicle;
use crate::gateway::{Gateway, GatewayTls};

/// How much of an image each vehicle fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Download {
    /// All of it, with its hash.
    Full,
    /// All of it once, with its hash; each further vehicle fetches the first so many bytes and compares them with the
    /// verified ones. For fleets whose images would not fit through the machine.
    Ranges(u64),
}

/// A way in which an installation fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    pub log: String,
    /// How often, compared with the others.
    pub weight: u32,
}

/// A version that does not work: attempts that bring it to an ECU fail more often, and in their own way.
#[derive(Debug, Clone)]
pub struct Defect {
    pub hardware_id: HardwareId,
    pub version: String,
    pub failure_ratio: f64,
    pub failures: Vec<Failure>,
}

/// How the vehicles behave. Ratios are 0 to 1.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// The mean of the time between two steps, log-normal.
    pub step_delay_mean: Duration,
    /// The standard deviation of that time's logarithm.
    pub step_delay_sigma: f64,
    /// Vehicles that go offline and come back.
    pub offline_ratio: f64,
    /// How long those are online and offline at a time: exponential, with these means.
    pub online_mean: Duration,
    pub offline_mean: Duration,
    /// Attempts that fail.
    pub failure_ratio: f64,
    pub failures: Vec<Failure>,
    pub defects: Vec<Defect>,
    /// Attempts that the driver declines.
    pub decline_ratio: f64,
    /// Reports that are sent twice: at once, or late and shuffled.
    pub duplicate_ratio: f64,
    /// Attempts whose reports are collected and sent as a batch.
    pub batch_ratio: f64,
    /// Vehicles that hold a stream open instead of polling.
    pub stream_ratio: f64,
}

impl Default for Behaviour {
    fn default() -> Self {
        let failure = |code: &str, log: &str, weight| Failure { code: code.into(), log: log.into(), weight };
        Self {
            step_delay_mean: Duration::from_secs(2),
            step_delay_sigma: 0.8,
            offline_ratio: 0.3,
            online_mean: Duration::from_secs(60),
            offline_mean: Duration::from_secs(20),
            failure_ratio: 0.02,
            failures: vec![
                failure("flash_write_error", "flash: write of block 0x1f40 failed (status 0x71)\nflash: aborted", 5),
                failure("battery_low", "power: 11.2 V under load, 11.8 V needed\ninstall: aborted", 3),
                failure("ecu_timeout", "uds: no response from 0x7e0 after 5000 ms\nuds: gave up after 3 tries", 2),
            ],
            defects: Vec::new(),
            decline_ratio: 0.01,
            duplicate_ratio: 0.05,
            batch_ratio: 0.2,
            stream_ratio: 0.05,
        }
    }
}

/// What the simulator needs to know.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    pub gateway: Url,
    pub fleet: FleetVehicles,
    pub seed: u64,
    pub behaviour: Behaviour,
    /// The time between polls where the gateway does not say.
    pub poll_interval: Duration,
    /// 1 waits as long as the gateway's `Retry-After` says, 0.1 a tenth of it.
    pub retry_after_ratio: f64,
    pub download: Download,
    /// Requests, image downloads and streams open at a time; together below the limit of file descriptors.
    pub max_requests: usize,
    pub max_downloads: usize,
    pub max_streams: usize,
    /// Where to write `{"vin","id"}` for each report that was answered 202, a line each.
    pub accepted_acks: Option<PathBuf>,
}

impl FleetConfig {
    /// A fleet with the default behaviour and limits.
    #[must_use]
    pub fn new(gateway: Url, fleet: FleetVehicles) -> Self {
        Self {
            gateway,
            fleet,
            seed: 1,
            behaviour: Behaviour::default(),
            poll_interval: Duration::from_secs(10),
            retry_after_ratio: 1.0,
            download: Download::Full,
            max_requests: 400,
            max_downloads: 32,
            max_streams: 1_000,
            accepted_acks: None,
        }
    }
}

/// What all vehicles share.
struct Shared {
    gateway: Gateway,
    seed: u64,
    behaviour: Behaviour,
    poll_interval: Duration,
    retry_after_ratio: f64,
    models: Models,
    images: Images,
    requests: Semaphore,
    streams: Semaphore,
    recorder: Recorder,
    stats: Arc<Stats>,
}

/// Runs the fleet until `stop`. Vehicles go on polling when their campaigns are over.
///
/// # Errors
/// What keeps it from starting, and a file of accepted reports that cannot be written.
pub async fn run(config: FleetConfig, stats: Arc<Stats>, stop: CancellationToken) -> anyhow::Result<()> {
    let gateway = Gateway::new(config.gateway, config.max_requests, &GatewayTls::default())?;
    let store = std::env::temp_dir().join(format!("otaru-fleet-{}", uuid::Uuid::new_v4()));
    let (recorder, writer) = Recorder::start(config.accepted_acks.as_deref()).await?;
    let shared = Arc::new(Shared {
        models: Models::new(config.fleet.roots, &store)
            .with_context(|| format!("cannot create {}: check the free space", store.display()))?,
        images: Images::new(config.download, config.max_downloads),
        gateway,
        seed: config.seed,
        behaviour: config.behaviour,
        poll_interval: config.poll_interval,
        retry_after_ratio: config.retry_after_ratio.max(0.0),
        requests: Semaphore::new(config.max_requests.max(1)),
        streams: Semaphore::new(config.max_streams),
        recorder,
        stats,
    });
    let mut vehicles = JoinSet::new();
    for vehicle in config.fleet.vehicles {
        vehicles.spawn(Vehicle::new(vehicle, shared.clone()).run());
    }
    stop.cancelled().await;
    vehicles.shutdown().await;
    // The last sender goes with the last vehicle: the writer ends when all is written.
    drop(shared);
    let written = writer.await.context("the writer of accepted reports ended early")?;
    if let Err(error) = std::fs::remove_dir_all(&store) {
        tracing::debug!(%error, "the fleet's folder of metadata stays");
    }
    written
}
