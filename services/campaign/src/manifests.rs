//! Publishing a model's repository: what is signed, what is stored and what is sent come from one
//! transaction, so the topic can always be brought to what the database says.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_bus::Bus;
use otaru_domain::id::ModelId;
use otaru_domain::topic;
use otaru_domain::tuf::{Change, Metadata, Publication, PublishError, Repository, Role, Timestamp, parse_unverified};
use otaru_domain::uptane::RepositoryName;
use otaru_http::chain;
use otaru_store::campaigns::CampaignImage;
use otaru_store::outbox::{self, OutboxMessage};
use otaru_store::{StoreError, Tx, manifests};
use thiserror::Error;

use crate::app::App;
use crate::error::ApiError;
use crate::keys::KeyStoreError;

#[derive(Debug, Error)]
pub enum ManifestError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    #[error("the repository of model {model} cannot be published")]
    Publish { model: ModelId, source: PublishError },
    #[error("{file} of model {model} would have {bytes} bytes, and there is room for {limit_bytes}")]
    TooLong { model: ModelId, file: String, bytes: usize, limit_bytes: usize },
}

/// Changes and publishes the repository of `model`. It stays locked until the transaction ends: whoever
/// publishes for several models goes by rising model id.
///
/// # Errors
/// [`ManifestError`]; roll the transaction back.
pub async fn publish(
    tx: &mut Tx,
    app: &App,
    model: &ModelId,
    change: Change,
    now: DateTime<Utc>,
) -> Result<(), ManifestError> {
    let keys = app.keys.online_keys(model)?;
    let mut repository = manifests::load(tx, model).await?;
    let publication = repository.publish(&keys, change, now).map_err(|source| refused(model, source))?;
    keep(tx, app, model, &repository, publication, now).await
}

/// Publishes a change of deltas in `repository`, which was loaded in `tx`. They never take the room that images need: with
/// them the targets have at most half of what a message may have.
///
/// # Errors
/// [`ManifestError`]; roll the transaction back.
pub async fn publish_deltas(
    tx: &mut Tx,
    app: &App,
    (model, mut repository): (&ModelId, Repository),
    change: Change,
    now: DateTime<Utc>,
) -> Result<(), ManifestError> {
    let adds = change.targets.values().any(Option::is_some);
    let keys = app.keys.online_keys(model)?;
    let publication = repository.publish(&keys, change, now).map_err(|source| refused(model, source))?;
    let limit_bytes = app.bus.max_message_bytes() / 2;
    let waiting = repository.pending.as_ref().map(|pending| &pending.targets);
    let published = repository.files.get(&Role::Targets);
    let bytes = waiting.into_iter().chain(published).map(|file| file.bytes.len()).max().unwrap_or_default();
    if adds && bytes > limit_bytes {
        return Err(ManifestError::TooLong {
            model: model.clone(),
            file: "targets.json".to_owned(),
            bytes,
            limit_bytes,
        });
    }
    keep(tx, app, model, &repository, publication, now).await
}

/// Takes a signed root in; its version, and whether it waits for an approver's signature on the targets before it is
/// published.
///
/// # Errors
/// [`ManifestError::Publish`] naming what the root lacks.
pub async fn accept_root(
    tx: &mut Tx,
    app: &App,
    model: &ModelId,
    root: &[u8],
    now: DateTime<Utc>,
) -> Result<(u64, bool), ManifestError> {
    let keys = app.keys.online_keys(model)?;
    let mut repository = manifests::load(tx, model).await?;
    let publication = repository.accept_root(root, &keys, now).map_err(|source| refused(model, source))?;
    keep(tx, app, model, &repository, publication, now).await?;
    let waits = repository.pending.as_ref().is_some_and(|pending| pending.root.is_some());
    Ok((repository.root_version() + u64::from(waits), waits))
}

/// Takes a signed root of one of the model's Uptane repositories in; its version.
///
/// # Errors
/// [`ManifestError::Publish`] naming what the root lacks.
pub async fn accept_uptane_root(
    tx: &mut Tx,
    app: &App,
    model: &ModelId,
    name: RepositoryName,
    root: &[u8],
    now: DateTime<Utc>,
) -> Result<u64, ManifestError> {
    let keys = app.keys.online_keys(model)?;
    let mut repository = manifests::load(tx, model).await?;
    let publication = repository.accept_uptane_root(name, root, &keys, now).map_err(|source| refused(model, source))?;
    keep(tx, app, model, &repository, publication, now).await?;
    Ok(repository.uptane.version(name))
}

