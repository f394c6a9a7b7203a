//! What the campaign service is told when it starts; the `otaru` binary builds it from flags and
//! environment variables.

use std::net::SocketAddr;
use std::path::PathBuf;

use otaru_bus::BusConfig;
use otaru_http::Serving;

use crate::oidc::OidcConfig;
use crate::pkcs11::Pkcs11Config;

/// The size limit of an artifact unless another is configured.
pub const DEFAULT_MAX_ARTIFACT_BYTES: u64 = 4 << 30;

#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub database: otaru_store::Config,
    pub bus: BusConfig,
    /// The object store's URL: `file:///absolute/directory`, `s3://…`, `gs://…`, `az://…`.
    pub artifacts: String,
    /// Where the signing keys are.
    pub keys_dir: PathBuf,
    /// The hardware module that references to keys (`pkcs11:…`) mean.
    pub pkcs11: Option<Pkcs11Config>,
    /// Keep a root key per model in `keys_dir` and sign roots with it. For demos: whoever gets into this
    /// service could then replace every key.
    pub demo_root: bool,
    /// With `demo_root`: make a Director's keys in this folder for each new model, and sign its Uptane roots, too.
    pub demo_director_keys: Option<PathBuf>,
    /// A token to accept as an admin's from the first start on, for automation.
    pub initial_admin_token: Option<String>,
    /// Whether every campaign needs another person's approval before it starts.
    pub require_review: bool,
    /// A provider to sign in by, beside tokens.
    pub oidc: Option<OidcConfig>,
    /// The size limit of an artifact.
    pub max_artifact_bytes: u64,
    /// Whether and how deltas are made.
    pub deltas: DeltaConfig,
    /// TLS, and how many connections may be open.
    pub serving: Serving,
}

/// Deltas between what vehicles run and the images of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaConfig {
    /// Without it none are made, and none are in the targets.
    pub enabled: bool,
    /// Against how many images per ECU, of those that most vehicles run, beside the one before.
    pub sources: usize,
    /// The largest image and source. Building holds both in memory, and several times as much for its tables.
    pub max_bytes: u64,
}

impl Default for DeltaConfig {
    fn default() -> Self {
        Self { enabled: true, sources: 3, max_bytes: 128 << 20 }
    }
}
