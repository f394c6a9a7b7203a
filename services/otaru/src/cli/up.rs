//! Everything in one process: what is not given is embedded, and a demo shows what Otaru does.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use clap::Args;
use otaru_gateway::UptaneConfig;
use otaru_http::Serving;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::mqtt::MqttOptions;
use super::oidc::OidcOptions;
use super::options::{DdiOptions, DeltaOptions, KafkaTuning, local_artifacts};
use super::serving::ProxyOptions;
use super::signals::stop_on_signal;
use crate::demo;

/// How long the roles may take to be ready: a first start makes a database.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Args)]
pub struct Up {
    /// Where everything that must last is kept.
    #[arg(long, env = "OTARU_DATA_DIR", default_value = ".otaru")]
    data_dir: PathBuf,
    /// Kafka's bootstrap servers; without them a broker runs in this process.
    #[arg(long, env = "OTARU_KAFKA")]
    kafka: Option<String>,
    #[command(flatten)]
    tuning: KafkaTuning,
    /// Postgres, as postgres://user:password@host:port/database; without it a private one is run.
    #[arg(long, env = "OTARU_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// The object store of the artifacts; without it a folder in the data folder.
    #[arg(long, env = "OTARU_ARTIFACTS")]
    artifacts: Option<String>,
    /// The address to listen on.
    #[arg(long, env = "OTARU_LISTEN", default_value = "127.0.0.1")]
    listen: IpAddr,
    /// The campaign service and the dashboard.
    #[arg(long, env = "OTARU_CAMPAIGN_PORT", default_value_t = 8080)]
    campaign_port: u16,
    #[arg(long, env = "OTARU_GATEWAY_PORT", default_value_t = 8081)]
    gateway_port: u16,
    #[arg(long, env = "OTARU_VEHICLE_STATE_PORT", default_value_t = 8082)]
    vehicle_state_port: u16,
    /// The embedded broker.
    #[arg(long, env = "OTARU_BROKER_PORT", default_value_t = 9092)]
    broker_port: u16,
    #[command(flatten)]
    ddi: DdiOptions,
    #[command(flatten)]
    proxies: ProxyOptions,
    #[command(flatten)]
    mqtt: MqttOptions,
    /// Do not sign roots here: models wait for `otaru keys sign-root`. The demo needs roots, so this goes with --empty.
    #[arg(long, env = "OTARU_OFFLINE_ROOTS", requires = "empty")]
    offline_roots: bool,
    /// Every campaign needs another person's approval before it starts. The demo's has one person, so this goes with --empty.
    #[arg(long, env = "OTARU_REQUIRE_REVIEW", requires = "empty")]
    require_review: bool,
    #[command(flatten)]
    oidc: OidcOptions,
    #[command(flatten)]
    deltas: DeltaOptions,
    /// No demo.
    #[arg(long)]
    empty: bool,
    /// End when the demo's campaign has ended; 0 when it completed. The last line is one JSON object.
    #[arg(long, conflicts_with = "empty")]
    once: bool,
    /// The vehicles of the demo.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(3..=100_000))]
    fleet: u32,
    /// Makes the demo's fleet behave the same again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Up {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let stop = stop_on_signal()?;
        std::fs::create_dir_all(&self.data_dir)
            .with_context(|| format!("cannot make the data folder {}", self.data_dir.display()))?;
        let (admin_token, first_start) = admin_token(&self.data_dir)?;

