//! Reports from the broker to Kafka, by the functions that HTTP's calls use. They are acknowledged in the order they came
//! in (MQTT 5, 4.6.0-2). What can never be taken is answered on the vehicle's `acks/refused` and acknowledged, so that it
//! does not come for ever; what only Kafka keeps from being taken is tried until it is.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt as _;
use futures::stream::FuturesOrdered;
use otaru_domain::clock;
use otaru_domain::id::Vin;
use otaru_domain::mqtt;
use otaru_domain::token::Claims;
use otaru_http::{Problem, ProblemBody};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::link::{Link, Said};
use super::pump::Delivery;
use crate::admission;
use crate::api::MAX_BODY_BYTES;
use crate::api::acks::{Form, Receipt, RejectedLine, take};
use crate::app::App;

const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a refusal waits for its vehicle, in seconds.
const REFUSAL_SECS: u32 = 86_400;
/// Longer correlation data is not given back.
const MAX_CORRELATION_BYTES: usize = 128;

/// What a vehicle is told of a report that was not taken, or not all of it.
#[derive(Debug, Serialize)]
struct Refusal {
    #[serde(flatten)]
    problem: ProblemBody,
    /// The same may be taken then; without it, it never will.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_secs: Option<u32>,
    /// The lines of a batch that are not taken; its others are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<RejectedLine>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { retry_after_secs: problem.retry_after_secs(), problem: problem.body().clone(), rejected: Vec::new() }
    }
}

/// Takes reports until `done`, at most `most` at a time.
pub(super) async fn run(
    app: &App,
    link: &Link,
    done: &CancellationToken,
    mut incoming: mpsc::Receiver<Delivery>,
    most: usize,
) {
    let mut under_way = FuturesOrdered::new();
    loop {
        tokio::select! {
            () = done.cancelled() => return,
            delivery = incoming.recv(), if under_way.len() < most => match delivery {
                Some(delivery) => under_way.push_back(handle(app, delivery)),
                None => return,
            },
            Some(handled) = under_way.next() => {
                if let Some((delivery, refusal)) = handled
                    && done.run_until_cancelled(answer(link, delivery, refusal)).await.is_none()
                {
                    return;
                }
            }
        }
        let waiting = u32::try_from(under_way.len()).unwrap_or(u32::MAX);
        metrics::gauge!("otaru_gateway_mqtt_reports_under_way").set(f64::from(waiting));
    }
}

/// Deals with a report; `None` when its connection ends first, for then it comes again.
async fn handle(app: &App, delivery: Delivery) -> Option<(Delivery, Option<Refusal>)> {
    let connection = delivery.connection.clone();
    let refusal = connection.run_until_cancelled(report(app, &delivery.publish)).await?;
    let result = if refusal.is_none() { "taken" } else { "refused" };
    metrics::counter!("otaru_gateway_mqtt_reports_total", "result" => result).increment(1);
    Some((delivery, refusal))
}

/// Writes the report to Kafka, however long that takes, or says why not.
async fn report(app: &App, publish: &Publish) -> Option<Refusal> {
    let mut pause = SHORTEST_PAUSE;
    let (claims, form) = match admit(app, publish).await {
        Ok(admitted) => admitted,
        // Not tried again, although the same token may hold in a moment: whoever sends made-up ones would hold up all others.
        Err(problem) => return Some(problem.into()),
    };
    loop {
        match take(app, &claims, form, &publish.payload, clock::now()).await {
            Ok(Receipt { rejected, .. }) if rejected.is_empty() => return None,
            Ok(Receipt { rejected, .. }) => {
                let problem = Problem::invalid("", "some lines are not taken, each for its own reason; the others are");
                return Some(Refusal { rejected, ..problem.into() });
            }
            Err(problem) if problem.status() == StatusCode::SERVICE_UNAVAILABLE => {
                metrics::counter!("otaru_gateway_mqtt_retries_total").increment(1);
                tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..=1.0))).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(problem) => return Some(problem.into()),
        }
    }
}

/// Who reports, and in which form.
async fn admit(app: &App, publish: &Publish) -> Result<(Arc<Claims>, Form), Problem> {
    let topic = str::from_utf8(&publish.topic).unwrap_or_default();
    let properties = publish.properties.as_ref();
    let mut named = properties.into_iter().flat_map(|properties| &properties.user_properties);
    let authorization = named.find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let token = authorization.and_then(|(_, value)| admission::bearer(value));
    let claims = admission::admit(app, token, mqtt::reporter(topic), None).await?;
    if publish.payload.len() > MAX_BODY_BYTES {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "send at most 1 MiB at a time"));
    }
    let form = Form::of(properties.and_then(|properties| properties.content_type.as_deref()))?;
    Ok((claims, form))
}

/// The refusal first: were it the other way round, a gateway killed in between would have told nobody.
async fn answer(link: &Link, delivery: Delivery, refusal: Option<Refusal>) {
    let topic = str::from_utf8(&delivery.publish.topic).unwrap_or_default();
    // On a topic of no vehicle there is nobody to answer.
    let vin = mqtt::reporter(topic).and_then(|vin| Vin::parse(vin).ok());
    if let (Some(refusal), Some(vin)) = (refusal, vin)
        && let Ok(payload) = serde_json::to_vec(&refusal)
    {
        tracing::debug!(%vin, kind = refusal.problem.kind, "a report over MQTT is refused");
        let asked = delivery.publish.properties.as_ref();
        let correlation = asked.and_then(|properties| properties.correlation_data.clone());
        let properties = PublishProperties {
            message_expiry_interval: Some(REFUSAL_SECS),
            content_type: Some("application/problem+json".to_owned()),
            correlation_data: correlation.filter(|bytes| bytes.len() <= MAX_CORRELATION_BYTES),
            ..PublishProperties::default()
        };
        let topic = mqtt::refused(&vin);
        let said = Said { topic, payload, qos: QoS::AtLeastOnce, retain: false, properties };
        let published = delivery.connection.run_until_cancelled(link.publish(said)).await;
        if !matches!(published, Some(Ok(()))) {
            return;
        }
    }
    link.acknowledge(&delivery.connection, &delivery.publish).await;
}
