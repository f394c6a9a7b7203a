use otaru_domain::ack::Ack;
use otaru_domain::assignment::AssignmentState;
use otaru_store::testing;
use otaru_vehicle_state::run_triage;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{CAMPAIGN, World, eventually};

pub fn failure(world: &World, vehicle: usize, log: &str) -> Ack {
    Ack { log: Some(log.to_owned()), ..world.ack(vehicle, 1, AssignmentState::Failed) }
}

pub fn start(world: &World) -> (JoinHandle<anyhow::Result<()>>, CancellationToken) {
    let (database, bus, stop) = (world.database.config(), world.bus_config(), CancellationToken::new());
    let stopped = stop.clone();
    (tokio::spawn(async move { run_triage(&database, bus, stopped).await }), stop)
}

async fn until_labelled(world: &World, expected: &[(usize, &str)]) {
    let expected: Vec<_> =
        expected.iter().map(|(vehicle, template)| (world.vehicles[*vehicle], (*template).to_owned())).collect();
    eventually("the failures have their labels", async || {
        testing::labels(world.store(), CAMPAIGN).await.unwrap() == expected
    })
    .await;
}

#[tokio::test]
async fn failures_get_labels_without_vehicle_state_and_go_on_where_a_killed_process_was() {
    let world = World::new(6).await;
    let (task, _) = start(&world);
    world.send(&world.installs(4..6)).await;
    world.send(&[failure(&world, 0, "flash: sector 17 of bank A does not verify")]).await;
    until_labelled(&world, &[(0, "flash: sector <*> of bank A does not verify")]).await;
    task.abort();
    assert!(task.await.is_err());
    assert_eq!(world.states().await, [("assigned".to_owned(), 6)], "nobody but vehicle-state moves an assignment");

    world.send(&[failure(&world, 1, "erased\nflash: sector 4 of bank B does not verify\n")]).await;
    world.send(&[failure(&world, 2, "no space left on device mmc0")]).await;
    let (task, stop) = start(&world);
    let flash = "flash: sector <*> of bank <*> does not verify";
    until_labelled(&world, &[(0, flash), (1, flash), (2, "no space left on device <*>")]).await;
    stop.cancel();
    task.await.unwrap().unwrap();

    // What triage reads or does not read is nothing that people wait for.
    let role = world.role().await;
    world.applied().await;
    let states = world.states().await;
    assert_eq!(states, [("assigned".to_owned(), 1), ("failed".to_owned(), 3), ("installed".to_owned(), 2)]);
    role.stop().await;
    world.assert_rebuilds().await;
}
