//! While a campaign runs, every role is killed again and again, also in the middle of transactions: the campaign
//! completes, every acknowledgement that was answered 202 is in the history once, and the counters are right.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use otaru::demo::api::Api;
use otaru::demo::{fleet, stage};
use otaru_domain::clock;
use otaru_vehicle::fleet::Stats;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::database;

const VEHICLES: usize = 2_000;
const KILLS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn roles_killed_ten_times_each_lose_nothing_and_count_nothing_twice() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(None).await?;
    let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
    let stage = stage::set(&api, VEHICLES, clock::now()).await?;

    let accepted = cluster.dir.path().join("accepted.ndjson");
    let mut config = fleet::config(&cluster.url(Role::Gateway), &stage, 7)?;
    config.accepted_acks = Some(accepted.clone());
    // Slow enough that the campaign outlives the kills.
    config.behaviour.step_delay_mean = Duration::from_secs(6);
    config.behaviour.duplicate_ratio = 0.2;
    let stats = Arc::new(Stats::default());
    let stop = CancellationToken::new();
    let fleet = tokio::spawn(otaru_vehicle::fleet::run(config, stats.clone(), stop.clone()));

    let mut rng = SmallRng::seed_from_u64(1);
    for _ in 0..KILLS {
        for role in Role::ALL {
            // The moment of the kill is what is random here; nothing is waited for.
            tokio::time::sleep(Duration::from_millis(rng.random_range(200..3_000))).await;
            cluster.kill(role).await?;
            cluster.start_role(role).await?;
        }
    }
    for role in Role::ALL {
        cluster.wait_ready(role).await?;
    }

    let campaign = stage.campaign;
    let api_ref = &api;
    let progress = eventually("the campaign to complete", Duration::from_secs(400), || async move {
        let progress = api_ref.get(&format!("/campaigns/{campaign}/progress?recount=true")).await?;
        Ok((progress["state"] == "completed").then_some(progress))
    })
    .await?;
    stop.cancel();
    fleet.await??;

    assert_eq!(progress["counters"], progress["recount"]["counters"]);
    let total: u64 = progress["counters"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    assert_eq!(total, VEHICLES as u64);
    database::counters_equal_recount(&cluster.database_url, campaign).await?;

    let text = std::fs::read_to_string(&accepted)?;
    let answered: BTreeSet<String> = text
        .lines()
        .map(|line| Ok(serde_json::from_str::<Value>(line)?["id"].as_str().unwrap_or_default().to_owned()))
        .collect::<anyhow::Result<_>>()?;
    ensure!(answered.len() > VEHICLES * 4, "only {} acknowledgements were answered 202", answered.len());
    let (url, answered) = (cluster.database_url.as_str(), &answered);
    // The last of them may still be on their way to Postgres.
    eventually("every acknowledgement in the history", Duration::from_secs(60), || async move {
        let rows = database::query(url, "SELECT ack_id FROM ack_history").await?;
        let history: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
        ensure!(history.len() == rows.len(), "an acknowledgement is in the history twice");
        let missing = answered.iter().filter(|id| !history.contains(id.as_str())).count();
        ensure!(missing == 0, "{missing} acknowledgements were answered 202 and are not in the history");
        Ok(Some(()))
    })
    .await?;
    let dead = database::query(url, "SELECT reason, count(*) FROM dead_letters GROUP BY 1").await?;
    ensure!(dead.is_empty(), "dead letters: {dead:?}");
    let rebuilt = cluster.rebuild_and_verify().await?;
    assert_eq!(rebuilt["assignments"], VEHICLES);
    assert_eq!(rebuilt["differences"], 0);
    cluster.stop().await
}
