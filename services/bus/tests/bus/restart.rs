//! A broker that goes away and comes back.

use std::collections::HashSet;

use otaru_bus::{Consumed, Follow, Followed};
use otaru_domain::topic::ACKS;
use tokio_util::sync::CancellationToken;

use crate::rig::{Rig, broker, consumed, followed, message, value_of};

#[tokio::test]
async fn a_restart_in_the_middle_loses_nothing_and_doubles_nothing() {
    let mut rig = Rig::embedded().await;
    let producer = rig.bus.producer().unwrap();
    let mut consumer = rig.bus.consume("otaru-restart", &[ACKS], CancellationToken::new()).unwrap();
    let Consumed::Assigned(partitions) = consumed(&mut consumer).await else { panic!("an assignment") };
    for (topic, partition) in partitions {
        consumer.seek(&topic, partition, 0).await.unwrap();
    }

    let writer = tokio::spawn(async move {
        let mut places = HashSet::new();
        for n in 0..300_u32 {
            let message = message(&format!("VIN{}", n % 31), &n.to_string());
            places.insert(producer.send(ACKS, message).await.unwrap());
        }
        places
    });
    // In the middle of it, once something has been read.
    let mut read: Vec<(i32, i64, String)> = Vec::new();
    let mut restarted = false;
    while read.len() < 300 {
        match consumed(&mut consumer).await {
            Consumed::Batch(records) => {
                read.extend(records.iter().map(|record| (record.partition, record.offset, value_of(record))));
            }
            Consumed::Assigned(partitions) => {
                for (topic, partition) in partitions {
                    let next = read.iter().filter(|one| one.0 == partition).map(|one| one.1 + 1).max().unwrap_or(0);
                    consumer.seek(&topic, partition, next).await.unwrap();
                }
            }
            Consumed::Revoked(_) => {}
        }
        if !restarted && read.len() >= 20 {
            let (running, folder) = rig.embedded.take().unwrap();
            let address = running.address();
            running.stop().await;
            rig.embedded = Some((broker(folder.path(), address).await, folder));
            restarted = true;
        }
    }
    // Where the broker says no more than that it has the message, its offset is not known.
    let acknowledged: HashSet<_> = writer.await.unwrap().into_iter().filter(|(_, offset)| *offset >= 0).collect();
    let places: HashSet<(i32, i64)> = read.iter().map(|(partition, offset, _)| (*partition, *offset)).collect();
    // Not equal: to a message that it has already, the embedded broker may answer with another one's offset.
    assert!(acknowledged.is_subset(&places), "{:?}", acknowledged.difference(&places));
    let values: HashSet<&String> = read.iter().map(|(_, _, value)| value).collect();
    assert_eq!((read.len(), values.len()), (300, 300));
    rig.end().await;
}

#[tokio::test]
async fn a_follower_says_that_the_broker_is_lost_and_goes_on_when_it_is_back() {
    let mut rig = Rig::embedded().await;
    let (_, topic) = rig.model().await;
    let producer = rig.bus.producer().unwrap();
    producer.send(&topic, message("timestamp.json", "1")).await.unwrap();
    let mut follower = rig.bus.follow(Follow::Manifests, CancellationToken::new()).unwrap();
    while followed(&mut follower).await != (Followed::CaughtUp { topic: topic.clone() }) {}

    let (running, folder) = rig.embedded.take().unwrap();
    let address = running.address();
    running.stop().await;
    let Followed::Lost { reason } = followed(&mut follower).await else { panic!("it is away") };
    assert!(reason.contains(&address.to_string()), "{reason}");
    rig.embedded = Some((broker(folder.path(), address).await, folder));
    assert_eq!(followed(&mut follower).await, Followed::Recovered);
    producer.send(&topic, message("timestamp.json", "2")).await.unwrap();
    let Followed::Record(record) = followed(&mut follower).await else { panic!("a record") };
    assert_eq!(value_of(&record), "2");
    rig.end().await;
}

#[tokio::test]
async fn a_producer_that_had_to_give_a_message_up_writes_again_when_the_broker_is_back() {
    let mut rig = Rig::embedded().await;
    let producer = rig.bus.producer().unwrap();
    producer.send(ACKS, message("VIN1", "before")).await.unwrap();
    let (running, folder) = rig.embedded.take().unwrap();
    let address = running.address();
    running.stop().await;
    let given_up = producer.send(ACKS, message("VIN1", "meanwhile")).await.unwrap_err();
    assert!(given_up.is_transient(), "{given_up}");
    rig.embedded = Some((broker(folder.path(), address).await, folder));
    producer.send(ACKS, message("VIN1", "after")).await.unwrap();
    producer.send_all(ACKS, vec![message("VIN1", "and on"), message("VIN2", "and on")]).await.unwrap();
    let written: Vec<String> = rig.bus.read_topic(ACKS).await.unwrap().iter().map(value_of).collect();
    assert_eq!(written.iter().filter(|value| *value == "and on").count(), 2, "{written:?}");
    assert!(written.contains(&"after".to_owned()) && written.contains(&"before".to_owned()), "{written:?}");
    rig.end().await;
}

#[tokio::test]
async fn acknowledgements_outlive_the_brokers_clean_up() {
    let mut rig = Rig::embedded().await;
    let producer = rig.bus.producer().unwrap();
    let messages = (0..50).map(|n| message(&format!("VIN{n}"), &n.to_string())).collect();
    producer.send_all(ACKS, messages).await.unwrap();
    // It cleans up when it starts; the second start finds what the first has left.
    for _ in 0..2 {
        let (running, folder) = rig.embedded.take().unwrap();
        let address = running.address();
        running.stop().await;
        rig.embedded = Some((broker(folder.path(), address).await, folder));
        assert_eq!(rig.bus.read_topic(ACKS).await.unwrap().len(), 50);
    }
    rig.end().await;
}
