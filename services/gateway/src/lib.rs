//! The last mile: what vehicles talk to. A gateway holds no signing keys and no truth: it keeps the
//! models' repositories in memory as it reads them from their topics, asks Postgres only when something is
//! active for a vehicle, and writes what vehicles say to Kafka before it says yes.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod admission;
mod api;
mod app;
mod auth;
mod bandwidth;
mod certificate;
mod conditional;
mod ddi;
mod files;
mod heard;
mod limits;
mod mirror;
mod mqtt;
mod network;
mod offers;
mod presence;
mod problems;
mod proxies;
mod range;
mod rates;
mod reach;
mod redirect;
mod signatures;
mod slots;
mod uptane;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use otaru_bus::{Bus, BusConfig};
use otaru_http::{Health, Serving};
use otaru_store::Store;
use otaru_store::objects::Objects;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use api::openapi;
pub use bandwidth::Limits;
pub use ddi::DdiConfig;
pub use mqtt::{MqttConfig, MqttConfigError, MqttSecret, MqttTls};
pub use network::Network;
pub use proxies::Proxies;
pub use rates::Rates;
pub use redirect::{CdnTemplate, ImageLinks, Redirects, TemplateError};
pub use uptane::UptaneConfig;

/// What a gateway is told at its start.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub database: otaru_store::Config,
    pub bus: BusConfig,
    /// The object store: `file:///absolute/directory`, `s3://…`, `gs://…`, `az://…`.
    pub artifacts: String,
    /// How long a vehicle waits between polls; each is told up to a fifth more or less.
    pub poll_interval: Duration,
    /// Over how long the streams of a model look at a change, so that they do not all ask Postgres at once.
    pub stream_spread: Duration,
    /// The most streams at a time.
    pub max_streams: usize,
    /// The most images on their way out at a time.
    pub max_downloads: usize,
    /// The most requests under way at a time, streams and downloads not counted.
    pub max_requests: usize,
    /// How fast images go out.
    pub limits: Limits,
    /// Who fetches images elsewhere.
    pub redirects: Redirects,
    /// Whether documents and images are for the model's vehicles alone.
    pub private_targets: bool,
    /// How often one client may ask.
    pub rates: Rates,
    /// The device API of older fleets.
    pub ddi: DdiConfig,
    /// What makes it an Uptane Director; none, and it is none.
    pub uptane: Option<UptaneConfig>,
    /// Who may say what of a request that it brings.
    pub proxies: Proxies,
    /// TLS, client certificates, and how many connections may be open.
    pub serving: Serving,
    /// The MQTT broker of vehicles that are on one; none unless told.
    pub mqtt: Option<MqttConfig>,
}

impl Config {
    /// A poll every five minutes, and limits for one machine.
    #[must_use]
    pub fn new(listen: SocketAddr, database: otaru_store::Config, bus: BusConfig, artifacts: String) -> Self {
        Self {
            listen,
            database,
            bus,
            artifacts,
            poll_interval: Duration::from_secs(300),
            stream_spread: Duration::from_secs(2),
            max_streams: 10_000,
            max_downloads: 1_000,
            max_requests: 4_000,
            limits: Limits::default(),
            redirects: Redirects::default(),
            private_targets: false,
            rates: Rates::default(),
            ddi: DdiConfig::default(),
            uptane: None,
            proxies: Proxies::default(),
            serving: Serving::default(),
            mqtt: None,
        }
    }
}

/// Runs a gateway until `stop`.
///
/// # Errors
/// When the address is taken, or a setting cannot be used. That Postgres or the broker is away is no
/// error: the gateway says so on `/readyz` and tries again.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let listener = otaru_http::bind(config.listen)?;
    serve(config, listener, stop).await
}

/// As [`run`], on a socket that listens already.
///
/// # Errors
/// When a setting cannot be used.
pub async fn serve(config: Config, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    otaru_http::install_metrics();
    let store = Store::open(&config.database)?;
    let objects = Objects::open(&config.artifacts).context("the gateway needs the artifacts' object store")?;
    if matches!(config.redirects.images, Some(ImageLinks::Presigned { .. })) && !objects.can_sign() {
        anyhow::bail!("{} signs no links: presigned redirects need s3://, gs:// or az://", config.artifacts);
    }
    let bus = Bus::new(config.bus.clone());
    let producer = bus.producer()?;
    let health = Health::new(&app::PARTS);
    // What ends the tasks when the server fails, too.
    let stop = stop.child_token();
    let _ended = stop.clone().drop_guard();
    let app = app::App::new(&config, store, objects, producer, health, stop.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(mirror::follow::run(app.clone(), bus.clone()));
    tasks.spawn(heard::follow(app.clone(), bus));
    tasks.spawn(rates::forget(app.clone()));
    tasks.spawn(presence::keep(app.clone()));
    tasks.spawn(bandwidth::keep(app.clone()));
    tasks.spawn(auth::keep_keys_fresh(app.clone()));
    if let Some(mqtt) = config.mqtt {
        tasks.spawn(mqtt::run(app.clone(), mqtt));
    }
    tracing::info!(address = %listener.local_addr().unwrap_or(config.listen), "the gateway listens");
    otaru_http::serve(listener, api::router(app), config.serving, stop.clone()).await?;
    stop.cancel();
    while tasks.join_next().await.is_some() {}
    Ok(())
}
