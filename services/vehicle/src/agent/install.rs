//! From downloaded to installed: wait until the vehicle may, ask once more, write the other slot, switch, and switch
//! back if the vehicle's own check of the new software fails.

use otaru_domain::ack::{Health, ReportedState, VehicleWait};
use otaru_domain::clock;
use otaru_domain::document::CampaignDocument;
use otaru_domain::id::CampaignId;
use tracing::{info, warn};

use super::files::StorageError;
use super::health::Verdict;
use super::slots::{Slot, SlotError};
use super::state::{Detail, StateError, Step};
use super::{Agent, AgentError, signals};
use crate::gateway::Update;
use crate::offer::{Ecu, Image};

impl Agent {
    /// Installs what was downloaded, if precondition and windows allow it and the campaign still wants it.
    pub(super) async fn install(&mut self, update: &Update, document: &CampaignDocument) -> Result<(), AgentError> {
        let now = self.reported_at().unwrap_or_else(clock::now);
        if let Some(wait) = signals::wait(document, self.config.signals.as_deref(), now) {
            return self.hold(update.campaign, wait).await;
        }
        self.waiting_for = None;
        self.confirm(update).await?;
        let slot = self.slots.inactive().map_err(SlotError::from)?;
        let at = self.reported_at();
        self.store.change(|state| {
            state.set_step(update.campaign, Step::Installing { slot });
            state.report(update.campaign, ReportedState::Installing, Detail::default(), at);
        })?;
        self.try_deliver().await;
        self.finish_install().await
    }

    /// Waits, and says for what when that is news.
    async fn hold(&mut self, campaign: CampaignId, wait: VehicleWait) -> Result<(), AgentError> {
        let reason = wait.text.clone();
        if self.waiting_for.as_ref() != Some(&reason) {
            let at = self.reported_at();
            let detail = Detail { waiting_for: Some(wait), ..Detail::default() };
            self.store.change(|state| state.report(campaign, ReportedState::Downloaded, detail, at))?;
            self.try_deliver().await;
        }
        Err(AgentError::Waiting(reason))
    }

    /// A halt must stop whoever has not begun: asks the gateway, and the signed document, once more.
    async fn confirm(&mut self, update: &Update) -> Result<(), AgentError> {
        let (offered, _) = self.poll(true).await?;
        if offered.as_ref().is_none_or(|now| (now.campaign, now.attempt) != (update.campaign, update.attempt)) {
            return Err(AgentError::Waiting(format!("campaign {} is not offered at present", update.campaign)));
        }
        let (_, _, images) = self.verify(update).await?;
        if self.store.state().attempts.get(&update.campaign).is_none_or(|attempt| attempt.images != images) {
            // What was downloaded is no longer what is signed: the next check begins with what is.
            return Err(AgentError::Waiting("the signed targets changed meanwhile".to_owned()));
        }
        Ok(())
    }

    /// Writes and switches until nothing is left, or finds that a kill came just after a switch.
    pub(super) async fn finish_install(&mut self) -> Result<(), AgentError> {
        while let Some((campaign, slot)) = self.store.state().installing() {
            let attempt = self.store.state().attempts.get(&campaign);
            let images = attempt.map(|attempt| attempt.next().to_vec()).unwrap_or_default();
            match self.write_slot(slot, &images).await {
                Ok(()) => match self.check_health(campaign, slot).await.map_err(StateError::from)? {
                    Verdict::Unchecked => self.switched(campaign, slot, &images, None)?,
                    Verdict::Healthy => self.switched(campaign, slot, &images, Some(Health::Healthy))?,
                    Verdict::Unhealthy { code, log } => self.take_back(campaign, slot, code, log)?,
                },
                Err(error @ (SlotError::Corrupt(_) | SlotError::Missing(_))) => {
                    self.fail(campaign, "image_corrupt", &error)?;
                }
                Err(SlotError::Decrypt(error)) if error.error_code().is_some() => {
                    self.fail(campaign, error.error_code().unwrap_or_default(), &error)?;
                }
                Err(error) => return Err(error.into()),
            }
            self.try_deliver().await;
        }
        Ok(())
    }

    async fn write_slot(&self, slot: Slot, images: &[Image]) -> Result<(), SlotError> {
        let (slots, images, downloads) = (self.slots.clone(), images.to_vec(), self.downloads.clone());
        let identity = self.config.age_identity.clone();
        let written = tokio::task::spawn_blocking(move || {
            if !slots.runs(slot, &images)? {
                slots.write(slot, &images, &downloads, identity.as_deref())?;
                slots.activate(slot)?;
            }
            Ok(())
        });
        match written.await {
            Ok(written) => written,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    async fn check_health(&self, campaign: CampaignId, slot: Slot) -> Result<Verdict, StorageError> {
        match &self.config.health_check {
            Some(check) => check.run(&self.config.state_dir, campaign, &self.slots.folder(slot)).await,
            None => Ok(Verdict::Unchecked),
        }
    }

    /// What ran before the switch runs again, and that is what the report says: `rolled_back` when nothing of the
    /// update is left, `failed` when ECUs that came earlier in its order keep it. A kill before the report has the
    /// installation done and checked once more: nothing is lost but time.
    fn take_back(&mut self, campaign: CampaignId, slot: Slot, code: &str, log: String) -> Result<(), AgentError> {
        self.slots.retreat(slot).map_err(SlotError::from)?;
        warn!(campaign, code, %log, "the new software is not healthy: the old one runs again");
        let kept = self.store.state().attempts.get(&campaign).is_some_and(|attempt| attempt.installed > 0);
        let end = if kept { ReportedState::Failed } else { ReportedState::RolledBack };
        self.end(campaign, end, code, log)
    }

    /// Notes that the images run, and what comes next.
    fn switched(
        &mut self,
        campaign: CampaignId,
        slot: Slot,
        images: &[Image],
        health: Option<Health>,
    ) -> Result<(), AgentError> {
        let at = self.reported_at();
        let mut left = 0;
        self.store.change(|state| {
            for image in images {
                let ecu = Ecu { version: image.version.clone(), release_counter: Some(image.release_counter) };
                state.ecus.insert(image.hardware_id.clone(), ecu);
            }
            state.inventory_due = true;
            let progress_percent = state.attempts.get_mut(&campaign).map(|attempt| attempt.advance(images.len()));
            left = state.attempts.get(&campaign).map_or(0, |attempt| attempt.images.len());
            if left > 0 {
                state.set_step(campaign, Step::Installing { slot: slot.other() });
                let detail = Detail { progress_percent, ..Detail::default() };
                state.report(campaign, ReportedState::Installing, detail, at);
            } else {
                state.set_step(campaign, Step::Finished);
                let detail = Detail { health, versions: state.versions(), ..Detail::default() };
                state.report(campaign, ReportedState::Installed, detail, at);
            }
        })?;
        if left > 0 {
            info!(campaign, left, "an ECU has its update, others follow");
            return Ok(());
        }
        self.driver.tell(campaign, ReportedState::Installed).map_err(StateError::from)?;
        info!(campaign, "the update is installed");
        self.clear_downloads(&[]);
        Ok(())
    }
}
