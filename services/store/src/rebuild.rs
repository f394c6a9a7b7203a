//! A second set of the tables that follow from `otaru.acks`, in a schema of its own, to be filled from the
//! topic's beginning and held against the first.
//!
//! One short transaction copies what is expected, with the offsets up to which it was applied; the replay
//! goes exactly that far, so it does not matter that the ingest goes on meanwhile. Given are only who was
//! assigned when (that is the campaign service's) and which messages were put aside because of what the other
//! tables held at the time; everything else must come out again.

use chrono::{DateTime, Utc};
use otaru_domain::topic;
use sqlx::{AssertSqlSafe, FromRow};

use crate::{Config, Store, StoreError};

/// Tables beside the ones that are in use.
#[derive(Debug)]
pub struct Rebuild {
    store: Store,
    schema: String,
}

/// How far a partition was applied when the expected rows were copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Target {
    pub partition: i32,
    pub next_offset: i64,
}

/// A message that was put aside for a reason that lies outside the topic.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct PutAside {
    pub partition: i32,
    pub record_offset: i64,
    pub reason: String,
    pub detail: String,
}

/// A row that came out differently.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Difference {
    pub table_name: String,
    /// The row in use, as JSON; none when only the rebuild has it.
    pub expected: Option<String>,
    /// The row of the rebuild; none when it lacks it.
    pub rebuilt: Option<String>,
}

/// What a comparison saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub assignments: i64,
    pub counters: i64,
    pub history: i64,
    /// The first of each table.
    pub differences: Vec<Difference>,
}

impl Rebuild {
    /// Makes the schema `rebuild_<time>` and copies what is expected.
    ///
    /// # Errors
    /// [`StoreError`], as when the user of the database may not create schemas.
    pub async fn begin(config: &Config, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let schema = format!("rebuild_{}", now.timestamp_micros());
        let public = Store::open(config)?;
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(public.pool()).await?;
        let rebuild = Self { store: Store::open(&Config { schema: Some(schema.clone()), ..config.clone() })?, schema };
        if let Err(error) = rebuild.fill(now).await {
            drop(rebuild.drop_schema().await);
            return Err(error);
        }
        Ok(rebuild)
    }

    async fn fill(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        // What has no schema in front is created in this one: it is first in the search path.
        sqlx::raw_sql(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
             CREATE TABLE expected_assignments AS TABLE public.assignments;
             CREATE TABLE expected_failures AS TABLE public.assignment_failures;
             CREATE TABLE expected_history AS TABLE public.ack_history;
             CREATE TABLE expected_counters AS
                 SELECT campaign_id, wave, state, sum(vehicles)::bigint AS vehicles
                   FROM public.assignment_counters GROUP BY campaign_id, wave, state;
             CREATE TABLE expected_attempts AS
                 SELECT campaign_id, wave, state, sum(attempts)::bigint AS attempts
                   FROM public.attempt_counters GROUP BY campaign_id, wave, state;
             CREATE TABLE expected_healths AS
                 SELECT campaign_id, wave, health, sum(vehicles)::bigint AS vehicles
                   FROM public.health_counters GROUP BY campaign_id, wave, health;
             CREATE TABLE expected_offsets AS TABLE public.consumer_offsets;
             CREATE TABLE expected_letters AS TABLE public.dead_letters;
             CREATE TABLE assignments (LIKE public.assignments INCLUDING ALL);
             CREATE TABLE assignment_failures (LIKE public.assignment_failures INCLUDING ALL);
             CREATE TABLE ack_history (LIKE public.ack_history INCLUDING ALL);
             CREATE TABLE assignment_counters (LIKE public.assignment_counters INCLUDING ALL);
             CREATE TABLE attempt_counters (LIKE public.attempt_counters INCLUDING ALL);
             CREATE TABLE health_counters (LIKE public.health_counters INCLUDING ALL);
             CREATE TABLE consumer_offsets (LIKE public.consumer_offsets INCLUDING ALL);
             CREATE TABLE dead_letters (LIKE public.dead_letters INCLUDING ALL);
             CREATE TABLE vehicle_reports (LIKE public.vehicle_reports INCLUDING ALL);
             INSERT INTO assignments (vehicle_id, campaign_id, wave, assigned_at, updated_at)
                 SELECT vehicle_id, campaign_id, wave, assigned_at, assigned_at FROM expected_assignments;
             INSERT INTO assignment_counters (campaign_id, wave, state, partition, vehicles)
                 SELECT campaign_id, wave, 'assigned', -1, count(*) FROM expected_assignments GROUP BY campaign_id, wave;
             ANALYZE assignments;",
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        tracing::info!(schema = self.schema, at = %now, "copied what the topic must give again");
        Ok(())
    }

    /// The tables to apply messages to.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// How far each partition of `otaru.acks` is to be replayed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn targets(&self) -> Result<Vec<Target>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT partition, next_offset FROM expected_offsets WHERE consumer = 'acks' AND topic = $1 ORDER BY partition",
        )
        .bind(topic::ACKS)
        .fetch_all(self.store.pool())
        .await?)
    }

    /// The messages of `otaru.acks` that were put aside because their vehicle or assignment did not exist yet,
    /// or their row was broken. What the topic alone makes impossible is found out again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_aside(&self) -> Result<Vec<PutAside>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT partition, record_offset, reason, detail FROM expected_letters
              WHERE topic = $1 AND partition >= 0
                AND reason IN ('unknown_vehicle', 'unknown_assignment', 'signature', 'unappliable')",
        )
        .bind(topic::ACKS)
        .fetch_all(self.store.pool())
        .await?)
    }

    /// Holds every row and counter against what was expected.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn compare(&self) -> Result<Comparison, StoreError> {
        let pool = self.store.pool();
        let (assignments, counters, history) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM expected_assignments), (SELECT count(*) FROM expected_counters),
                    (SELECT count(*) FROM expected_history)",
        )
        .fetch_one(pool)
        .await?;
        let mut differences = Vec::new();
        for compare in COMPARISONS {
            let found: Vec<Difference> = sqlx::query_as(compare).fetch_all(pool).await?;
            differences.extend(found);
        }
        Ok(Comparison { assignments, counters, history, differences })
    }

    /// Removes the schema with all that is in it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_schema(&self) -> Result<(), StoreError> {
        let drop = format!("DROP SCHEMA {} CASCADE", self.schema);
        sqlx::query(AssertSqlSafe(drop)).execute(self.store.pool()).await?;
        Ok(())
    }
}

