//! Vehicles on an MQTT 5 broker. They hear there that there may be something new, and report there; what they install
//! they fetch over HTTP and verify as ever, so notices need carry no trust.
//!
//! A report over MQTT is one over HTTP in all but its way: the same token, here as the user property `authorization`, the
//! same check of it, the same form, the same messages in Kafka. The broker's ACL says who may write on a vehicle's topic, but
//! is not believed: a broker that was taken over could otherwise end every campaign with reports that it made up.
//!
//! The broker has a report back (PUBACK) only when Kafka has it. Until then it belongs to the gateway's session, which
//! outlives the gateway: killed in between, it gets the report again when it is back. Nothing is kept here meanwhile but
//! what the broker may send ahead (receive maximum), so with Kafka away reports wait with the broker.

mod config;
mod link;
mod notices;
mod pump;
mod reports;
mod topics;
mod waves;

use std::time::Duration;

use rumqttc::v5::AsyncClient;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use config::{MqttConfig, MqttConfigError, MqttSecret, MqttTls};
pub(crate) use waves::Attempts;

use crate::app::App;
use link::Link;

/// Requests that may wait for the connection beside acknowledgements.
const ROOM: usize = 64;
/// How long a gateway that leaves may take, and after how long without a report there is none left.
const LEAVE_PATIENCE: Duration = Duration::from_secs(20);
const QUIET: Duration = Duration::from_secs(1);
/// How often to look whether tokens can be verified.
const LOOK: Duration = Duration::from_millis(100);

/// Talks to the broker until the gateway stops.
pub(crate) async fn run(app: App, config: MqttConfig) {
    metrics::gauge!("otaru_gateway_mqtt_connected").set(0.0);
    if app.stop.run_until_cancelled(can_verify(&app)).await.is_none() {
        return;
    }
    let most = usize::from(config.receive_maximum.get());
    let (client, events) = AsyncClient::new(config.options(), most + ROOM);
    let link = Link::new(client);
    let seen = notices::Seen::new();
    // Twice: what comes without QoS has no bound of its own, and must not take the room of what has.
    let (deliveries, incoming) = mpsc::channel(2 * most);
    let done = CancellationToken::new();
    tokio::join!(
        pump::run(&app, &link, &done, events, deliveries, &seen),
        reports::run(&app, &link, &done, incoming, most),
        notices::run(&app, &link, &seen),
        waves::run(&app, &link),
        end(&app, &link, &done, config.leave),
    );
    metrics::gauge!("otaru_gateway_mqtt_connected").set(0.0);
}

/// Ends the rest when the gateway stops. One that goes for good takes nothing with it: brokers deal reports out to sessions
/// whose gateway is away, too. One that will be back leaves its subscription, for it may be the only one.
async fn end(app: &App, link: &Link, done: &CancellationToken, leave: bool) {
    app.stop.cancelled().await;
    if leave && tokio::time::timeout(LEAVE_PATIENCE, link.leave(QUIET)).await.is_err() {
        tracing::warn!("reports are left with the MQTT broker: start a gateway under this client id again");
    }
    done.cancel();
}

/// Waits until tokens can be told from others: reports stay with the broker until then.
async fn can_verify(app: &App) {
    while !(app.mirror.knows_revocations() && app.auth.has_keys()) {
        tokio::time::sleep(LOOK).await;
    }
}
