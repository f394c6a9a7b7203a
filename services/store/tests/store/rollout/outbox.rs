use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use otaru_domain::event::EventKind;
use otaru_domain::{clock, topic};
use otaru_store::leadership::{self, Epoch, LEASE};
use otaru_store::outbox::{self, MAX_VALUE_BYTES, OutboxMessage};
use otaru_store::{Store, StoreError, events};
use sqlx::PgPool;
use uuid::Uuid;

const MANY: i64 = 1_000_000;

fn message(text: &str) -> OutboxMessage {
    OutboxMessage { key: Some(b"k".to_vec()), value: Some(text.as_bytes().to_vec()) }
}

async fn lead(store: &Store) -> Epoch {
    leadership::acquire(store, Uuid::new_v4(), LEASE).await.unwrap().unwrap()
}

async fn texts(store: &Store, topic: &str, rows: i64) -> Vec<(i64, String)> {
    let batch = outbox::next_batch(store, topic, rows, MANY).await.unwrap();
    batch
        .into_iter()
        .map(|pending| (pending.position, String::from_utf8(pending.message.value.unwrap()).unwrap()))
        .collect()
}

async fn write(store: &Store, topic: &str, texts: &[&str]) {
    let messages: Vec<_> = texts.iter().map(|text| message(text)).collect();
    let mut tx = store.begin().await.unwrap();
    outbox::enqueue(&mut tx, topic, &messages, clock::now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// A relay without a broker: what it took, in its order.
async fn relay(store: Store, epoch: Epoch, topic: &'static str, written: Arc<AtomicBool>) -> Vec<(i64, String)> {
    let mut sent = Vec::new();
    loop {
        // Before the look: what was written until now must be seen by it.
        let last_look = written.load(Ordering::SeqCst);
        let batch = texts(&store, topic, 3).await;
        match batch.last() {
            Some((last, _)) => outbox::delivered(&store, epoch, topic, *last).await.unwrap(),
            None if last_look => return sent,
            None => tokio::task::yield_now().await,
        }
        sent.extend(batch);
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn eight_writers_at_once_are_relayed_in_the_order_of_their_commits_without_loss(pool: PgPool) {
    let store = Store::from_pool(pool);
    let epoch = lead(&store).await;
    let written = Arc::new(AtomicBool::new(false));
    let relays = ["a", "b"].map(|topic| tokio::spawn(relay(store.clone(), epoch, topic, written.clone())));
    let writers = (0..8).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for turn in 0..30 {
                let mut tx = store.begin().await.unwrap();
                for topic in ["a", "b"] {
                    let pair = [message(&format!("{writer}:{turn}:0")), message(&format!("{writer}:{turn}:1"))];
                    outbox::enqueue(&mut tx, topic, &pair, clock::now()).await.unwrap();
                }
                // Every fifth transaction is given up: its positions must not leave a gap.
                if turn % 5 == 4 { tx.rollback().await.unwrap() } else { tx.commit().await.unwrap() }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    written.store(true, Ordering::SeqCst);
    for relay in relays {
        let sent = tokio::time::timeout(Duration::from_secs(60), relay).await.unwrap().unwrap();
        assert_eq!(sent.len(), 8 * 24 * 2);
        assert!(sent.iter().map(|(position, _)| *position).eq(1..=384), "positions are neither skipped nor shuffled");
        let mut turns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (_, text) in &sent {
            let (writer, turn) = text.split_once(':').unwrap();
            turns.entry(writer.to_owned()).or_default().push(turn.to_owned());
        }
        for turns in turns.into_values() {
            let expected =
                (0..30).filter(|turn| turn % 5 != 4).flat_map(|turn| [format!("{turn}:0"), format!("{turn}:1")]);
            assert!(turns.into_iter().eq(expected), "a writer's messages keep their order");
        }
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_relay_killed_before_it_deletes_sends_the_same_again_and_nothing_is_lost(pool: PgPool) {
    let store = Store::from_pool(pool);
    write(&store, "t", &["1", "2", "3"]).await;
    let killed = texts(&store, "t", 2).await;
    let epoch = lead(&store).await;
    assert_eq!(texts(&store, "t", 2).await, killed);
    outbox::delivered(&store, epoch, "t", killed.last().unwrap().0).await.unwrap();
    assert_eq!(texts(&store, "t", 2).await, [(3, "3".to_owned())]);
    outbox::delivered(&store, epoch, "t", 3).await.unwrap();
    assert!(outbox::pending_topics(&store).await.unwrap().is_empty());
    write(&store, "t", &["4"]).await;
    assert_eq!(texts(&store, "t", 2).await, [(4, "4".to_owned())], "positions are never given twice");
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_deposed_leader_deletes_nothing(pool: PgPool) {
    let store = Store::from_pool(pool);
    write(&store, "t", &["1"]).await;
    let deposed = lead(&store).await;
    leadership::release(&store, deposed).await.unwrap();
    lead(&store).await;
    assert!(matches!(outbox::delivered(&store, deposed, "t", 1).await, Err(StoreError::Fenced(_))));
    assert_eq!(texts(&store, "t", 9).await.len(), 1);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_batch_ends_when_it_is_large_enough_but_has_a_message_at_least(pool: PgPool) {
    let store = Store::from_pool(pool);
    let long = "x".repeat(1000);
    write(&store, "t", &[&long, &long, &long]).await;
    for (bytes, rows) in [(1, 1), (1000, 1), (1001, 2), (2001, 3)] {
        assert_eq!(outbox::next_batch(&store, "t", 10, bytes).await.unwrap().len(), rows, "{bytes} bytes");
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_message_that_no_broker_takes_is_refused_with_its_transaction(pool: PgPool) {
    let store = Store::from_pool(pool);
    let long = OutboxMessage { key: None, value: Some(vec![0; MAX_VALUE_BYTES + 1]) };
    let mut tx = store.begin().await.unwrap();
    assert!(outbox::enqueue(&mut tx, "t", &[long], clock::now()).await.is_err());
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn events_are_numbered_by_commit_and_told_to_the_topic_with_the_same_words(pool: PgPool) {
    let store = Store::from_pool(pool);
    for campaign in [7, 8, 7] {
        let mut tx = store.begin().await.unwrap();
        events::record(&mut tx, "ada", EventKind::CampaignCreated { campaign }, clock::now()).await.unwrap();
        tx.commit().await.unwrap();
    }
    let of_seven = events::after(&store, 0, Some(7), 10).await.unwrap();
    assert_eq!(of_seven.iter().map(|event| event.id).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(events::after(&store, 1, None, 10).await.unwrap().len(), 2);
    assert_eq!(events::newest(&store).await.unwrap(), 3);
    let batch = outbox::next_batch(&store, topic::EVENTS, 10, MANY).await.unwrap();
    let told: otaru_domain::event::Event = serde_json::from_slice(batch[2].message.value.as_ref().unwrap()).unwrap();
    assert_eq!(told, of_seven[1]);
    assert_eq!(batch[2].message.key.as_deref(), Some(b"campaign-7".as_slice()));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn whoever_listens_is_told_the_topic_after_the_commit(pool: PgPool) {
    let store = Store::from_pool(pool);
    let mut listener = store.listen(&[outbox::CHANNEL]).await.unwrap();
    write(&store, "t", &["1"]).await;
    let heard = tokio::time::timeout(Duration::from_secs(20), listener.next()).await.unwrap().unwrap();
    assert_eq!(heard.map(|heard| (heard.channel, heard.payload)), Some((outbox::CHANNEL.to_owned(), "t".to_owned())));
}
