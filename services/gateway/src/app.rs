//! What the gateway's handlers share.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use otaru_bus::Producer;
use otaru_http::Health;
use otaru_store::Store;
use otaru_store::objects::Objects;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::auth::Auth;
use crate::bandwidth::Bandwidth;
use crate::certificate::ByVin;
use crate::ddi::Ddi;
use crate::heard::Heard;
use crate::mirror::Mirror;
use crate::mqtt::Attempts;
use crate::offers::Announced;
use crate::presence::Presence;
use crate::proxies::Proxies;
use crate::rates::Limiter;
use crate::reach::Reach;
use crate::redirect::Redirects;
use crate::signatures::Signatures;
use crate::slots::Slots;
use crate::uptane::Director;

/// The parts a gateway needs before it may be sent work.
pub(crate) const PARTS: [&str; 5] = [BANDWIDTH, BROKER, MANIFESTS, REVOCATIONS, TOKEN_KEYS];
pub(crate) const BANDWIDTH: &str = "bandwidth caps";
pub(crate) const BROKER: &str = "broker";
pub(crate) const MANIFESTS: &str = "manifests";
pub(crate) const REVOCATIONS: &str = "revocations";
pub(crate) const TOKEN_KEYS: &str = "token keys";

/// The gateway. Clones are the same one.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) objects: Objects,
    pub(crate) producer: Producer,
    pub(crate) health: Health,
    pub(crate) auth: Auth,
    pub(crate) mirror: Mirror,
    pub(crate) announced: Announced,
    pub(crate) heard: Heard,
    pub(crate) slots: Slots,
    pub(crate) ddi: Ddi,
    pub(crate) director: Option<Director>,
    pub(crate) rates: Limiter,
    pub(crate) presence: Presence,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) redirects: Redirects,
    pub(crate) private_targets: bool,
    pub(crate) proxies: Proxies,
    pub(crate) by_vin: ByVin,
    pub(crate) signatures: Signatures,
    /// Attempts that vehicles on MQTT are told of.
    pub(crate) attempts: Attempts,
    pub(crate) database: Reach,
    pub(crate) broker: Reach,
    pub(crate) mqtt: Reach,
    pub(crate) poll_interval: Duration,
    pub(crate) stream_spread: Duration,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) downloads: Arc<Semaphore>,
    pub(crate) requests: Semaphore,
    pub(crate) stop: CancellationToken,
}

impl App {
    pub(crate) fn new(
        config: &Config,
        store: Store,
        objects: Objects,
        producer: Producer,
        health: Health,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Parts {
            auth: Auth::new(store.clone()),
            store,
            objects,
            producer,
            health,
            mirror: Mirror::default(),
            announced: Announced::default(),
            heard: Heard::default(),
            slots: Slots::default(),
            ddi: Ddi::new(config.ddi.clone()),
            director: config.uptane.clone().map(Director::new),
            rates: Limiter::new(config.rates),
            presence: Presence::new(config.poll_interval),
            bandwidth: Bandwidth::new(config.limits),
            redirects: config.redirects.clone(),
            private_targets: config.private_targets,
            proxies: config.proxies.clone(),
            by_vin: ByVin::default(),
            signatures: Signatures::default(),
            attempts: Attempts::default(),
            database: Reach::new("Postgres"),
            broker: Reach::new("the broker"),
            mqtt: Reach::new("the MQTT broker"),
            poll_interval: config.poll_interval,
            stream_spread: config.stream_spread,
            streams: Arc::new(Semaphore::new(config.max_streams)),
            downloads: Arc::new(Semaphore::new(config.max_downloads)),
            requests: Semaphore::new(config.max_requests),
            stop,
        }))
    }

    /// Whether a vehicle's token was verified lately.
    pub(crate) fn knows(&self, secret: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        self.auth.knows(&digest) || self.ddi.knows(&digest)
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
