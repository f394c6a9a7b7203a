//! Keeps the connection: subscribes whenever there is one, hands on what comes, and begins anew with growing pauses
//! after anything that went wrong. HTTP goes on meanwhile, and so does `/readyz`: a load balancer should not take a gateway
//! away from vehicles that ask over HTTP because others cannot be heard.

use std::time::Duration;

use otaru_domain::mqtt;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, SubAck, Subscribe, SubscribeReasonCode, Unsubscribe};
use rumqttc::v5::{ConnectionError, Event, EventLoop, Request};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::link::{Held, Link};
use super::notices::Seen;
use super::topics;
use crate::app::App;

const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long nothing is read at most. Pings rest meanwhile, so the broker gives such a connection up, too.
const LONGEST_STALL: Duration = Duration::from_secs(30);
/// Refusals that wait for the next connection.
const MOST_PENDING: usize = 1000;

/// A report, and the connection on which it is to be acknowledged.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) publish: Publish,
    pub(super) connection: CancellationToken,
    pub(super) _held: Held,
}

/// Why a connection is given up.
#[derive(Debug, Error)]
enum Lost {
    #[error(
        "the connection failed: check --mqtt-url, its user and password, and that no other gateway has its client id"
    )]
    Connection(#[source] Box<ConnectionError>),
    #[error("a subscription is refused ({0:?}): check the broker's ACL")]
    Subscription(SubscribeReasonCode),
    #[error("the broker sends more than it was told to (receive maximum), and nothing can be written")]
    TooMuch,
}

/// Runs until `done`.
pub(super) async fn run(
    app: &App,
    link: &Link,
    done: &CancellationToken,
    mut events: EventLoop,
    deliveries: mpsc::Sender<Delivery>,
    seen: &Seen,
) {
    let mut connection = CancellationToken::new();
    connection.cancel();
    let mut begun = Instant::now();
    let mut pause = SHORTEST_PAUSE;
    while let Some(event) = done.run_until_cancelled(events.poll()).await {
        let handled = match event {
            Ok(Event::Incoming(Packet::ConnAck(answer))) => {
                tracing::debug!(session = answer.session_present, "connected to the MQTT broker");
                connection = link.begin();
                begun = Instant::now();
                seen.forget();
                // Before what is left of the last connection. A session has its subscriptions, but may be new.
                events.pending.push_front(if link.is_leaving() {
                    Request::Unsubscribe(Unsubscribe::new(topics::SHARED_ACKS, None))
                } else {
                    Request::Subscribe(subscriptions())
                });
                Ok(())
            }
            Ok(Event::Incoming(Packet::SubAck(answer))) => accepted(&answer).map(|()| {
                app.mqtt.answered();
                metrics::gauge!("otaru_gateway_mqtt_connected").set(1.0);
                link.subscribed();
            }),
            Ok(Event::Incoming(Packet::UnsubAck(_))) => {
                link.unsubscribed();
                Ok(())
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let handed = deliver(link, &deliveries, seen, publish, &connection);
                match done.run_until_cancelled(handed).await {
                    Some(handed) => handed,
                    None => break,
                }
            }
            Ok(_) => Ok(()),
            Err(error) => Err(Lost::Connection(Box::new(error))),
        };
        if let Err(lost) = handled {
            if !connection.is_cancelled() {
                link.end();
                give_up(&mut events);
                // One that lasted was good; where two gateways drive each other away by one client id, none lasts.
                if begun.elapsed() > LONGEST_PAUSE {
                    pause = SHORTEST_PAUSE;
                }
            }
            app.mqtt.failed(&lost);
            metrics::gauge!("otaru_gateway_mqtt_connected").set(0.0);
            let jittered = pause.mul_f64(rand::random_range(0.5..=1.0));
            pause = (pause * 2).min(LONGEST_PAUSE);
            if done.run_until_cancelled(tokio::time::sleep(jittered)).await.is_none() {
                break;
            }
        }
    }
    link.end();
}

/// Leaves a connection that has ended. Only after it was said to be: what was acknowledged in between would else wait for
/// the next one. Notices are thought over there; refusals are told.
fn give_up(events: &mut EventLoop) {
    events.clean();
    let is_refusal = |request: &Request| match request {
        Request::Publish(publish) => publish.topic.ends_with(topics::REFUSED.as_bytes()),
        _ => false,
    };
    events.pending.retain(is_refusal);
    events.pending.truncate(MOST_PENDING);
}

fn subscriptions() -> Subscribe {
    let reports = Filter::new(topics::SHARED_ACKS, QoS::AtLeastOnce);
    let notices = Filter::new(topics::ALL_MANIFESTS, QoS::AtMostOnce);
    Subscribe::new_many([reports, notices], None)
}

fn accepted(answer: &SubAck) -> Result<(), Lost> {
    let refused = answer.return_codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
    refused.map_or(Ok(()), |code| Err(Lost::Subscription(*code)))
}

/// Hands a report on. While there is no room nothing more is read, and the broker's connection fills: mosquitto 2.0.11 sends
/// far more than the receive maximum when it has many to send, and would do so again after every new connection.
async fn deliver(
    link: &Link,
    deliveries: &mpsc::Sender<Delivery>,
    seen: &Seen,
    publish: Publish,
    connection: &CancellationToken,
) -> Result<(), Lost> {
    if let Some(model) = str::from_utf8(&publish.topic).ok().and_then(mqtt::model) {
        seen.note(model, &publish.payload);
        return Ok(());
    }
    // What comes without QoS may be lost, and is when it would take the room of what may not.
    if publish.qos == QoS::AtMostOnce && deliveries.capacity() <= deliveries.max_capacity() / 2 {
        metrics::counter!("otaru_gateway_shed_total", "what" => "mqtt").increment(1);
        return Ok(());
    }
    let delivery = Delivery { publish, connection: connection.clone(), _held: link.hold() };
    let handed = tokio::time::timeout(LONGEST_STALL, deliveries.send(delivery)).await;
    handed.map_err(|_| Lost::TooMuch)?.map_err(|_| Lost::TooMuch)
}
