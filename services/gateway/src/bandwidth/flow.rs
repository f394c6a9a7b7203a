//! Whose bytes a download is. The address of an image names no campaign, because it is the same for all; so a vehicle that
//! says who it is counts for the campaign that it is in. Whoever does not say is taken for a vehicle of the one campaign that
//! brings the image now: else leaving the token out would be the way around a campaign's cap.

use std::time::Duration;

use otaru_domain::document::DocumentState;
use otaru_domain::id::{CampaignId, ModelId};
use otaru_domain::token::Claims;
use otaru_store::bandwidth::Scope;
use otaru_store::offers;

use crate::app::App;
use crate::files::Asked;
use crate::mirror::Image;

/// No download waits longer for an answer of Postgres: it then counts as one without a token.
const PATIENCE: Duration = Duration::from_secs(1);

/// The model and, where it is known, the campaign.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(super) model: ModelId,
    pub(super) campaign: Option<CampaignId>,
}

impl Flow {
    /// What counts a download of `image`. Postgres is asked only where a campaign that brings the image has a cap.
    pub(crate) async fn of(app: &App, asked: &Asked<'_>, image: &Image) -> Self {
        let model = asked.model.clone();
        let bringing = Bringing::of(app, &model, image);
        let campaign = match asked.vehicle {
            _ if bringing.capped.is_empty() => None,
            Some(vehicle) => {
                campaign_of(app, vehicle, &bringing.capped).await.unwrap_or_else(|Unknown| bringing.only())
            }
            None => bringing.only(),
        };
        Self { model, campaign }
    }

    /// The narrower first: who waits for it takes no turn of the wider one yet.
    pub(super) fn scopes(&self) -> Vec<Scope> {
        let campaign = self.campaign.map(Scope::Campaign);
        campaign.into_iter().chain([Scope::Model(self.model.clone())]).collect()
    }

    /// Whether a cap is on it.
    pub(crate) fn is_capped(&self, app: &App) -> bool {
        let scopes = app.bandwidth.scopes();
        self.scopes().iter().any(|scope| scopes.caps.contains_key(scope))
    }
}

/// The model's campaigns that bring an image, or that to which it is a delta.
#[derive(Debug, Default)]
struct Bringing {
    /// With a cap, also those that are paused: who downloads already goes on.
    capped: Vec<CampaignId>,
    running: Vec<CampaignId>,
}

impl Bringing {
    /// Nothing while no campaign at all has a cap.
    fn of(app: &App, model: &ModelId, image: &Image) -> Self {
        let view = app.mirror.get(model).and_then(|repository| repository.view());
        let Some(view) = view.filter(|_| app.bandwidth.caps_campaigns()) else {
            return Self::default();
        };
        let mut bringing = Self::default();
        for document in view.documents.values().map(|known| &known.document) {
            if !document.targets.iter().any(|target| target.name == image.brings) {
                continue;
            }
            if app.bandwidth.caps_campaign(document.campaign) {
                bringing.capped.push(document.campaign);
            }
            if document.state == DocumentState::Running {
                bringing.running.push(document.campaign);
            }
        }
        bringing
    }

    /// The campaign that a download is for if it is for any, as far as the image alone can tell, when that has a cap.
    fn only(&self) -> Option<CampaignId> {
        let [only] = self.running[..] else { return None };
        self.capped.contains(&only).then_some(only)
    }
}

/// Postgres does not say in time which campaign a vehicle is in.
struct Unknown;

async fn campaign_of(app: &App, vehicle: &Claims, capped: &[CampaignId]) -> Result<Option<CampaignId>, Unknown> {
    let open = tokio::time::timeout(PATIENCE, offers::lookup(&app.store, vehicle.vehicle, &vehicle.vin)).await;
    let open = open.map_err(|_| Unknown)?.map_err(|error| {
        app.database.failed(&error);
        Unknown
    })?;
    Ok(open.iter().map(|assignment| assignment.campaign).find(|campaign| capped.contains(campaign)))
}
