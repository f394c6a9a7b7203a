//! The three roles as subcommands.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use otaru_gateway::{Rates, UptaneConfig};

use super::delivery::DeliveryOptions;
use super::mqtt::MqttOptions;
use super::oidc::OidcOptions;
use super::options::{DatabaseOptions, DdiOptions, DeltaOptions, KafkaOptions, KafkaTuning, Pkcs11Options};
use super::serving::{ClientOptions, ProxyOptions, ServingOptions};
use super::signals::stop_on_signal;

#[derive(Debug, Args)]
pub struct CampaignArgs {
    /// Where to listen.
    #[arg(long, env = "OTARU_CAMPAIGN_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    database: DatabaseOptions,
    #[command(flatten)]
    kafka: KafkaOptions,
    /// The object store of the artifacts: file:///folder, s3://bucket/prefix, gs://…, az://….
    #[arg(long, env = "OTARU_ARTIFACTS")]
    artifacts: String,
    /// The folder of the signing keys; made with mode 0700.
    #[arg(long, env = "OTARU_KEYS_DIR")]
    keys_dir: PathBuf,
    /// Keep root keys in the keys folder, too, and sign roots with them: for demos, never for vehicles on a road.
    #[arg(long, env = "OTARU_DEMO_ROOT")]
    demo_root: bool,
    /// With --demo-root: make the keys of an Uptane Director in this folder for each new model, and sign its roots. The
    /// folder is for a gateway's --director-keys.
    #[arg(long, env = "OTARU_DEMO_DIRECTOR_KEYS", requires = "demo_root")]
    demo_director_keys: Option<PathBuf>,
    /// An admin token to accept from the start, so that automation need not read one from a log.
    #[arg(long, env = "OTARU_INITIAL_ADMIN_TOKEN", hide_env_values = true)]
    initial_admin_token: Option<String>,
    /// Every campaign needs the approval of another person than its author before it starts.
    #[arg(long, env = "OTARU_REQUIRE_REVIEW")]
    require_review: bool,
    #[command(flatten)]
    pkcs11: Pkcs11Options,
    #[command(flatten)]
    oidc: OidcOptions,
    /// The largest artifact, in bytes.
    #[arg(long, env = "OTARU_MAX_ARTIFACT_BYTES", default_value_t = 4 << 30)]
    max_artifact_bytes: u64,
    #[command(flatten)]
    deltas: DeltaOptions,
    #[command(flatten)]
    serving: ServingOptions,
}

