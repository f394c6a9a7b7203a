//! Materialising compacted topics.

use std::collections::{HashMap, HashSet};

use otaru_bus::{Follow, Followed};
use tokio_util::sync::CancellationToken;

use crate::rig::{Rig, followed, message, value_of};

#[tokio::test]
async fn a_follower_catches_up_and_finds_new_models() {
    let rig = Rig::start().await;
    let producer = rig.bus.producer().unwrap();
    let (_, empty) = rig.model().await;
    let (_, known) = rig.model().await;
    producer.send(&known, message("timestamp.json", "1")).await.unwrap();
    producer.send(&known, message("timestamp.json", "2")).await.unwrap();

    let stop = CancellationToken::new();
    let mut follower = rig.bus.follow(Follow::Manifests, stop.clone()).unwrap();
    let Followed::Following { topics } = followed(&mut follower).await else { panic!("the topics come first") };
    assert!(topics.contains(&empty) && topics.contains(&known), "{topics:?}");
    let mut pending: HashSet<String> = topics.into_iter().collect();
    let mut last = None;
    while !pending.is_empty() {
        match followed(&mut follower).await {
            Followed::Record(record) if record.topic == known => last = Some(value_of(&record)),
            Followed::CaughtUp { topic } => {
                if topic == known {
                    assert_eq!(last.as_deref(), Some("2"), "caught up means that all was delivered");
                }
                assert!(pending.remove(&topic), "{topic} caught up twice");
            }
            _ => {}
        }
    }

    let (_, new) = rig.model().await;
    producer.send(&new, message("1.root.json", "root")).await.unwrap();
    loop {
        if let Followed::Record(record) = followed(&mut follower).await
            && record.topic == new
        {
            assert_eq!(value_of(&record), "root");
            break;
        }
    }
    // What was there from the start is followed, too.
    producer.send(&known, message("timestamp.json", "3")).await.unwrap();
    loop {
        if let Followed::Record(record) = followed(&mut follower).await
            && record.topic == known
        {
            assert_eq!(value_of(&record), "3");
            break;
        }
    }
    stop.cancel();
    assert_eq!(follower.next().await, None);
    rig.end().await;
}

#[tokio::test]
async fn a_topic_that_does_not_exist_yet_is_followed_once_it_does() {
    let rig = Rig::start().await;
    let model = otaru_domain::id::ModelId::parse(&format!("late-{}", uuid::Uuid::new_v4())).unwrap();
    let topic = otaru_domain::topic::manifests(&model);
    let mut follower = rig.bus.follow(Follow::Topics(vec![topic.clone()]), CancellationToken::new()).unwrap();
    assert_eq!(followed(&mut follower).await, Followed::Following { topics: Vec::new() });
    rig.bus.ensure_manifests(&model).await.unwrap();
    assert_eq!(followed(&mut follower).await, Followed::CaughtUp { topic: topic.clone() });
    rig.bus.producer().unwrap().send(&topic, message("1.root.json", "root")).await.unwrap();
    let Followed::Record(record) = followed(&mut follower).await else { panic!("a record") };
    assert_eq!(value_of(&record), "root");
    rig.end().await;
}

#[tokio::test]
async fn a_topic_is_followed_from_where_it_was_asked_to_be_and_from_its_start_if_it_ends_before_that() {
    let rig = Rig::start().await;
    let producer = rig.bus.producer().unwrap();
    for (from, expected) in [(2, vec!["2"]), (3, vec![]), (9, vec!["0", "1", "2"])] {
        let (_, topic) = rig.model().await;
        for value in ["0", "1", "2"] {
            producer.send(&topic, message("k", value)).await.unwrap();
        }
        let follow = Follow::From { topic: topic.clone(), offsets: HashMap::from([(0, from)]) };
        let mut follower = rig.bus.follow(follow, CancellationToken::new()).unwrap();
        assert_eq!(followed(&mut follower).await, Followed::Following { topics: vec![topic] });
        let mut values = Vec::new();
        loop {
            match followed(&mut follower).await {
                Followed::Record(record) => values.push(value_of(&record)),
                Followed::CaughtUp { .. } => break,
                _ => {}
            }
        }
        assert_eq!(values, expected, "from {from}");
    }
    rig.end().await;
}
