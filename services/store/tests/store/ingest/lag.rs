//! How far the ingest is behind.

use otaru_domain::assignment::AssignmentState as S;
use otaru_store::StoreError;
use otaru_store::ingest::apply_acks;
use otaru_store::offsets::{self, Position};
use sqlx::PgPool;

use super::support::{Fleet, ack, after, arrived};

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn lag_is_told_in_messages_and_in_seconds_until_none_waits(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = fleet.claim(3).await;
    let lag = async |at: i64| {
        let all = offsets::lag(&fleet.store, after(at)).await.unwrap();
        assert_eq!(all.len(), 1);
        (all[0].messages, all[0].seconds)
    };
    assert_eq!(lag(5).await, (0, 0.0));
    offsets::observe(&fleet.store, &claim, 10, after(10)).await.unwrap();
    assert_eq!(lag(40).await, (10, 30.0));
    // Seen again: it waits since it was first seen.
    offsets::observe(&fleet.store, &claim, 11, after(50)).await.unwrap();
    assert_eq!(lag(70).await, (11, 60.0));
    let mut apply = async |next_offset: i64, now: i64| {
        let batch = arrived(claim.next_offset, &[ack(0, 1, 1, 1, S::Accepted)]);
        let to = Position { next_offset, high_offset: 11, last_at: after(60) };
        let mut tx = fleet.store.begin().await.unwrap();
        apply_acks(&mut tx, &claim, to, &batch, after(now)).await.unwrap();
        tx.commit().await.unwrap();
        claim.next_offset = next_offset;
    };
    apply(4, 80).await;
    assert_eq!(lag(90).await, (7, 30.0));
    apply(11, 95).await;
    assert_eq!(lag(300).await, (0, 0.0));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_topic_that_begins_anew_is_read_from_its_beginning_by_its_owner_alone(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = fleet.claim(0).await;
    fleet.apply(&mut claim, &[ack(0, 1, 1, 1, S::Accepted), ack(0, 1, 1, 2, S::Downloading)]).await;
    let mut newer = fleet.claim(0).await;
    assert!(matches!(offsets::reset(&fleet.store, &mut claim, 0, after(1)).await, Err(StoreError::Fenced(_))));
    assert!(matches!(offsets::observe(&fleet.store, &claim, 9, after(1)).await, Err(StoreError::Fenced(_))));
    offsets::reset(&fleet.store, &mut newer, 0, after(1)).await.unwrap();
    let again = fleet.apply(&mut newer, &[ack(0, 1, 1, 1, S::Accepted)]).await;
    assert_eq!((again.applied, again.unchanged), (0, 1));
}
