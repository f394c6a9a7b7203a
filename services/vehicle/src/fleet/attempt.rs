//! One attempt of a simulated vehicle: verified as a real one does it, then step by step as planned.

use std::collections::BTreeMap;

use otaru_domain::ack::{AckReport, Health, ReportedState};
use otaru_domain::clock;
use otaru_domain::inventory::{EcuReport, InventoryReport};
use url::Url;

use super::Defect;
use super::acks::Outgoing;
use super::fetch::Received;
use super::plan::{End, Plan, Planned};
use super::stats::count;
use super::vehicle::Vehicle;
use crate::download::DownloadError;
use crate::error::chain;
use crate::gateway::{Polled, Update};
use crate::offer::{self, Image};

/// What one step led to.
enum Stepped {
    On,
    /// The gateway no longer offers it: forgotten, and begun anew if it is offered again.
    Withdrawn,
    Broken(DownloadError),
}

impl Vehicle {
    /// Does the update. `false` when it was withdrawn on the way, an error when it is not to be trusted.
    pub(super) async fn attempt(&mut self, update: &Update) -> Result<bool, String> {
        let images = self.verify(update).await?;
        count(&self.shared.stats.offered);
        let behaviour = &self.shared.behaviour;
        let brings = |defect: &&Defect| {
            images.iter().any(|(image, _)| image.hardware_id == defect.hardware_id && image.version == defect.version)
        };
        let defect = behaviour.defects.iter().find(brings);
        let plan = Plan::draw(behaviour, defect, self.shared.seed, &self.me.vin, update.campaign, update.attempt);
        let mut outgoing = Outgoing::new(plan.batch, plan.rng.clone());
        let mut end = plan.end.clone();
        for (sequence, planned) in (1_u64..).zip(&plan.steps) {
            self.pause(planned.delay).await;
            let mut ack = report(update, sequence, planned);
            match self.step(update, planned, &images).await {
                Stepped::On => {}
                Stepped::Withdrawn => {
                    self.finish_acks(outgoing).await;
                    return Ok(false);
                }
                Stepped::Broken(error) => {
                    let code = error.error_code().unwrap_or("download_failed").to_owned();
                    end = End::Failed { code, log: chain(&error) };
                    ack.state = ReportedState::Failed;
                }
            }
            let over = matches!(ack.state, ReportedState::Failed);
            if let (true, End::Failed { code, log }) = (over, &end) {
                (ack.error_code, ack.log) = (Some(code.clone()), Some(log.clone()));
            }
            self.say(&mut outgoing, ack, planned.repeat).await;
            if over {
                break;
            }
        }
        self.finish_acks(outgoing).await;
        self.conclude(&end, &images).await;
        Ok(true)
    }

    async fn verify(&mut self, update: &Update) -> Result<Vec<(Image, Url)>, String> {
        let shared = self.shared.clone();
        let current = shared.models.current(&shared, &self.me.model, &self.me.token).await;
        let current = current.ok_or("the model's repository is not verified")?;
        let document = current.document(&update.document).await.map_err(|error| chain(&error))?;
        let refused = |refusal: offer::Refusal| refusal.to_string();
        offer::allowed(update, &document, &self.me.model, &self.me.vin, clock::now()).map_err(refused)?;
        let images = offer::images(update, &document, &current.verified).map_err(refused)?;
        let located = images.into_iter().map(|image| {
            let url = current.verified.image_url(&image.name, &image.sha256).map_err(|error| chain(&error))?;
            Ok((image, url))
        });
        located.collect()
    }

    /// Does what must be done before the step can be reported.
    async fn step(&mut self, update: &Update, planned: &Planned, images: &[(Image, Url)]) -> Stepped {
        match planned.state {
            ReportedState::Downloaded => {
                for (image, url) in images {
                    if let Err(error) = self.download(image, url).await {
                        return Stepped::Broken(error);
                    }
                }
                Stepped::On
            }
            ReportedState::Installing if !self.still_offered(update).await => Stepped::Withdrawn,
            _ => Stepped::On,
        }
    }

    /// Fetches an image, over as many interruptions as there are; an error is one of the bytes themselves.
    async fn download(&mut self, image: &Image, url: &Url) -> Result<(), DownloadError> {
        let mut received = Received::default();
        loop {
            self.be_online().await;
            let shared = self.shared.clone();
            match shared.images.fetch(&shared, (url, Some(self.bearer().token)), image, &mut received).await {
                Ok(()) => {
                    self.backoff.reset();
                    return Ok(());
                }
                Err(error) if error.error_code().is_some() => return Err(error),
                Err(error) => {
                    count(&self.shared.stats.errors);
                    tracing::debug!(vin = %self.me.vin, error = %chain(&error), "the download goes on later");
                    let wait = self.backoff.next(None, &mut self.rng);
                    self.pause(wait).await;
                }
            }
        }
    }

    /// Asks once more right before installing, as long as it takes to get an answer.
    async fn still_offered(&mut self, update: &Update) -> bool {
        loop {
            self.be_online().await;
            count(&self.shared.stats.polls);
            let asked = {
                let _permit = self.shared.requests.acquire().await;
                self.shared.gateway.update(self.bearer(), None).await
            };
            match asked {
                Ok(answer) => {
                    self.backoff.reset();
                    return matches!(answer.polled, Polled::Update(now) if now.campaign == update.campaign && now.attempt == update.attempt);
                }
                Err(error) => {
                    let wait = self.failed(&error);
                    self.pause(wait).await;
                }
            }
        }
    }

    async fn conclude(&mut self, end: &End, images: &[(Image, Url)]) {
        match end {
            End::Installed => {
                for (image, _) in images {
                    self.me.ecus.insert(image.hardware_id.clone(), image.version.clone());
                }
                self.send_inventory().await;
                count(&self.shared.stats.installed);
            }
            End::Declined => count(&self.shared.stats.declined),
            End::Failed { .. } => count(&self.shared.stats.failed),
        }
    }

    async fn send_inventory(&mut self) {
        let ecus = self.me.ecus.iter().map(|(hardware_id, version)| EcuReport {
            hardware_id: hardware_id.clone(),
            version: version.clone(),
            serial: None,
        });
        let report = InventoryReport::of(ecus.collect(), BTreeMap::new(), Some(clock::now()));
        loop {
            self.be_online().await;
            let put = {
                let _permit = self.shared.requests.acquire().await;
                self.shared.gateway.put_inventory(self.bearer(), &report).await
            };
            match put {
                Ok(()) => break,
                Err(error) => {
                    let wait = self.failed(&error);
                    self.pause(wait).await;
                }
            }
        }
        self.backoff.reset();
        count(&self.shared.stats.inventories);
    }
}

fn report(update: &Update, sequence: u64, planned: &Planned) -> AckReport {
    AckReport {
        id: Some(planned.id),
        progress_percent: planned.progress_percent,
        health: (planned.state == ReportedState::Installed).then_some(Health::Healthy),
        reported_at: Some(clock::now()),
        ..AckReport::of(update.campaign, update.attempt, sequence, planned.state)
    }
}