/// The sums over partitions of the counter `$table`, which counts `$what` per `$name`.
macro_rules! same_sums {
    ($table:literal, $expected:literal, $name:literal, $what:literal) => {
        concat!(
            "SELECT '",
            $table,
            "' AS table_name, to_jsonb(e)::text AS expected, to_jsonb(r)::text AS rebuilt FROM ",
            $expected,
            " e FULL JOIN (SELECT campaign_id, wave, ",
            $name,
            ", sum(",
            $what,
            ")::bigint AS ",
            $what,
            " FROM ",
            $table,
            " GROUP BY campaign_id, wave, ",
            $name,
            ") r ON r.campaign_id = e.campaign_id AND r.wave = e.wave AND r.",
            $name,
            " = e.",
            $name,
            " WHERE coalesce(e.",
            $what,
            ", 0) <> coalesce(r.",
            $what,
            ", 0) LIMIT 20"
        )
    };
}

/// Every column of every row of each table, the first twenty that differ.
const COMPARISONS: [&str; 7] = [
    "SELECT 'assignments' AS table_name, to_jsonb(e)::text AS expected, to_jsonb(r)::text AS rebuilt
       FROM expected_assignments e
       FULL JOIN assignments r ON r.vehicle_id = e.vehicle_id AND r.campaign_id = e.campaign_id
      WHERE to_jsonb(e) IS DISTINCT FROM to_jsonb(r) LIMIT 20",
    same_sums!("assignment_counters", "expected_counters", "state", "vehicles"),
    same_sums!("attempt_counters", "expected_attempts", "state", "attempts"),
    same_sums!("health_counters", "expected_healths", "health", "vehicles"),
    "SELECT 'assignment_failures' AS table_name, to_jsonb(e)::text AS expected, to_jsonb(r)::text AS rebuilt
       FROM expected_failures e
       FULL JOIN assignment_failures r
         ON r.campaign_id = e.campaign_id AND r.vehicle_id = e.vehicle_id AND r.attempt = e.attempt
      WHERE to_jsonb(e) IS DISTINCT FROM to_jsonb(r) LIMIT 20",
    // Whose signature was looked at must hold again; where nobody looked, it may hold now.
    "SELECT 'ack_history' AS table_name, to_jsonb(e)::text AS expected, to_jsonb(r)::text AS rebuilt
       FROM expected_history e FULL JOIN ack_history r ON r.vehicle_id = e.vehicle_id AND r.ack_id = e.ack_id
      WHERE to_jsonb(e) - 'signed_by' IS DISTINCT FROM to_jsonb(r) - 'signed_by'
         OR e.signed_by IS NOT NULL AND e.signed_by IS DISTINCT FROM r.signed_by LIMIT 20",
    "SELECT 'dead_letters' AS table_name, e.place::text AS expected, r.place::text AS rebuilt
       FROM (SELECT jsonb_build_object('partition', partition, 'offset', record_offset, 'reason', reason) AS place
               FROM expected_letters WHERE topic = 'otaru.acks' AND partition >= 0) e
       FULL JOIN (SELECT jsonb_build_object('partition', partition, 'offset', record_offset, 'reason', reason) AS place
                    FROM dead_letters) r ON r.place = e.place
      WHERE e.place IS NULL OR r.place IS NULL LIMIT 20",
];