        let postgres = match self.database_url {
            Some(_) => None,
            None => Some(otaru_embedded::Postgres::start(&self.data_dir, None).await?),
        };
        let broker = match self.kafka {
            Some(_) => None,
            None => Some(otaru_embedded::Broker::start(&self.data_dir, self.address(self.broker_port)).await?),
        };
        let database_url = match (&self.database_url, &postgres) {
            (Some(url), _) => url.clone(),
            (None, Some(postgres)) => postgres.url().to_owned(),
            (None, None) => bail!("no database"),
        };
        if postgres.is_some() {
            // Before any role looks at it: on a first start they would all say what they miss.
            let database = otaru_store::Config { url: database_url.clone(), max_connections: 1, schema: None };
            let store = otaru_store::Store::open(&database).context("the private database cannot be opened")?;
            store.migrate().await.context("the private database cannot be set up")?;
        }
        let result = self.run_roles(&database_url, &admin_token, first_start, &stop).await;
        stop.cancel();
        if let Some(broker) = broker {
            broker.stop().await;
        }
        if let Some(postgres) = postgres {
            postgres.stop().await;
        }
        result
    }

    fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.listen, port)
    }

    fn url(&self, port: u16) -> String {
        let host = if self.listen.is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { self.listen };
        format!("http://{}", SocketAddr::new(host, port))
    }

    async fn run_roles(
        &self,
        database_url: &str,
        admin_token: &str,
        first_start: bool,
        stop: &CancellationToken,
    ) -> anyhow::Result<ExitCode> {
        let mut roles = self.start_roles(database_url, admin_token, stop)?;
        tokio::select! {
            ready = self.wait_ready() => ready?,
            ended = roles.join_next() => return Err(role_ended(ended)),
            () = stop.cancelled() => return Ok(self.stopped_early()),
        }
        self.greet(admin_token, first_start);
        let code = tokio::select! {
            code = self.demo(admin_token, stop) => code?,
            ended = roles.join_next() => return Err(role_ended(ended)),
        };
        stop.cancel();
        while let Some(ended) = roles.join_next().await {
            ended??;
        }
        Ok(code)
    }

    fn start_roles(
        &self,
        database_url: &str,
        admin_token: &str,
        stop: &CancellationToken,
    ) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
        let database =
            |max_connections| otaru_store::Config { url: database_url.to_owned(), max_connections, schema: None };
        let bootstrap = self.kafka.clone().unwrap_or_else(|| self.address(self.broker_port).to_string());
        let mut bus = self.tuning.config(&bootstrap);
        if self.kafka.is_none() {
            bus.properties.extend(otaru_embedded::Broker::client_properties());
        }
        let artifacts = match &self.artifacts {
            Some(url) => url.clone(),
            None => local_artifacts(&self.data_dir.join("artifacts"))?,
        };
        let director_keys = self.data_dir.join("director-keys");
        let campaign = otaru_campaign::Config {
            listen: self.address(self.campaign_port),
            database: database(16),
            bus: bus.clone(),
            artifacts: artifacts.clone(),
            keys_dir: self.data_dir.join("keys"),
            pkcs11: None,
            demo_root: !self.offline_roots,
            demo_director_keys: Some(director_keys.clone()),
            initial_admin_token: Some(admin_token.to_owned()),
            require_review: self.require_review,
            oidc: self.oidc.config()?,
            max_artifact_bytes: 4 << 30,
            deltas: self.deltas.config(),
            serving: Serving::default(),
        };
        let mut gateway =
            otaru_gateway::Config::new(self.address(self.gateway_port), database(32), bus.clone(), artifacts);
        let poll_secs = if self.empty { 30 } else { (self.fleet / 1_000).clamp(2, 60) };
        gateway.poll_interval = Duration::from_secs(poll_secs.into());
        gateway.ddi = self.ddi.config();
        gateway.uptane = Some(UptaneConfig { director_keys });
        gateway.proxies = self.proxies.config();
        gateway.mqtt = self.mqtt.config()?;
        let (triage_database, triage_bus) = (database(2), bus.clone());
        let state =
            otaru_vehicle_state::Config { listen: self.address(self.vehicle_state_port), database: database(12), bus };
        let mut roles = JoinSet::new();
        roles.spawn(otaru_campaign::run(campaign, stop.clone()));
        roles.spawn(otaru_gateway::run(gateway, stop.clone()));
        roles.spawn(otaru_vehicle_state::run(state, stop.clone()));
        let triage_stop = stop.clone();
        roles.spawn(async move { otaru_vehicle_state::run_triage(&triage_database, triage_bus, triage_stop).await });
        Ok(roles)
    }

    async fn wait_ready(&self) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        for port in [self.campaign_port, self.gateway_port, self.vehicle_state_port] {
            let url = format!("{}/readyz", self.url(port));
            loop {
                let why = match reqwest::get(&url).await {
                    Ok(answer) if answer.status().is_success() => break,
                    Ok(answer) => answer.text().await.unwrap_or_default(),
                    Err(error) => error.to_string(),
                };
                if tokio::time::Instant::now() > deadline {
                    bail!("{url} is not ready after {} s: {why}", PATIENCE.as_secs());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    fn greet(&self, admin_token: &str, first_start: bool) {
        println!("\nOtaru is up.");
        println!("  dashboard     {}", self.url(self.campaign_port));
        println!("  REST API      {}/api/docs", self.url(self.campaign_port));
        println!("  gateway       {}", self.url(self.gateway_port));
        println!("  metrics       {}/metrics", self.url(self.vehicle_state_port));
        match &self.kafka {
            Some(kafka) => println!("  Kafka         {kafka}"),
            None => println!("  broker        {} (embedded)", self.address(self.broker_port)),
        }
        if first_start {
            println!("  admin token   {admin_token}");
        } else {
            println!(
                "  admin token   as printed at the first start; it is in {}",
                self.data_dir.join("admin-token").display()
            );
        }
        if !self.offline_roots {
            println!(
                "\n  Roots are signed with keys on this disk: good for demos. For vehicles on a road, see `otaru keys`."
            );
        }
        println!();
    }

    async fn demo(&self, admin_token: &str, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
        let mut code = ExitCode::SUCCESS;
        if !self.empty {
            let urls = demo::Urls { campaign: self.url(self.campaign_port), gateway: self.url(self.gateway_port) };
            let summary = demo::run(&urls, admin_token, self.fleet as usize, self.seed, stop).await?;
            if let Some(summary) = summary {
                println!("\ncampaign {} is {} after {} s", summary.campaign, summary.state, summary.seconds);
                if self.once {
                    println!("{}", serde_json::to_string(&summary)?);
                    return Ok(if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
                }
                code = if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            } else if stop.is_cancelled() {
                return Ok(self.stopped_early());
            }
        }
        println!("Otaru stays up; Ctrl-C ends it.");
        stop.cancelled().await;
        Ok(code)
    }

    /// What it comes to when somebody stops it while there is still something to wait for.
    fn stopped_early(&self) -> ExitCode {
        if !self.empty {
            println!("Stopped before the demo's campaign had ended.");
        }
        if self.once { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

fn role_ended(ended: Option<Result<anyhow::Result<()>, tokio::task::JoinError>>) -> anyhow::Error {
    match ended {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => error.into(),
        _ => anyhow::anyhow!("a role ended by itself"),
    }
}

/// The token kept in the data folder, and whether it was made just now.
fn admin_token(data_dir: &Path) -> anyhow::Result<(String, bool)> {
    let path = data_dir.join("admin-token");
    if let Ok(token) = std::fs::read_to_string(&path) {
        return Ok((token.trim().to_owned(), false));
    }
    let secret: [u8; 32] = rand::random();
    let token = format!("otaru_{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{token}")?;
    Ok((token, true))
}
