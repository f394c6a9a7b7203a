//! The agent on an MQTT broker: it hears there that it should poll, and reports there. HTTP stays beside it, for all that is
//! installed, for inventories, and for reports whenever the broker is away or the gateway did not take one from it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use otaru_domain::ack::AckReport;
use otaru_domain::id::{ModelId, Vin};
use otaru_domain::mqtt;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, Filter, Packet, PubAckReason, Publish, PublishProperties, Subscribe,
};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions, Request};
use rumqttc::{TlsConfiguration, Transport};
use serde::Deserialize;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, info};
use url::Url;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::gateway::{Bearer, UNSIGNED};

/// How long the broker may take for a report before HTTP is tried.
const PATIENCE: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// How long the broker keeps refusals for a vehicle that is away, in seconds.
const SESSION_SECS: u32 = 86_400;
/// The longest packet that is read; notices and refusals are far below it.
const MAX_PACKET_BYTES: u32 = 64 * 1024;
/// Refusals that wait for the agent; of more, it learns nothing.
const MOST_REFUSALS: usize = 100;

/// The broker, where the vehicle's user is its VIN.
#[derive(Clone)]
pub struct MqttConfig {
    /// `mqtt://host:port`, or `mqtts://host:port` with `ca`.
    pub url: Url,
    pub password: Option<String>,
    /// The authorities of the broker's certificate, in PEM.
    pub ca: Option<Vec<u8>>,
    /// The certificate by which the broker knows the vehicle, with its chain, and its key, in PEM.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for MqttConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttConfig").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// A report that a gateway did not take.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) id: Uuid,
    pub(super) detail: String,
    /// It may be taken if it is sent again.
    pub(super) again: bool,
}

#[derive(Deserialize)]
struct RefusalBody {
    status: u16,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    detail: String,
    retry_after_secs: Option<u32>,
}

/// Who is told what comes.
#[derive(Default)]
struct Ears {
    own: Notify,
    model: Notify,
}

/// The vehicle's connection; it ends when this is dropped.
pub(super) struct Mqtt {
    client: AsyncClient,
    acks_topic: String,
    connected: watch::Receiver<bool>,
    ears: Arc<Ears>,
    pubacks: mpsc::Receiver<PubAckReason>,
    refusals: mpsc::Receiver<Refused>,
    _ends: DropGuard,
}

/// What the connection's task has.
struct Pump {
    events: EventLoop,
    subscriptions: Subscribe,
    connected: watch::Sender<bool>,
    ears: Arc<Ears>,
    pubacks: mpsc::Sender<PubAckReason>,
    refusals: mpsc::Sender<Refused>,
    backoff: Backoff,
}

impl Mqtt {
    pub(super) fn open(config: &MqttConfig, vin: &Vin, model: &ModelId, backoff: Backoff) -> Self {
        let (client, events) = AsyncClient::new(options(config, vin), 10);
        let topics = [mqtt::manifest(model), mqtt::notice(vin), mqtt::refused(vin)];
        let subscriptions = Subscribe::new_many(topics.map(|topic| Filter::new(topic, QoS::AtLeastOnce)), None);
        let (connected, is_connected) = watch::channel(false);
        let (puback_sender, pubacks) = mpsc::channel(10);
        let (refusal_sender, refusals) = mpsc::channel(MOST_REFUSALS);
        let ears = Arc::<Ears>::default();
        let stop = CancellationToken::new();
        let pump = Pump {
            events,
            subscriptions,
            connected,
            ears: Arc::clone(&ears),
            pubacks: puback_sender,
            refusals: refusal_sender,
            backoff,
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(pump.run()));
        let _ends = stop.drop_guard();
        Self { client, acks_topic: mqtt::acks(vin), connected: is_connected, ears, pubacks, refusals, _ends }
    }

    pub(super) fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// Waits until the vehicle is told to poll. A notice for the whole model is waited out for a part of `spread`: as
    /// many vehicles as there are of the model have heard it at this moment.
    pub(super) async fn notice(&self, spread: Duration) {
        tokio::select! {
            () = self.ears.own.notified() => {}
            () = self.ears.model.notified() => {
                let pause = spread.mul_f64(rand::random_range(0.0..=1.0));
                tokio::select! { () = tokio::time::sleep(pause) => {}, () = self.ears.own.notified() => {} }
            }
        }
    }

