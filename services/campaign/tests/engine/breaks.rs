use std::collections::BTreeSet;
use std::path::Path;

use otaru_bus::{Bus, BusConfig};
use otaru_embedded::Broker;
use reqwest::StatusCode;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::fleet::Fleet;
use crate::world::{World, eventually};

#[tokio::test]
async fn when_the_leader_stops_another_process_goes_on() {
    let mut world = World::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let other = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(otaru_campaign::run_on(listener, world.config.clone(), stop.clone()));
    let client = reqwest::Client::new();
    eventually("the other process is ready", async || {
        let ready = client.get(format!("http://{other}/readyz")).send().await.ok()?;
        (ready.status() == StatusCode::OK).then_some(())
    })
    .await;
    let (id, secret) = {
        let fleet = Fleet::new(&world, 3).await;
        (fleet.create(&fleet.draft(&[(1.0, 1.0)])).await, fleet.engineer.secret)
    };
    // Whichever of the two leads now, one of them goes, and then the other is asked.
    world.stop().await;
    let url = format!("http://{other}/api/v1/campaigns/{id}");
    let started = client.post(format!("{url}/start")).bearer_auth(&secret).send().await.unwrap();
    assert_eq!(started.status(), StatusCode::OK);
    eventually("the wave is open", async || {
        let campaign: serde_json::Value = client.get(&url).bearer_auth(&secret).send().await.ok()?.json().await.ok()?;
        (!campaign["waves"][0]["opened_at"].is_null()).then_some(())
    })
    .await;
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_written_while_the_broker_is_away_arrives_when_it_is_back() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("engine-broker");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let broker = Broker::start(&folder, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = broker.address();
    let bus = BusConfig { properties: Broker::client_properties(), ..BusConfig::new(broker.bootstrap()) };
    let world = World::start_with(|config| config.bus = bus.clone()).await;
    let fleet = Fleet::new(&world, 3).await;
    world.repository(&fleet.model, 2).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    broker.stop().await;

    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    assert!(fleet.engineer.get("/fleet").await.is(200)["outbox"].as_u64().unwrap() > 0);
    let back = Broker::start(&folder, address).await.unwrap();
    let document = fleet.until_published(id, "wave 1 is published", |document| document.waves[0].open).await;
    assert_eq!(document.campaign, id);
    eventually("the outbox is empty", async || {
        (fleet.engineer.get("/fleet").await.is(200)["outbox"] == 0).then_some(())
    })
    .await;
    let sent: Vec<i64> = Bus::new(bus)
        .read_topic(otaru_domain::topic::EVENTS)
        .await
        .unwrap()
        .iter()
        .map(|record| {
            serde_json::from_slice::<serde_json::Value>(record.value.as_ref().unwrap()).unwrap()["id"].as_i64().unwrap()
        })
        .collect();
    let mut seen = BTreeSet::new();
    let rising: Vec<i64> = sent.iter().copied().filter(|id| seen.insert(*id)).collect();
    assert!(rising.iter().copied().eq(1..=*rising.last().unwrap()), "events keep their order: {sent:?}");
    back.stop().await;
}
