//! While a campaign runs, every role is killed again and again, also in the middle of transactions: the campaign
//! completes, every acknowledgement that was answered 202 is in the history once, and the counters are right.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::cluster::{Cluster, Role};
use crate::journey::Journey;

const VEHICLES: usize = 2_000;
const KILLS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn roles_killed_ten_times_each_lose_nothing_and_count_nothing_twice() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(None).await?;
    // Slow enough that the campaign outlives the kills.
    let journey = Journey::begin(&cluster, VEHICLES, Duration::from_secs(6)).await?;
    let mut rng = SmallRng::seed_from_u64(1);
    for _ in 0..KILLS {
        for role in Role::ALL {
            // The moment of the kill is what is random here; nothing is waited for.
            tokio::time::sleep(Duration::from_millis(rng.random_range(200..3_000))).await;
            cluster.kill(role).await?;
            cluster.start_role(role).await?;
        }
    }
    cluster.wait_all_ready().await?;
    journey.end(&cluster).await?;
    cluster.stop().await
}
