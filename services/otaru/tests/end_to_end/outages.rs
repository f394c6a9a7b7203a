//! The broker or Postgres is away: at the start, or in the middle of a campaign. Roles wait, say what for, and go on
//! by themselves when it is back; nothing that was promised is lost.

use std::time::Duration;

use anyhow::ensure;
use otaru::demo::api::Api;
use serde_json::json;

use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::database;
use crate::journey::Journey;

const VEHICLES: usize = 300;
const STEP: Duration = Duration::from_secs(1);

/// What a role calls Postgres on `/readyz`.
fn database_of(role: Role) -> &'static str {
    if role == Role::Gateway {
        "token keys: the database cannot be reached"
    } else {
        "database: the database cannot be reached"
    }
}

const BROKER: &str = "broker: the broker at 127.0.0.1";

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_start_first_wait_for_broker_and_postgres_and_say_so() -> anyhow::Result<()> {
    let mut cluster = Cluster::lay_out()?;
    // Once, so that its address and password are known.
    cluster.start_postgres().await?;
    cluster.postgres.stop().await?;
    for role in Role::ALL {
        cluster.start_role(role).await?;
    }
    for role in Role::ALL {
        let both = |missing: &str| missing.contains(database_of(role)) && missing.contains(BROKER);
        cluster.wait_missing(role, "that both are away", both).await?;
        let log = cluster.log_of(role);
        ensure!(log.contains("the database cannot be reached") && log.contains("the broker at"), "{role:?}:\n{log}");
    }

    cluster.start_postgres().await?;
    for role in Role::ALL {
        let broker = |missing: &str| !missing.contains(database_of(role)) && missing.contains(BROKER);
        cluster.wait_missing(role, "that only the broker is away", broker).await?;
    }
    // What needs no broker works: the REST API answers, and the engine leads.
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    api.post("/tokens", &json!({"name": "ci", "role": "engineer"})).await?;
    let url = cluster.database_url.clone();
    eventually("the engine to lead", Duration::from_secs(30), || async {
        let lease = "SELECT 1 FROM leadership WHERE name = 'engine' AND expires_at > clock_timestamp()";
        Ok((!database::query(&url, lease).await?.is_empty()).then_some(()))
    })
    .await?;

    cluster.broker.start().await?;
    cluster.wait_all_ready().await?;
    let journey = Journey::begin(&cluster, 30, Duration::from_millis(100)).await?;
    journey.end(&cluster).await?;
    cluster.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_completes_though_the_broker_is_killed_in_its_middle() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(None).await?;
    let journey = Journey::begin(&cluster, VEHICLES, STEP).await?;
    for installed in [5, 60] {
        journey.until_installed(installed).await?;
        cluster.broker.kill().await?;
        for role in [Role::Campaign, Role::VehicleState] {
            cluster.wait_missing(role, "that the broker is away", |missing| missing.contains(BROKER)).await?;
        }
        cluster.broker.start().await?;
        cluster.wait_all_ready().await?;
    }
    journey.end(&cluster).await?;
    cluster.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_completes_though_postgres_goes_away_in_its_middle() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(None).await?;
    let journey = Journey::begin(&cluster, VEHICLES, STEP).await?;
    journey.until_installed(5).await?;
    cluster.postgres.stop().await?;
    for role in [Role::Campaign, Role::VehicleState] {
        cluster.wait_missing(role, "that the database is away", |missing| missing.contains(database_of(role))).await?;
    }
    cluster.start_postgres().await?;
    cluster.wait_all_ready().await?;

    // Now without a goodbye, and what runs it brings it back.
    journey.until_installed(60).await?;
    cluster.postgres.crash().await?;
    journey.end(&cluster).await?;
    cluster.stop().await
}
