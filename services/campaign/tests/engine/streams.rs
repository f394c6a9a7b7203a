use futures::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::world::World;

/// Reads whole events off a stream until there are `count`.
async fn read(response: reqwest::Response, count: usize) -> Vec<(i64, String, Value)> {
    let mut stream = response.bytes_stream();
    let (mut text, mut events) = (String::new(), Vec::new());
    while events.len() < count {
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(60), stream.next()).await.unwrap();
        text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                line.unwrap_or_default().trim().to_owned()
            };
            if !field("data").is_empty() {
                let data = serde_json::from_str(&field("data")).unwrap();
                events.push((field("id").parse().unwrap(), field("event"), data));
            }
            text = rest.to_owned();
        }
    }
    events
}

#[tokio::test]
async fn events_are_pushed_and_a_reader_that_was_away_misses_none() {
    let mut world = World::start().await;
    let id = {
        let fleet = Fleet::new(&world, 2).await;
        let stream = |query: &str| fleet.engineer.request(Method::GET, &format!("/events{query}"));
        let from_now = stream("").send().await.unwrap();
        assert_eq!(from_now.headers()["content-type"], "text/event-stream");
        let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
        fleet.command(id, "start").await;
        let pushed = read(from_now, 3).await;
        let kinds: Vec<&str> = pushed.iter().map(|(_, kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, ["campaign_created", "campaign_state_changed", "wave_opened"]);
        assert_eq!((&pushed[2].2["vehicles"], pushed[2].2["id"].as_i64()), (&json!(2), Some(pushed[2].0)));

        let resumed = stream("").header("Last-Event-ID", pushed[0].0).send().await.unwrap();
        assert_eq!(read(resumed, 2).await, pushed[1..]);
        let of_campaign = stream(&format!("?campaign={id}&after=0")).send().await.unwrap();
        assert_eq!(read(of_campaign, 3).await, pushed);
        let wrong = stream("").header("Last-Event-ID", "yesterday").send().await.unwrap();
        assert_eq!(wrong.status(), 400);
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
