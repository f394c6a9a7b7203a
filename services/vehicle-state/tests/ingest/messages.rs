//! What becomes of messages on the topics.

use std::collections::BTreeMap;

use otaru_bus::Message;
use otaru_domain::assignment::AssignmentState as S;
use otaru_domain::id::HardwareId;
use otaru_domain::inventory::{AttributesMode, EcuReport, Inventory};
use otaru_domain::topic;
use otaru_store::dead_letters::{self, StoredDeadLetter};
use otaru_store::testing;
use otaru_store::twin;
use uuid::Uuid;

use crate::world::{CAMPAIGN, World, eventually, keyed, vin};

fn by_reason(letters: Vec<StoredDeadLetter>) -> BTreeMap<String, StoredDeadLetter> {
    letters.into_iter().map(|letter| (letter.reason.clone(), letter)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_become_rows_and_what_cannot_is_kept_apart() {
    let world = World::new(4).await;
    let role = world.role().await;
    let mut acks = world.installs(0..2);
    acks.push(world.ack(2, 1, S::Accepted));
    acks.push(world.ack(99, 1, S::Accepted));
    // Well-formed, but before the first day that Postgres knows.
    let mut ancient = world.ack(3, 1, S::Accepted);
    ancient.reported_at = Some("-200000-01-01T00:00:00Z".parse().unwrap());
    acks.push(ancient);
    acks.push(world.ack(3, 2, S::Downloading));
    world.send(&acks).await;
    let garbage = keyed(&vin(0), b"{\"schema_version\": 1, \"id\": ".to_vec());
    world.producer.send(topic::ACKS, garbage.clone()).await.unwrap();
    let inventory = Inventory {
        schema_version: 1,
        id: Uuid::new_v4(),
        vin: vin(1),
        model: None,
        ecus: vec![EcuReport {
            hardware_id: HardwareId::parse("BCM").unwrap(),
            version: "2.3.0".to_owned(),
            serial: None,
        }],
        tells_ecus: true,
        attributes: BTreeMap::new(),
        attributes_mode: AttributesMode::Merge,
        reported_at: None,
        received_at: world.now,
        sequence: None,
        signature: None,
    };
    let message = keyed(&vin(1), serde_json::to_vec(&inventory).unwrap());
    world.producer.send(topic::INVENTORIES, message).await.unwrap();
    // A line that a gateway could not even put on otaru.acks.
    let headers =
        [("origin-topic", topic::ACKS), ("origin-partition", "-1"), ("reason", "bad_line"), ("detail", "no JSON")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec();
    let line = Message { key: Some(vin(2).as_str().into()), value: Some(b"{oops".to_vec()), headers };
    world.producer.send(topic::DEAD_LETTERS, line).await.unwrap();

    world.applied().await;
    eventually("the dead letters are in the table", async || {
        dead_letters::open_count(world.store()).await.unwrap() == 4
    })
    .await;
    assert_eq!(
        world.states().await,
        [("accepted".to_owned(), 1), ("downloading".to_owned(), 1), ("installed".to_owned(), 2)]
    );
    let ecus = twin::ecus(world.store(), world.vehicles[1]).await.unwrap();
    assert_eq!((ecus[0].hardware_id.as_str(), ecus[0].version.as_str()), ("BCM", "2.3.0"));
    let letters = by_reason(dead_letters::page(world.store(), None, 100).await.unwrap());
    assert_eq!(letters.keys().collect::<Vec<_>>(), ["bad_line", "unappliable", "unknown_vehicle", "unparsable"]);
    assert_eq!(letters["unparsable"].value, garbage.value);
    assert!(letters["unappliable"].detail.contains("out of range"), "{}", letters["unappliable"].detail);
    assert_eq!((letters["bad_line"].topic.as_str(), letters["bad_line"].partition), (topic::ACKS, -1));

    // On the topic, each with where it came from.
    let on_topic = world.bus.read_topic(topic::DEAD_LETTERS).await.unwrap();
    assert_eq!(on_topic.len(), 4);
    for record in &on_topic {
        let header = |name: &str| String::from_utf8(record.header(name).unwrap().to_vec()).unwrap();
        if header("reason") == "bad_line" {
            continue;
        }
        let letter = &letters[&header("reason")];
        assert_eq!(header("origin-topic"), letter.topic);
        assert_eq!(header("origin-partition"), letter.partition.to_string());
        assert_eq!(header("origin-offset"), letter.record_offset.to_string());
        assert_eq!(header("schema"), "ack");
        assert_eq!(record.value, letter.value);
    }
    assert!(role.get("/readyz").await.starts_with("HTTP/1.1 200"));
    let metrics = role.get("/metrics").await;
    for name in ["otaru_ingest_lag_messages{", "otaru_ingest_lag_seconds{", "otaru_ingest_messages_total{"] {
        assert!(metrics.contains(name), "{name} is missing");
    }
    assert_eq!(world.assert_rebuilds().await, 15);
    role.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_says_which_row_differs() {
    let world = World::new(2).await;
    let role = world.role().await;
    world.send(&world.installs(0..2)).await;
    world.applied().await;
    role.stop().await;
    testing::set_assignment(world.store(), world.vehicles[1], CAMPAIGN, 1, "failed").await.unwrap();
    let config = otaru_vehicle_state::Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database: world.database.config(),
        bus: world.bus_config(),
    };
    let report = otaru_vehicle_state::rebuild(config, true).await.unwrap();
    assert_eq!(report.differences.len(), 1, "{:?}", report.differences);
    let difference = &report.differences[0];
    assert_eq!(difference.table_name, "assignments");
    assert!(difference.expected.as_deref().unwrap().contains(r#""state": "failed""#));
    assert!(difference.rebuilt.as_deref().unwrap().contains(r#""state": "installed""#));
}
