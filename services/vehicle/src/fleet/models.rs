//! The models' repositories, verified once for all their vehicles: each vehicle fetches the timestamp, but only
//! a version that nobody has verified yet costs the full client workflow.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use otaru_domain::clock;
use otaru_domain::document::CampaignDocument;
use otaru_domain::id::ModelId;
use otaru_domain::tuf::{Metadata, Timestamp, parse_unverified};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Shared;
use crate::gateway::GatewayError;
use crate::repository::{RepositoryError, Trust, Verified};

/// After a failure the vehicles that waited for it do not all try again.
const COOL_DOWN: Duration = Duration::from_secs(1);

/// A verified repository with the documents that were asked for.
pub(super) struct Current {
    pub(super) verified: Verified,
    documents: Mutex<HashMap<String, Arc<CampaignDocument>>>,
}

impl Current {
    pub(super) async fn document(&self, name: &str) -> Result<Arc<CampaignDocument>, RepositoryError> {
        let mut documents = self.documents.lock().await;
        if let Some(document) = documents.get(name) {
            return Ok(document.clone());
        }
        let document = Arc::new(self.verified.document(name).await?);
        documents.insert(name.to_owned(), document.clone());
        Ok(document)
    }
}

struct Model {
    trust: Trust,
    current: Option<Arc<Current>>,
    failed_at: Option<Instant>,
}

/// All models of the fleet.
pub(super) struct Models(BTreeMap<ModelId, Mutex<Model>>);

impl Models {
    pub(super) fn new(roots: BTreeMap<ModelId, Vec<u8>>, store: &Path) -> io::Result<Self> {
        let mut models = BTreeMap::new();
        for (model, root) in roots {
            let dir = store.join(model.as_str());
            std::fs::create_dir_all(&dir)?;
            let trust = Trust::new(model.clone(), root, dir);
            models.insert(model, Mutex::new(Model { trust, current: None, failed_at: None }));
        }
        Ok(Self(models))
    }

    /// The model's repository, at least as new as the timestamp that the gateway serves now; `None` when it
    /// cannot be verified. It is loaded with the `token` of whoever asks first.
    pub(super) async fn current(&self, shared: &Shared, model: &ModelId, token: &str) -> Option<Arc<Current>> {
        let served = match served_version(shared, model).await {
            Ok(version) => version,
            Err(error) => {
                tracing::debug!(%model, error = %crate::error::chain(&error), "no timestamp");
                return None;
            }
        };
        let mut state = self.0.get(model)?.lock().await;
        let fresh = |current: &&Arc<Current>| {
            current.verified.timestamp_version() >= served && current.verified.expires() > clock::now()
        };
        if let Some(current) = state.current.as_ref().filter(fresh) {
            return Some(current.clone());
        }
        if state.failed_at.is_some_and(|at| at.elapsed() < COOL_DOWN) {
            return None;
        }
        match state.trust.load(&shared.gateway, token).await {
            Ok(verified) => {
                let current = Arc::new(Current { verified, documents: Mutex::default() });
                state.current = Some(current.clone());
                state.failed_at = None;
                Some(current)
            }
            Err(error) => {
                tracing::warn!(%model, error = %crate::error::chain(&error), "the model's repository is not verified");
                state.failed_at = Some(Instant::now());
                None
            }
        }
    }
}

/// The version in `timestamp.json`, not verified: it only says whether to look again.
async fn served_version(shared: &Shared, model: &ModelId) -> Result<u64, GatewayError> {
    let _permit = shared.requests.acquire().await;
    let bytes = shared.gateway.timestamp(model).await?;
    let timestamp: Metadata<Timestamp> =
        parse_unverified(&bytes).map_err(|error| GatewayError::Malformed(error.to_string()))?;
    Ok(timestamp.version)
}