impl CampaignArgs {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let stop = stop_on_signal()?;
        let config = otaru_campaign::Config {
            listen: self.listen,
            database: self.database.config(),
            bus: self.kafka.config(),
            artifacts: self.artifacts,
            keys_dir: self.keys_dir,
            pkcs11: self.pkcs11.config()?,
            demo_root: self.demo_root,
            demo_director_keys: self.demo_director_keys,
            initial_admin_token: self.initial_admin_token,
            require_review: self.require_review,
            oidc: self.oidc.config()?,
            max_artifact_bytes: self.max_artifact_bytes,
            deltas: self.deltas.config(),
            serving: self.serving.config(),
        };
        otaru_campaign::run(config, stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub struct GatewayArgs {
    /// Where to listen.
    #[arg(long, env = "OTARU_GATEWAY_LISTEN", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    #[command(flatten)]
    database: DatabaseOptions,
    #[command(flatten)]
    kafka: KafkaOptions,
    /// The object store of the artifacts, as for `otaru campaign`.
    #[arg(long, env = "OTARU_ARTIFACTS")]
    artifacts: String,
    /// When a vehicle is asked to poll again, on average.
    #[arg(long, env = "OTARU_POLL_INTERVAL_SECS", default_value_t = 300)]
    poll_interval_secs: u64,
    /// How many requests a vehicle may make per minute, or at once; 0 for as many as it likes. More are answered 429.
    #[arg(long, env = "OTARU_VEHICLE_REQUESTS_PER_MINUTE", default_value_t = 600)]
    vehicle_requests_per_minute: u32,
    /// The same for an address, or a /64 of IPv6, as far as no token of a vehicle comes with the requests.
    #[arg(long, env = "OTARU_ADDRESS_REQUESTS_PER_MINUTE", default_value_t = 600_000)]
    address_requests_per_minute: u32,
    /// The same for requests of an address whose tokens do not hold.
    #[arg(long, env = "OTARU_REFUSED_REQUESTS_PER_MINUTE", default_value_t = 600)]
    refused_requests_per_minute: u32,
    #[command(flatten)]
    delivery: DeliveryOptions,
    #[command(flatten)]
    ddi: DdiOptions,
    /// Be an Uptane Director: the folder of its keys, made by `otaru keys director`. Whoever has these keys can direct vehicles
    /// to install other images of their model's Image repository, whose keys are elsewhere. Without it, no Uptane.
    #[arg(long, env = "OTARU_DIRECTOR_KEYS")]
    director_keys: Option<PathBuf>,
    #[command(flatten)]
    serving: ServingOptions,
    #[command(flatten)]
    clients: ClientOptions,
    #[command(flatten)]
    proxies: ProxyOptions,
    #[command(flatten)]
    mqtt: MqttOptions,
}

impl GatewayArgs {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let stop = stop_on_signal()?;
        let mut config =
            otaru_gateway::Config::new(self.listen, self.database.config(), self.kafka.config(), self.artifacts);
        config.poll_interval = Duration::from_secs(self.poll_interval_secs);
        config.rates = Rates {
            vehicle: NonZeroU32::new(self.vehicle_requests_per_minute),
            address: NonZeroU32::new(self.address_requests_per_minute),
            refused: NonZeroU32::new(self.refused_requests_per_minute),
        };
        config.limits = self.delivery.limits();
        config.redirects = self.delivery.redirects();
        config.private_targets = self.delivery.private_targets;
        config.ddi = self.ddi.config();
        config.uptane = self.director_keys.map(|director_keys| UptaneConfig { director_keys });
        config.proxies = self.proxies.config();
        config.serving = self.serving.with_clients(&self.clients);
        config.mqtt = self.mqtt.config()?;
        otaru_gateway::run(config, stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub struct VehicleStateArgs {
    #[command(subcommand)]
    command: Option<VehicleStateCommand>,
    /// Where to listen, for health and metrics.
    #[arg(long, env = "OTARU_VEHICLE_STATE_LISTEN", default_value = "127.0.0.1:8082")]
    listen: SocketAddr,
    /// Postgres, as postgres://user:password@host:port/database.
    #[arg(long, env = "OTARU_DATABASE_URL", hide_env_values = true, required = true)]
    database_url: Option<String>,
    /// The most connections it opens to it.
    #[arg(long, env = "OTARU_DATABASE_CONNECTIONS", default_value_t = 16)]
    database_connections: u32,
    /// Kafka's bootstrap servers, as host:port,host:port.
    #[arg(long, env = "OTARU_KAFKA", required = true)]
    kafka: Option<String>,
    #[command(flatten)]
    tuning: KafkaTuning,
}

#[derive(Debug, Subcommand)]
enum VehicleStateCommand {
    /// Replay otaru.acks from its beginning into another schema.
    Rebuild(RebuildArgs),
}

#[derive(Debug, Args)]
struct RebuildArgs {
    #[command(flatten)]
    database: DatabaseOptions,
    #[command(flatten)]
    kafka: KafkaOptions,
    /// Compare every row and counter with what is there, say where they differ, and drop the schema.
    #[arg(long)]
    verify: bool,
}

impl VehicleStateArgs {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let stop = stop_on_signal()?;
        if let Some(VehicleStateCommand::Rebuild(args)) = self.command {
            return args.run().await;
        }
        let url = self.database_url.context("--database-url is needed")?;
        let kafka = self.kafka.context("--kafka is needed")?;
        let config = otaru_vehicle_state::Config {
            listen: self.listen,
            database: otaru_store::Config { url, max_connections: self.database_connections, schema: None },
            bus: self.tuning.config(&kafka),
        };
        otaru_vehicle_state::run(config, stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
pub struct TriageArgs {
    #[command(flatten)]
    database: DatabaseOptions,
    #[command(flatten)]
    kafka: KafkaOptions,
}

impl TriageArgs {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let stop = stop_on_signal()?;
        otaru_vehicle_state::run_triage(&self.database.config(), self.kafka.config(), stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}

impl RebuildArgs {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let config = otaru_vehicle_state::Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            database: self.database.config(),
            bus: self.kafka.config(),
        };
        let report = otaru_vehicle_state::rebuild(config, self.verify).await?;
        for difference in &report.differences {
            eprintln!("{difference:?}");
        }
        let summary = serde_json::json!({
            "messages": report.messages, "assignments": report.assignments, "counters": report.counters,
            "history": report.history, "differences": report.differences.len(), "schema": report.schema,
        });
        println!("{summary}");
        Ok(if report.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
