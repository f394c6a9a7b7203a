//! The fleet simulator as a command.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use otaru_vehicle::fleet::{Download, FleetConfig, Stats, read_credentials, run};
use url::Url;

use super::signals::stop_on_signal;

/// How often it says what it does.
const REPORT: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub struct FleetArgs {
    /// The gateway.
    #[arg(long, env = "OTARU_GATEWAY", default_value = "http://127.0.0.1:8081")]
    gateway: Url,
    /// NDJSON, a vehicle each line: {"vin","model","token","root","ecus"}; `root` once per model.
    #[arg(long)]
    credentials: PathBuf,
    /// Draws the same behaviour again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The mean time between two steps of an update, in seconds.
    #[arg(long, default_value_t = 2.0)]
    step_delay_secs: f64,
    /// The share of vehicles that go offline and come back, 0 to 1.
    #[arg(long, default_value_t = 0.3)]
    offline_ratio: f64,
    /// The share of attempts that fail.
    #[arg(long, default_value_t = 0.02)]
    failure_ratio: f64,
    /// The share of attempts that the driver declines.
    #[arg(long, default_value_t = 0.01)]
    decline_ratio: f64,
    /// The share of reports that are sent twice.
    #[arg(long, default_value_t = 0.05)]
    duplicate_ratio: f64,
    /// The share of vehicles that hold a stream open instead of polling.
    #[arg(long, default_value_t = 0.05)]
    stream_ratio: f64,
    /// Fetch each image whole only once, then so many bytes per vehicle.
    #[arg(long)]
    download_bytes: Option<u64>,
    /// Write {"vin","id"} of each report that was answered 202 to this file.
    #[arg(long)]
    accepted_acks: Option<PathBuf>,
}

impl FleetArgs {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let stop = stop_on_signal()?;
        let mut config = FleetConfig::new(self.gateway, read_credentials(&self.credentials)?);
        config.seed = self.seed;
        config.behaviour.step_delay_mean = Duration::try_from_secs_f64(self.step_delay_secs)?;
        config.behaviour.offline_ratio = self.offline_ratio;
        config.behaviour.failure_ratio = self.failure_ratio;
        config.behaviour.decline_ratio = self.decline_ratio;
        config.behaviour.duplicate_ratio = self.duplicate_ratio;
        config.behaviour.stream_ratio = self.stream_ratio;
        config.download = self.download_bytes.map_or(Download::Full, Download::Ranges);
        config.accepted_acks = self.accepted_acks;
        let stats = Arc::new(Stats::default());
        let reporter = {
            let stats = stats.clone();
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(REPORT).await;
                    if let Ok(line) = serde_json::to_string(&stats.snapshot()) {
                        eprintln!("{line}");
                    }
                }
            })
        };
        let result = run(config, stats.clone(), stop).await;
        reporter.abort();
        println!("{}", serde_json::to_string(&stats.snapshot())?);
        result.map(|()| ExitCode::SUCCESS)
    }
}
