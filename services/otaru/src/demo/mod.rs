//! The demo of `otaru up`: a fleet, releases of real firmware, a campaign and one that halts, all through the APIs
//! that everybody else uses.

pub mod api;
pub mod firmware;
pub mod fleet;
pub mod stage;
pub mod watch;

use std::sync::Arc;

use otaru_domain::clock;
use otaru_vehicle::fleet::Stats;
use tokio_util::sync::CancellationToken;

use self::api::Api;
use self::watch::Summary;

/// Where the roles are.
#[derive(Debug, Clone)]
pub struct Urls {
    pub campaign: String,
    pub gateway: String,
}

/// Sets the stage, plays the fleet and follows the campaign to its end; `None` when stopped before. The fleet goes on
/// in the background until `stop`.
pub async fn run(
    urls: &Urls,
    admin_token: &str,
    fleet_size: usize,
    seed: u64,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Summary>> {
    let api = Api::new(&urls.campaign, admin_token)?;
    println!(
        "Demo: {fleet_size} simulated vehicles of three models, a release of real firmware in three waves,\nand beside it a release for the head unit that does not work."
    );
    let stage = tokio::select! {
        stage = stage::set(&api, fleet_size, clock::now()) => stage?,
        () = stop.cancelled() => return Ok(None),
    };
    let config = fleet::config(&urls.gateway, &stage, seed)?;
    let stats = Arc::new(Stats::default());
    let mut fleet = tokio::spawn(otaru_vehicle::fleet::run(config, stats.clone(), stop.clone()));
    tokio::select! {
        summary = watch::until_ended(&api, stage.campaign, stage.faulty_campaign, stop) => {
            let seen = stats.snapshot();
            println!(
                "\n{} of {fleet_size} vehicles go on- and offline; they went offline {} times. {} polls, {} reports, \
                 {} requests failed.",
                seen.roaming, seen.went_offline, seen.polls, seen.acks_sent, seen.errors
            );
            summary
        }
        ended = &mut fleet => {
            ended??;
            Ok(None)
        }
    }
}
