//! The disk under the broker or under Postgres is full in the middle of a campaign: what cannot be written is not
//! promised, and when there is room again everything goes on by itself.

use std::time::Duration;

use otaru_store::testing::SmallDisk;

use crate::cluster::{Cluster, Role};
use crate::journey::Journey;

const VEHICLES: usize = 200;
const STEP: Duration = Duration::from_secs(1);
const PLACE_FOR_POSTGRES_MIB: u32 = 256;
const PLACE_FOR_BROKER_MIB: u32 = 64;
/// More than the waves before have vehicles: else the engine may be the first that cannot write, open no further wave, and
/// leave vehicle-state without anything to write.
const WITH_THE_LAST_WAVE_OPEN: u64 = 70;

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_completes_though_the_disk_of_postgres_was_full() -> anyhow::Result<()> {
    let Some(disk) = SmallDisk::mount(PLACE_FOR_POSTGRES_MIB)? else { return Ok(()) };
    let mut cluster = Cluster::lay_out()?;
    cluster.postgres.data_dir = disk.path().to_owned();
    let journey = under_way(&mut cluster, WITH_THE_LAST_WAVE_OPEN).await?;
    disk.fill()?;
    cluster.wait_missing(Role::VehicleState, "that it cannot write", |missing| !missing.is_empty()).await?;
    disk.make_room()?;
    journey.end(&cluster).await?;
    cluster.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_completes_though_the_disk_of_the_broker_was_full() -> anyhow::Result<()> {
    let Some(disk) = SmallDisk::mount(PLACE_FOR_BROKER_MIB)? else { return Ok(()) };
    let mut cluster = Cluster::lay_out()?;
    cluster.broker.data_dir = disk.path().to_owned();
    let journey = under_way(&mut cluster, 5).await?;
    disk.fill()?;
    cluster.wait_logged(Role::Gateway, "does not answer; trying on").await?;
    disk.make_room()?;
    journey.end(&cluster).await?;
    cluster.stop().await
}

/// Starts everything, and a campaign that is installed on so many vehicles.
async fn under_way(cluster: &mut Cluster, installed: u64) -> anyhow::Result<Journey> {
    cluster.start_postgres().await?;
    cluster.broker.start().await?;
    cluster.start_roles().await?;
    let journey = Journey::begin(cluster, VEHICLES, STEP).await?;
    journey.until_installed(installed).await?;
    Ok(journey)
}
