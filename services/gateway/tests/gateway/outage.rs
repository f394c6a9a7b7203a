//! What happens while Postgres or the broker is away.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use otaru_bus::BusConfig;
use otaru_domain::topic;
use otaru_embedded::Broker;
use otaru_gateway::Config;
use reqwest::StatusCode;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::world::{ANY_PORT, Gateway, World, bus_config, eventually, problem, retry_after};

const VIN: &str = "WVWZZZ1KZAW000001";

/// A way to Postgres that can be cut.
struct Bridge {
    address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Bridge {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(ANY_PORT)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = watch::Sender::new(true);
        let (server, state) = (Arc::new(server), open.subscribe());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (server, mut state) = (Arc::clone(&server), state.clone());
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let mut upstream = TcpStream::connect(server.as_str()).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {}
                        _ = state.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Self { address, open }
    }

    /// The way, and how a gateway takes it.
    async fn to_database_of(world: &World) -> (Self, otaru_store::Config) {
        let mut database = world.database_config();
        let mut url = url::Url::parse(&database.url).unwrap();
        let bridge = Self::to(format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432))).await;
        url.set_port(Some(bridge.address.port())).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        database.url = url.into();
        (bridge, database)
    }
}

/// A second gateway beside the world's own.
fn config(world: &World, database: otaru_store::Config, bus: BusConfig) -> Config {
    let artifacts = format!("file://{}", world.folder.path().join("artifacts").display());
    Config::new(ANY_PORT.into(), database, bus, artifacts)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_only_what_needs_it_has_to_wait() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let quiet = world.model("meadow").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let idle = world.vehicle("WVWZZZ1KZAW000002", &quiet).await;
    let (bridge, database) = Bridge::to_database_of(&world).await;
    let gateway = Gateway::start(config(&world, database, bus_config(world.broker.as_ref().unwrap()))).await;
    gateway.ready().await;
    let campaign = world.running_campaign(&mut model, &[&vehicle]).await;
    eventually("the offer", async || (gateway.poll(&vehicle).await.status() == StatusCode::OK).then_some(())).await;

    bridge.open.send_replace(false);
    assert_eq!(gateway.poll(&idle).await.status(), StatusCode::NO_CONTENT);
    let response = gateway.poll(&vehicle).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(retry_after(&response) > 0);
    problem(response).await;
    let report = json!({"campaign": campaign, "attempt": 1, "sequence": 1, "state": "accepted"}).to_string();
    assert_eq!(gateway.post_acks(&vehicle, "application/json", report).await.status(), StatusCode::ACCEPTED);
    assert_eq!(gateway.readyz().await, StatusCode::OK);

    bridge.open.send_replace(true);
    eventually("the offer again", async || (gateway.poll(&vehicle).await.status() == StatusCode::OK).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_postgres_a_capped_image_goes_out_slowly_and_whole() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let sha256 = world.image(&[7; 20_000]).await;
    let publication = model.publish_image("BCM-2.3.0-r4.bin", &sha256, 20_000, world.now);
    world.publish(&model, publication).await;
    let mut tx = world.store().begin().await.unwrap();
    assert!(otaru_store::bandwidth::set_model_cap(&mut tx, "harbour", Some(100_000)).await.unwrap());
    tx.commit().await.unwrap();
    let (bridge, database) = Bridge::to_database_of(&world).await;
    let gateway = Gateway::start(config(&world, database, bus_config(world.broker.as_ref().unwrap()))).await;
    gateway.ready().await;
    bridge.open.send_replace(false);
    let began = Instant::now();
    let path = format!("/tuf/harbour/targets/{sha256}.BCM-2.3.0-r4.bin");
    let image = gateway.get(&path).send().await.unwrap().bytes().await.unwrap();
    // A tenth of the cap, without anybody to ask for a share.
    assert_eq!(image.len(), 20_000);
    assert!(began.elapsed() >= Duration::from_millis(1_750), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_accepted_or_offered_that_the_broker_does_not_have() {
    let mut world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    world.running_campaign(&mut model, &[&vehicle]).await;
    let broker = world.broker.take().unwrap();
    let address = broker.address();
    broker.stop().await;

    let report = json!({"campaign": 7, "attempt": 1, "sequence": 1, "state": "accepted"}).to_string();
    let (acked, polled) = tokio::join!(
        world.gateway.post_acks(&vehicle, "application/json", report.clone()),
        world.gateway.poll(&vehicle)
    );
    for response in [acked, polled] {
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(retry_after(&response) > 0);
        problem(response).await;
    }

    world.broker = Some(Broker::start(world.folder.path(), address).await.unwrap());
    eventually("reports are accepted again", async || {
        let response = world.gateway.post_acks(&vehicle, "application/json", report.clone()).await;
        (response.status() == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    eventually("offers are made again", async || {
        (world.gateway.poll(&vehicle).await.status() == StatusCode::OK).then_some(())
    })
    .await;
    let mut states: Vec<_> =
        world.acks(&vehicle.vin).await.iter().map(|ack| ack["state"].as_str().unwrap().to_owned()).collect();
    states.sort();
    states.dedup();
    assert_eq!(states, ["accepted", "offered"]);
    assert!(world.records(topic::DEAD_LETTERS, &vehicle.vin).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_before_the_broker_waits_for_it_and_says_nothing_wrong() {
    let mut world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    world.running_campaign(&mut model, &[&vehicle]).await;
    let broker = world.broker.take().unwrap();
    let bus = bus_config(&broker);
    let address = broker.address();
    broker.stop().await;

    let gateway = Gateway::start(config(&world, world.database_config(), bus)).await;
    assert_eq!(gateway.get("/healthz").send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(gateway.readyz().await, StatusCode::SERVICE_UNAVAILABLE);
    // "Nothing for you" or "no such file" would be wrong: it does not know yet.
    assert_eq!(gateway.poll(&vehicle).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let metadata = gateway.get("/tuf/harbour/metadata/timestamp.json").send().await.unwrap();
    assert_eq!(metadata.status(), StatusCode::SERVICE_UNAVAILABLE);

    world.broker = Some(Broker::start(world.folder.path(), address).await.unwrap());
    gateway.ready().await;
    assert_eq!(gateway.poll(&vehicle).await.status(), StatusCode::OK);
    let metrics = gateway.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("otaru_gateway_offers_total"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_before_postgres_becomes_ready_with_it() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let (bridge, database) = Bridge::to_database_of(&world).await;
    bridge.open.send_replace(false);
    let gateway = Gateway::start(config(&world, database, bus_config(world.broker.as_ref().unwrap()))).await;
    eventually("only what Postgres knows is missing", async || {
        let missing = gateway.get("/readyz").send().await.unwrap().text().await.unwrap();
        (missing.starts_with("bandwidth caps:") && missing.contains("token keys:") && missing.lines().count() == 2)
            .then_some(())
    })
    .await;
    assert_eq!(gateway.poll(&vehicle).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    bridge.open.send_replace(true);
    gateway.ready().await;
    assert_eq!(gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
}
