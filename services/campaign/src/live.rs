//! What moves without an event: the counters of campaigns that run, and the fleet's summary. One sampler per
//! process looks while somebody watches, so a thousand open dashboards cost the database what one does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use otaru_domain::clock;
use otaru_domain::id::CampaignId;
use otaru_http::chain;
use otaru_store::{StoreError, campaigns};
use tokio::sync::broadcast;

use crate::api::fleet::Fleet;
use crate::api::progress::Progress;
use crate::app::App;
use crate::error::ApiError;

/// At most four updates a second reach a page.
const TICK: Duration = Duration::from_millis(250);
/// The fleet's summary is looked at every so many ticks.
const FLEET_TICKS: u32 = 4;
/// Updates that a slow reader may be behind; it then misses some, and the next one has it all again.
const BUFFER: usize = 256;

/// A value that changed.
#[derive(Debug)]
pub(crate) struct Update {
    /// The campaign it is about; `None` for the fleet.
    pub campaign: Option<CampaignId>,
    /// JSON.
    pub data: String,
}

/// Where streams subscribe.
pub(crate) type Updates = broadcast::Sender<Arc<Update>>;

pub(crate) fn updates() -> Updates {
    broadcast::Sender::new(BUFFER)
}

/// Samples until the service stops.
pub(crate) async fn run(app: App) {
    let mut sampler = Sampler::default();
    let stop = app.stop.clone();
    while stop.clone().run_until_cancelled_owned(tokio::time::sleep(TICK)).await.is_some() {
        if app.updates.receiver_count() == 0 {
            sampler = Sampler::default();
        } else if let Err(error) = sampler.sample(&app).await {
            tracing::warn!(error = chain(&error), "the live view cannot be refreshed");
        }
    }
}

#[derive(Default)]
struct Sampler {
    ticks: u32,
    campaigns: BTreeMap<CampaignId, String>,
    fleet: String,
}

impl Sampler {
    async fn sample(&mut self, app: &App) -> Result<(), ApiError> {
        let now = clock::now();
        let mut seen = BTreeMap::new();
        for standing in campaigns::unfinished(&app.store).await? {
            seen.insert(standing.campaign.id, json(&Progress::of(&standing, now))?);
        }
        // What has just ended is told once more.
        for id in self.campaigns.keys().filter(|id| !seen.contains_key(id)) {
            if let Some(standing) = campaigns::standing(&app.store, *id).await? {
                tell(app, Some(*id), &json(&Progress::of(&standing, now))?);
            }
        }
        for (id, data) in &seen {
            if self.campaigns.get(id) != Some(data) {
                tell(app, Some(*id), data);
            }
        }
        self.campaigns = seen;
        if self.ticks.is_multiple_of(FLEET_TICKS) {
            let fleet = json(&Fleet::read(&app.store, now).await?)?;
            if fleet != self.fleet {
                tell(app, None, &fleet);
                self.fleet = fleet;
            }
        }
        self.ticks = self.ticks.wrapping_add(1);
        Ok(())
    }
}

fn tell(app: &App, campaign: Option<CampaignId>, data: &str) {
    // Nobody left to hear it is no error.
    let _ = app.updates.send(Arc::new(Update { campaign, data: data.to_owned() }));
}

fn json(value: &impl serde::Serialize) -> Result<String, ApiError> {
    serde_json::to_string(value).map_err(|error| StoreError::inconsistent("campaigns", error).into())
}
