//! What becomes of single acknowledgements and batches.

use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState as S;
use otaru_domain::topic;
use otaru_store::ingest::{Applied, Rejected, UNPARSABLE, blames_a_record};
use otaru_store::{StoreError, dead_letters};
use sqlx::PgPool;

use super::support::{Fleet, ack, after, arrived, by};

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_late_duplicate_ack_changes_nothing(pool: PgPool) {
    let fleet = Fleet::new(&pool, 3, 1).await;
    let mut claim = fleet.claim(0).await;
    let steps = [S::Accepted, S::Downloading, S::Downloaded, S::Installing, S::Installed];
    let acks: Vec<Ack> = (1..).zip(steps).map(|(sequence, state)| ack(1, 1, 1, sequence, state)).collect();
    let applied = fleet.apply(&mut claim, &acks).await;
    assert_eq!((applied.applied, applied.unchanged), (5, 0));
    let expected = fleet.outcome().await;
    let mut late = ack(1, 1, 1, 2, S::Downloading);
    late.received_at = after(9000);
    let applied = fleet.apply(&mut claim, &[late, acks[0].clone(), acks[4].clone()]).await;
    assert_eq!((applied.applied, applied.unchanged, applied.dead.len()), (0, 3, 0));
    let now: Vec<String> = fleet.outcome().await;
    // That it was heard of again is all that is new.
    let without_reports =
        |rows: &[String]| rows.iter().filter(|row| !row.starts_with("report")).cloned().collect::<Vec<_>>();
    assert_eq!(without_reports(&expected), without_reports(&now));
    assert_eq!(fleet.state(1, 1).await, "installed");
    fleet.assert_recount().await;
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn an_impossible_ack_is_put_aside_with_its_reason_and_the_others_are_applied(pool: PgPool) {
    let fleet = Fleet::new(&pool, 2, 1).await;
    let mut claim = fleet.claim(4).await;
    let mut from_tomorrow = ack(0, 1, 1, 3, S::Installed);
    from_tomorrow.reported_at = Some(from_tomorrow.received_at + chrono::TimeDelta::hours(25));
    let acks = [
        ack(0, 1, 1, 1, S::Accepted),
        ack(77, 1, 1, 1, S::Accepted),
        ack(0, 2, 1, 1, S::Accepted),
        ack(0, 1, 2, 1, S::Accepted),
        by(Origin::Gateway, 0, 1, 1, S::Installed, 5),
        from_tomorrow,
        ack(0, 1, 1, 2, S::Downloading),
    ];
    let mut batch = arrived(claim.next_offset, &acks);
    batch[6].message = Err(Rejected { reason: UNPARSABLE, detail: "expected value, found \0".to_owned() });
    let applied = fleet.try_apply(&mut claim, &batch).await.unwrap();
    assert_eq!((applied.applied, applied.unchanged), (1, 0));
    let reasons = [
        (1, "unknown_vehicle"),
        (2, "unknown_assignment"),
        (3, "unknown_attempt"),
        (4, "not_theirs"),
        (5, "far_future"),
        (6, "unparsable"),
    ];
    let got: Vec<(i64, &str)> = applied.dead.iter().map(|letter| (letter.offset, letter.reason.as_str())).collect();
    assert_eq!(got, reasons);
    let kept = dead_letters::page(&fleet.store, None, 100).await.unwrap();
    let kept: Vec<(i64, &str)> = kept.iter().rev().map(|one| (one.record_offset, one.reason.as_str())).collect();
    assert_eq!(kept, reasons);
    assert_eq!(fleet.state(0, 1).await, "accepted");
    let in_history: i64 = sqlx::query_scalar("SELECT count(*) FROM ack_history").fetch_one(&fleet.pool).await.unwrap();
    assert_eq!(in_history, 1);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_dead_letter_keeps_its_message_and_can_be_marked_as_sent_again(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = fleet.claim(2).await;
    for offset in 0..3 {
        fleet.apply(&mut claim, &[ack(50, 1, 1, offset + 1, S::Accepted)]).await;
    }
    let first = dead_letters::page(&fleet.store, None, 2).await.unwrap();
    assert_eq!(first.iter().map(|one| one.record_offset).collect::<Vec<_>>(), [2, 1]);
    let second = dead_letters::page(&fleet.store, Some(first[1].id), 2).await.unwrap();
    let letter = dead_letters::get(&fleet.store, second[0].id).await.unwrap().unwrap();
    assert_eq!((letter.topic.as_str(), letter.partition, letter.record_offset), (topic::ACKS, 2, 0));
    let message: Ack = serde_json::from_slice(letter.value.as_deref().unwrap()).unwrap();
    assert_eq!(message, ack(50, 1, 1, 1, S::Accepted));
    assert_eq!(dead_letters::open_count(&fleet.store).await.unwrap(), 3);
    let mut tx = fleet.store.begin().await.unwrap();
    assert!(dead_letters::mark_replayed(&mut tx, letter.id, after(1)).await.unwrap());
    assert!(!dead_letters::mark_replayed(&mut tx, -5, after(1)).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(dead_letters::open_count(&fleet.store).await.unwrap(), 2);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn an_owner_that_was_fenced_changes_nothing(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut old = fleet.claim(0).await;
    let mut new = fleet.claim(0).await;
    assert_eq!(new.epoch, old.epoch + 1);
    let before = fleet.outcome().await;
    let batch = arrived(0, &[ack(0, 1, 1, 1, S::Accepted), ack(9, 1, 1, 1, S::Accepted)]);
    let refused = fleet.try_apply(&mut old, &batch).await;
    assert!(matches!(refused, Err(StoreError::Fenced(_))), "{refused:?}");
    assert_eq!(before, fleet.outcome().await);
    assert_eq!(dead_letters::open_count(&fleet.store).await.unwrap(), 0);
    fleet.try_apply(&mut new, &batch).await.unwrap();
    // Nor does the same owner apply a batch twice.
    new.next_offset = 0;
    assert!(matches!(fleet.try_apply(&mut new, &batch).await, Err(StoreError::Fenced(_))));
    assert_eq!(fleet.claim(0).await.next_offset, 2);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_transaction_that_does_not_commit_leaves_no_trace(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let claim = fleet.claim(0).await;
    let before = fleet.outcome().await;
    let batch = arrived(0, &[ack(0, 1, 1, 1, S::Installed), ack(9, 1, 1, 1, S::Accepted)]);
    let mut tx = fleet.store.begin().await.unwrap();
    let to = super::support::position(&batch);
    let applied: Applied = otaru_store::ingest::apply_acks(&mut tx, &claim, to, &batch, after(9)).await.unwrap();
    assert_eq!(applied.applied, 1);
    drop(tx);
    assert_eq!(before, fleet.outcome().await);
    assert_eq!(fleet.claim(0).await.next_offset, 0);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_nul_in_a_text_is_no_poison(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = fleet.claim(0).await;
    let mut failed = ack(0, 1, 1, 1, S::Failed);
    failed.error_code = Some("E\u{0}5".to_owned());
    failed.log = Some("before\0after".to_owned());
    assert_eq!(fleet.apply(&mut claim, &[failed]).await.applied, 1);
    let (code, log): (String, String) =
        sqlx::query_as("SELECT error_code, log FROM assignment_failures").fetch_one(&fleet.pool).await.unwrap();
    assert_eq!((code.as_str(), log.as_str()), ("E\u{fffd}5", "before\u{fffd}after"));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_message_that_postgres_refuses_is_to_blame_and_a_missing_table_is_not(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = fleet.claim(0).await;
    let mut ancient = ack(0, 1, 1, 1, S::Accepted);
    ancient.reported_at = Some("-200000-01-01T00:00:00Z".parse().unwrap());
    let error = fleet.try_apply(&mut claim, &arrived(0, &[ancient])).await.unwrap_err();
    assert!(blames_a_record(&error), "{error:?}");
    sqlx::query("UPDATE assignments SET state = 'parked'").execute(&fleet.pool).await.unwrap();
    let fine = arrived(0, &[ack(0, 1, 1, 1, S::Accepted)]);
    let error = fleet.try_apply(&mut claim, &fine).await.unwrap_err();
    assert!(matches!(error, StoreError::Inconsistent { table: "assignments", .. }), "{error:?}");
    assert!(blames_a_record(&error));
    sqlx::query("UPDATE assignments SET state = 'assigned'").execute(&fleet.pool).await.unwrap();
    sqlx::query("ALTER TABLE ack_history RENAME TO gone").execute(&fleet.pool).await.unwrap();
    let error = fleet.try_apply(&mut claim, &fine).await.unwrap_err();
    assert!(!blames_a_record(&error) && !error.is_transient(), "{error:?}");
}
