//! The gateway's side of the protocol for a test. Each request and each piece of a download passes a numbered
//! point, at which the peer can be told to fall silent, so that a vehicle can be killed just there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use futures::StreamExt as _;
use otaru_domain::ack::{AckReport, ReportedState};
use otaru_domain::inventory::InventoryReport;
use serde_json::{Value, json};
use tokio::sync::watch;
use url::Url;

use crate::repository::{CAMPAIGN, Model};

pub const TOKEN: &str = "token";
const CHUNK_BYTES: usize = 64 * 1024;
const NEVER: i64 = i64::MAX;

/// What the peer knows and how it behaves.
#[derive(Default)]
pub struct World {
    pub models: BTreeMap<String, Model>,
    /// Answers instead of the models' files, by path below `/tuf/`.
    pub overrides: BTreeMap<String, Vec<u8>>,
    /// What every vehicle is offered.
    pub offer: Option<Value>,
    /// Vehicles stop being offered what they reported an end of.
    pub offer_ends: bool,
    pub acks_answer: Option<StatusCode>,
    /// No signature of a report holds.
    pub acks_unsigned: bool,
    pub polls_answer: Option<StatusCode>,
    /// Targets never end: after their bytes more follow.
    pub endless: bool,
    /// Every report that was taken, in the order of arrival.
    pub acks: Vec<(String, AckReport)>,
    pub inventories: Vec<(String, InventoryReport)>,
    /// `Range` headers of downloads.
    pub ranges: Vec<String>,
    /// Whether documents and images are for who has the token.
    pub private: bool,
    /// Where images are instead: this, with the number of the link at its end, from 1 on.
    pub images_at: Option<String>,
    /// `Authorization` and `If-Range` of requests for images.
    pub image_tokens: Vec<Option<String>>,
    pub image_conditions: Vec<Option<String>>,
    pub links: usize,
    /// The target that cannot be served at present.
    pub unavailable: Option<String>,
    /// When it may be asked for again, in seconds.
    pub retry_after: Option<u32>,
    /// Bytes of targets that were asked for, by the target's name.
    pub served: BTreeMap<String, usize>,
    pub polls: u64,
    /// Requests for a repository's metadata that brought a credential.
    pub credentials_with_metadata: usize,
}

impl World {
    pub fn states(&self) -> Vec<ReportedState> {
        self.acks.iter().map(|(_, ack)| ack.state).collect()
    }

    pub fn model(&mut self) -> &mut Model {
        self.models.values_mut().next().unwrap()
    }
}

pub struct Peer {
    world: Mutex<World>,
    points: AtomicU64,
    silent_from: AtomicI64,
    /// Rises when a point was reached from which the peer is silent.
    silenced: watch::Sender<u64>,
    changed: watch::Sender<u64>,
    url: Mutex<Option<Url>>,
}

