//! Encrypted images in the signed targets. They are compared with what the database says rather than added: a process of an
//! earlier version that signs the targets again loses what is told of the encryption, and so makes them images for nobody.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::age::SCHEME;
use otaru_domain::id::{ModelId, ReleaseId, Sha256};
use otaru_domain::tuf::{Change, Hashes, Target, TargetCustom, TargetEncryption};
use otaru_http::chain;
use otaru_store::ciphertexts::{self, Listed};
use otaru_store::leadership::Epoch;
use otaru_store::{audit, manifests as stored};
use serde_json::json;

use super::{begin, commit};
use crate::app::App;
use crate::artifact_places;
use crate::engine::{CampaignError, is_of_the_machinery};
use crate::manifests::{self, ManifestError};

/// When a release that cannot be published is tried again.
const PAUSE: TimeDelta = TimeDelta::minutes(1);

/// Publishes the next release that is encrypted for a model; whether there was one.
pub(super) async fn next(app: &App, epoch: Epoch, now: DateTime<Utc>) -> Result<bool, CampaignError> {
    let due = ciphertexts::due(&app.store, now).await?;
    let Some((release, model, plain)) = due.into_iter().next() else { return Ok(false) };
    let Err(error) = publish(app, epoch, release, &model, &plain, now).await else { return Ok(true) };
    if is_of_the_machinery(&error) {
        return Err(error);
    }
    // The next release need not wait for it.
    let why = chain(&error);
    tracing::warn!(release, %model, error = why, "the encrypted release cannot be published");
    let mut tx = begin(app, epoch).await?;
    ciphertexts::hold_back(&mut tx, release, &model, &why, now + PAUSE).await?;
    commit(tx).await?;
    Ok(true)
}

async fn publish(
    app: &App,
    epoch: Epoch,
    release: ReleaseId,
    model: &ModelId,
    plain: &[Sha256],
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    // Before anybody is told their hashes.
    for sha256 in plain {
        let mut tx = begin(app, epoch).await?;
        artifact_places::withhold(&mut tx, app, sha256, now).await?;
        commit(tx).await?;
    }
    compare(app, epoch, model, now).await?;
    let mut tx = begin(app, epoch).await?;
    ciphertexts::set_published(&mut tx, release, model, now).await?;
    let details = json!({"model": model, "artifacts": plain});
    audit::record(&mut tx, "engine", "encrypted_release_published", &format!("release-{release}"), &details, now)
        .await?;
    commit(tx).await?;
    // A campaign that is to start may have waited for it.
    app.wake.notify_one();
    tracing::info!(release, %model, "the encrypted release is published");
    Ok(())
}

/// Makes the encrypted images in the targets of every model what they should be. A model that refuses does not keep the others
/// from it.
pub(super) async fn compare_all(app: &App, epoch: Epoch, now: DateTime<Utc>) -> Result<(), CampaignError> {
    for (model, _) in stored::active(&app.store).await? {
        match compare(app, epoch, &model, now).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!(%model, "the encrypted images in the model's targets were not those that there are");
            }
            Err(error) if is_of_the_machinery(&error) => return Err(error),
            Err(error) => tracing::warn!(%model, error = chain(&error), "the model's targets cannot be changed"),
        }
    }
    Ok(())
}

/// Makes the encrypted images in the targets of `model` what they should be; whether they were not.
async fn compare(app: &App, epoch: Epoch, model: &ModelId, now: DateTime<Utc>) -> Result<bool, CampaignError> {
    let mut tx = begin(app, epoch).await?;
    let repository = stored::load(&mut tx, model).await?;
    // Read under the model's lock, which a recall takes, too.
    let wanted = ciphertexts::listed(&mut tx, model).await?;
    let present =
        repository.next_targets().map_err(|source| ManifestError::Publish { model: model.clone(), source })?;
    let wanted = wanted.into_iter().map(described).filter(|(name, target)| present.get(name) != Some(target));
    let changes: BTreeMap<_, _> = wanted.map(|(name, target)| (name, Some(target))).collect();
    let changed = !changes.is_empty();
    if changed {
        manifests::publish(&mut tx, app, model, Change { targets: changes, ..Change::default() }, now).await?;
    }
    commit(tx).await?;
    Ok(changed)
}

/// What the targets say of an encrypted image.
fn described(listed: Listed) -> (String, Target) {
    let ((plain, plain_bytes), (ciphertext, length)) = (listed.plain, listed.ciphertext);
    let encryption = TargetEncryption {
        scheme: SCHEME.to_owned(),
        sha256: plain.to_string(),
        length: plain_bytes,
        hardware_ids: vec![listed.hardware_id],
    };
    let custom = TargetCustom {
        hardware_ids: Vec::new(),
        release_counter: listed.release_counter,
        version: listed.version,
        release: listed.release,
        requires: listed.requires,
        delta: None,
        encryption: Some(encryption),
    };
    let hashes = Hashes { sha256: ciphertext.to_string() };
    (listed.target_name, Target { length, hashes, custom: Some(custom) })
}
