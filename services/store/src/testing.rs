//! For tests: a database of their own on a real Postgres, and the rows that a test needs but some other
//! part writes in earnest. Behind the feature `testing`, so that no role can reach it.

mod disk;
mod encryption;
pub mod load;
mod signing;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::id::{CampaignId, ReleaseId, VehicleId};
use otaru_domain::rollout::Policy;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};
use uuid::Uuid;

use crate::objects::Digests;
use crate::{Config, Store, StoreError, artifacts};

pub use disk::SmallDisk;
pub use encryption::{break_encryption_off, end_pause_of_encryption};
pub use signing::{ack_key, revoke_credential, set_ack_signatures, set_signatures};

/// A migrated database of its own, dropped with this.
pub struct TestDatabase {
    store: Store,
    url: String,
    server: PgConnectOptions,
    name: String,
}

impl TestDatabase {
    /// Creates it on the server that the environment's `DATABASE_URL` names.
    ///
    /// # Panics
    /// When there is no such server: the test cannot go on.
    #[expect(clippy::expect_used, reason = "a test without its database cannot go on")]
    pub async fn create() -> Self {
        let server_url = std::env::var("DATABASE_URL").expect("set DATABASE_URL to a Postgres that tests may use");
        let server: PgConnectOptions = server_url.parse().expect("DATABASE_URL must be a postgres:// URL");
        let name = format!("otaru_test_{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::connect_with(&server).await.expect("Postgres at DATABASE_URL is away");
        connection
            .execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .await
            .expect("the user of DATABASE_URL may not create databases");
        let mut url = url::Url::parse(&server_url).expect("DATABASE_URL must be a URL");
        url.set_path(&name);
        let store = Store::open(&Config { url: url.to_string(), max_connections: 5, schema: None }).expect("a store");
        store.migrate().await.expect("the migrations apply");
        Self { store, url: url.into(), server, name }
    }

    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// For a role under test, which opens its own pool.
    #[must_use]
    pub fn config(&self) -> Config {
        Config { url: self.url.clone(), max_connections: 5, schema: None }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A test's runtime may be ending, so this brings its own.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect_with(&server).await.ok()?;
                let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                connection.execute(sqlx::AssertSqlSafe(drop)).await.ok()
            })
        });
        drop(dropping.join());
    }
}

/// A vehicle model.
///
/// # Errors
/// [`StoreError`].
pub async fn model(store: &Store, id: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO models (id, name, created_at, created_by) VALUES ($1, $1, $2, 'test')")
        .bind(id)
        .bind(now)
        .execute(store.pool())
        .await?;
    Ok(())
}

/// A vehicle of a model.
///
/// # Errors
/// [`StoreError`].
pub async fn vehicle(store: &Store, vin: &str, model: &str, now: DateTime<Utc>) -> Result<VehicleId, StoreError> {
    let insert = "INSERT INTO vehicles (vin, model_id, created_at, updated_at) VALUES ($1, $2, $3, $3) RETURNING id";
    Ok(sqlx::query_scalar(insert).bind(vin).bind(model).bind(now).fetch_one(store.pool()).await?)
}

/// Notes that a vehicle has joined a wave after its others were told.
///
/// # Errors
/// [`StoreError`].
pub async fn joined(
    store: &Store,
    vehicle: VehicleId,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO join_notices (campaign_id, vehicle_id, joined_at) VALUES ($1, $2, $3)")
        .bind(campaign)
        .bind(vehicle)
        .bind(now)
        .execute(store.pool())
        .await?;
    Ok(())
}

/// Takes a vehicle out of the fleet.
///
/// # Errors
/// [`StoreError`].
pub async fn retire_vehicle(store: &Store, vehicle: VehicleId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query("UPDATE vehicles SET retired_at = $2 WHERE id = $1")
        .bind(vehicle)
        .bind(now)
        .execute(store.pool())
        .await?;
    Ok(())
}

/// A locked release without images.
///
/// # Errors
/// [`StoreError`].
pub async fn release(store: &Store, version: &str, now: DateTime<Utc>) -> Result<ReleaseId, StoreError> {
    let insert = "INSERT INTO releases (name, version, state, release_counter, created_at, created_by, locked_at)
                  VALUES ('test', $1, 'locked', nextval('release_counters'), $2, 'test', $2) RETURNING id";
    Ok(sqlx::query_scalar(insert).bind(version).bind(now).fetch_one(store.pool()).await?)
}