impl Peer {
    /// Serves on a free port until the test's runtime ends.
    pub async fn start(models: Vec<Model>) -> Arc<Self> {
        let models = models.into_iter().map(|model| (model.id.to_string(), model)).collect();
        let peer = Arc::new(Self {
            world: Mutex::new(World { models, ..World::default() }),
            points: AtomicU64::new(0),
            silent_from: AtomicI64::new(NEVER),
            silenced: watch::Sender::new(0),
            changed: watch::Sender::new(0),
            url: Mutex::new(None),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        *peer.url.lock().unwrap() = Some(format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap());
        let routes = Router::new()
            .route("/vehicle/v1/{vin}/update", get(update))
            .route("/vehicle/v1/{vin}/stream", get(stream))
            .route("/vehicle/v1/{vin}/acks", post(acks))
            .route("/vehicle/v1/{vin}/inventory", put(inventory))
            .route("/tuf/{model}/{folder}/{file}", get(tuf))
            .layer(middleware::from_fn_with_state(peer.clone(), around))
            .with_state(peer.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        peer
    }

    pub fn url(&self) -> Url {
        self.url.lock().unwrap().clone().unwrap()
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    pub fn offer(&self, targets: &[&str]) {
        self.world().offer = Some(offered(1, targets));
        self.changed.send_modify(|n| *n += 1);
    }

    /// Points passed so far.
    pub fn points(&self) -> u64 {
        self.points.load(Ordering::SeqCst)
    }

    /// Falls silent at the point after so many further ones, or never.
    pub fn silence_after(&self, points: Option<u64>) {
        let at = points.map_or(NEVER, |points| i64::try_from(self.points() + points).unwrap());
        self.silent_from.store(at, Ordering::SeqCst);
    }

    /// Waits until the peer fell silent.
    pub async fn until_silent(&self) {
        let mut silenced = self.silenced.subscribe();
        silenced.wait_for(|n| *n > 0).await.unwrap();
        self.silenced.send_replace(0);
    }

    /// Waits for a condition on the world, which must come true in good time.
    pub async fn until(&self, what: &str, condition: impl Fn(&World) -> bool) {
        for _ in 0..3_000 {
            if condition(&self.world()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("in vain waited for {what}; reports: {:?}", self.world().acks);
    }

    async fn point(&self) {
        let point = i64::try_from(self.points.fetch_add(1, Ordering::SeqCst)).unwrap();
        if point >= self.silent_from.load(Ordering::SeqCst) {
            self.silenced.send_modify(|n| *n += 1);
            std::future::pending::<()>().await;
        }
    }
}

pub fn offered(attempt: u32, targets: &[&str]) -> Value {
    json!({ "schema_version": 1, "campaign": CAMPAIGN, "attempt": attempt, "model": "m", "release": 1,
            "document": format!("campaign-{CAMPAIGN}.json"), "targets": targets, "state": "assigned",
            "added_later": true })
}

/// A point before each request is handled and one before it is answered.
async fn around(State(peer): State<Arc<Peer>>, request: Request, next: Next) -> Response {
    peer.point().await;
    let of_vehicle = request.uri().path().starts_with("/vehicle/");
    let token = request.headers().get(header::AUTHORIZATION).and_then(|token| token.to_str().ok());
    if request.uri().path().contains("/metadata/") && token.is_some() {
        peer.world().credentials_with_metadata += 1;
    }
    if of_vehicle && token != Some(&format!("Bearer {TOKEN}")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let response = next.run(request).await;
    peer.point().await;
    response
}

async fn update(State(peer): State<Arc<Peer>>, Path(vin): Path<String>, headers: HeaderMap) -> Response {
    let mut world = peer.world();
    world.polls += 1;
    if let Some(status) = world.polls_answer {
        return status.into_response();
    }
    let Some(offer) = offer_for(&world, &vin) else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let body = offer.to_string();
    let etag = format!("\"{}\"", crate::repository::sha256(body.as_bytes()));
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([(header::ETAG, etag), (header::CONTENT_TYPE, "application/json".to_owned())], body).into_response()
}

fn offer_for(world: &World, vin: &str) -> Option<Value> {
    let offer = world.offer.clone()?;
    let over = |ack: &AckReport| {
        offer["attempt"] == ack.attempt
            && matches!(ack.state, ReportedState::Installed | ReportedState::Failed | ReportedState::Declined)
    };
    let ended = world.offer_ends && world.acks.iter().any(|(who, ack)| who == vin && over(ack));
    (!ended).then_some(offer)
}

async fn stream(State(peer): State<Arc<Peer>>, Path(vin): Path<String>) -> Response {
    let mut changed = peer.changed.subscribe();
    changed.mark_changed();
    let events = futures::stream::unfold((peer, changed), move |(peer, mut changed)| {
        let vin = vin.clone();
        async move {
            changed.changed().await.ok()?;
            let id = *changed.borrow_and_update();
            let event = match offer_for(&peer.world(), &vin) {
                Some(offer) => format!("id: {id}\nevent: update\ndata: {offer}\n\n: heartbeat\n\n"),
                None => format!("id: {id}\nevent: none\ndata: {{}}\n\n"),
            };
            Some((Ok::<_, std::convert::Infallible>(event), (peer, changed)))
        }
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response()
}

async fn acks(State(peer): State<Arc<Peer>>, Path(vin): Path<String>, body: String) -> Response {
    let mut world = peer.world();
    if let Some(status) = world.acks_answer {
        return status.into_response();
    }
    let lines: Vec<AckReport> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let accepted = lines.len();
    if world.acks_unsigned {
        let problem = json!({"type": "urn:otaru:problem:signature", "status": 403, "detail": "/signature/key"});
        let rejected =
            (1..=accepted).map(|line| json!({"line": line, "reason": "signature", "detail": "/signature/key"}));
        return match accepted {
            1 => (StatusCode::FORBIDDEN, problem.to_string()),
            _ => (StatusCode::ACCEPTED, json!({"accepted": 0, "rejected": rejected.collect::<Vec<_>>()}).to_string()),
        }
        .into_response();
    }
    for ack in lines {
        ack.check().unwrap();
        world.acks.push((vin.clone(), ack));
    }
    (StatusCode::ACCEPTED, json!({ "accepted": accepted, "rejected": [] }).to_string()).into_response()
}

async fn inventory(State(peer): State<Arc<Peer>>, Path(vin): Path<String>, body: String) -> StatusCode {
    let report: InventoryReport = serde_json::from_str(&body).unwrap();
    report.check().unwrap();
    peer.world().inventories.push((vin, report));
    StatusCode::ACCEPTED
}

async fn tuf(
    State(peer): State<Arc<Peer>>,
    Path((model, folder, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let (bytes, endless) = {
        let mut world = peer.world();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if world.private && folder == "targets" && text(header::AUTHORIZATION) != Some(format!("Bearer {TOKEN}")) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        if world.unavailable.as_ref().is_some_and(|name| file.ends_with(name)) {
            let wait = world.retry_after.map(|secs| (header::RETRY_AFTER, secs.into()));
            return (StatusCode::SERVICE_UNAVAILABLE, HeaderMap::from_iter(wait)).into_response();
        }
        if file.ends_with(".bin") {
            world.image_tokens.push(text(header::AUTHORIZATION));
            world.image_conditions.push(text(header::IF_RANGE));
            if let Some(base) = world.images_at.clone() {
                world.links += 1;
                let link = format!("{base}{}", world.links);
                return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, link)]).into_response();
            }
        }
        let path = format!("{folder}/{file}");
        let replaced = world.overrides.get(&format!("{model}/{path}")).cloned();
        let served = || world.models.get(&model).and_then(|model| model.files.get(&path)).cloned();
        match replaced.or_else(served) {
            Some(bytes) => (bytes, world.endless && file.ends_with(".bin")),
            None => return StatusCode::NOT_FOUND.into_response(),
        }
    };
    let etag = format!("\"{}\"", crate::repository::sha256(&bytes));
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned);
    let mut first = 0;
    let mut end = bytes.len();
    if let Some(range) = &range {
        peer.world().ranges.push(range.clone());
        let (from, to) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        first = from.parse().unwrap();
        end = to.parse::<usize>().map_or(end, |last| end.min(last + 1));
    }
    if first >= bytes.len() && range.is_some() {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    if folder == "targets" {
        let name = file.split_once('.').map_or(file.as_str(), |(_, name)| name);
        *peer.world().served.entry(name.to_owned()).or_default() += end - first;
    }
    let content_range = format!("bytes {first}-{}/{}", end.max(1) - 1, bytes.len());
    let pieces: Vec<Bytes> = bytes[first..end].chunks(CHUNK_BYTES).map(Bytes::copy_from_slice).collect();
    let more = if endless { usize::MAX } else { 0 };
    let body = futures::stream::iter(pieces)
        .chain(futures::stream::repeat(Bytes::from_static(&[0; 4096])).take(more))
        .then(move |piece| {
            let peer = peer.clone();
            async move {
                peer.point().await;
                Ok::<_, std::convert::Infallible>(piece)
            }
        });
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    (status, [(header::ETAG, etag), (header::CONTENT_RANGE, content_range)], Body::from_stream(body)).into_response()
}

/// The reports of a vehicle's attempt, checked: each sequence is one report, and none is missing.
pub fn one_report_per_sequence(world: &World) -> Vec<AckReport> {
    let mut by_sequence: BTreeMap<u64, AckReport> = BTreeMap::new();
    for (_, ack) in &world.acks {
        let known = by_sequence.entry(ack.sequence).or_insert_with(|| ack.clone());
        assert_eq!(known, ack, "a sequence was given to two reports");
    }
    let ids: BTreeSet<_> = by_sequence.values().map(|ack| ack.id.unwrap()).collect();
    assert_eq!(ids.len(), by_sequence.len(), "an id was given to two reports");
    let expected: Vec<u64> = (1..=by_sequence.len() as u64).collect();
    assert_eq!(by_sequence.keys().copied().collect::<Vec<_>>(), expected, "a sequence is missing");
    by_sequence.into_values().collect()
}
