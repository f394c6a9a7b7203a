//! The schema as a reader of the database finds it.

use sqlx::PgPool;

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn every_table_and_column_says_what_it_is(pool: PgPool) {
    let columns: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "SELECT c.relname, coalesce(a.attname, ''), col_description(c.oid, coalesce(a.attnum, 0))
           FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
           LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          WHERE c.relkind IN ('r', 'p') AND c.relname <> '_sqlx_migrations'
          UNION ALL
         SELECT c.relname, '', obj_description(c.oid, 'pg_class')
           FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
          WHERE c.relkind IN ('r', 'p') AND c.relname <> '_sqlx_migrations'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(columns.len() > 150, "only {} tables and columns were found", columns.len());
    let silent: Vec<_> = columns.iter().filter(|(_, _, comment)| comment.is_none()).collect();
    assert!(silent.is_empty(), "without a comment: {silent:?}");
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn migrating_again_changes_nothing(pool: PgPool) {
    let store = otaru_store::Store::from_pool(pool);
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
}
