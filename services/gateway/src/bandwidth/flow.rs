//! Whose bytes a download is. The address of an image names no campaign, because it is the same for all; so a vehicle that
//! says who it is counts for the campaign that it is in, and whoever does not counts for the model alone.

use std::time::Duration;

use otaru_domain::id::{CampaignId, ModelId};
use otaru_domain::token::Claims;
use otaru_store::bandwidth::Scope;
use otaru_store::offers;

use crate::app::App;
use crate::files::Asked;
use crate::mirror::Image;

/// No download waits longer for an answer of Postgres: it then counts for its model alone.
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
        let capped = capped_campaigns(app, &model, image);
        let campaign = match asked.vehicle {
            Some(vehicle) if !capped.is_empty() => campaign_of(app, vehicle, &capped).await,
            _ => None,
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

/// The model's campaigns with a cap that bring the image, or that to which it is a delta.
fn capped_campaigns(app: &App, model: &ModelId, image: &Image) -> Vec<CampaignId> {
    let view = app.mirror.get(model).and_then(|repository| repository.view());
    let Some(view) = view.filter(|_| app.bandwidth.caps_campaigns()) else {
        return Vec::new();
    };
    let documents = view.documents.values().map(|known| &known.document);
    let capped = documents.filter(|document| {
        app.bandwidth.caps_campaign(document.campaign)
            && document.targets.iter().any(|target| target.name == image.brings)
    });
    capped.map(|document| document.campaign).collect()
}

async fn campaign_of(app: &App, vehicle: &Claims, capped: &[CampaignId]) -> Option<CampaignId> {
    let open = tokio::time::timeout(PATIENCE, offers::lookup(&app.store, vehicle.vehicle, &vehicle.vin)).await;
    let open = open.ok()?.inspect_err(|error| app.database.failed(error)).ok()?;
    open.iter().map(|assignment| assignment.campaign).find(|campaign| capped.contains(campaign))
}
