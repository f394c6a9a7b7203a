//! The agent's loop: check, act, wait. What is signed decides; each check begins with what is on disk, so it
//! does not matter how the one before ended.

use std::time::Duration;

use otaru_domain::ack::ReportedState;
use otaru_domain::clock;
use otaru_domain::document::CampaignDocument;
use otaru_domain::id::{CampaignId, Sha256};
use otaru_domain::release::Installation;
use otaru_domain::rollout::Consent;
use tracing::{debug, info, warn};

use super::deltas::Way;
use super::driver::Answer;
use super::state::{Attempt, Detail, StateError, Step};
use super::{Agent, AgentError, read_key};
use crate::backoff::Backoff;
use crate::download::{Advanced, Download, complete_path};
use crate::error::chain;
use crate::gateway::{GatewayError, Update};
use crate::offer::{self, Image};
use crate::repository::Verified;

/// Progress is reported in steps of so many percent.
const PROGRESS_STEP: u8 = 25;

impl Agent {
    pub(super) async fn work(&mut self) -> Result<(), AgentError> {
        let (initial, max) = self.config.backoff;
        let mut backoff = Backoff::new(initial, max);
        let mut heard = None;
        loop {
            let (delay, idle) = match Box::pin(self.check(heard.take())).await {
                Ok(_) if self.config.once => return self.failed.take().map_or(Ok(()), Err),
                Ok(delay) => {
                    backoff.reset();
                    (delay, true)
                }
                Err(error) if self.config.once => return Err(error),
                Err(AgentError::Waiting(reason)) => {
                    if self.waiting_for.as_ref() != Some(&reason) {
                        info!(%reason, "the update waits");
                        self.waiting_for = Some(reason);
                    }
                    backoff.reset();
                    (self.config.poll_interval, false)
                }
                Err(error) => {
                    // A wait that the server asked for is no failure that the next one would have to be longer for.
                    if let AgentError::Download { progressed, source, .. } = &error
                        && (*progressed || source.is_only_a_wait())
                    {
                        backoff.reset();
                    }
                    (self.recover(&error, &mut backoff), false)
                }
            };
            heard = self.wait(delay, idle).await;
        }
    }

    /// Logs what went wrong and says when to try again.
    fn recover(&mut self, error: &AgentError, backoff: &mut Backoff) -> Duration {
        let mut asked = None;
        if let AgentError::Download { source, .. } = error {
            asked = source.retry_after();
        }
        if let AgentError::Gateway(error) = error {
            asked = error.retry_after();
            if matches!(error, GatewayError::Unauthorized | GatewayError::Unsigned { .. }) {
                self.renew_credentials();
            }
        }
        let delay = backoff.next(asked, &mut rand::rng());
        warn!(error = %chain(error), retry_in_ms = delay.as_millis(), "the check did not succeed");
        delay
    }

    /// Whoever replaced the credentials file need not restart the agent.
    fn renew_credentials(&mut self) {
        match self.config.credentials.read() {
            Ok((token, _)) => self.token = token,
            Err(error) => warn!(error = format!("{error:#}"), "the credentials cannot be read"),
        }
        match self.config.ack_key.as_deref().map(read_key).transpose() {
            Ok(key) => self.key = key,
            Err(error) => warn!(error = format!("{error:#}"), "the key to sign reports with cannot be read"),
        }
    }

    /// One round; returns when to begin the next.
    async fn check(&mut self, heard: Option<Option<Update>>) -> Result<Duration, AgentError> {
        // An installation that was begun needs nobody: it ends before anything else happens.
        if self.store.state().installing().is_some() {
            self.finish_install().await?;
        }
        self.try_deliver().await;
        let (update, retry_after) = match heard {
            Some(update) => (update, None),
            None => self.poll(false).await?,
        };
        let pursued = match update {
            Some(update) => self.pursue(&update).await,
            None => Ok(()),
        };
        let delivered = self.deliver().await;
        pursued?;
        delivered?;
        Ok(retry_after.unwrap_or(self.config.poll_interval))
    }

