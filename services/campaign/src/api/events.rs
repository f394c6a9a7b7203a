//! `GET /events`: what happens, as it happens. A reader that was away says what it saw last and misses nothing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::sse::{self, KeepAlive, Sse};
use futures::{Stream, StreamExt as _};
use otaru_domain::event::Event;
use otaru_domain::id::CampaignId;
use otaru_http::{Problem, chain};
use otaru_store::events;
use serde::Deserialize;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::{self, Actor};
use crate::error::ApiError;
use crate::extract::Query;
use crate::live::Update;

const HEARTBEAT: Duration = Duration::from_secs(15);
/// A look without having been woken.
const TICK: Duration = Duration::from_secs(2);
const BATCH: i64 = 500;
/// How often it is asked again whether the reader still may.
const ASK_AGAIN: Duration = Duration::from_secs(30);

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(stream))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// Only events of this campaign.
    campaign: Option<CampaignId>,
    /// Only events after this one, for clients that cannot send `Last-Event-ID`; 0 for all there are.
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// Follow events
///
/// Server-sent events: `id` is the event's id, `event` its type, `data` the event as JSON. Without
/// `Last-Event-ID` it begins with what happens from now on. Between them come, without an `id` and at most four times a
/// second, `progress` (as `GET /campaigns/{id}/progress` answers) of each campaign that moves and, on a stream of all
/// campaigns, `fleet` (as `GET /fleet` answers).
#[utoipa::path(
    get,
    path = "/events", operation_id = "follow_events",
    tag = "fleet",
    params(EventQuery, ("Last-Event-ID" = Option<i64>, Header, description = "Go on after this event")),
    responses((status = 200, description = "A stream without end", body = Event, content_type = "text/event-stream"))
)]
pub(crate) async fn stream(
    State(app): State<App>,
    _: Actor,
    Query(query): Query<EventQuery>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, ApiError> {
    let last = match headers.get("last-event-id") {
        Some(id) => {
            let id = id.to_str().ok().and_then(|id| id.trim().parse().ok());
            Some(id.ok_or_else(|| Problem::bad_request("Last-Event-ID must be the id of an event: a whole number"))?)
        }
        None => query.after,
    };
    let changes = app.events.subscribe();
    let updates = app.updates.subscribe();
    let last = match last {
        Some(last) => last,
        None => events::newest(&app.store).await?,
    };
    let stop = app.stop.clone();
    let reader = Reader {
        app,
        headers,
        asked: Instant::now(),
        changes,
        updates,
        campaign: query.campaign,
        last,
        look: true,
        waiting: VecDeque::new(),
    };
    let stream = futures::stream::unfold(reader, |mut reader| async move {
        let told = reader.next().await?;
        Some((Ok(told), reader))
    });
    let stream = stream.take_until(stop.cancelled_owned());
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

struct Reader {
    app: App,
    /// What the reader proved itself by, and when that was last looked at.
    headers: HeaderMap,
    asked: Instant,
    changes: watch::Receiver<()>,
    updates: broadcast::Receiver<Arc<Update>>,
    campaign: Option<CampaignId>,
    last: i64,
    /// Whether there may be events that were not read yet.
    look: bool,
    waiting: VecDeque<Event>,
}

impl Reader {
    /// The next event, however long it takes; none when the reader may not read on.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if self.asked.elapsed() >= ASK_AGAIN && !self.still_may().await {
                return None;
            }
            if let Some(event) = self.waiting.pop_front() {
                self.last = event.id;
                return Some(told(&event));
            }
            if self.look {
                self.look = false;
                self.changes.mark_unchanged();
                match events::after(&self.app.store, self.last, self.campaign, BATCH).await {
                    Ok(events) => {
                        // A full batch may have more behind it.
                        self.look = !events.is_empty();
                        self.waiting.extend(events);
                        continue;
                    }
                    Err(error) => tracing::warn!(error = chain(&error), "an event stream cannot read on"),
                }
            }
            tokio::select! {
                // Neither a wake-up nor its absence means anything: it looks again.
                _ = tokio::time::timeout(TICK, self.changes.changed()) => self.look = true,
                update = self.updates.recv() => match update {
                    Ok(update) if self.concerns(&update) => return Some(moved(&update)),
                    // A slow reader missed some: each is whole, so the next one is enough.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => tokio::time::sleep(TICK).await,
                },
            }
        }
    }

    /// Whether the token still works, or the session is still open. While that cannot be told, the stream goes on.
    async fn still_may(&mut self) -> bool {
        self.asked = Instant::now();
        match Box::pin(auth::authenticate(&self.app, &Method::GET, &self.headers)).await {
            Ok(_) => true,
            Err(error) => Problem::from(error).status() != StatusCode::UNAUTHORIZED,
        }
    }

    fn concerns(&self, update: &Update) -> bool {
        self.campaign.is_none() || self.campaign == update.campaign
    }
}

fn told(event: &Event) -> sse::Event {
    let json = serde_json::to_value(event).unwrap_or_default();
    let kind = json.get("type").and_then(|kind| kind.as_str()).unwrap_or("event").to_owned();
    sse::Event::default().id(event.id.to_string()).event(kind).data(json.to_string())
}

/// Without an id: what is told here is no event that a reader could go on after.
fn moved(update: &Update) -> sse::Event {
    let kind = if update.campaign.is_some() { "progress" } else { "fleet" };
    sse::Event::default().event(kind).data(&update.data)
}
