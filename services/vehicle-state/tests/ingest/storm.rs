//! Records that no writer should write, by the thousand: each that cannot be applied is among the dead letters once, the
//! others count, and nothing stops.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use otaru_bus::{Message, Record};
use otaru_domain::ack::Ack;
use otaru_domain::assignment::AssignmentState as S;
use otaru_domain::inventory::Inventory;
use otaru_domain::topic;
use otaru_store::dead_letters::{self, StoredDeadLetter};
use otaru_store::testing;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::de::DeserializeOwned;

use crate::edits::edit;
use crate::triage;
use crate::world::{CAMPAIGN, World, eventually, keyed, vin};

const CASES: u64 = 1_200;
/// Every so many records one that is as it should be.
const SOUND_EVERY: usize = 50;

fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(kind);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap().trim_end().as_bytes().to_vec()).collect()
}

/// Bytes that mean nothing.
fn noise(rng: &mut SmallRng, most: usize) -> Vec<u8> {
    let length = rng.random_range(0..=most);
    (0..length).map(|_| rng.random()).collect()
}

/// The message of a case: an edited one, mostly under a key that fits; now and then noise, or nothing at all.
fn message(case: u64, seeds: &[Vec<u8>]) -> Message {
    let mut rng = SmallRng::seed_from_u64(case);
    let mut value = seeds[rng.random_range(0..seeds.len())].clone();
    let other = &seeds[rng.random_range(0..seeds.len())];
    for _ in 0..rng.random_range(0..4) {
        edit(&mut rng, &mut value, other);
    }
    let value = match rng.random_range(0..20) {
        0 => None,
        1 => Some(noise(&mut rng, 2_000)),
        2 => Some(vec![b'['; 100_000]),
        _ => Some(value),
    };
    let key = match rng.random_range(0..10) {
        0 => None,
        1 => Some(noise(&mut rng, 40)),
        _ => Some(vin(rng.random_range(0..6)).as_str().into()),
    };
    let names = ["reason", "origin-offset", "origin-topic", "x", ""];
    let header = |rng: &mut SmallRng| (names[rng.random_range(0..names.len())].to_owned(), noise(rng, 20));
    let headers = (0..rng.random_range(0..3)).map(|_| header(&mut rng)).collect();
    Message { key, value, headers }
}

/// Where the dead letters of a topic are from; each stands there once.
fn places(letters: &[StoredDeadLetter], of: &str) -> BTreeMap<(i32, i64), String> {
    let mut places = BTreeMap::new();
    for letter in letters.iter().filter(|letter| letter.topic == of) {
        let before = places.insert((letter.partition, letter.record_offset), letter.reason.clone());
        assert_eq!(before, None, "twice: {letter:?}");
    }
    places
}

fn unreadable<T: DeserializeOwned>(records: &[Record]) -> BTreeSet<(i32, i64)> {
    let is_bad = |record: &&Record| serde_json::from_slice::<T>(record.value.as_deref().unwrap_or_default()).is_err();
    records.iter().filter(is_bad).map(|record| (record.partition, record.offset)).collect()
}

async fn all_letters(world: &World) -> Vec<StoredDeadLetter> {
    let mut letters: Vec<StoredDeadLetter> = Vec::new();
    loop {
        let page = dead_letters::page(world.store(), letters.last().map(|last| last.id), 1_000).await.unwrap();
        if page.is_empty() {
            return letters;
        }
        letters.extend(page);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_on_the_topics_what_is_sound_counts_and_the_rest_is_a_dead_letter_once() {
    let world = World::new(6).await;
    let role = world.role().await;
    let (ack_seeds, inventory_seeds) = (corpus("acks"), corpus("inventories"));
    let (triage, stop_triage) = triage::start(&world);
    let mut sound = world.installs(3..6).into_iter();
    let mut sent = Vec::new();
    for (index, case) in (0..CASES).enumerate() {
        sent.push(message(case, &ack_seeds));
        if index % SOUND_EVERY == 0 {
            sent.extend(sound.next().map(|ack| keyed(&ack.vin, serde_json::to_vec(&ack).unwrap())));
        }
    }
    assert_eq!(sound.next(), None, "all of them are among the cases");
    world.producer.send_all(topic::ACKS, sent).await.unwrap();
    let inventories = (0..CASES / 2).map(|case| message(case, &inventory_seeds)).collect();
    world.producer.send_all(topic::INVENTORIES, inventories).await.unwrap();
    let garbage = (0..CASES / 10).map(|case| message(case, &ack_seeds)).collect();
    world.producer.send_all(topic::DEAD_LETTERS, garbage).await.unwrap();
    world.applied().await;

    // The last that was sent, and all before it.
    world.send(&[world.ack(3, 6, S::Installed)]).await;
    world.applied().await;
    let installed = world.states().await.into_iter().find(|(state, _)| state == "installed");
    assert!(installed.is_some_and(|(_, vehicles)| vehicles >= 3), "{:?}", world.states().await);
    let (acks, inventories) =
        (world.bus.read_topic(topic::ACKS).await.unwrap(), world.bus.read_topic(topic::INVENTORIES).await.unwrap());
    world.applied_of(&[topic::DEAD_LETTERS]).await;
    let letters = all_letters(&world).await;
    for (of, unreadable) in
        [(topic::ACKS, unreadable::<Ack>(&acks)), (topic::INVENTORIES, unreadable::<Inventory>(&inventories))]
    {
        let places = places(&letters, of);
        assert!(unreadable.len() > 120, "the cases of {of} are too sound: {}", unreadable.len());
        for place in unreadable {
            assert_eq!(places.get(&place).map(String::as_str), Some("unparsable"), "{of} {place:?}");
        }
    }
    world.assert_rebuilds().await;
    // Triage has read all of it, too.
    world.send(&[triage::failure(&world, 4, "after the storm")]).await;
    let label = (world.vehicles[4], "after the storm".to_owned());
    eventually("the last failure has its label", async || {
        testing::labels(world.store(), CAMPAIGN).await.unwrap().contains(&label)
    })
    .await;
    stop_triage.cancel();
    triage.await.unwrap().unwrap();
    assert!(role.get("/readyz").await.starts_with("HTTP/1.1 200"));
    role.stop().await;
}
