//! A kill at any point costs time and nothing else. The agent runs in a runtime of its own, which is thrown away
//! when the gateway falls silent at one point after the other.

use std::sync::Arc;
use std::time::Duration;

use otaru_domain::ack::ReportedState;
use otaru_vehicle::agent::run;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::car::{Car, peer_with};
use crate::peer::{Peer, one_report_per_sequence};
use crate::repository::firmware;

/// Starts the agent, lets the gateway fall silent after so many points, and kills the agent there. False when
/// the agent ended before.
pub async fn killed_after(peer: &Arc<Peer>, car: &Car, points: u64) -> bool {
    peer.silence_after(Some(points));
    let runtime = Runtime::new().unwrap();
    let mut config = car.config.clone();
    config.once = true;
    let agent = runtime.spawn(run(config, CancellationToken::new()));
    let killed = tokio::select! {
        () = peer.until_silent() => true,
        ended = agent => {
            ended.unwrap().unwrap();
            false
        }
    };
    tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10))).await.unwrap();
    peer.silence_after(None);
    killed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_point_changes_nothing_but_the_time() {
    for points in 0.. {
        let peer = peer_with(None).await;
        let car = Car::new(&peer);
        let killed = killed_after(&peer, &car, points).await;
        car.run_once().await.unwrap();
        let world = peer.world();
        let reports = one_report_per_sequence(&world);
        assert_eq!(reports.last().unwrap().state, ReportedState::Installed, "killed at point {points}");
        assert_eq!(reports.len(), 8, "killed at point {points}: {:?}", world.states());
        assert_eq!(car.active().as_deref(), Some("a"), "installed once, killed at point {points}");
        assert_eq!(car.image("a", "BCM"), firmware(1, 300_000));
        if !killed {
            assert!(points > 30, "there are that many points in an update, not {points}");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_kills_in_a_row_change_nothing_either() {
    let peer = peer_with(None).await;
    let car = Car::new(&peer);
    let mut points = 3;
    while killed_after(&peer, &car, points).await {
        points += 1;
    }
    let world = peer.world();
    assert_eq!(one_report_per_sequence(&world).last().unwrap().state, ReportedState::Installed);
    assert_eq!(car.active().as_deref(), Some("a"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_download_goes_on_where_it_ended() {
    let peer = peer_with(None).await;
    let car = Car::new(&peer);
    for points in 0.. {
        assert!(killed_after(&peer, &car, points).await, "the agent was never killed within the download");
        let part = car.downloads().into_iter().find(|path| path.extension().is_some_and(|end| end == "part"));
        let length = part.map_or(0, |path| path.metadata().unwrap().len());
        if length > 0 {
            car.run_once().await.unwrap();
            assert_eq!(peer.world().ranges, [format!("bytes={length}-")]);
            assert_eq!(car.image("a", "BCM"), firmware(1, 300_000));
            return;
        }
    }
}
