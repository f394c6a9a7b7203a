//! A retained notice per model: which version of its repository is the newest. A vehicle that connects finds it there,
//! and one that is connected hears when it moves.
//!
//! Each gateway would say the same. So each reads what is said, waits a random moment, and speaks only where its own
//! repository is newer: mostly one speaks, and a gateway that lags behind never has the last word.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use otaru_domain::id::{ModelId, Sha256};
use otaru_domain::mqtt::{self, ManifestNotice, SCHEMA_VERSION};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use tokio::sync::watch;

use super::link::{Link, Said};
use crate::app::App;
use crate::mirror::View;

/// What is to be retained for a model; nothing where its repository has no timestamp.
fn notice_of(model: &ModelId, view: &View) -> Option<ManifestNotice> {
    let sha256 = Sha256::parse(&view.timestamp_sha256()?).ok()?;
    Some(ManifestNotice { schema_version: SCHEMA_VERSION, model: model.clone(), version: view.version, sha256 })
}

/// What the broker retains, as far as this gateway heard.
pub(super) struct Seen {
    notices: Mutex<HashMap<ModelId, ManifestNotice>>,
    moved: watch::Sender<()>,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self { notices: Mutex::default(), moved: watch::Sender::new(()) }
    }

    /// Takes what was published for `model`. What cannot be read counts as nothing, and is written over.
    pub(super) fn note(&self, model: ModelId, payload: &[u8]) {
        let notice: Option<ManifestNotice> = serde_json::from_slice(payload).ok();
        self.set(model, notice);
        self.moved.send_replace(());
    }

    /// On a new connection the broker says anew what it retains.
    pub(super) fn forget(&self) {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn set(&self, model: ModelId, notice: Option<ManifestNotice>) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        match notice {
            Some(notice) => notices.insert(model, notice),
            None => notices.remove(&model),
        };
    }

    /// What is to be retained instead of what is, if anything: `Some(None)` for nothing any more.
    fn due(&self, model: &ModelId, view: Option<&View>) -> Option<Option<ManifestNotice>> {
        let notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        let retained = notices.get(model);
        match (view.and_then(|view| notice_of(model, view)), retained) {
            (Some(notice), Some(retained)) if notice == *retained || notice.version < retained.version => None,
            (None, None) => None,
            (notice, _) => Some(notice),
        }
    }
}

/// Keeps the notices as the repositories are, until the gateway stops.
pub(super) async fn run(app: &App, link: &Link, seen: &Seen) {
    let (mut repositories, mut retained, mut opened) = (app.mirror.watch(), seen.moved.subscribe(), link.watch());
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            Ok(()) = repositories.changed() => {}
            Ok(()) = retained.changed() => {}
            Ok(()) = opened.changed() => {}
        }
        if app.stop.run_until_cancelled(tokio::time::sleep(up_to(app.stream_spread))).await.is_none() {
            return;
        }
        repositories.mark_unchanged();
        retained.mark_unchanged();
        if app.mirror.is_complete() && app.stop.run_until_cancelled(say_all(app, link, seen)).await.is_none() {
            return;
        }
    }
}

async fn say_all(app: &App, link: &Link, seen: &Seen) {
    for (model, view) in app.mirror.views() {
        // Without a connection nobody knows what is due; with the next one all is looked at again.
        if !link.is_open() {
            return;
        }
        let Some(notice) = seen.due(&model, view.as_deref()) else { continue };
        let payload = match notice.as_ref().map(serde_json::to_vec).transpose() {
            Ok(payload) => payload.unwrap_or_default(),
            Err(error) => {
                tracing::error!(%model, %error, "a notice cannot be written as JSON");
                continue;
            }
        };
        let properties =
            PublishProperties { content_type: Some("application/json".to_owned()), ..PublishProperties::default() };
        let topic = mqtt::manifest(&model);
        let said = Said { topic, payload, qos: QoS::AtLeastOnce, retain: true, properties };
        if link.publish(said).await.is_ok() {
            metrics::counter!("otaru_gateway_mqtt_notices_total", "of" => "model").increment(1);
            seen.set(model, notice);
        }
    }
}

/// A random part of `most`.
fn up_to(most: Duration) -> Duration {
    most.mul_f64(rand::random_range(0.0..=1.0))
}