/// Takes an approver's signature on the targets that wait, and publishes them; their version and the root's.
///
/// # Errors
/// [`ManifestError::Publish`] naming what the signature lacks.
pub async fn cosign(
    tx: &mut Tx,
    app: &App,
    model: &ModelId,
    signed: &[u8],
    now: DateTime<Utc>,
) -> Result<(u64, u64), ManifestError> {
    let keys = app.keys.online_keys(model)?;
    let mut repository = manifests::load(tx, model).await?;
    let publication = repository.cosign(signed, &keys, now).map_err(|source| refused(model, source))?;
    keep(tx, app, model, &repository, publication, now).await?;
    let version = repository.files.get(&Role::Targets).map_or(0, |file| file.version);
    Ok((version, repository.root_version()))
}

/// The ids of the keys whose signatures count now for each role that the service signs for. The model stays locked.
///
/// # Errors
/// [`ManifestError`].
pub async fn keys_in_force(tx: &mut Tx, model: &ModelId) -> Result<BTreeMap<Role, Vec<String>>, ManifestError> {
    let repository = manifests::load(tx, model).await?;
    let of = |role| repository.keys_in_force(role).map(|keys| (role, keys));
    Role::ONLINE.into_iter().map(of).collect::<Result<_, _>>().map_err(|source| refused(model, source))
}

/// Whether a key is named by what is published of a model, or by what waits. The model stays locked.
///
/// # Errors
/// [`ManifestError`].
pub async fn needs_key(tx: &mut Tx, model: &ModelId, key_id: &str) -> Result<bool, ManifestError> {
    let repository = manifests::load(tx, model).await?;
    repository.needs_key(key_id).map_err(|source| refused(model, source))
}

/// Lets the role `campaigns` of a model go over to its newest key; whether anything was to be done.
///
/// # Errors
/// [`ManifestError`].
pub async fn hand_over(tx: &mut Tx, app: &App, model: &ModelId, now: DateTime<Utc>) -> Result<bool, ManifestError> {
    let keys = app.keys.online_keys(model)?;
    let mut repository = manifests::load(tx, model).await?;
    let Some(publication) = repository.hand_over(&keys, now).map_err(|source| refused(model, source))? else {
        return Ok(false);
    };
    keep(tx, app, model, &repository, publication, now).await?;
    Ok(true)
}

/// Ends what rotations of the role `campaigns` left half done, as when the process that made the key was killed; how many.
/// The leader calls this when it begins to lead.
///
/// # Errors
/// [`StoreError`] when the models cannot be listed.
pub async fn finish_rotations(app: &App, now: DateTime<Utc>) -> Result<usize, ApiError> {
    let mut finished = 0;
    for (model, _) in manifests::active(&app.store).await? {
        let result: Result<bool, ManifestError> = async {
            let mut tx = app.store.begin().await?;
            let done = hand_over(&mut tx, app, &model, now).await?;
            tx.commit().await.map_err(StoreError::from)?;
            Ok(done)
        }
        .await;
        match result {
            Ok(done) => finished += usize::from(done),
            Err(error) => tracing::error!(%model, error = chain(&error), "a key's rotation could not be ended"),
        }
    }
    Ok(finished)
}

/// Whether all of `images` are in the published targets of `model`, not only in a draft that waits for a signature.
///
/// # Errors
/// [`ManifestError`].
pub async fn has_targets(tx: &mut Tx, model: &ModelId, images: &[CampaignImage]) -> Result<bool, ManifestError> {
    // What a model that waits for nothing has locked, it has published: no need to hold it up.
    if !manifests::is_pending(tx, model).await? {
        return Ok(true);
    }
    let repository = manifests::load(tx, model).await?;
    let targets = repository.targets().map_err(|source| refused(model, source))?;
    Ok(images.iter().all(|image| targets.contains_key(&image.target_name)))
}