    /// Brings the offered update as far as it goes.
    async fn pursue(&mut self, update: &Update) -> Result<(), AgentError> {
        let known = self.store.state().attempts.get(&update.campaign);
        if let Some(known) = known {
            let over = known.attempt == update.attempt && known.step == Step::Finished;
            if over || update.attempt < known.attempt {
                debug!(campaign = update.campaign, attempt = update.attempt, "this attempt is over");
                return Ok(());
            }
        }
        let begun = known.is_some_and(|known| known.attempt == update.attempt);
        let verified = match self.verify(update).await {
            // What is signed and cannot be installed here is the campaign's fault, and it should hear of it.
            Err(AgentError::Refused { source, .. }) if source.error_code().is_some() => {
                if !begun {
                    self.accept(update, &[], Installation::Atomic)?;
                }
                return self.fail(update.campaign, source.error_code().unwrap_or_default(), &source);
            }
            verified => verified,
        };
        let (verified, document, images) = verified?;
        if begun {
            self.store.change(|state| {
                if let Some(attempt) = state.attempts.get_mut(&update.campaign) {
                    attempt.images.clone_from(&images);
                    attempt.installation = document.installation;
                }
            })?;
        } else {
            if let Some(consent) = &document.consent
                && !self.agreed(update, consent)?
            {
                return Ok(());
            }
            self.accept(update, &images, document.installation)?;
            self.try_deliver().await;
        }
        if !self.download(update.campaign, &verified, &images).await? {
            return Ok(());
        }
        if !self.opens(update.campaign, &images).await? {
            return Ok(());
        }
        self.install(update, &document).await
    }

    /// Fetches and verifies the model's repository, and what it says of the update.
    pub(super) async fn verify(
        &mut self,
        update: &Update,
    ) -> Result<(Verified, CampaignDocument, Vec<Image>), AgentError> {
        let refused = |source| AgentError::Refused { campaign: update.campaign, source };
        let verified = self.trust.load(&self.gateway, &self.token).await?;
        let document = verified.document(&update.document).await?;
        offer::allowed(update, &document, &self.config.model, &self.config.vin, clock::now()).map_err(refused)?;
        let images = offer::images(update, &document, &verified).map_err(refused)?;
        offer::decryptable(&images, self.config.age_identity.is_some()).map_err(refused)?;
        offer::fits(&images, document.installation, &self.store.state().ecus).map_err(refused)?;
        Ok((verified, document, images))
    }

    /// Tells the driver, and asks where the campaign says so. `false` when it was declined; the gateway hears of it.
    fn agreed(&mut self, update: &Update, consent: &Consent) -> Result<bool, AgentError> {
        let (campaign, attempt) = (update.campaign, update.attempt);
        let reminders = self.driver.show(campaign, attempt, consent).map_err(StateError::from)?;
        if !consent.must_ask() {
            return Ok(true);
        }
        match self.driver.answer(campaign, attempt).map_err(StateError::from)? {
            Some(Answer::Granted) => Ok(true),
            Some(Answer::Declined) => self.decline(update, "driver_declined").map(|()| false),
            Some(Answer::Later) if consent.max_reminders.is_some_and(|most| reminders >= most) => {
                self.decline(update, "reminded_too_often").map(|()| false)
            }
            Some(Answer::Later) => {
                self.driver.remind_later().map_err(StateError::from)?;
                Err(AgentError::Waiting("the driver wants to be reminded later".to_owned()))
            }
            None => Err(AgentError::Waiting("the driver has not answered yet".to_owned())),
        }
    }

    /// Ends the attempt as the driver wants it; a retry is another attempt, and asks anew.
    fn decline(&mut self, update: &Update, code: &str) -> Result<(), AgentError> {
        info!(campaign = update.campaign, code, "the update is declined");
        let at = self.reported_at();
        self.store.change(|state| {
            state.attempts.insert(update.campaign, Attempt::new(update.attempt, &[], Installation::Atomic));
            state.set_step(update.campaign, Step::Finished);
            let detail = Detail { error_code: Some(code.to_owned()), ..Detail::default() };
            state.report(update.campaign, ReportedState::Declined, detail, at);
        })?;
        self.driver.tell(update.campaign, ReportedState::Declined).map_err(StateError::from)?;
        Ok(())
    }

    fn accept(&mut self, update: &Update, images: &[Image], installation: Installation) -> Result<(), AgentError> {
        info!(campaign = update.campaign, attempt = update.attempt, "the update is verified and accepted");
        let at = self.reported_at();
        self.store.change(|state| {
            state.attempts.insert(update.campaign, Attempt::new(update.attempt, images, installation));
            state.report(update.campaign, ReportedState::Accepted, Detail::default(), at);
        })?;
        Ok(())
    }

    /// Ends the attempt badly, and says why.
    pub(super) fn fail(
        &mut self,
        campaign: CampaignId,
        code: &str,
        error: &dyn std::error::Error,
    ) -> Result<(), AgentError> {
        let log = chain(error);
        warn!(campaign, code, error = %log, "the update failed");
        self.end(campaign, ReportedState::Failed, code, log)
    }

