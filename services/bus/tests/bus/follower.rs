//! Materialising compacted topics.

use std::collections::HashSet;

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
