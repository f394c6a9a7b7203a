//! `POST /releases/{id}/lock`

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::event::EventKind;
use otaru_domain::id::{ModelId, ReleaseId, Sha256};
use otaru_domain::tuf::{Change, Hashes, PublishError, Target, TargetCustom};
use otaru_http::{Json, Problem};
use otaru_store::{StoreError, Tx, ciphertexts, events, models, releases};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Release, find, not_found, require_draft};
use crate::app::App;
use crate::artifact_places;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;
use crate::manifests::{self, ManifestError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(lock))
}

/// Lock a release
///
/// Fixes it for ever and signs its images into the targets of its models. Each of them must have a signed root. For models
/// that have recipients the images are encrypted first, in a while: see `/releases/{id}/encryption`.
#[utoipa::path(post, path = "/releases/{id}/lock", tag = "releases", operation_id = "lock_release",
    params(("id" = i64, Path)), responses((status = 200, body = Release)))]
async fn lock(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ReleaseId>,
) -> Result<Json<Release>, ApiError> {
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let release = releases::lock(&mut tx, id).await?.ok_or_else(|| not_found(id))?;
    require_draft(&release)?;
    fix(&mut tx, &app, &[release], now).await?;
    events::record(&mut tx, &actor.name, EventKind::ReleaseLocked { release: id }, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    app.wake.notify_one();
    Ok(Json(find(&app, id).await?))
}

/// Fixes drafts that are locked in `tx`, and signs their images into the targets of their models. For a model that has its
/// images encrypted that is done first, by the engine.
///
/// # Errors
/// [`ApiError`]; the transaction can only be rolled back.
pub(crate) async fn fix(
    tx: &mut Tx,
    app: &App,
    drafts: &[releases::Release],
    now: DateTime<Utc>,
) -> Result<(), ApiError> {
    // By rising id, in which everybody locks models.
    let mut changes: BTreeMap<ModelId, Change> = BTreeMap::new();
    let mut models: Vec<ModelId> = drafts.iter().flat_map(|release| &release.models).cloned().collect();
    models.sort();
    models.dedup();
    let encrypting = ciphertexts::recipients_of(tx, &models).await?;
    for release in drafts {
        require_not_retired(app, release).await?;
        let counter = releases::set_locked(tx, release.id, now).await?;
        let targets = targets(release, counter)?;
        for (model, recipients) in release.models.iter().filter_map(|model| encrypting.get_key_value(model)) {
            require_root(app, model).await?;
            let plain: Vec<&Sha256> = release.images.iter().map(|image| &image.sha256).collect();
            ciphertexts::enqueue(tx, release.id, model, &plain, recipients, now).await?;
        }
        let plain: Vec<&ModelId> = release.models.iter().filter(|model| !encrypting.contains_key(model)).collect();
        if !plain.is_empty() {
            expose(tx, app, release).await?;
        }
        for model in plain {
            changes.entry(model.clone()).or_default().targets.extend(targets.clone());
        }
    }
    for (model, change) in changes {
        manifests::publish(tx, app, &model, change, now).await?;
    }
    Ok(())
}

/// Puts the images where gateways read them, by rising hash, in which everybody locks artifacts.
async fn expose(tx: &mut Tx, app: &App, release: &releases::Release) -> Result<(), StoreError> {
    let images: BTreeSet<&Sha256> = release.images.iter().map(|image| &image.sha256).collect();
    for sha256 in images {
        artifact_places::expose(tx, app, sha256).await?;
    }
    Ok(())
}

/// What is encrypted is published later, when nobody is there any more to hear that it cannot be.
async fn require_root(app: &App, id: &ModelId) -> Result<(), ApiError> {
    let model = models::get(&app.store, id).await?;
    if model.is_some_and(|model| model.has_root) {
        return Ok(());
    }
    Err(ManifestError::Publish { model: id.clone(), source: PublishError::AwaitingRoot }.into())
}

async fn require_not_retired(app: &App, release: &releases::Release) -> Result<(), ApiError> {
    let known = models::get_all(&app.store, &release.models).await?;
    match known.iter().find(|model| model.retired_at.is_some()) {
        Some(model) => Err(Problem::conflict(
            "model-retired",
            format!("model {} is retired; take it out of the release", model.id),
        )
        .into()),
        None => Ok(()),
    }
}

/// What the models' targets say of the release's images.
fn targets(release: &releases::Release, counter: i64) -> Result<BTreeMap<String, Option<Target>>, StoreError> {
    let release_counter = u64::try_from(counter).map_err(|error| StoreError::inconsistent("releases", error))?;
    let target = |image: &releases::Image| {
        let custom = TargetCustom {
            hardware_ids: vec![image.hardware_id.clone()],
            release_counter,
            version: image.version.clone(),
            release: release.id,
            requires: image.requires.clone(),
            delta: None,
            encryption: None,
        };
        let hashes = Hashes { sha256: image.sha256.to_string() };
        (image.target_name.clone(), Some(Target { length: image.length_bytes, hashes, custom: Some(custom) }))
    };
    Ok(release.images.iter().map(target).collect())
}