    /// Ends the attempt with a report of this state, which says what runs now.
    pub(super) fn end(
        &mut self,
        campaign: CampaignId,
        end: ReportedState,
        code: &str,
        log: String,
    ) -> Result<(), AgentError> {
        self.failed = Some(AgentError::Failed { campaign, code: code.to_owned(), log: log.clone() });
        let at = self.reported_at();
        self.store.change(|state| {
            let detail = Detail {
                error_code: Some(code.to_owned()),
                log: Some(log),
                versions: state.versions(),
                ..Detail::default()
            };
            state.set_step(campaign, Step::Finished);
            state.report(campaign, end, detail, at);
            state.inventory_due |= end == ReportedState::RolledBack;
        })?;
        self.driver.tell(campaign, end).map_err(StateError::from)?;
        self.clear_downloads(&[]);
        Ok(())
    }

    /// Downloads what is missing; false when the attempt failed over it.
    async fn download(
        &mut self,
        campaign: CampaignId,
        verified: &Verified,
        images: &[Image],
    ) -> Result<bool, AgentError> {
        let ways = self.ways(campaign, verified, images).await?;
        let deltas = ways.iter().flatten().map(Way::sha256);
        self.clear_downloads(images.iter().map(|image| &image.sha256).chain(deltas));
        let total: u64 = images.iter().map(|image| image.length_bytes).sum();
        let mut before = 0;
        for (image, way) in images.iter().zip(&ways) {
            let made = match way {
                Some(way) => self.make(campaign, verified, (image, way), (before, total)).await?,
                None => false,
            };
            let complete = complete_path(&self.downloads, &image.sha256);
            if !made && !complete.metadata().is_ok_and(|file| file.len() == image.length_bytes) {
                self.report_progress(campaign, before, total).await?;
                match self.download_image(campaign, verified, image, before, total).await {
                    Err(AgentError::Download { source, .. }) if source.error_code().is_some() => {
                        self.fail(campaign, source.error_code().unwrap_or_default(), &source)?;
                        return Ok(false);
                    }
                    downloaded => downloaded?,
                }
            }
            before += image.length_bytes;
        }
        let step = self.store.state().attempts.get(&campaign).map(|attempt| attempt.step);
        if step != Some(Step::Downloaded) {
            let at = self.reported_at();
            self.store.change(|state| {
                let log = state.attempts.get(&campaign).and_then(Attempt::of_deltas);
                state.set_step(campaign, Step::Downloaded);
                state.report(campaign, ReportedState::Downloaded, Detail { log, ..Detail::default() }, at);
            })?;
            self.try_deliver().await;
        }
        Ok(true)
    }

    pub(super) async fn download_image(
        &mut self,
        campaign: CampaignId,
        verified: &Verified,
        image: &Image,
        before: u64,
        total: u64,
    ) -> Result<(), AgentError> {
        let failed = |source, progressed| AgentError::Download { name: image.name.clone(), progressed, source };
        let url = verified.image_url(&image.name, &image.sha256)?;
        let (gateway, token, downloads) = (self.gateway.clone(), self.token.clone(), self.downloads.clone());
        let download = Download::open(&gateway, &token, url, image, &downloads).await;
        let mut download = download.map_err(|error| failed(error, false))?;
        let begin = download.written();
        loop {
            match download.advance().await {
                Ok(Advanced::To(written)) => self.report_progress(campaign, before + written, total).await?,
                Ok(Advanced::Complete) => return Ok(()),
                Err(error) => return Err(failed(error, download.written() > begin)),
            }
        }
    }

    /// Reports `downloading` at its begin and at each further quarter.
    pub(super) async fn report_progress(
        &mut self,
        campaign: CampaignId,
        done: u64,
        total: u64,
    ) -> Result<(), AgentError> {
        let percent = u8::try_from(done * 100 / total.max(1)).unwrap_or(100);
        let percent = percent / PROGRESS_STEP * PROGRESS_STEP;
        let news = match self.store.state().attempts.get(&campaign).map(|attempt| attempt.step) {
            Some(Step::Accepted) => true,
            Some(Step::Downloading { percent: reported }) => percent > reported && percent < 100,
            _ => false,
        };
        if news {
            let at = self.reported_at();
            self.store.change(|state| {
                let detail = Detail { progress_percent: Some(percent), ..Detail::default() };
                state.set_step(campaign, Step::Downloading { percent });
                state.report(campaign, ReportedState::Downloading, detail, at);
            })?;
            self.try_deliver().await;
        }
        Ok(())
    }

    /// Removes the downloads that are not of these files.
    pub(super) fn clear_downloads<'a>(&self, files: impl IntoIterator<Item = &'a Sha256>) {
        let kept: Vec<&str> = files.into_iter().map(Sha256::as_str).collect();
        let Ok(entries) = std::fs::read_dir(&self.downloads) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !kept.iter().any(|sha256| name.starts_with(sha256))
                && let Err(error) = std::fs::remove_file(entry.path())
            {
                debug!(%name, %error, "an old download cannot be removed");
            }
        }
    }
}
