//! Building what is queued, one after the other. What is wrong with a pair is noted with it and said once; what may pass is
//! tried again; neither keeps the next one from its turn.

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use otaru_domain::clock;
use otaru_domain::id::Sha256;
use otaru_http::chain;
use otaru_store::deltas::{self, Job, Made};
use otaru_store::leadership::Epoch;
use otaru_store::objects::{Digests, ReceiveError};
use otaru_store::{StoreError, artifacts};
use sha2::Digest as _;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::begin;
use super::compute::{self, ComputeError, Computed, Task};
use crate::app::App;
use crate::engine::CampaignError;

/// How often a pair is tried whose failures may pass, or under which the process ends.
const ATTEMPTS: u32 = 4;
/// The pause after the first failure; longer with each one.
const PAUSE: TimeDelta = TimeDelta::seconds(30);
/// What is sent to the object store at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Why there is no delta.
#[derive(Debug, Error)]
enum BuildError {
    #[error("{what} has {bytes} bytes, and deltas are made of up to {limit_bytes}: see --delta-max-mib")]
    TooLarge { what: &'static str, bytes: u64, limit_bytes: u64 },
    #[error("artifact {0} is not in the object store")]
    Missing(Sha256),
    #[error("artifact {0} in the object store is damaged")]
    Damaged(Sha256),
    #[error("it was begun {0} times and never came to an end: was the process killed over it?")]
    NeverEnds(u32),
    #[error(transparent)]
    Compute(#[from] ComputeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keep(#[from] ReceiveError),
}

impl BuildError {
    /// Whether another try may end better.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Keep(_) | Self::Compute(ComputeError::Thread(_)))
    }
}

/// What came of a job.
enum Outcome {
    /// With its artifact, if that is new.
    Built(Made, Sha256, Option<Digests>),
    NotWorthIt(Made),
}

/// Builds the next delta; whether there was one.
pub(super) async fn next(app: &App, epoch: Epoch, stop: &CancellationToken) -> Result<bool, CampaignError> {
    let mut tx = begin(app, epoch).await?;
    let job = deltas::claim(&mut tx, clock::now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    let Some(job) = job else { return Ok(false) };
    let outcome = build(app, &job, stop).await;
    note(app, epoch, &job, outcome, clock::now()).await?;
    Ok(true)
}

async fn note(
    app: &App,
    epoch: Epoch,
    job: &Job,
    outcome: Result<Outcome, BuildError>,
    now: DateTime<Utc>,
) -> Result<(), CampaignError> {
    let (release, ecu) = (job.release, &job.hardware_id);
    let source = job.source.as_ref().map(|(sha256, _)| sha256.as_str());
    let mut tx = begin(app, epoch).await?;
    let result = match outcome {
        Ok(Outcome::Built(made, delta, digests)) => {
            if let Some(digests) = digests {
                let name = format!("{release}-{ecu}.{}", made.algorithm.as_str());
                artifacts::create(&mut tx, &digests, &name, "engine", now).await?;
            }
            deltas::built(&mut tx, job, &made, &delta, now).await?;
            let saved = job.image.1.saturating_sub(made.length_bytes);
            metrics::counter!("otaru_campaign_delta_saved_bytes_total").increment(saved);
            tracing::info!(release, %ecu, source, algorithm = made.algorithm.as_str(), bytes = made.length_bytes,
                image_bytes = job.image.1, ms = made.build_ms, "a delta is built");
            "built"
        }
        Ok(Outcome::NotWorthIt(made)) => {
            deltas::not_worth_it(&mut tx, job, &made, now).await?;
            "not_worth_it"
        }
        Err(BuildError::Compute(ComputeError::Stopped)) => {
            deltas::put_back(&mut tx, job).await?;
            "stopped"
        }
        Err(error) => {
            let why = chain(&error);
            let again = error.may_pass() && job.attempts < ATTEMPTS;
            tracing::warn!(release, %ecu, source, again, error = why, "a delta is not built");
            if again {
                let pause = PAUSE * i32::try_from(job.attempts).unwrap_or(1);
                deltas::retry(&mut tx, job, &why, now + pause).await?;
                "retried"
            } else {
                deltas::failed(&mut tx, job, &why, now).await?;
                "failed"
            }
        }
    };
    tx.commit().await.map_err(StoreError::from)?;
    metrics::counter!("otaru_campaign_deltas_total", "result" => result).increment(1);
    Ok(())
}

async fn build(app: &App, job: &Job, stop: &CancellationToken) -> Result<Outcome, BuildError> {
    if job.attempts > ATTEMPTS {
        return Err(BuildError::NeverEnds(job.attempts - 1));
    }
    let limit_bytes = app.deltas.max_bytes;
    let lengths = [("the image", Some(job.image.1)), ("the source", job.source.as_ref().map(|(_, bytes)| *bytes))];
    for (what, bytes) in lengths {
        if let Some(bytes) = bytes.filter(|bytes| *bytes > limit_bytes) {
            return Err(BuildError::TooLarge { what, bytes, limit_bytes });
        }
    }
    // A release that brings back what another took away, or the same image for another model.
    if let Some((delta, made)) = deltas::same_pair(&app.store, job).await?
        && app.objects.length(&delta).await? == Some(made.length_bytes)
    {
        return Ok(Outcome::Built(made, delta, None));
    }
    let image = read(app, &job.image).await?;
    let source = match &job.source {
        Some(source) => Some(read(app, source).await?),
        None => None,
    };
    let computed = compute::compute(Task { image, source, plain_bytes: job.plain_bytes }, stop).await?;
    let worth_it = computed.is_worth_it();
    let Computed { algorithm, bytes, took, .. } = computed;
    let build_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let made = Made { algorithm, length_bytes: bytes.len() as u64, build_ms };
    if !worth_it {
        return Ok(Outcome::NotWorthIt(made));
    }
    let digests = keep(app, bytes.into()).await?;
    Ok(Outcome::Built(made, digests.sha256.clone(), Some(digests)))
}

/// An artifact, all of it.
async fn read(app: &App, (sha256, length_bytes): &(Sha256, u64)) -> Result<Bytes, BuildError> {
    let object = app.objects.get_any(sha256).await?.ok_or_else(|| BuildError::Missing(sha256.clone()))?;
    if object.length_bytes != *length_bytes {
        return Err(BuildError::Damaged(sha256.clone()));
    }
    let mut bytes = BytesMut::with_capacity(usize::try_from(*length_bytes).unwrap_or_default());
    let mut stream = object.stream;
    while let Some(chunk) = stream.try_next().await? {
        bytes.extend_from_slice(&chunk);
    }
    if hex::encode(sha2::Sha256::digest(&bytes)) == sha256.as_str() {
        Ok(bytes.freeze())
    } else {
        Err(BuildError::Damaged(sha256.clone()))
    }
}

/// Puts a delta beside the other artifacts.
async fn keep(app: &App, bytes: Bytes) -> Result<Digests, BuildError> {
    let chunks = (0..bytes.len()).step_by(CHUNK_BYTES);
    let chunks = chunks.map(|begin| Ok::<_, StoreError>(bytes.slice(begin..bytes.len().min(begin + CHUNK_BYTES))));
    let chunks: Vec<_> = chunks.collect();
    let staged = app.objects.receive(futures::stream::iter(chunks), bytes.len() as u64).await?;
    Ok(app.objects.keep(staged).await?)
}
