//! What is written is what is read.

use otaru_bus::{Bus, BusConfig, BusError, MAX_MESSAGE_BYTES, Message};
use otaru_domain::topic;

use crate::rig::{Rig, message, value_of};

#[tokio::test]
async fn a_message_comes_back_as_it_was_sent() {
    let rig = Rig::start().await;
    let (_, topic) = rig.model().await;
    let producer = rig.bus.producer().unwrap();
    let sent = vec![
        Message {
            key: Some(b"timestamp.json".to_vec()),
            value: Some(vec![0, 159, 146, 150]),
            headers: vec![("origin".to_owned(), b"gateway".to_vec()), ("empty".to_owned(), Vec::new())],
        },
        message("old.json", "{}"),
        Message { key: Some(b"old.json".to_vec()), value: None, headers: Vec::new() },
        Message { key: Some(b"empty.json".to_vec()), value: Some(Vec::new()), headers: Vec::new() },
    ];
    let mut places = Vec::new();
    for message in &sent {
        places.push(producer.send(&topic, message.clone()).await.unwrap());
    }
    let read = rig.bus.read_topic(&topic).await.unwrap();
    let as_sent: Vec<Message> = read
        .iter()
        .map(|record| Message { key: record.key.clone(), value: record.value.clone(), headers: record.headers.clone() })
        .collect();
    assert_eq!(as_sent, sent);
    assert_eq!(read.iter().map(|record| (record.partition, record.offset)).collect::<Vec<_>>(), places);
    assert!(read.iter().all(|record| record.timestamp_ms.is_some()));
    rig.end().await;
}

#[tokio::test]
async fn a_message_without_a_key_is_kept_where_keys_are_not_needed() {
    let rig = Rig::start().await;
    let producer = rig.bus.producer().unwrap();
    let keyless = Message { key: None, value: Some(b"which vehicle?".to_vec()), headers: Vec::new() };
    let (partition, offset) = producer.send(topic::DEAD_LETTERS, keyless.clone()).await.unwrap();
    let read = rig.bus.read_topic(topic::DEAD_LETTERS).await.unwrap();
    let found = read.iter().find(|record| (record.partition, record.offset) == (partition, offset)).unwrap();
    assert_eq!((&found.key, &found.value), (&keyless.key, &keyless.value));
    rig.end().await;
}

#[tokio::test]
async fn many_messages_keep_their_order() {
    let rig = Rig::start().await;
    let (_, topic) = rig.model().await;
    let messages: Vec<Message> = (0..20_000).map(|n| message(&format!("{n}.json"), &n.to_string())).collect();
    rig.bus.producer().unwrap().send_all(&topic, messages).await.unwrap();
    let read = rig.bus.read_topic(&topic).await.unwrap();
    assert_eq!(read.len(), 20_000);
    assert!(read.iter().enumerate().all(|(n, record)| value_of(record) == n.to_string()));
    rig.end().await;
}

#[tokio::test]
async fn the_same_key_lands_in_the_same_partition() {
    let rig = Rig::start().await;
    let producer = rig.bus.producer().unwrap();
    let (first, _) = producer.send(topic::ACKS, message("WVWZZZ1KZAW000001", "1")).await.unwrap();
    let (again, _) = producer.send(topic::ACKS, message("WVWZZZ1KZAW000001", "2")).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(rig.bus.end_offsets(topic::ACKS).await.unwrap().len(), 6);
    rig.end().await;
}

#[tokio::test]
async fn a_message_that_nobody_could_read_is_refused_when_it_is_sent() {
    let rig = Rig::start().await;
    let (_, topic) = rig.model().await;
    let producer = rig.bus.producer().unwrap();
    let large =
        |bytes| Message { key: Some(b"targets.json".to_vec()), value: Some(vec![7; bytes]), headers: Vec::new() };
    let error = producer.send(&topic, large(MAX_MESSAGE_BYTES)).await.unwrap_err();
    assert!(matches!(error, BusError::TooLarge { .. }), "{error}");
    // The embedded broker's limit is lower: 5 MiB.
    let most = if rig.embedded.is_some() { 4_900_000 } else { MAX_MESSAGE_BYTES - 100 };
    producer.send(&topic, large(most)).await.unwrap();
    producer.send(&topic, message("timestamp.json", "after it")).await.unwrap();
    let read = rig.bus.read_topic(&topic).await.unwrap();
    assert_eq!(read.iter().map(|record| record.value.as_ref().unwrap().len()).collect::<Vec<_>>(), [most, 8]);
    rig.end().await;
}

#[tokio::test]
async fn creating_topics_again_changes_nothing() {
    let rig = Rig::start().await;
    let (model, topic) = rig.model().await;
    rig.bus.producer().unwrap().send(&topic, message("timestamp.json", "1")).await.unwrap();
    rig.bus.ensure_topics().await.unwrap();
    rig.bus.ensure_manifests(&model).await.unwrap();
    assert_eq!(rig.bus.read_topic(&topic).await.unwrap().len(), 1);
    rig.end().await;
}

#[tokio::test]
async fn an_unknown_topic_is_said_to_be_one_and_not_created() {
    let rig = Rig::start().await;
    let topic = format!("otaru.manifests.never-{}", uuid::Uuid::new_v4());
    for _ in 0..2 {
        let error = rig.bus.end_offsets(&topic).await.unwrap_err();
        assert!(matches!(error, BusError::UnknownTopic { .. }) && error.is_transient(), "{error:?}");
    }
    rig.end().await;
}

#[tokio::test]
async fn a_broker_that_is_away_is_named_with_what_to_do() {
    // Reserved for documentation by RFC 5737 would hang; a closed port of this machine refuses at once.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let bus = Bus::new(BusConfig::new(&closed));
    let error = bus.end_offsets(topic::ACKS).await.unwrap_err();
    assert!(error.is_transient());
    assert!(error.to_string().contains(&closed) && error.to_string().contains("--kafka"), "{error}");
    let error = bus.producer().unwrap().send(topic::ACKS, message("k", "v")).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn a_property_that_does_not_exist_is_refused_and_no_password_is_shown() {
    let properties = vec![("sasl.pasword".to_owned(), "secret".to_owned())];
    let bus = Bus::new(BusConfig { properties, ..BusConfig::new("127.0.0.1:9") });
    let error = bus.producer().unwrap_err();
    assert!(matches!(error, BusError::Config(_)) && !error.is_transient());
    assert!(!format!("{bus:?}").contains("secret"));
}
