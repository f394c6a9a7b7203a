//! The crate `hawkbit`, a client that others wrote, through an update, a confirmation and a cancellation.

use hawkbit::ddi::{Client, ClientAuthorization, Execution, Finished, Mode, Type};
use otaru_domain::assignment::AssignmentState;
use serde_json::json;

use super::rig::{VIN, campaign};
use crate::world::{Gateway, Vehicle, World, eventually};

fn client(gateway: &Gateway, vehicle: &Vehicle) -> Client {
    let authorization = ClientAuthorization::TargetToken(vehicle.token.clone());
    let url = format!("http://{}", gateway.address);
    Client::new(&url, "DEFAULT", vehicle.vin.as_str(), authorization, None, None, None).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hawkbits_client_confirms_downloads_and_reports() {
    let world = World::start_with(|config| config.ddi.confirmation = true).await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let bytes: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
    campaign(&world, &mut model, &[&vehicle], &bytes).await;
    let client = client(&world.gateway, &vehicle);
    let reply = client.poll().await.unwrap();
    assert!((240..=360).contains(&reply.polling_sleep().unwrap().as_secs()));
    let request = reply.config_data_request().unwrap();
    let data = json!({"trim": "sport"});
    request.upload(Execution::Closed, Finished::Success, Some(Mode::Merge), data, vec![]).await.unwrap();
    assert!(reply.update().is_none());
    reply.confirmation_base().unwrap().confirm().await.unwrap();

    let update = eventually("the update is confirmed", async || client.poll().await.unwrap().update()).await;
    let update = update.fetch().await.unwrap();
    assert_eq!((update.download_type(), update.update_type()), (Type::Forced, Type::Forced));
    // It begins where an earlier try broke off.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("body.swu.part"), &bytes[..50_000]).unwrap();
    let files = update.download(folder.path()).await.unwrap();
    assert_eq!(std::fs::read(files[0].file()).unwrap(), bytes);
    let progress = json!({"cnt": 1, "of": 2});
    update.send_feedback_with_progress(Execution::Proceeding, Finished::None, progress, vec![]).await.unwrap();
    update.send_feedback(Execution::Closed, Finished::Success, vec!["done"]).await.unwrap();
    let states: Vec<_> = world.acks(&vehicle.vin).await.iter().map(|ack| ack["state"].clone()).collect();
    assert_eq!(states, ["offered", "accepted", "installing", "installed"]);
    assert!(client.poll().await.unwrap().update().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn hawkbits_client_stops_when_it_is_asked_to() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let (campaign, _) = campaign(&world, &mut model, &[&vehicle], b"image").await;
    let client = client(&world.gateway, &vehicle);
    let update = client.poll().await.unwrap().update().unwrap().fetch().await.unwrap();
    update.send_feedback(Execution::Proceeding, Finished::None, vec![]).await.unwrap();
    world.engine_says(&vehicle.vin, campaign, AssignmentState::Cancelled).await;
    let cancel = eventually("the cancellation", async || client.poll().await.unwrap().cancel_action()).await;
    assert_eq!(cancel.id().await.unwrap(), update.action_id());
    cancel.send_feedback(Execution::Closed, Finished::Success, vec![]).await.unwrap();
    let last = world.acks(&vehicle.vin).await.pop().unwrap();
    assert_eq!((&last["state"], &last["origin"]), (&json!("cancelled"), &json!("gateway")));
}
