//! `GET /vehicle/v1/{vin}/stream`: the same as a poll, pushed when the model's repository changes.
//!
//! The stream carries states, not a history: whoever reconnects is told what holds now, so nothing can be missed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_stream::stream;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use futures::Stream;
use otaru_domain::clock;
use otaru_domain::token::Claims;
use otaru_http::Problem;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior};

use super::shared::VehicleProblems;
use crate::admission::Vehicle;
use crate::app::App;
use crate::offers::{self, Client, Outcome};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long to wait before looking again for what is on its way or could not be read.
const SOON: Duration = Duration::from_secs(2);

/// Updates as they come.
///
/// `event: update` carries what a poll answers, `event: none` says that there is nothing (any more). The id is the
/// version of the model's timestamp. A comment every 15 seconds shows that the stream lives.
#[utoipa::path(
    get, path = "/vehicle/v1/{vin}/stream", tag = "vehicle", operation_id = "streamUpdates",
    params(
        ("vin" = String, Path, description = "The vehicle's own VIN", pattern = "^[A-HJ-NPR-Z0-9]{17}$"),
        ("Last-Event-ID" = Option<String>, Header,
         description = "The id of the last event; that there is still nothing is not said again then"),
    ),
    responses(
        (status = 200, description = "Events, until either side ends them", body = String, content_type = "text/event-stream"),
        VehicleProblems,
    ),
    security(("vehicle_token" = [])),
)]
pub(super) async fn stream(
    State(app): State<App>,
    Vehicle(claims): Vehicle,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Ok(permit) = Arc::clone(&app.streams).try_acquire_owned() else {
        metrics::counter!("otaru_gateway_shed_total", "what" => "streams").increment(1);
        return Err(Problem::unavailable("the gateway has all the streams it can hold; poll, or come back", 60));
    };
    let last_id = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    Ok(Sse::new(events(app, claims, last_id, OpenStream::new(permit))))
}

/// Counts a stream for as long as it is open.
struct OpenStream {
    _permit: OwnedSemaphorePermit,
}

impl OpenStream {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        metrics::gauge!("otaru_gateway_streams_open").increment(1);
        Self { _permit: permit }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!("otaru_gateway_streams_open").decrement(1);
    }
}

/// What the client knows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Offer(String),
    Nothing,
}

fn events(
    app: App,
    claims: Arc<Claims>,
    last_id: Option<u64>,
    open: OpenStream,
) -> impl Stream<Item = Result<Event, Infallible>> {
    stream! {
        let _open = open;
        let repository = app.mirror.get_or_await(&claims.model);
        let mut changes = repository.watch();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        let mut look_at = Instant::now();
        let mut last_heard = Instant::now();
        let renew = app.presence.renew_streams();
        loop {
            tokio::select! {
                () = app.stop.cancelled() => break,
                _ = heartbeat.tick() => yield Ok(Event::default().comment("")),
                changed = changes.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    look_at = look_at.min(Instant::now() + up_to(app.stream_spread));
                }
                () = tokio::time::sleep_until(look_at) => {
                    let version = changes.borrow_and_update().as_ref().map_or(0, |view| view.version);
                    let (event, wait) = Box::pin(look(&app, &claims, version, last_id, &mut told)).await;
                    if let Some(event) = event {
                        yield Ok(event);
                    }
                    look_at = Instant::now() + wait;
                }
            }
            // A token may end, or be revoked, while its stream is open.
            let now = clock::now();
            if app.auth.check(&claims, now).is_err() {
                break;
            }
            // It wakes up with each heartbeat at the latest.
            if last_heard.elapsed() >= renew {
                app.presence.heard(claims.vehicle, now);
                last_heard = Instant::now();
            }
        }
    }
}

/// What to say now, if it is not known already, and when to look again at the latest: a stream must never
/// know less than a poll would, also of what changes without the repository.
async fn look(
    app: &App,
    claims: &Claims,
    version: u64,
    last_id: Option<u64>,
    told: &mut Option<Told>,
) -> (Option<Event>, Duration) {
    let soon = app.poll_interval.min(SOON);
    let Ok(outcome) = offers::evaluate(app, claims, Client::Native, clock::now()).await else {
        return (None, soon + up_to(soon));
    };
    let wait = match &outcome {
        Outcome::Nothing { soon: true } => soon + up_to(soon),
        _ => app.poll_interval + up_to(app.poll_interval),
    };
    let now = outcome.etag().map_or(Told::Nothing, |etag| Told::Offer(etag.to_owned()));
    if told.as_ref() == Some(&now) {
        return (None, wait);
    }
    let repeated = told.is_none() && now == Told::Nothing && last_id == Some(version);
    *told = Some(now);
    if repeated {
        return (None, wait);
    }
    let event = Event::default().id(version.to_string());
    let event = match outcome {
        Outcome::Nothing { .. } => event.event("none").data("{}"),
        Outcome::Offer { update, .. } => match event.event("update").json_data(&update) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(%error, "an update cannot be written as JSON");
                return (None, wait);
            }
        },
    };
    metrics::counter!("otaru_gateway_pushes_total").increment(1);
    (Some(event), wait)
}

/// A random part of `most`.
fn up_to(most: Duration) -> Duration {
    most.mul_f64(rand::random_range(0.0..=1.0))
}
