//! A fleet with assignments, and the means to send it messages and to see what became of them.

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::Vin;
use otaru_domain::topic;
use otaru_store::ingest::{Applied, Arrived, apply_acks};
use otaru_store::offsets::{self, Claim, Position};
use otaru_store::{Store, StoreError};
use sqlx::postgres::{PgPool, PgPoolOptions};
use uuid::Uuid;

/// When the campaigns of these tests were started.
pub fn start() -> DateTime<Utc> {
    "2026-03-01T08:00:00Z".parse().unwrap()
}

pub fn after(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

pub fn vin(number: usize) -> Vin {
    Vin::parse(&format!("WVWZZZ1KZ{number:08}")).unwrap()
}

/// A vehicle's report, taken `sequence` seconds after the start.
pub fn ack(vehicle: usize, campaign: i64, attempt: u32, sequence: u64, state: AssignmentState) -> Ack {
    let mut ack = by(Origin::Vehicle, vehicle, campaign, attempt, state, i64::try_from(sequence).unwrap());
    ack.id =
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{vehicle}/{campaign}/{attempt}/{sequence}/{state}").as_bytes());
    ack.sequence = sequence;
    ack
}

/// What a server says, `at` seconds after the start.
pub fn by(origin: Origin, vehicle: usize, campaign: i64, attempt: u32, state: AssignmentState, at: i64) -> Ack {
    Ack::by_server(origin, vin(vehicle), campaign, attempt, state, after(at))
}

/// Vehicles 0 to `vehicles`, each assigned in campaigns 1 to `campaigns`, in waves 1 and 2 by turns.
pub struct Fleet {
    pub store: Store,
    pub pool: PgPool,
    campaigns: i64,
}

impl Fleet {
    pub async fn new(pool: &PgPool, vehicles: usize, campaigns: i64) -> Self {
        // Nothing here is about a power cut.
        let options = (*pool.connect_options()).clone().options([("synchronous_commit", "off")]);
        let pool = PgPoolOptions::new().max_connections(4).connect_with(options).await.unwrap();
        sqlx::query("INSERT INTO models (id, name, created_at, created_by) VALUES ('harbour', 'Harbour', $1, 'test')")
            .bind(start())
            .execute(&pool)
            .await
            .unwrap();
        let vins: Vec<String> = (0..vehicles).map(|number| vin(number).to_string()).collect();
        sqlx::query(
            "INSERT INTO vehicles (vin, model_id, created_at, updated_at)
             SELECT vin, 'harbour', $2, $2 FROM unnest($1::text[]) AS u (vin)",
        )
        .bind(vins)
        .bind(start())
        .execute(&pool)
        .await
        .unwrap();
        let fleet = Self { store: Store::from_pool(pool.clone()), pool, campaigns };
        fleet.assign().await;
        fleet
    }

    async fn assign(&self) {
        sqlx::query(
            "INSERT INTO assignments (vehicle_id, campaign_id, wave, assigned_at, updated_at)
             SELECT v.id, c, 1 + v.id % 2, $2, $2 FROM vehicles v, generate_series(1, $1) AS c",
        )
        .bind(self.campaigns)
        .bind(start())
        .execute(&self.pool)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO assignment_counters (campaign_id, wave, state, partition, vehicles)
             SELECT campaign_id, wave, 'assigned', -1, count(*) FROM assignments GROUP BY campaign_id, wave",
        )
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Forgets all messages.
    pub async fn reset(&self) {
        sqlx::raw_sql(
            "DELETE FROM assignments; DELETE FROM assignment_counters; DELETE FROM assignment_failures;
             DELETE FROM ack_history; DELETE FROM vehicle_reports; DELETE FROM dead_letters; DELETE FROM consumer_offsets;",
        )
        .execute(&self.pool)
        .await
        .unwrap();
        self.assign().await;
    }

    pub async fn claim(&self, partition: i32) -> Claim {
        offsets::claim(&self.store, "acks", topic::ACKS, partition, start()).await.unwrap()
    }

    /// Applies a batch and commits it.
    pub async fn apply(&self, claim: &mut Claim, acks: &[Ack]) -> Applied {
        let arrived: Vec<Arrived<Ack>> = arrived(claim.next_offset, acks);
        self.try_apply(claim, &arrived).await.unwrap()
    }

    pub async fn try_apply(&self, claim: &mut Claim, arrived: &[Arrived<Ack>]) -> Result<Applied, StoreError> {
        let to = position(arrived);
        let mut tx = self.store.begin().await?;
        let applied = apply_acks(&mut tx, claim, to, arrived, after(3600)).await?;
        tx.commit().await?;
        claim.next_offset = to.next_offset;
        Ok(applied)
    }

    pub async fn vehicle_id(&self, number: usize) -> i64 {
        sqlx::query_scalar("SELECT id FROM vehicles WHERE vin = $1")
            .bind(vin(number).as_str())
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    pub async fn state(&self, vehicle: usize, campaign: i64) -> String {
        sqlx::query_scalar(
            "SELECT a.state FROM assignments a JOIN vehicles v ON v.id = a.vehicle_id WHERE v.vin = $1 AND campaign_id = $2",
        )
        .bind(vin(vehicle).as_str())
        .bind(campaign)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Everything that follows from the messages, whatever their order; when a row was last touched is not part
    /// of it, for that is the time of whichever report came last.
    pub async fn outcome(&self) -> Vec<String> {
        let rows = sqlx::query_scalar(
            "SELECT 'assignment ' || (to_jsonb(a) - 'updated_at')::text FROM assignments a
             UNION ALL SELECT 'failure ' || to_jsonb(f)::text FROM assignment_failures f
             UNION ALL SELECT 'history ' || to_jsonb(h)::text FROM ack_history h
             UNION ALL SELECT 'report ' || to_jsonb(r)::text FROM vehicle_reports r
             UNION ALL SELECT 'counter ' || to_jsonb(c)::text
               FROM (SELECT campaign_id, wave, state, sum(vehicles) AS vehicles FROM assignment_counters
                      GROUP BY campaign_id, wave, state HAVING sum(vehicles) <> 0) c
             ORDER BY 1",
        );
        rows.fetch_all(&self.pool).await.unwrap()
    }

    /// The counters equal a recount of the rows.
    pub async fn assert_recount(&self) {
        let wrong: Vec<String> = sqlx::query_scalar(
            "SELECT format('campaign %s wave %s %s: counted %s, rows %s', campaign_id, wave, state, c.vehicles, r.vehicles)
               FROM (SELECT campaign_id, wave, state, sum(vehicles) AS vehicles FROM assignment_counters
                      GROUP BY campaign_id, wave, state) c
               FULL JOIN (SELECT campaign_id, wave, state, count(*) AS vehicles FROM assignments
                           GROUP BY campaign_id, wave, state) r USING (campaign_id, wave, state)
              WHERE coalesce(c.vehicles, 0) <> coalesce(r.vehicles, 0)",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

/// Acks as a partition delivers them from `first` on.
pub fn arrived(first: i64, acks: &[Ack]) -> Vec<Arrived<Ack>> {
    (first..)
        .zip(acks)
        .map(|(offset, ack)| Arrived {
            offset,
            key: Some(ack.vin.as_str().into()),
            value: Some(serde_json::to_vec(ack).unwrap()),
            message: Ok(ack.clone()),
        })
        .collect()
}

pub fn position<T>(arrived: &[Arrived<T>]) -> Position {
    let next_offset = arrived.last().unwrap().offset + 1;
    Position { next_offset, high_offset: next_offset, last_at: start() }
}
