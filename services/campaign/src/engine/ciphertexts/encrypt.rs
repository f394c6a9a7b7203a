//! Encrypting what is queued, one after the other: from the object store into the object store, a piece at a time.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use otaru_domain::age::{AgeError, EXTENSION, Encryptor};
use otaru_domain::clock;
use otaru_domain::id::Sha256;
use otaru_http::chain;
use otaru_store::ciphertexts::{self, Job};
use otaru_store::leadership::Epoch;
use otaru_store::objects::{ReceiveError, Staged};
use otaru_store::{StoreError, artifacts};
use sha2::Digest as _;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{begin, commit};
use crate::app::App;
use crate::engine::CampaignError;

/// The pause after the first failure; longer with each one.
const PAUSE: TimeDelta = TimeDelta::seconds(10);
const LONGEST_PAUSES: u32 = 60;

/// Why a file is not encrypted yet.
#[derive(Debug, Error)]
enum EncryptError {
    #[error("artifact {0} is not in the object store: upload it again")]
    Missing(Sha256),
    #[error("artifact {0} in the object store is damaged: upload it again")]
    Damaged(Sha256),
    #[error("it cannot be encrypted")]
    Age(#[from] AgeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keep(#[from] ReceiveError),
}

/// A ciphertext, which may be there already.
enum Outcome {
    Known(Sha256),
    Made(Staged),
}

/// Encrypts the next file; whether there was one.
pub(super) async fn next(app: &App, epoch: Epoch, stop: &CancellationToken) -> Result<bool, CampaignError> {
    let mut tx = begin(app, epoch).await?;
    let job = ciphertexts::claim(&mut tx, clock::now()).await?;
    commit(tx).await?;
    let Some(job) = job else { return Ok(false) };
    let Some(outcome) = stop.run_until_cancelled(encrypt(app, &job)).await else {
        let mut tx = begin(app, epoch).await?;
        ciphertexts::put_back(&mut tx, &job).await?;
        commit(tx).await?;
        return Ok(false);
    };
    let noted = match outcome {
        Ok(outcome) => note(app, epoch, &job, outcome, clock::now()).await?,
        Err(error) => Err(error),
    };
    if let Err(error) = noted {
        let why = chain(&error);
        tracing::warn!(release = job.release, model = %job.model, sha256 = %job.plain.0, error = why, "an image is not encrypted yet");
        metrics::counter!("otaru_campaign_ciphertexts_total", "result" => "retried").increment(1);
        let pause = PAUSE * i32::try_from(job.attempts.min(LONGEST_PAUSES)).unwrap_or(1);
        let mut tx = begin(app, epoch).await?;
        ciphertexts::retry(&mut tx, &job, &why, clock::now() + pause).await?;
        commit(tx).await?;
    }
    Ok(true)
}

async fn note(
    app: &App,
    epoch: Epoch,
    job: &Job,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<Result<(), EncryptError>, CampaignError> {
    let mut tx = begin(app, epoch).await?;
    let ciphertext = match outcome {
        Outcome::Known(sha256) => sha256,
        Outcome::Made(staged) => {
            let digests = match app.objects.keep(staged).await {
                Ok(digests) => digests,
                Err(error) => return Ok(Err(error.into())),
            };
            let name = format!("{}.{EXTENSION}", job.file_name);
            artifacts::create(&mut tx, &digests, &name, "engine", now).await?;
            digests.sha256
        }
    };
    ciphertexts::encrypted(&mut tx, job, &ciphertext, now).await?;
    commit(tx).await?;
    tracing::info!(release = job.release, model = %job.model, %ciphertext, bytes = job.plain.1, "an image is encrypted");
    metrics::counter!("otaru_campaign_ciphertexts_total", "result" => "encrypted").increment(1);
    Ok(Ok(()))
}

async fn encrypt(app: &App, job: &Job) -> Result<Outcome, EncryptError> {
    // The same image in another release: each vehicle, and each cache, has it already.
    if let Some((ciphertext, length_bytes)) = ciphertexts::same(&app.store, job).await?
        && app.objects.length(&ciphertext).await? == Some(length_bytes)
    {
        return Ok(Outcome::Known(ciphertext));
    }
    let (plain, length_bytes) = &job.plain;
    let object = app.objects.get_any(plain).await?.ok_or_else(|| EncryptError::Missing(plain.clone()))?;
    let (encryptor, first) = Encryptor::new(&job.recipients)?;
    let sealing = Sealing {
        plain: object.stream,
        expected: (plain.clone(), *length_bytes),
        hasher: sha2::Sha256::new(),
        length_bytes: 0,
        encryptor: Some(encryptor),
    };
    let first = futures::stream::iter([Ok::<_, EncryptError>(Bytes::from(first))]);
    let rest = futures::stream::try_unfold(sealing, |mut sealing| async move {
        Ok(sealing.next().await?.map(|bytes| (bytes, sealing)))
    });
    match app.objects.receive(first.chain(rest).boxed(), u64::MAX).await {
        Ok(staged) => Ok(Outcome::Made(staged)),
        Err(ReceiveError::Interrupted(error)) => match error.downcast::<EncryptError>() {
            Ok(error) => Err(*error),
            Err(error) => Err(ReceiveError::Interrupted(error).into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// A file on its way through the encryption. Its end is given out only when it was the artifact.
struct Sealing {
    plain: BoxStream<'static, Result<Bytes, StoreError>>,
    expected: (Sha256, u64),
    hasher: sha2::Sha256,
    length_bytes: u64,
    /// None once all of it was given out.
    encryptor: Option<Encryptor>,
}

impl Sealing {
    async fn next(&mut self) -> Result<Option<Bytes>, EncryptError> {
        while let Some(encryptor) = &mut self.encryptor {
            let Some(chunk) = self.plain.try_next().await? else { break };
            self.hasher.update(&chunk);
            self.length_bytes += chunk.len() as u64;
            let sealed = encryptor.push(&chunk)?;
            if !sealed.is_empty() {
                return Ok(Some(sealed.into()));
            }
        }
        let Some(encryptor) = self.encryptor.take() else { return Ok(None) };
        let (sha256, length_bytes) = &self.expected;
        if self.length_bytes != *length_bytes || hex::encode(self.hasher.finalize_reset()) != sha256.as_str() {
            return Err(EncryptError::Damaged(sha256.clone()));
        }
        Ok(Some(encryptor.finish()?.into()))
    }
}
