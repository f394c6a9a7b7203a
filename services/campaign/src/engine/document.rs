//! A campaign's document in the repositories of its models: written in the transaction of what it tells.

use chrono::{DateTime, Utc};
use otaru_domain::ack::SCHEMA_VERSION;
use otaru_domain::document::{CampaignDocument, DocumentState, DocumentTarget, DocumentWave};
use otaru_domain::id::ModelId;
use otaru_domain::tuf::Change;
use otaru_store::campaigns::{self, Campaign, CampaignRelease, Wave};
use otaru_store::{StoreError, Tx};

use super::CampaignError;
use crate::app::App;
use crate::manifests;

/// Publishes `campaign`'s document, saying `state`, in the repositories of `models`, which rise. The campaign
/// is locked, and its waves are as they shall be told.
pub(super) async fn publish(
    tx: &mut Tx,
    app: &App,
    campaign: &Campaign,
    state: DocumentState,
    models: &[ModelId],
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    // A campaign that has not started is published nowhere, and its waves have no cutoffs.
    if models.is_empty() {
        return Ok(());
    }
    let release = campaigns::release(tx, campaign.release)
        .await?
        .ok_or_else(|| StoreError::inconsistent("campaigns", format!("campaign {} has no release", campaign.id)))?;
    let waves = campaigns::waves_of(tx, campaign.id).await?;
    let waves = waves.iter().map(|wave| document_wave(campaign, wave)).collect::<Result<Vec<_>, _>>()?;
    for model in models {
        let images = campaigns::images(tx, campaign.release, model).await?;
        let targets = images.into_iter().map(|image| DocumentTarget {
            hardware_id: image.hardware_id,
            name: image.target_name,
            version: image.version,
        });
        let document = document(campaign, &release, model, state, waves.clone(), targets.collect());
        let change = Change { documents: [(campaign.id, Some(document))].into(), ..Change::default() };
        manifests::publish(tx, app, model, change, now).await?;
    }
    Ok(())
}

/// Publishes it anew wherever it is.
pub(super) async fn republish(
    tx: &mut Tx,
    app: &App,
    campaign: &Campaign,
    state: DocumentState,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let models = campaigns::published_models(tx, campaign.id).await?;
    publish(tx, app, campaign, state, &models, now).await
}

fn document_wave(campaign: &Campaign, wave: &Wave) -> Result<DocumentWave, StoreError> {
    let listed = wave.plan.selector().is_listed();
    // Nobody is in a listed wave by rank: who knows no lists sees a wave that is not for it.
    let cutoff = if listed { Some(0) } else { wave.cutoff };
    let cutoff = cutoff.ok_or_else(|| {
        StoreError::inconsistent(
            "campaign_waves",
            format!("wave {} of campaign {} has no cutoff", wave.number, campaign.id),
        )
    })?;
    Ok(DocumentWave { number: wave.number, cutoff, open: wave.opened_at.is_some(), listed })
}

fn document(
    campaign: &Campaign,
    release: &CampaignRelease,
    model: &ModelId,
    state: DocumentState,
    waves: Vec<DocumentWave>,
    targets: Vec<DocumentTarget>,
) -> CampaignDocument {
    CampaignDocument {
        schema_version: SCHEMA_VERSION,
        campaign: campaign.id,
        model: model.clone(),
        release: release.id,
        release_version: release.version.clone(),
        state,
        salt: campaign.salt.clone(),
        waves,
        targets,
        installation: release.installation,
        precondition: campaign.precondition.clone(),
        precondition_waived: campaign.policy.precondition_waiver.is_some(),
        consent: campaign.policy.consent.clone(),
        windows: campaign.policy.windows.clone(),
        offer_expires: campaign.deadline,
    }
}
