//! The audit log on a real Postgres: nobody changes it by the way, and who does by force is found out.

use std::collections::BTreeMap;

use otaru_domain::audit::Break;
use otaru_domain::clock;
use otaru_domain::event::EventKind;
use otaru_store::{Store, audit, events};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};

async fn log(pool: &PgPool) -> Store {
    let store = Store::from_pool(pool.clone());
    for campaign in 1..=5 {
        let mut tx = store.begin().await.unwrap();
        let details = json!({"reason": "as agreed", "share": 0.1});
        events::record_with(&mut tx, "ada", EventKind::CampaignCreated { campaign }, details, clock::now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    store
}

async fn verified(store: &Store) -> Option<Break> {
    audit::verify(store, BTreeMap::new()).await.unwrap().broken
}

/// As somebody who owns the tables and means it.
async fn by_force(pool: &PgPool, sql: &str) {
    let forced = format!(
        "ALTER TABLE audit_log DISABLE TRIGGER ALL; ALTER TABLE audit_head DISABLE TRIGGER ALL; {sql};
         ALTER TABLE audit_log ENABLE TRIGGER ALL; ALTER TABLE audit_head ENABLE TRIGGER ALL"
    );
    sqlx::raw_sql(AssertSqlSafe(forced)).execute(pool).await.unwrap();
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn what_is_recorded_holds_and_an_empty_log_does(pool: PgPool) {
    assert_eq!(verified(&Store::from_pool(pool.clone())).await, None);
    let store = log(&pool).await;
    let all = audit::verify(&store, BTreeMap::new()).await.unwrap();
    assert_eq!((all.last, all.broken), (5, None));
    let head = audit::head(&store).await.unwrap();
    assert_eq!((head.id, head.digest), (5, all.digest));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn the_database_refuses_every_change_but_the_next_entry(pool: PgPool) {
    let store = log(&pool).await;
    for sql in [
        "UPDATE audit_log SET actor = 'eve' WHERE id = 3",
        "DELETE FROM audit_log WHERE id = 5",
        "TRUNCATE audit_log",
        "UPDATE audit_head SET id = 4",
        "UPDATE audit_head SET digest = decode(repeat('00', 32), 'hex')",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "INSERT INTO audit_head (single, id, digest) VALUES (true, 9, decode(repeat('00', 32), 'hex'))",
    ] {
        let error = sqlx::query(sql).execute(&pool).await.unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
    assert_eq!(verified(&store).await, None);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn tampering_with_any_field_is_found(pool: PgPool) {
    let store = log(&pool).await;
    let changes = [
        "at = at + interval '1 microsecond'",
        "actor = 'eve'",
        "action = 'campaign_changed'",
        "object = 'campaign-9'",
        "details = '{\"campaign\":3}'",
        // The same to a reader of JSON, and another text.
        "details = replace(details::text, ':', ': ')::json",
        "digest = decode(repeat('00', 32), 'hex')",
    ];
    for change in changes {
        by_force(&pool, &format!("CREATE TABLE kept AS TABLE audit_log; UPDATE audit_log SET {change} WHERE id = 3"))
            .await;
        assert_eq!(verified(&store).await, Some(Break::Content(3)), "{change}");
        by_force(&pool, "DELETE FROM audit_log; INSERT INTO audit_log TABLE kept; DROP TABLE kept").await;
        assert_eq!(verified(&store).await, None);
    }
    by_force(&pool, "UPDATE audit_log SET previous = decode(repeat('00', 32), 'hex') WHERE id = 3").await;
    assert_eq!(verified(&store).await, Some(Break::Link(3)));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn entries_that_are_removed_moved_or_put_in_are_found(pool: PgPool) {
    let store = log(&pool).await;
    by_force(&pool, "CREATE TABLE kept AS TABLE audit_log").await;
    let restore = "DELETE FROM audit_log; INSERT INTO audit_log TABLE kept";
    let cases = [
        ("DELETE FROM audit_log WHERE id = 1", Break::Missing { expected: 1, found: 2 }),
        ("DELETE FROM audit_log WHERE id = 3", Break::Missing { expected: 3, found: 4 }),
        ("DELETE FROM audit_log WHERE id = 5", Break::Head { last: 4, head: 5 }),
        ("DELETE FROM audit_log", Break::Head { last: 0, head: 5 }),
        (
            "UPDATE audit_log SET id = 99 WHERE id = 2; UPDATE audit_log SET id = 2 WHERE id = 3;
             UPDATE audit_log SET id = 3 WHERE id = 99",
            Break::Link(2),
        ),
        (
            "INSERT INTO audit_log SELECT 6, at, actor, action, object, details, digest, digest FROM audit_log WHERE id = 5",
            Break::Content(6),
        ),
    ];
    for (sql, broken) in cases {
        by_force(&pool, sql).await;
        assert_eq!(verified(&store).await, Some(broken), "{sql}");
        by_force(&pool, restore).await;
    }
    assert_eq!(verified(&store).await, None);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn a_log_cut_off_with_its_head_is_found_by_what_was_kept_elsewhere(pool: PgPool) {
    let store = log(&pool).await;
    let head = audit::head(&store).await.unwrap();
    by_force(
        &pool,
        "DELETE FROM audit_log WHERE id = 5;
         UPDATE audit_head SET id = 4, digest = (SELECT digest FROM audit_log WHERE id = 4)",
    )
    .await;
    assert_eq!(verified(&store).await, None, "from inside nothing can be seen");
    let anchored = audit::verify(&store, BTreeMap::from([(head.id, head.digest)])).await.unwrap();
    assert_eq!(anchored.broken, Some(Break::AnchorMissing(5)));
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn what_is_rolled_back_was_never_done(pool: PgPool) {
    let store = log(&pool).await;
    let mut tx = store.begin().await.unwrap();
    audit::record(&mut tx, "ada", "token_issued", "token-1", &json!({}), clock::now()).await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    audit::record(&mut tx, "ada", "token_issued", "token-2", &json!({"text": "é\n\u{0}"}), clock::now()).await.unwrap();
    tx.commit().await.unwrap();
    let all = audit::verify(&store, BTreeMap::new()).await.unwrap();
    assert_eq!((all.last, all.broken), (6, None));
}
