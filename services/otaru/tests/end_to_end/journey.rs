//! A campaign over a simulated fleet, from its start to its end, and what must be true then whatever went wrong on
//! the way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use otaru::demo::api::Api;
use otaru::demo::stage::Stage;
use otaru::demo::{fleet, stage};
use otaru_domain::clock;
use otaru_vehicle::fleet::Stats;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cluster::{ADMIN_TOKEN, Cluster, Role, eventually};
use crate::database;

/// How long a campaign may take.
const PATIENCE: Duration = Duration::from_secs(400);

/// A campaign under way.
pub struct Journey {
    pub api: Api,
    pub stage: Stage,
    accepted: PathBuf,
    stop: CancellationToken,
    fleet: JoinHandle<anyhow::Result<()>>,
}

impl Journey {
    /// Starts a campaign over `vehicles`, which take `step` on average from one report to the next.
    pub async fn begin(cluster: &Cluster, vehicles: usize, step: Duration) -> anyhow::Result<Self> {
        let api = Api::new(&cluster.url(Role::Campaign), ADMIN_TOKEN)?;
        let stage = stage::set(&api, vehicles, clock::now()).await?;
        let accepted = cluster.dir.path().join("accepted.ndjson");
        let mut config = fleet::config(&cluster.url(Role::Gateway), &stage, 7)?;
        config.accepted_acks = Some(accepted.clone());
        config.behaviour.step_delay_mean = step;
        config.behaviour.duplicate_ratio = 0.2;
        let stop = CancellationToken::new();
        let fleet = tokio::spawn(otaru_vehicle::fleet::run(config, Arc::new(Stats::default()), stop.clone()));
        Ok(Self { api, stage, accepted, stop, fleet })
    }

    async fn progress(&self) -> anyhow::Result<Value> {
        self.api.get(&format!("/campaigns/{}/progress?recount=true", self.stage.campaign)).await
    }

    /// Waits until so many vehicles have installed.
    pub async fn until_installed(&self, vehicles: u64) -> anyhow::Result<()> {
        eventually(&format!("{vehicles} vehicles to install"), PATIENCE, || async move {
            let installed = self.progress().await?["counters"]["installed"].as_u64().unwrap_or(0);
            Ok((installed >= vehicles).then_some(()))
        })
        .await
    }

    /// Waits for the campaign's end: every vehicle is at one, the counters equal the rows, each report that was
    /// answered 202 is in the history once, there are no dead letters, and a replay of the topic gives the same.
    pub async fn end(self, cluster: &Cluster) -> anyhow::Result<()> {
        let this = &self;
        let progress = eventually("the campaign to complete", PATIENCE, || async move {
            let progress = this.progress().await?;
            Ok((progress["state"] == "completed").then_some(progress))
        })
        .await?;
        self.stop.cancel();
        self.fleet.await??;
        let vehicles = self.stage.vehicles.len();
        assert_eq!(progress["counters"], progress["recount"]["counters"]);
        let total: u64 = progress["counters"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
        assert_eq!(total, vehicles as u64);
        database::counters_equal_recount(&cluster.database_url, self.stage.campaign).await?;

        let answered = answered(&self.accepted)?;
        ensure!(answered.len() > vehicles * 4, "only {} acknowledgements were answered 202", answered.len());
        all_in_history(&cluster.database_url, &answered).await?;
        let dead =
            database::query(&cluster.database_url, "SELECT reason, count(*) FROM dead_letters GROUP BY 1").await?;
        ensure!(dead.is_empty(), "dead letters: {dead:?}");
        let rebuilt = cluster.rebuild_and_verify().await?;
        // Those of the campaign beside it, too, which halts in its first wave.
        let beside = self.api.get(&format!("/campaigns/{}", self.stage.faulty_campaign)).await?;
        let counters = beside["counters"].as_object().into_iter().flatten();
        let others: u64 = counters.filter_map(|(_, vehicles)| vehicles.as_u64()).sum();
        database::counters_equal_recount(&cluster.database_url, self.stage.faulty_campaign).await?;
        assert_eq!(rebuilt["assignments"], total + others);
        assert_eq!(rebuilt["differences"], 0);
        Ok(())
    }
}

/// The ids of the reports that were answered 202.
fn answered(accepted: &Path) -> anyhow::Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(accepted)?;
    text.lines()
        .map(|line| Ok(serde_json::from_str::<Value>(line)?["id"].as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// The last of them may still be on their way to Postgres.
async fn all_in_history(url: &str, answered: &BTreeSet<String>) -> anyhow::Result<()> {
    eventually("every acknowledgement in the history", Duration::from_secs(60), || async move {
        let rows = database::query(url, "SELECT ack_id FROM ack_history").await?;
        let history: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
        ensure!(history.len() == rows.len(), "an acknowledgement is in the history twice");
        let missing = answered.iter().filter(|id| !history.contains(id.as_str())).count();
        ensure!(missing == 0, "{missing} acknowledgements were answered 202 and are not in the history");
        Ok(Some(()))
    })
    .await
}
