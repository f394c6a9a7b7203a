use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use otaru_domain::ack::ReportedState;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(60);

/// A message of a stream.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    /// None of what is no event.
    id: Option<i64>,
    kind: String,
    data: Value,
}

/// A stream of messages.
struct Stream {
    bytes: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Stream {
    fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { bytes: response.bytes_stream().boxed(), text: String::new() }
    }

    async fn next(&mut self) -> Told {
        loop {
            while let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                    line.unwrap_or_default().trim().to_owned()
                };
                let told =
                    (!field("data").is_empty()).then(|| (field("id").parse().ok(), field("event"), field("data")));
                self.text = rest.to_owned();
                if let Some((id, kind, data)) = told {
                    return Told { id, kind, data: serde_json::from_str(&data).unwrap() };
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.bytes.try_next()).await.unwrap().unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The messages up to and including the first that is `last`.
    async fn until(&mut self, mut last: impl FnMut(&Told) -> bool) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            let told = self.next().await;
            let done = last(&told);
            all.push(told);
            if done {
                return all;
            }
        }
    }

    /// The next `count` events; what comes without an id is left out.
    async fn events(&mut self, count: usize) -> Vec<Told> {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(Some(self.next().await).filter(|told| told.id.is_some()));
        }
        events
    }
}

#[tokio::test]
async fn events_are_pushed_and_a_reader_that_was_away_misses_none() {
    let mut world = World::start().await;
    let id = {
        let fleet = Fleet::new(&world, 2).await;
        let stream = |query: &str| fleet.engineer.request(Method::GET, &format!("/events{query}"));
        let from_now = stream("").send().await.unwrap();
        let mut from_now = Stream::of(from_now);
        let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
        fleet.command(id, "start").await;
        let pushed = from_now.events(3).await;
        let kinds: Vec<&str> = pushed.iter().map(|told| told.kind.as_str()).collect();
        assert_eq!(kinds, ["campaign_created", "campaign_state_changed", "wave_opened"]);
        assert_eq!((&pushed[2].data["vehicles"], pushed[2].data["id"].as_i64()), (&json!(2), pushed[2].id));

        let resumed = stream("").header("Last-Event-ID", pushed[0].id.unwrap()).send().await.unwrap();
        assert_eq!(Stream::of(resumed).events(2).await, pushed[1..]);
        let of_campaign = stream(&format!("?campaign={id}&after=0")).send().await.unwrap();
        assert_eq!(Stream::of(of_campaign).events(3).await, pushed);
        let wrong = stream("").header("Last-Event-ID", "yesterday").send().await.unwrap();
        assert_eq!(wrong.status(), 400);
        let stranger = world.request(Method::GET, "/api/v1/events").send().await.unwrap();
        assert_eq!(stranger.status(), 401);
        id
    };
    let open = {
        let engineer = world.engineer().await;
        engineer.request(Method::GET, &format!("/events?campaign={id}")).send().await.unwrap()
    };
    world.stop().await;
    let rest = tokio::time::timeout(std::time::Duration::from_secs(30), open.bytes()).await;
    assert!(rest.is_ok(), "a stream ends when the service does");
}

#[tokio::test]
async fn why_a_campaign_was_paused_is_told_with_it_and_names_no_vin() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(id, "start").await;
    let reason = json!({"reason": format!("{} smokes", fleet.vins[0])});
    let paused = fleet.engineer.post(&format!("/campaigns/{id}/pause"), &reason).await.is(200);
    assert_eq!(paused["state_reason"], reason["reason"]);
    fleet.engineer.post(&format!("/campaigns/{id}/resume"), &json!({})).await.is(200);
    let events = fleet.engineer.request(Method::GET, &format!("/events?campaign={id}&after=0")).send().await.unwrap();
    let told = Stream::of(events).until(|told| told.data["from"] == "paused").await;
    let of = |to: &str| told.iter().rfind(|told| told.data["to"] == to).unwrap().data["reason"].clone();
    // Events leave the installation, and nothing takes them back when a vehicle is erased.
    let why = of("paused");
    assert!(why.as_str().is_some_and(|why| why.starts_with("vehicle-") && why.ends_with(" smokes")), "{why}");
    assert_eq!(of("running"), Value::Null, "nobody said why it goes on");
}

#[tokio::test]
async fn what_moves_is_told_in_few_messages_and_is_no_event_to_go_on_after() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 120).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    let open = async |query: &str| {
        Stream::of(fleet.engineer.request(Method::GET, &format!("/events{query}")).send().await.unwrap())
    };
    let mut all = open("?after=0").await;
    let mut of_campaign = open(&format!("?campaign={id}")).await;
    let installed = |told: &Told| told.data["counters"]["installed"].as_u64().unwrap_or(0);
    all.until(|told| told.kind == "progress" && told.data["counters"]["assigned"] == 120).await;

    // A hundred changes, each in a transaction of its own; then all the others.
    for vin in &fleet.vins[..100] {
        fleet.report(id, std::slice::from_ref(vin), 1, ReportedState::Installed).await;
    }
    fleet.report(id, &fleet.vins[100..], 1, ReportedState::Installed).await;
    let last = |told: &Told| told.kind == "progress" && installed(told) == 120;
    let (mut moved, mut over) = (false, false);
    let told = all.until(|told| {
        moved |= last(told);
        over |= told.kind == "fleet" && told.data["campaigns"]["completed"] == 1;
        moved && over
    });
    let told = told.await;
    let progress: Vec<&Told> = told.iter().filter(|told| told.kind == "progress").collect();
    assert!(progress.iter().all(|told| told.id.is_none() && told.data["campaign"] == id), "{progress:?}");
    let steps: BTreeSet<u64> = progress.iter().map(|told| installed(told)).collect();
    assert!(progress.len() < 100, "{} messages for 101 changes, with {steps:?} installed", progress.len());
    assert!(progress.windows(2).all(|pair| installed(pair[0]) <= installed(pair[1])), "{progress:?}");

    let told = of_campaign.until(last).await;
    assert!(told.iter().all(|told| told.kind != "fleet"), "{told:?}");
    // What has no id leaves no gap: a reader goes on after the last event.
    let completed = all_events(&mut open(&format!("?campaign={id}&after=0")).await, "completed").await;
    let before = completed[completed.len() - 2].id.unwrap();
    let resumed = fleet.engineer.request(Method::GET, "/events").header("Last-Event-ID", before).send().await.unwrap();
    assert_eq!(Stream::of(resumed).events(1).await, completed[completed.len() - 1..]);
}

/// The events up to the one that says that the campaign is in `state`.
async fn all_events(stream: &mut Stream, state: &str) -> Vec<Told> {
    let told = stream.until(|told| told.kind == "campaign_state_changed" && told.data["to"] == state).await;
    told.into_iter().filter(|told| told.id.is_some()).collect()
}
