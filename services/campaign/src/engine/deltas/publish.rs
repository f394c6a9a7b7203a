//! Deltas in the signed targets. They are compared with what the database says rather than added, so that it does not matter
//! who wrote the targets last: a process of an earlier version keeps of a delta only that it is no image for anybody.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::delta::target_name;
use otaru_domain::id::{ModelId, ReleaseId};
use otaru_domain::tuf::{Change, Hashes, Repository, Target, TargetCustom, TargetDelta};
use otaru_http::chain;
use otaru_store::deltas::{self, Listed};
use otaru_store::leadership::Epoch;
use otaru_store::{StoreError, audit, manifests as stored};
use serde_json::json;

use super::begin;
use crate::app::App;
use crate::engine::{CampaignError, is_of_the_machinery};
use crate::manifests::{self, ManifestError};

/// When deltas that cannot be published are tried again.
const PAUSE: TimeDelta = TimeDelta::minutes(10);

/// Publishes the deltas of the next release that has all it will get; whether there was one.
pub(super) async fn next(app: &App, epoch: Epoch, now: DateTime<Utc>) -> Result<bool, CampaignError> {
    let due = deltas::publish_due(&app.store, now).await?;
    let Some((release, models)) = due.into_iter().next() else { return Ok(false) };
    for model in &models {
        let Err(error) = compare(app, epoch, model, now).await else { continue };
        if is_of_the_machinery(&error) {
            return Err(error);
        }
        // The next release need not wait for it.
        let why = chain(&error);
        tracing::warn!(release, %model, error = why, "the release's deltas cannot be published");
        let mut tx = begin(app, epoch).await?;
        deltas::hold_back(&mut tx, release, &why, now + PAUSE).await?;
        tx.commit().await.map_err(StoreError::from)?;
        return Ok(true);
    }
    note(app, epoch, release, &models, now).await?;
    Ok(true)
}

async fn note(
    app: &App,
    epoch: Epoch,
    release: ReleaseId,
    models: &[ModelId],
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let mut tx = begin(app, epoch).await?;
    let published = deltas::set_published(&mut tx, release, now).await?;
    let details = json!({"deltas": published, "models": models});
    audit::record(&mut tx, "engine", "deltas_published", &format!("release-{release}"), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(release, deltas = published, "the release's deltas are published");
    Ok(())
}

/// Makes the deltas in the targets of every model what they should be. A model that refuses does not keep the others from it.
pub(super) async fn compare_all(app: &App, epoch: Epoch, now: DateTime<Utc>) -> Result<(), CampaignError> {
    for (model, _) in stored::active(&app.store).await? {
        match compare(app, epoch, &model, now).await {
            Ok(false) => {}
            Ok(true) => tracing::info!(%model, "the deltas in the model's targets were not those that there are"),
            Err(error) if is_of_the_machinery(&error) => return Err(error),
            Err(error) => tracing::warn!(%model, error = chain(&error), "the model's targets cannot be changed"),
        }
    }
    Ok(())
}

/// Makes the deltas in the targets of `model` what they should be; whether they were not.
async fn compare(app: &App, epoch: Epoch, model: &ModelId, now: DateTime<Utc>) -> Result<bool, CampaignError> {
    let mut tx = begin(app, epoch).await?;
    let repository = stored::load(&mut tx, model).await?;
    // Read under the model's lock, which a recall takes, too.
    let wanted = if app.deltas.enabled { deltas::listed(&mut tx, model).await? } else { Vec::new() };
    let changes =
        changes(&repository, wanted).map_err(|source| ManifestError::Publish { model: model.clone(), source })?;
    let changed = !changes.is_empty();
    if changed {
        let change = Change { targets: changes, ..Change::default() };
        manifests::publish_deltas(&mut tx, app, (model, repository), change, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(changed)
}

fn changes(
    repository: &Repository,
    wanted: Vec<Listed>,
) -> Result<BTreeMap<String, Option<Target>>, otaru_domain::tuf::PublishError> {
    let present = repository.next_targets()?;
    let mut changes: BTreeMap<String, Option<Target>> = BTreeMap::new();
    for (name, target) in wanted.into_iter().map(described) {
        // Its image is not there yet, or any more: nobody could use it.
        let image = target.custom.as_ref().and_then(|custom| custom.delta.as_ref()).map(|delta| &delta.image);
        if image.is_some_and(|image| present.contains_key(image)) {
            changes.insert(name, Some(target));
        }
    }
    for (name, target) in present {
        let wanted = changes.get(&name).and_then(Option::as_ref);
        let (is_right, is_wanted) = (wanted == Some(&target), wanted.is_some());
        if is_right {
            changes.remove(&name);
        } else if !is_wanted && is_no_image(&target) {
            changes.insert(name, None);
        }
    }
    Ok(changes)
}

/// Whether it is a delta, or what a process that knows none left of one.
fn is_no_image(target: &Target) -> bool {
    target.custom.as_ref().is_some_and(|custom| custom.delta.is_some() || custom.installs_on().is_empty())
}

/// What the targets say of a delta.
fn described(listed: Listed) -> (String, Target) {
    let name = target_name(&listed.image, listed.source.as_ref(), listed.algorithm);
    let delta = TargetDelta {
        algorithm: listed.algorithm.as_str().to_owned(),
        image: listed.image,
        source_sha256: listed.source.map(|source| source.to_string()),
    };
    let custom = TargetCustom {
        hardware_ids: Vec::new(),
        release_counter: listed.release_counter,
        version: listed.version,
        release: listed.release,
        requires: Vec::new(),
        delta: Some(delta),
        encryption: None,
    };
    let hashes = Hashes { sha256: listed.sha256.to_string() };
    (name, Target { length: listed.length_bytes, hashes, custom: Some(custom) })
}
