//! Images by way of deltas. Which delta fits, the agent finds by itself among the signed targets, by the hash of what is in its
//! slot: no gateway has a say, and a version that was told wrong does no harm. Whatever goes wrong with a delta, the whole
//! image is downloaded instead, and the report of the download says so.

mod way;

use otaru_domain::id::CampaignId;
use reqwest::StatusCode;
use tracing::{info, warn};

pub(super) use self::way::Way;
use self::way::{Problem, TRIES, length_and_digest};
use super::state::ByDelta;
use super::{Agent, AgentError, SlotError};
use crate::download::{DownloadError, complete_path};
use crate::error::chain;
use crate::offer::Image;
use crate::repository::{SignedDelta, Verified};

impl Agent {
    /// The smallest delta for each of `images` that fits what runs here, if there is one and none has failed before.
    pub(super) async fn ways(
        &self,
        campaign: CampaignId,
        verified: &Verified,
        images: &[Image],
    ) -> Result<Vec<Option<Way>>, AgentError> {
        let mut ways = Vec::with_capacity(images.len());
        for image in images {
            let by_delta = self.by_delta(campaign, image);
            let deltas = verified.deltas(&image.name);
            let there = complete_path(&self.downloads, &image.sha256).exists();
            // No delta gives a ciphertext.
            let way = if there
                || deltas.is_empty()
                || image.encryption.is_some()
                || by_delta.is_some_and(|known| known.is_given_up)
            {
                None
            } else {
                self.smallest(image, deltas).await?
            };
            ways.push(way);
        }
        Ok(ways)
    }

    async fn smallest(&self, image: &Image, deltas: Vec<SignedDelta>) -> Result<Option<Way>, AgentError> {
        let running = self.slots.running(&image.hardware_id).map_err(SlotError::from)?;
        let path = running.clone();
        let read = blocking(move || path.as_deref().map(length_and_digest).transpose()).await;
        let running = running.zip(read.map_err(SlotError::from)?.flatten());
        let fits = |delta: &SignedDelta| {
            let bytes = match (&delta.source, &running) {
                (None, _) => 0,
                (Some(source), Some((_, (bytes, digest)))) if source == digest => *bytes,
                _ => return false,
            };
            delta.source.is_some() == delta.algorithm.has_source()
                && delta.length_bytes < image.length_bytes
                && delta.algorithm.memory_bytes(bytes, image.length_bytes) <= self.config.delta_memory_bytes
        };
        let delta = deltas.into_iter().filter(fits).min_by_key(|delta| delta.length_bytes);
        let source = |delta: &SignedDelta| delta.source.as_ref().and(running.as_ref()).map(|(path, _)| path.clone());
        Ok(delta.map(|delta| Way { source: source(&delta), delta }))
    }

    /// Makes `image` by `way`; false when it is to be downloaded whole. `before` of `total` bytes are there, counted in images.
    pub(super) async fn make(
        &mut self,
        campaign: CampaignId,
        verified: &Verified,
        (image, way): (&Image, &Way),
        (before, total): (u64, u64),
    ) -> Result<bool, AgentError> {
        match self.try_way(campaign, verified, (image, way), (before, total)).await? {
            Ok(()) => {
                let said = format!(
                    "{}: {} bytes downloaded instead of {}, by {}",
                    image.hardware_id,
                    way.delta.length_bytes,
                    image.length_bytes,
                    way.delta.algorithm.as_str()
                );
                info!(campaign, "{said}");
                self.note(campaign, image, |by_delta| by_delta.said = Some(said))?;
                Ok(true)
            }
            Err(problem) => {
                let said = format!(
                    "{}: the whole image is downloaded, not {}: {}",
                    image.hardware_id,
                    way.delta.name,
                    chain(&problem)
                );
                warn!(campaign, "{said}");
                self.note(campaign, image, |by_delta| {
                    by_delta.said = Some(said);
                    by_delta.is_given_up = true;
                })?;
                Ok(false)
            }
        }
    }

    /// Downloads and applies. The outer error leaves the delta for the next check.
    async fn try_way(
        &mut self,
        campaign: CampaignId,
        verified: &Verified,
        (image, way): (&Image, &Way),
        (before, total): (u64, u64),
    ) -> Result<Result<(), Problem>, AgentError> {
        let tries = self.by_delta(campaign, image).map_or(0, |known| known.tries);
        if tries >= TRIES {
            return Ok(Err(Problem::NeverEnds));
        }
        let file = way.as_image(image);
        if !complete_path(&self.downloads, &file.sha256).metadata().is_ok_and(|there| there.len() == file.length_bytes)
        {
            // The delta's bytes stand for the image's.
            let scaled = |bytes: u64| {
                let scaled = u128::from(bytes) * u128::from(file.length_bytes) / u128::from(image.length_bytes.max(1));
                u64::try_from(scaled).unwrap_or(u64::MAX)
            };
            self.report_progress(campaign, before, total).await?;
            match self.download_image(campaign, verified, &file, scaled(before), scaled(total)).await {
                Ok(()) => {}
                Err(AgentError::Download { source, progressed, name }) if passes(&source) => {
                    // A gateway that has enough to do must not be asked for more, but this delta may be all it lacks. One
                    // that says when to come back lacks nothing.
                    if matches!(source, DownloadError::Status { .. }) && !source.is_only_a_wait() {
                        self.note(campaign, image, |by_delta| by_delta.tries += 1)?;
                    }
                    return Err(AgentError::Download { source, progressed, name });
                }
                Err(AgentError::Download { source, .. }) => return Ok(Err(Problem::Download(source))),
                Err(error) => return Err(error),
            }
        }
        // On disk before it is begun: whoever dies of it knows afterwards.
        self.note(campaign, image, |by_delta| by_delta.tries += 1)?;
        let (way, image, downloads) = (way.clone(), image.clone(), self.downloads.clone());
        Ok(blocking(move || way.apply(&image, &downloads)).await)
    }

    fn by_delta(&self, campaign: CampaignId, image: &Image) -> Option<&ByDelta> {
        self.store.state().attempts.get(&campaign)?.by_delta.get(&image.hardware_id)
    }

    fn note(
        &mut self,
        campaign: CampaignId,
        image: &Image,
        change: impl FnOnce(&mut ByDelta),
    ) -> Result<(), AgentError> {
        self.store.change(|state| {
            if let Some(attempt) = state.attempts.get_mut(&campaign) {
                change(attempt.by_delta.entry(image.hardware_id.clone()).or_default());
            }
        })?;
        Ok(())
    }
}

/// Whether another try may end better: there would be no network and no disk for the whole image either.
fn passes(error: &DownloadError) -> bool {
    match error {
        DownloadError::Interrupted(_) | DownloadError::Short | DownloadError::Storage { .. } => true,
        DownloadError::Status { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
        DownloadError::TooLong | DownloadError::HashMismatch | DownloadError::Redirect => false,
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
