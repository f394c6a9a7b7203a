//! Sharing partitions, with positions of one's own.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::process::{Child, Command, Stdio};

use otaru_bus::{Bus, BusConfig, BusError, Consumed, Consumer, Record};
use otaru_domain::topic::ACKS;
use tokio_util::sync::CancellationToken;

use crate::rig::{PATIENCE, Rig, consumed, message, value_of};

/// Applies what it is given as vehicle-state does: positions kept beside the result, one partition at a time.
#[derive(Default)]
struct Applied {
    next: HashMap<i32, i64>,
    values: Vec<String>,
    owned: HashSet<i32>,
}

impl Applied {
    /// Starts where `bus` ends now: on a shared cluster others have written before.
    async fn from_the_end(bus: &Bus) -> Self {
        let ends = bus.end_offsets(ACKS).await.unwrap();
        Self { next: ends.into_iter().map(|(partition, _, high)| (partition, high)).collect(), ..Self::default() }
    }

    async fn step(&mut self, consumer: &mut Consumer) {
        match consumed(consumer).await {
            Consumed::Assigned(partitions) => {
                for (topic, partition) in partitions {
                    assert!(self.owned.insert(partition), "assigned twice");
                    match consumer.seek(&topic, partition, self.next[&partition]).await {
                        Ok(()) | Err(BusError::NotAssigned { .. }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
            Consumed::Revoked(partitions) => {
                for (_, partition) in partitions {
                    assert!(self.owned.remove(&partition), "revoked without being assigned");
                }
            }
            Consumed::Batch(records) => self.apply(&records),
        }
    }

    fn apply(&mut self, records: &[Record]) {
        for record in records {
            assert!(self.owned.contains(&record.partition), "a record of a partition that is not ours");
            let next = self.next.get_mut(&record.partition).unwrap();
            assert_eq!(record.offset, *next, "no gap and no repetition in partition {}", record.partition);
            *next += 1;
            self.values.push(value_of(record));
        }
    }
}

fn group() -> String {
    format!("otaru-test-{}", uuid::Uuid::new_v4())
}

async fn write(bus: &Bus, numbers: std::ops::Range<u32>) {
    let messages = numbers.map(|n| message(&format!("VIN{}", n % 97), &n.to_string())).collect();
    bus.producer().unwrap().send_all(ACKS, messages).await.unwrap();
}

#[tokio::test]
async fn a_consumer_resumes_where_it_seeks() {
    let rig = Rig::start().await;
    let mut applied = Applied::from_the_end(&rig.bus).await;
    write(&rig.bus, 0..1_000).await;
    let group = group();

    let stop = CancellationToken::new();
    let mut consumer = rig.bus.consume(&group, &[ACKS], stop.clone()).unwrap();
    while applied.values.len() < 1_000 {
        applied.step(&mut consumer).await;
    }
    stop.cancel();
    assert_eq!(consumer.next().await, None);

    write(&rig.bus, 1_000..1_500).await;
    applied.owned.clear();
    let mut consumer = rig.bus.consume(&group, &[ACKS], CancellationToken::new()).unwrap();
    while applied.values.len() < 1_500 {
        applied.step(&mut consumer).await;
    }
    let distinct: HashSet<&String> = applied.values.iter().collect();
    assert_eq!(distinct.len(), 1_500, "each once");
    rig.end().await;
}

#[tokio::test]
async fn a_seek_back_delivers_again_and_nothing_from_before_it() {
    let rig = Rig::start().await;
    let mut applied = Applied::from_the_end(&rig.bus).await;
    let start = applied.next.clone();
    write(&rig.bus, 0..2_000).await;
    let mut consumer = rig.bus.consume(&group(), &[ACKS], CancellationToken::new()).unwrap();
    while applied.values.is_empty() {
        applied.step(&mut consumer).await;
    }
    // As after a lost fence: the whole of each partition once more, whatever was under way.
    for (partition, next) in start {
        consumer.seek(ACKS, partition, next).await.unwrap();
        applied.next.insert(partition, next);
    }
    applied.values.clear();
    while applied.values.len() < 2_000 {
        applied.step(&mut consumer).await;
    }
    rig.end().await;
}

#[tokio::test]
async fn nothing_is_delivered_before_the_first_seek() {
    let rig = Rig::start().await;
    let ends = Applied::from_the_end(&rig.bus).await.next;
    write(&rig.bus, 0..100).await;
    let mut consumer = rig.bus.consume(&group(), &[ACKS], CancellationToken::new()).unwrap();
    let mut waiting = BTreeMap::new();
    while waiting.len() < 6 {
        let Consumed::Assigned(partitions) = consumed(&mut consumer).await else { panic!("nothing but assignments") };
        waiting.extend(partitions.into_iter().map(|(_, partition)| (partition, ends[&partition])));
    }
    // Only one is sought: only that one may speak.
    let (chosen, next) = waiting.pop_first().unwrap();
    consumer.seek(ACKS, chosen, next).await.unwrap();
    let (_, high) = consumer.watermarks(ACKS, chosen).await.unwrap();
    let mut reached = next;
    while reached < high {
        let Consumed::Batch(records) = consumed(&mut consumer).await else { continue };
        assert!(records.iter().all(|record| record.partition == chosen));
        reached = records.last().unwrap().offset + 1;
    }
    rig.end().await;
}

#[tokio::test]
async fn a_position_beyond_the_end_is_said_to_be_one() {
    let rig = Rig::start().await;
    let mut consumer = rig.bus.consume(&group(), &[ACKS], CancellationToken::new()).unwrap();
    let Consumed::Assigned(partitions) = consumed(&mut consumer).await else { panic!("an assignment") };
    let (topic, partition) = &partitions[0];
    let (_, high) = consumer.watermarks(topic, *partition).await.unwrap();
    let error = consumer.seek(topic, *partition, high + 1_000_000).await.unwrap_err();
    assert!(matches!(error, BusError::BeyondEnd { .. }) && !error.is_transient(), "{error:?}");
    consumer.seek(topic, *partition, high).await.unwrap();
    rig.end().await;
}

#[tokio::test]
async fn a_killed_member_hands_over_all_of_its_partitions() {
    let rig = Rig::start().await;
    let group = group();
    let mut applied = Applied::from_the_end(&rig.bus).await;
    let mut consumer = rig.bus.consume(&group, &[ACKS], CancellationToken::new()).unwrap();
    while applied.owned.len() < 6 {
        applied.step(&mut consumer).await;
    }
    let mut other = Killed(member(&rig.config, &group));
    // Shared out: it has some, and we have some.
    while applied.owned.len() == 6 {
        applied.step(&mut consumer).await;
    }
    assert!(!applied.owned.is_empty());
    write(&rig.bus, 0..600).await;
    other.0.kill().unwrap();
    while applied.values.len() < 600 {
        applied.step(&mut consumer).await;
    }
    assert_eq!(applied.owned.len(), 6);
    rig.end().await;
}

/// Another member of the group, in a process of its own, so that its death is a real one.
fn member(config: &BusConfig, group: &str) -> Child {
    let properties: Vec<String> = config.properties.iter().map(|(key, value)| format!("{key}={value}")).collect();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "consumer::the_member_that_is_killed", "--ignored", "--nocapture"])
        .env("OTARU_TEST_MEMBER_OF", group)
        .env("OTARU_TEST_KAFKA", &config.bootstrap)
        .env("OTARU_TEST_KAFKA_PROPERTIES", properties.join(" "))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Killed twice is killed.
        let _again = self.0.kill();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
#[ignore = "the other process of a_killed_member_hands_over_all_of_its_partitions"]
async fn the_member_that_is_killed() {
    let Ok(group) = std::env::var("OTARU_TEST_MEMBER_OF") else { return };
    let rig = Rig::start().await;
    let mut consumer = rig.bus.consume(&group, &[ACKS], CancellationToken::new()).unwrap();
    // Keeps its partitions without reading them, until it is killed; should the test die first, not for ever.
    let until = tokio::time::Instant::now() + PATIENCE * 2;
    while tokio::time::timeout_at(until, consumer.next()).await.is_ok() {}
}
