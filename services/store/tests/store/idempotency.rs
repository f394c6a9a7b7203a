//! A creating call with a key happens once, whatever is repeated, given up or forgotten.

use chrono::TimeDelta;
use otaru_domain::clock;
use otaru_store::Store;
use otaru_store::idempotency::{Call, LIFE, Reservation, complete, prune, release, reserve};
use sqlx::PgPool;

fn call(request: u8) -> Call {
    Call { actor: "a".into(), key: "k".into(), request_sha256: vec![request] }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn the_same_call_is_done_once_and_answered_the_same(pool: PgPool) {
    let store = Store::from_pool(pool);
    let now = clock::now();
    assert_eq!(reserve(&store, &call(1), now).await.unwrap(), Reservation::Fresh);
    assert_eq!(reserve(&store, &call(1), now).await.unwrap(), Reservation::UnderWay);
    assert!(complete(&store, &call(1), now, 201, b"answer").await.unwrap());
    let done = Reservation::Done { status: 201, body: b"answer".to_vec() };
    assert_eq!(reserve(&store, &call(1), now).await.unwrap(), done);
    assert_eq!(reserve(&store, &call(2), now).await.unwrap(), Reservation::OtherRequest);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_call_that_never_ended_is_given_up_and_its_late_answer_not_kept(pool: PgPool) {
    let store = Store::from_pool(pool);
    let now = clock::now();
    let later = now + TimeDelta::minutes(2);
    assert_eq!(reserve(&store, &call(1), now).await.unwrap(), Reservation::Fresh);
    assert_eq!(reserve(&store, &call(2), later).await.unwrap(), Reservation::OtherRequest);
    assert_eq!(reserve(&store, &call(1), later).await.unwrap(), Reservation::Fresh);
    assert!(!complete(&store, &call(1), now, 201, b"late").await.unwrap());
    release(&store, &call(1), now).await.unwrap();
    assert_eq!(reserve(&store, &call(1), later).await.unwrap(), Reservation::UnderWay);
    release(&store, &call(1), later).await.unwrap();
    assert_eq!(reserve(&store, &call(1), later).await.unwrap(), Reservation::Fresh);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_key_is_forgotten_after_a_day(pool: PgPool) {
    let store = Store::from_pool(pool);
    let now = clock::now();
    reserve(&store, &call(1), now).await.unwrap();
    complete(&store, &call(1), now, 201, b"answer").await.unwrap();
    assert_eq!(prune(&store, now + LIFE - TimeDelta::seconds(1)).await.unwrap(), 0);
    assert_eq!(reserve(&store, &call(2), now + LIFE).await.unwrap(), Reservation::Fresh);
    assert_eq!(prune(&store, now + LIFE + LIFE).await.unwrap(), 1);
}