/// Signs what is past half of its life anew, in one transaction per model; how many models. One that
/// fails does not keep the others from it. The leader calls this.
///
/// # Errors
/// [`StoreError`] when the models cannot be listed.
pub async fn renew_due(app: &App, now: DateTime<Utc>) -> Result<usize, ApiError> {
    let mut renewed = 0;
    for model in manifests::due(&app.store, now).await? {
        match renew(app, &model, now).await {
            Ok(true) => renewed += 1,
            Ok(false) => {}
            Err(error) => tracing::error!(%model, error = chain(&error), "the model's metadata could not be renewed"),
        }
    }
    Ok(renewed)
}

async fn renew(app: &App, model: &ModelId, now: DateTime<Utc>) -> Result<bool, ManifestError> {
    let keys = app.keys.online_keys(model)?;
    let mut tx = app.store.begin().await?;
    let mut repository = manifests::load(&mut tx, model).await?;
    let Some(publication) = repository.renew(&keys, now).map_err(|source| refused(model, source))? else {
        return Ok(false);
    };
    keep(&mut tx, app, model, &repository, publication, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(true)
}

/// Sends all of a repository again whose topic is behind the database (a broker that was emptied, or
/// restored from an older copy); how many. The leader calls this when it begins to lead.
///
/// # Errors
/// [`ApiError`] when the database or the broker is away.
pub async fn republish_if_behind(app: &App, bus: &Bus, now: DateTime<Utc>) -> Result<usize, ApiError> {
    let mut republished = 0;
    for (model, stored) in manifests::active(&app.store).await? {
        bus.ensure_manifests(&model).await?;
        let published = published_version(bus, &model).await?;
        if published.is_some_and(|version| version > stored) {
            tracing::error!(%model, ?published, stored, "the topic is ahead of the database: was the database restored \
                from an older copy? Vehicles refuse older metadata until the database has caught up");
        }
        if published.is_none_or(|version| version < stored) {
            tracing::info!(%model, ?published, stored, "the topic is behind the database: publishing the repository again");
            let mut tx = app.store.begin().await?;
            let repository = manifests::load(&mut tx, &model).await?;
            enqueue(&mut tx, &model, repository.republish(), now).await?;
            tx.commit().await.map_err(StoreError::from)?;
            republished += 1;
        }
    }
    Ok(republished)
}

/// The version of the newest `timestamp.json` in the model's topic.
async fn published_version(bus: &Bus, model: &ModelId) -> Result<Option<u64>, ApiError> {
    let records = bus.read_topic(&topic::manifests(model)).await?;
    let newest = records.iter().rev().find(|record| record.key.as_deref() == Some(b"timestamp.json".as_slice()));
    let metadata = newest.and_then(|record| record.value.as_deref()).map(parse_unverified::<Metadata<Timestamp>>);
    Ok(metadata.and_then(Result::ok).map(|metadata| metadata.version))
}

fn refused(model: &ModelId, source: PublishError) -> ManifestError {
    ManifestError::Publish { model: model.clone(), source }
}

async fn keep(
    tx: &mut Tx,
    app: &App,
    model: &ModelId,
    repository: &Repository,
    publication: Publication,
    now: DateTime<Utc>,
) -> Result<(), ManifestError> {
    // Refused while whoever asked is still there: in the outbox it would block the topic.
    let limit_bytes = app.bus.max_message_bytes();
    for (file, value) in &publication.files {
        let bytes = file.len() + value.as_ref().map_or(0, Vec::len);
        if bytes > limit_bytes {
            return Err(ManifestError::TooLong { model: model.clone(), file: file.clone(), bytes, limit_bytes });
        }
    }
    manifests::save(tx, model, repository, now).await?;
    Ok(enqueue(tx, model, publication, now).await?)
}

async fn enqueue(tx: &mut Tx, model: &ModelId, publication: Publication, now: DateTime<Utc>) -> Result<(), StoreError> {
    let messages = publication.files.into_iter();
    let messages: Vec<_> =
        messages.map(|(name, value)| OutboxMessage { key: Some(name.into_bytes()), value }).collect();
    outbox::enqueue(tx, &topic::manifests(model), &messages, now).await
}
