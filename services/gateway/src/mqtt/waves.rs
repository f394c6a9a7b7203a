//! A vehicle's own notice: poll now. It is sent to the vehicles of a wave that opens, by the one gateway that was first to
//! see it, to those that join it later, and to a vehicle that is to try again. A notice is a hint and may be lost; that is why vehicles poll, too.

use std::collections::HashSet;
use std::sync::OnceLock;
use std::time::Duration;

use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::clock;
use otaru_domain::id::{CampaignId, ModelId, VehicleId, Vin};
use otaru_domain::mqtt::{self, NoticeReason, SCHEMA_VERSION, VehicleNotice};
use otaru_store::{StoreError, wave_notices};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::link::{Link, Said};
use crate::app::App;

/// Vehicles of a wave that are told at a time, and how often: a thousand a second, so that not all of them ask at once.
const PAGE: i64 = 100;
const PAGE_EVERY: Duration = Duration::from_millis(100);
/// Until vehicle-state has likely applied what the engine said.
const APPLIED_AFTER: Duration = Duration::from_secs(2);
/// Attempts that wait for that.
const MOST_ATTEMPTS: usize = 10_000;
/// How often to look for vehicles that joined an open wave.
const JOINED_EVERY: Duration = Duration::from_secs(2);
/// After Postgres did not answer.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// How long a notice is worth anything, in seconds.
const NOTICE_SECS: u32 = 3600;

/// A wave of a campaign, among the vehicles of a model.
type Wave = (ModelId, CampaignId, u32);

/// New attempts that the engine begins, for whom vehicles on MQTT are told; without such vehicles nothing is kept.
#[derive(Debug, Default)]
pub(crate) struct Attempts(OnceLock<mpsc::Sender<(Instant, Vin)>>);

impl Attempts {
    /// Notes what a message on `otaru.acks` says.
    pub(crate) fn note(&self, ack: &Ack) {
        if let Some(sender) = self.0.get()
            && (ack.origin, ack.state) == (Origin::Engine, AssignmentState::Assigned)
        {
            // Full: these vehicles will poll.
            let _ = sender.try_send((Instant::now() + APPLIED_AFTER, ack.vin.clone()));
        }
    }
}

/// Tells vehicles until the gateway stops.
pub(super) async fn run(app: &App, link: &Link) {
    let (sender, receiver) = mpsc::channel(MOST_ATTEMPTS);
    if app.attempts.0.set(sender).is_ok() {
        let all = async { tokio::join!(attempts(link, receiver), waves(app, link), joined(app, link)) };
        app.stop.run_until_cancelled(all).await;
    }
}

async fn attempts(link: &Link, mut receiver: mpsc::Receiver<(Instant, Vin)>) {
    while let Some((at, vin)) = receiver.recv().await {
        tokio::time::sleep_until(at).await;
        tell(link, &vin, NoticeReason::Attempt).await;
    }
}

async fn waves(app: &App, link: &Link) {
    let mut repositories = app.mirror.watch();
    let mut known: HashSet<Wave> = HashSet::new();
    loop {
        repositories.mark_unchanged();
        let open = open_waves(app);
        known.retain(|wave| open.contains(wave));
        let mut failed = false;
        for wave in open {
            if known.contains(&wave) {
                continue;
            }
            match tell_wave(app, link, &wave).await {
                Ok(()) => {
                    known.insert(wave);
                }
                Err(error) => {
                    app.database.failed(&error);
                    failed = true;
                }
            }
        }
        if failed {
            tokio::time::sleep(AGAIN_AFTER).await;
        } else if repositories.changed().await.is_err() {
            return;
        }
    }
}

/// Tells vehicles that joined an open wave; while no wave is open, nobody can.
async fn joined(app: &App, link: &Link) {
    loop {
        tokio::time::sleep(JOINED_EVERY).await;
        link.wait_open().await;
        while !open_waves(app).is_empty() {
            let page = match wave_notices::take_joined(&app.store, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    app.database.failed(&error);
                    break;
                }
            };
            for vin in &page {
                tell(link, vin, NoticeReason::Offer).await;
            }
            if page.is_empty() {
                break;
            }
            tokio::time::sleep(PAGE_EVERY).await;
        }
    }
}

fn open_waves(app: &App) -> HashSet<Wave> {
    let views = app.mirror.views().into_iter().filter_map(|(model, view)| Some((model, view?)));
    let mut open = HashSet::new();
    for (model, view) in views {
        open.extend(view.open_waves().map(|(campaign, wave)| (model.clone(), campaign, wave)));
    }
    open
}

/// Tells the vehicles of a wave, unless another gateway does or did.
async fn tell_wave(app: &App, link: &Link, (model, campaign, wave): &Wave) -> Result<(), StoreError> {
    // Who has no connection cannot tell anybody; another gateway may.
    link.wait_open().await;
    if !wave_notices::claim(&app.store, model, *campaign, *wave, clock::now()).await? {
        return Ok(());
    }
    let mut ticks = tokio::time::interval(PAGE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut after: VehicleId = 0;
    loop {
        ticks.tick().await;
        let page = wave_notices::waiting(&app.store, model, *campaign, *wave, after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = *last;
        for (_, vin) in &page {
            tell(link, vin, NoticeReason::Offer).await;
        }
    }
}

async fn tell(link: &Link, vin: &Vin, reason: NoticeReason) {
    let notice = VehicleNotice { schema_version: SCHEMA_VERSION, reason };
    let properties = PublishProperties {
        message_expiry_interval: Some(NOTICE_SECS),
        content_type: Some("application/json".to_owned()),
        ..PublishProperties::default()
    };
    // A number and a name always have a form in JSON.
    let payload = serde_json::to_vec(&notice).unwrap_or_default();
    // Without QoS: reports must not wait behind notices that the broker is slow to take.
    let said = Said { topic: mqtt::notice(vin), payload, qos: QoS::AtMostOnce, retain: false, properties };
    if link.publish(said).await.is_ok() {
        metrics::counter!("otaru_gateway_mqtt_notices_total", "of" => "vehicle").increment(1);
    }
}
