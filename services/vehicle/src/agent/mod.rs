//! The reference agent: one vehicle, from a poll to an installed image and the report of it.
//!
//! A kill at any moment costs nothing but time: each step is on disk together with its report before
//! anything follows from it, so a new start goes on where the old one ended.

mod decrypt;
mod deltas;
mod driver;
mod files;
mod health;
mod install;
mod key;
mod link;
mod mqtt;
mod signals;
mod slots;
mod state;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use otaru_domain::id::{HardwareId, ModelId, Vin};
use otaru_domain::tuf::Key;
use serde::Deserialize;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use self::decrypt::read_identities;
use self::driver::Driver;
pub use self::health::HealthCheck;
pub use self::key::{make_key, public_key, read_key};
use self::link::Events;
use self::mqtt::Mqtt;
pub use self::mqtt::MqttConfig;
use self::slots::{SlotError, Slots};
use self::state::{StateError, StateFile};
use crate::backoff::Backoff;
use crate::download::DownloadError;
pub use crate::gateway::GatewayTls;
use crate::gateway::{Gateway, GatewayError, Polled};
use crate::offer::Refusal;
use crate::repository::{RepositoryError, Trust};

/// How the agent learns of updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Poll,
    /// Server-sent events; it polls while there is no stream.
    Stream,
}

/// The vehicle's credentials.
#[derive(Debug, Clone)]
pub enum Credentials {
    Given {
        token: String,
        /// The bytes of `1.root.json`.
        root: Vec<u8>,
    },
    /// The answer of `POST /api/v1/vehicles/{vin}/credentials` in a file: `token` and `root`. Read again when the
    /// gateway no longer accepts the token.
    File(PathBuf),
}

/// What the agent needs to know.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    pub gateway: Url,
    pub tls: GatewayTls,
    pub vin: Vin,
    pub model: ModelId,
    pub credentials: Credentials,
    /// The file with the key by which the vehicle signs its reports, read again with the credentials.
    pub ack_key: Option<PathBuf>,
    /// The file with the private keys by which the vehicle decrypts its images, read anew for each.
    pub age_identity: Option<PathBuf>,
    /// Belongs to this vehicle alone.
    pub state_dir: PathBuf,
    /// The ECUs with the versions they ran before the agent's first start.
    pub ecus: BTreeMap<HardwareId, String>,
    /// Run after each installation: unless it ends well, what ran before runs again.
    pub health_check: Option<HealthCheck>,
    /// A JSON object of signals for preconditions, read anew at each check.
    pub signals: Option<PathBuf>,
    pub mode: Mode,
    /// A broker to hear notices from and to report to, instead of polling often.
    pub mqtt: Option<MqttConfig>,
    /// The most memory that applying a delta may take; without any, images are downloaded whole.
    pub delta_memory_bytes: u64,
    /// Check once, install what there is, and end: an error if that did not come to a good end.
    pub once: bool,
    /// The time between polls where the gateway does not say.
    pub poll_interval: Duration,
    /// The first and the longest wait after a failure.
    pub backoff: (Duration, Duration),
}

/// Runs the agent until `stop`, or with `once` until it is done.
///
/// # Errors
/// What keeps it from starting at all; with `once`, also what kept it from finishing.
pub async fn run(config: AgentConfig, stop: CancellationToken) -> anyhow::Result<()> {
    let mut agent = Agent::open(config)?;
    agent.open_mqtt();
    // Dropping the work at an await is no different from a kill, which it is made for.
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        done = Box::pin(agent.work()) => done.map_err(anyhow::Error::from),
    }
}

struct Agent {
    config: AgentConfig,
    gateway: Gateway,
    token: String,
    key: Option<Key>,
    trust: Trust,
    store: StateFile,
    driver: Driver,
    slots: Slots,
    downloads: PathBuf,
    /// The server's clock minus the vehicle's, once an answer told it.
    clock_offset: Option<TimeDelta>,
    /// The last answer to a poll, for its ETag.
    last_answer: Option<(String, Polled)>,
    events: Events,
    mqtt: Option<Mqtt>,
    /// A gateway did not take a report from the broker: what is queued goes over HTTP.
    by_http: bool,
    stream_backoff: Backoff,
    /// Why the update waits, so that the log says it once.
    waiting_for: Option<String>,
    /// The update that failed last, in this life of the agent.
    failed: Option<AgentError>,
}

/// What ends a check before its end.
#[derive(Debug, Error)]
enum AgentError {
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    #[error("the update to campaign {campaign} is refused")]
    Refused { campaign: i64, source: Refusal },
    #[error("{name} is not downloaded yet")]
    Download { name: String, progressed: bool, source: DownloadError },
    #[error(transparent)]
    State(#[from] StateError),
    #[error("the image is not installed yet")]
    Slot(#[from] SlotError),
    #[error("the update waits: {0}")]
    Waiting(String),
    /// The gateway was told.
    #[error("the update to campaign {campaign} failed with {code}: {log}")]
    Failed { campaign: i64, code: String, log: String },
}

#[derive(Deserialize)]
struct CredentialsFile {
    token: String,
    root: serde_json::Value,
}

impl Credentials {
    fn read(&self) -> anyhow::Result<(String, Vec<u8>)> {
        match self {
            Self::Given { token, root } => Ok((token.clone(), root.clone())),
            Self::File(path) => {
                let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
                let file: CredentialsFile = serde_json::from_slice(&bytes).with_context(|| {
                    format!(
                        "{} is no credentials file: store the answer of POST /api/v1/vehicles/{{vin}}/credentials in it",
                        path.display()
                    )
                })?;
                Ok((file.token, serde_json::to_vec(&file.root)?))
            }
        }
    }
}

impl Agent {
    fn open(config: AgentConfig) -> anyhow::Result<Self> {
        let (token, root) = config.credentials.read()?;
        let key = config.ack_key.as_deref().map(read_key).transpose()?;
        config.age_identity.as_deref().map(read_identities).transpose()?;
        let trusted = config.state_dir.join("tuf");
        std::fs::create_dir_all(&trusted)
            .with_context(|| format!("cannot create {}: check its permissions", trusted.display()))?;
        let store = StateFile::open(&config.state_dir, &config.vin, &config.ecus)?;
        let (initial, max) = config.backoff;
        Ok(Self {
            gateway: Gateway::new(config.gateway.clone(), 4, &config.tls)?,
            token,
            key,
            trust: Trust::new(config.model.clone(), root, trusted),
            store,
            driver: Driver::open(&config.state_dir)?,
            slots: Slots::new(&config.state_dir),
            downloads: config.state_dir.join("downloads"),
            clock_offset: None,
            last_answer: None,
            events: Events::default(),
            mqtt: None,
            by_http: false,
            stream_backoff: Backoff::new(initial, max),
            waiting_for: None,
            failed: None,
            config,
        })
    }
}