/// An image of a release, with its file and the model's ECU for it.
///
/// # Errors
/// [`StoreError`].
pub async fn image(
    store: &Store,
    release: ReleaseId,
    model: &str,
    (hardware_id, target_name, file_name): (&str, &str, &str),
    digests: &Digests,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    sqlx::query("INSERT INTO model_hardware VALUES ($1, $2, $2) ON CONFLICT DO NOTHING")
        .bind(model)
        .bind(hardware_id)
        .execute(&mut *tx)
        .await?;
    artifacts::create(&mut tx, digests, file_name, "test", now).await?;
    sqlx::query("INSERT INTO release_images VALUES ($1, $2, $3, '2.3.0', $4)")
        .bind(release)
        .bind(hardware_id)
        .bind(digests.sha256.as_str())
        .bind(target_name)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// A draft of a campaign for all vehicles, due in a day.
///
/// # Errors
/// [`StoreError`].
pub async fn campaign(
    store: &Store,
    release: ReleaseId,
    salt: &str,
    now: DateTime<Utc>,
) -> Result<CampaignId, StoreError> {
    let insert = "INSERT INTO campaigns (name, release_id, target, state, state_by, state_at, deadline, salt, created_at, created_by)
                  VALUES ('test', $1, 'true', 'draft', 'test', $2, $3, $4, $2, 'test') RETURNING id";
    let deadline = now + TimeDelta::days(1);
    Ok(sqlx::query_scalar(insert).bind(release).bind(now).bind(deadline).bind(salt).fetch_one(store.pool()).await?)
}

/// Sets a campaign's state, whatever it was.
///
/// # Errors
/// [`StoreError`].
pub async fn set_campaign_state(store: &Store, campaign: CampaignId, state: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE campaigns SET state = $2 WHERE id = $1")
        .bind(campaign)
        .bind(state)
        .execute(store.pool())
        .await?;
    Ok(())
}

/// Sets a campaign's policy, whatever it was.
///
/// # Errors
/// [`StoreError`].
pub async fn set_policy(store: &Store, campaign: CampaignId, policy: &Policy) -> Result<(), StoreError> {
    sqlx::query("UPDATE campaigns SET policy = $2 WHERE id = $1")
        .bind(campaign)
        .bind(sqlx::types::Json(policy))
        .execute(store.pool())
        .await?;
    Ok(())
}

/// Marks a campaign as being swept towards its end.
///
/// # Errors
/// [`StoreError`].
pub async fn set_campaign_closing(store: &Store, campaign: CampaignId, closing: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE campaigns SET closing = $2 WHERE id = $1")
        .bind(campaign)
        .bind(closing)
        .execute(store.pool())
        .await?;
    Ok(())
}

/// Assigns a vehicle and counts it, as the opening of its wave does.
///
/// # Errors
/// [`StoreError`].
pub async fn assign(
    store: &Store,
    vehicle: VehicleId,
    campaign: CampaignId,
    wave: i32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO assignments (vehicle_id, campaign_id, wave, assigned_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(vehicle)
    .bind(campaign)
    .bind(wave)
    .bind(now)
    .execute(store.pool())
    .await?;
    sqlx::query(
        "INSERT INTO assignment_counters AS c (campaign_id, wave, state, partition, vehicles)
         VALUES ($1, $2, 'assigned', -1, 1)
         ON CONFLICT (campaign_id, wave, state, partition) DO UPDATE SET vehicles = c.vehicles + 1",
    )
    .bind(campaign)
    .bind(wave)
    .execute(store.pool())
    .await?;
    Ok(())
}

/// A campaign's assignments by state, recounted.
///
/// # Errors
/// [`StoreError`].
pub async fn states(store: &Store, campaign: CampaignId) -> Result<Vec<(String, i64)>, StoreError> {
    let count = "SELECT state, count(*) FROM assignments WHERE campaign_id = $1 GROUP BY state ORDER BY state";
    Ok(sqlx::query_as(count).bind(campaign).fetch_all(store.pool()).await?)
}

/// Sets where an assignment stands, whatever it was.
///
/// # Errors
/// [`StoreError`].
pub async fn set_assignment(
    store: &Store,
    vehicle: VehicleId,
    campaign: CampaignId,
    attempt: i32,
    state: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE assignments SET attempt = $3, state = $4 WHERE vehicle_id = $1 AND campaign_id = $2")
        .bind(vehicle)
        .bind(campaign)
        .bind(attempt)
        .bind(state)
        .execute(store.pool())
        .await?;
    Ok(())
}

/// Lets offers be made, as an engine that leads and a vehicle-state that keeps up do.
///
/// # Errors
/// [`StoreError`].
pub async fn lead_and_keep_up(store: &Store) -> Result<(), StoreError> {
    sqlx::raw_sql(
        "INSERT INTO leadership (name, epoch, holder, expires_at)
         VALUES ('engine', 1, gen_random_uuid(), now() + interval '1 day')
         ON CONFLICT (name) DO UPDATE SET expires_at = EXCLUDED.expires_at;
         INSERT INTO consumer_offsets (consumer, topic, partition, next_offset, epoch, applied_at, seen_at)
         VALUES ('acks', 'otaru.acks', 0, 0, 1, now(), now() + interval '1 day')
         ON CONFLICT (consumer, topic, partition) DO UPDATE SET seen_at = EXCLUDED.seen_at, behind_since = NULL,
                                                               high_offset = 0, next_offset = 0;",
    )
    .execute(store.pool())
    .await?;
    Ok(())
}

/// The label of each failed attempt of a campaign, as vehicle and template, by vehicle.
///
/// # Errors
/// [`StoreError`].
pub async fn labels(store: &Store, campaign: CampaignId) -> Result<Vec<(VehicleId, String)>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT l.vehicle_id, t.template FROM triage_labels l JOIN triage_templates t ON t.id = l.template_id
          WHERE l.campaign_id = $1 ORDER BY l.vehicle_id, l.attempt",
    )
    .bind(campaign)
    .fetch_all(store.pool())
    .await?)
}