    pub(super) fn refused(&mut self) -> Option<Refused> {
        self.refusals.try_recv().ok()
    }

    /// Gives the report to the broker. `false` when it is not known to have it: this connection must then not be used for
    /// another, whose answer could be this one's.
    pub(super) async fn send(&mut self, who: Bearer<'_>, ack: &AckReport) -> bool {
        let Ok(body) = serde_json::to_vec(ack) else { return false };
        let properties = PublishProperties {
            user_properties: vec![("authorization".to_owned(), format!("Bearer {}", who.token))],
            content_type: Some("application/json".to_owned()),
            correlation_data: ack.id.map(|id| id.to_string().into()),
            ..PublishProperties::default()
        };
        let sent = async {
            let topic = self.acks_topic.as_str();
            self.client.publish_with_properties(topic, QoS::AtLeastOnce, false, body, properties).await.ok()?;
            self.pubacks.recv().await
        };
        // "No matching subscribers" is no success: no gateway has ever subscribed, and the broker threw the report away.
        matches!(tokio::time::timeout(PATIENCE, sent).await, Ok(Some(PubAckReason::Success)))
    }
}

fn options(config: &MqttConfig, vin: &Vin) -> MqttOptions {
    let default_port = if config.ca.is_some() { 8883 } else { 1883 };
    let host = config.url.host_str().unwrap_or("localhost");
    let mut options = MqttOptions::new(format!("otaru-{vin}"), host, config.url.port().unwrap_or(default_port));
    let properties = ConnectProperties {
        session_expiry_interval: Some(SESSION_SECS),
        max_packet_size: Some(MAX_PACKET_BYTES),
        ..ConnectProperties::new()
    };
    options.set_connect_properties(properties);
    options.set_clean_start(false);
    options.set_keep_alive(KEEP_ALIVE);
    options.set_outgoing_inflight_upper_limit(10);
    if let Some(password) = &config.password {
        options.set_credentials(vin.as_str(), password);
    }
    if let Some(ca) = &config.ca {
        let tls = TlsConfiguration::Simple { ca: ca.clone(), alpn: None, client_auth: config.client.clone() };
        options.set_transport(Transport::Tls(tls));
    }
    options
}

impl Pump {
    async fn run(mut self) {
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(packet)) => self.take(packet),
                Ok(Event::Outgoing(_)) => {}
                Err(error) => {
                    if self.connected.send_replace(false) {
                        info!(%error, "the MQTT broker is lost: polling and reporting over HTTP until it is back");
                    }
                    let pause = self.backoff.next(None, &mut rand::rng());
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    fn take(&mut self, packet: Packet) {
        match packet {
            Packet::ConnAck(_) => self.events.pending.push_front(Request::Subscribe(self.subscriptions.clone())),
            Packet::SubAck(_) => {
                self.backoff.reset();
                debug!("on the MQTT broker");
                self.connected.send_replace(true);
                // What was said before is not said again.
                self.ears.own.notify_one();
            }
            Packet::PubAck(answer) => drop(self.pubacks.try_send(answer.reason)),
            Packet::Publish(publish) if publish.topic.ends_with(b"/refused") => self.refused(&publish),
            Packet::Publish(publish) if publish.topic.ends_with(b"/manifest") => self.ears.model.notify_one(),
            Packet::Publish(_) => self.ears.own.notify_one(),
            _ => {}
        }
    }

    /// Which report it is, its correlation data says.
    fn refused(&self, publish: &Publish) {
        let correlation = publish.properties.as_ref().and_then(|properties| properties.correlation_data.as_deref());
        let id = correlation.and_then(|id| str::from_utf8(id).ok()).and_then(|id| id.parse().ok());
        let body = serde_json::from_slice::<RefusalBody>(&publish.payload).ok();
        if let (Some(id), Some(body)) = (id, body) {
            // A token may be replaced, and a key.
            let again = body.retry_after_secs.is_some() || body.status == 401 || body.kind == UNSIGNED;
            let detail = body.detail.chars().filter(|c| !c.is_control()).take(200).collect();
            if self.refusals.try_send(Refused { id, detail, again }).is_ok() {
                self.ears.own.notify_one();
            }
        }
    }
}
