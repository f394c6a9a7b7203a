//! Every order of arrival ends in the same rows and counters.

use otaru_domain::ack::Ack;
use otaru_store::offsets::Claim;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::PgPool;

use super::history::{in_order, shuffled};
use super::support::Fleet;

/// Sends `acks` by partitions, in batches of random sizes.
async fn send(fleet: &Fleet, partitions: u8, acks: Vec<Ack>, max_batch: usize, rng: &mut StdRng) {
    let mut queues: Vec<Vec<Ack>> = vec![Vec::new(); usize::from(partitions)];
    for ack in acks {
        // Any function of the VIN will do: a vehicle's messages stay in one partition.
        let last = usize::from(ack.vin.as_str().as_bytes()[16]);
        queues[last % usize::from(partitions)].push(ack);
    }
    for (partition, queue) in (0..).zip(queues) {
        let mut claim: Claim = fleet.claim(partition).await;
        let mut rest = queue.as_slice();
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(rng.random_range(1..=max_batch).min(rest.len()));
            let applied = fleet.apply(&mut claim, batch).await;
            assert_eq!(applied.dead, Vec::new());
            rest = later;
        }
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_hundred_thousand_acks_shuffled_and_repeated_count_as_sent_once_in_order(pool: PgPool) {
    let fleet = Fleet::new(&pool, 13_000, 1).await;
    let acks = in_order(1, 13_000, 1);
    assert!(acks.len() >= 100_000, "{} acks", acks.len());
    let mut rng = StdRng::seed_from_u64(2);
    send(&fleet, 6, acks.clone(), 5_000, &mut rng).await;
    fleet.assert_recount().await;
    let expected = fleet.outcome().await;
    fleet.reset().await;
    let noisy = shuffled(3, &acks);
    assert_eq!(noisy.len(), acks.len() + acks.len() / 5);
    send(&fleet, 6, noisy, 5_000, &mut rng).await;
    fleet.assert_recount().await;
    // Not assert_eq: a hundred thousand rows help nobody.
    assert!(expected == fleet.outcome().await, "the shuffled history ended in other rows");
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn small_histories_of_a_thousand_seeds_end_the_same_in_any_order(pool: PgPool) {
    let fleet = Fleet::new(&pool, 2, 2).await;
    for seed in 0..1000 {
        let mut rng = StdRng::seed_from_u64(seed);
        let acks = in_order(seed, 2, 2);
        fleet.reset().await;
        send(&fleet, 1, acks.clone(), acks.len(), &mut rng).await;
        let expected = fleet.outcome().await;
        fleet.reset().await;
        send(&fleet, 2, shuffled(seed, &acks), 12, &mut rng).await;
        fleet.assert_recount().await;
        assert_eq!(expected, fleet.outcome().await, "seed {seed}");
    }
}
