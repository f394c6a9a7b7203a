//! What every handler and the rollout engine work with.

use std::sync::Arc;

use anyhow::Context as _;
use otaru_bus::Bus;
use otaru_http::Health;
use otaru_store::Store;
use otaru_store::objects::Objects;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, DeltaConfig};
use crate::keys::KeyStore;
use crate::live::{self, Updates};
use crate::oidc::Oidc;
use crate::rehearsal;

/// The service's parts. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub bus: Bus,
    pub keys: Arc<KeyStore>,
    /// For demos: where a Director's keys are made.
    pub demo_director: Option<Arc<KeyStore>>,
    pub objects: Objects,
    /// Wakes the reconciler: something changed that it should look at now.
    pub wake: Arc<Notify>,
    /// Tells event streams that there are new events.
    pub events: watch::Sender<()>,
    /// Brings event streams what moves between events.
    pub(crate) updates: Updates,
    /// Bounds how many rehearsals are computed at once.
    pub(crate) rehearsals: Arc<Semaphore>,
    /// Lets one walk along the audit log's chain go at a time.
    pub(crate) walks: Arc<Semaphore>,
    /// Its parts are in [`App::PARTS`].
    pub health: Health,
    /// Fires when the service ends: streams end on it.
    pub stop: CancellationToken,
    /// Whether every campaign needs another person's approval before it starts.
    pub require_review: bool,
    /// The way to sign in by an OpenID provider, if there is one.
    pub oidc: Option<Arc<Oidc>>,
    /// The size limit of an artifact.
    pub max_artifact_bytes: u64,
    /// Whether and how deltas are made.
    pub deltas: DeltaConfig,
}

impl App {
    /// What must be up before the service is ready.
    pub const PARTS: [&'static str; 3] = ["database", "broker", "engine"];

    /// Opens everything that needs no other process to be up.
    ///
    /// # Errors
    /// When a setting cannot be used; the message names it.
    pub fn open(config: &Config, stop: CancellationToken) -> anyhow::Result<Self> {
        Ok(Self {
            store: Store::open(&config.database).context("the database URL cannot be used: check --database-url")?,
            bus: Bus::new(config.bus.clone()),
            keys: Arc::new(KeyStore::open(&config.keys_dir, config.demo_root)?.with_pkcs11(config.pkcs11.clone())),
            demo_director: match config.demo_director_keys.as_ref().filter(|_| config.demo_root) {
                Some(folder) => Some(Arc::new(KeyStore::open(folder, false)?)),
                None => None,
            },
            objects: Objects::open(&config.artifacts)
                .with_context(|| format!("the object store {} cannot be opened", config.artifacts))?,
            wake: Arc::new(Notify::new()),
            events: watch::Sender::new(()),
            updates: live::updates(),
            rehearsals: Arc::new(Semaphore::new(rehearsal::AT_ONCE)),
            walks: Arc::new(Semaphore::new(1)),
            health: Health::new(&Self::PARTS),
            stop,
            require_review: config.require_review,
            oidc: config.oidc.clone().map(Oidc::open).transpose()?.map(Arc::new),
            max_artifact_bytes: config.max_artifact_bytes,
            deltas: config.deltas,
        })
    }
}
