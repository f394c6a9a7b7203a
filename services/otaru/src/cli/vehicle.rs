//! The reference agent as a command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use otaru_domain::id::HardwareId;
use otaru_domain::token::Claims;
use otaru_vehicle::agent::{AgentConfig, Credentials, HealthCheck, Mode, make_key, public_key, read_key, run};
use serde::Deserialize;
use url::Url;

use super::signals::stop_on_signal;
use super::tuf::TufArgs;
use super::vehicle_links::LinkOptions;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct VehicleArgs {
    #[command(subcommand)]
    command: Option<VehicleCommand>,
    /// The gateway.
    #[arg(long, env = "OTARU_GATEWAY", default_value = "http://127.0.0.1:8081")]
    gateway: Url,
    /// The file with the answer of POST /api/v1/vehicles/VIN/credentials.
    #[arg(long, env = "OTARU_CREDENTIALS", required = true)]
    credentials: Option<PathBuf>,
    /// The file with the key by which the vehicle signs its reports: one that only its owner may read, whose public key
    /// the credentials were issued with. See `otaru vehicle make-key`.
    #[arg(long, env = "OTARU_ACK_KEY")]
    ack_key: Option<PathBuf>,
    /// The file with the private keys by which the vehicle decrypts its images, as `age-keygen` writes it, that only its owner
    /// may read: several while one follows another.
    #[arg(long, env = "OTARU_AGE_IDENTITY")]
    age_identity: Option<PathBuf>,
    /// Where the agent keeps its state, its downloads and its A/B slots; ./vehicle-VIN unless given.
    #[arg(long, env = "OTARU_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// An ECU and the version it runs before the agent's first start, as BCM=1.0.0; again for more.
    #[arg(long = "ecu", value_parser = parse_ecu)]
    ecus: Vec<(HardwareId, String)>,
    /// A JSON file with the signals that preconditions speak of, read anew at each check.
    #[arg(long)]
    signals: Option<PathBuf>,
    /// A program to run after each installation, with the folder of the new images in OTARU_SLOT: unless it ends
    /// with 0, the agent goes back to what ran before and reports `rolled_back`.
    #[arg(long, value_parser = parse_program)]
    health_check: Option<PathBuf>,
    /// How many seconds the health check may take.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    health_check_seconds: u64,
    /// Hold a stream open instead of polling.
    #[arg(long)]
    stream: bool,
    /// The most memory that applying a delta may take, in MiB: 16, or for zstd's the image that runs and the next power of
    /// two. With 0, and where it does not suffice, images are downloaded whole.
    #[arg(long, env = "OTARU_DELTA_MEMORY_MIB", default_value_t = 320)]
    delta_memory_mib: u32,
    #[command(flatten)]
    links: LinkOptions,
    /// Check once, install what there is, and end: with 0 if that went well or there was nothing to do.
    #[arg(long)]
    once: bool,
}

#[derive(Debug, Subcommand)]
enum VehicleCommand {
    /// Only verify a TUF repository, or download one of its targets, as the agent does.
    Tuf(Box<TufArgs>),
    /// Make a key by which the vehicle signs its reports, and print its public key, the `ack_key` of
    /// POST /api/v1/vehicles/VIN/credentials.
    MakeKey(MakeKeyArgs),
}

#[derive(Debug, Args)]
struct MakeKeyArgs {
    /// The file to make; there must be none.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Deserialize)]
struct CredentialsFile {
    token: String,
}

fn parse_ecu(text: &str) -> Result<(HardwareId, String), String> {
    let (id, version) = text.split_once('=').ok_or("an ECU is written HARDWARE_ID=VERSION")?;
    Ok((HardwareId::parse(id).map_err(|error| error.to_string())?, version.to_owned()))
}

/// A mistyped path should not show after an installation.
fn parse_program(text: &str) -> Result<PathBuf, String> {
    let path = std::fs::canonicalize(text).map_err(|error| format!("{error}; name a program that can be run"))?;
    if path.is_file() { Ok(path) } else { Err("it is not a file; name a program that can be run".to_owned()) }
}

/// Who the vehicle is, as its own token says; whether that is true is for the gateway to verify.
fn identity(path: &Path) -> anyhow::Result<Claims> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let wrong = || format!("{} is not the answer of POST /api/v1/vehicles/VIN/credentials", path.display());
    let file: CredentialsFile = serde_json::from_slice(&bytes).with_context(wrong)?;
    let payload = file.token.split('.').nth(1).with_context(wrong)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).with_context(wrong)?;
    serde_json::from_slice(&payload).with_context(wrong)
}

/// That the key is the one that the credentials were issued with, where they were issued with one.
fn check_key(path: Option<&Path>, named: Option<&str>) -> anyhow::Result<()> {
    match (path, named) {
        (Some(path), named) => {
            let public = public_key(&read_key(path)?);
            if named.is_some_and(|named| named != public) {
                bail!("{} is another key than the credentials were issued with (ack_key)", path.display());
            }
        }
        (None, Some(_)) => {
            tracing::warn!(
                "the credentials were issued with a key to sign reports, and --ack-key is missing: they go unsigned"
            );
        }
        (None, None) => {}
    }
    Ok(())
}

impl VehicleArgs {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Some(VehicleCommand::Tuf(tuf)) => return tuf.run().await,
            Some(VehicleCommand::MakeKey(args)) => {
                println!("{}", make_key(&args.out)?);
                return Ok(ExitCode::SUCCESS);
            }
            None => {}
        }
        let stop = stop_on_signal()?;
        let (mqtt, tls) = (self.links.mqtt()?, self.links.tls()?);
        let credentials = self.credentials.context("--credentials is missing")?;
        let Claims { vin, model, ack_key: named, .. } = identity(&credentials)?;
        check_key(self.ack_key.as_deref(), named.as_deref())?;
        let config = AgentConfig {
            gateway: self.gateway,
            tls,
            state_dir: self.state_dir.unwrap_or_else(|| PathBuf::from(format!("vehicle-{vin}"))),
            vin,
            model,
            credentials: Credentials::File(credentials),
            ack_key: self.ack_key,
            age_identity: self.age_identity,
            ecus: self.ecus.into_iter().collect::<BTreeMap<_, _>>(),
            health_check: self
                .health_check
                .map(|program| HealthCheck { program, patience: Duration::from_secs(self.health_check_seconds) }),
            signals: self.signals,
            mode: if self.stream { Mode::Stream } else { Mode::Poll },
            mqtt,
            delta_memory_bytes: u64::from(self.delta_memory_mib) << 20,
            once: self.once,
            poll_interval: Duration::from_secs(300),
            backoff: (Duration::from_secs(1), Duration::from_secs(300)),
        };
        run(config, stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}
