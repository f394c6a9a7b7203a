use otaru_domain::ack::ReportedState;
use otaru_domain::clock;
use otaru_domain::document::DocumentState;
use otaru_domain::id::ModelId;
use serde_json::json;

use crate::fleet::{Fleet, time};
use crate::world::World;

#[tokio::test]
async fn a_campaign_opens_wave_after_wave_and_completes_when_every_vehicle_has_ended() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 20).await;
    let id = fleet.create(&fleet.draft(&[(0.25, 0.6), (0.75, 1.0)])).await;
    let started = fleet.command(id, "start").await;
    assert_eq!((&started["state"], &started["members"]), (&json!("running"), &json!(20)));
    assert_eq!(started["allowed"], json!(["pause", "cancel"]));

    fleet.until_open(id, 1).await;
    let first = fleet.vins_of_wave(id, 1).await;
    assert_eq!(first.len(), 5);
    let document = fleet.until_published(id, "wave 1 is published", |document| document.waves[0].open).await;
    let model = ModelId::parse(&fleet.model).unwrap();
    assert_eq!((&document.model, document.state, document.waves[1].open), (&model, DocumentState::Running, false));
    assert_eq!(document.targets[0].version, "2.3.0");
    let allowed = |vin| document.allows(&model, vin, clock::now()).is_ok();
    assert!(fleet.vins.iter().all(|vin| allowed(vin) == first.contains(vin)), "rows and document say the same");

    fleet.report(id, &first[..2], 1, ReportedState::Installed).await;
    fleet.report(id, &first[2..3], 1, ReportedState::Failed).await;
    let waiting = fleet.campaign(id).await;
    assert_eq!(waiting["waiting_on"]["code"], "gate", "{waiting}");
    assert_eq!(waiting["waves"][0]["counters"], json!({"assigned": 2, "installed": 2, "failed": 1}));
    fleet.report(id, &first[3..], 1, ReportedState::Installed).await;
    fleet.until_open(id, 2).await;
    fleet.until_published(id, "wave 2 is published", |document| document.waves[1].open).await;
    let second = fleet.vins_of_wave(id, 2).await;
    assert_eq!(second.len(), 15);
    fleet.report(id, &second, 1, ReportedState::Installed).await;

    let completed = fleet.until_state(id, "completed").await;
    assert_eq!(completed["state_by"], "engine");
    assert_eq!(completed["allowed"], json!([]));
    fleet.until_published(id, "the end is published", |document| document.state == DocumentState::Ended).await;
    let progress = fleet.engineer.get(&format!("/campaigns/{id}/progress?recount=true")).await.is(200);
    assert_eq!(progress["counters"], json!({"installed": 19, "failed": 1}));
    assert_eq!(progress["counters"], progress["recount"]["counters"]);
    let kinds: Vec<_> = fleet.events(id).await.iter().map(|event| event["type"].clone()).collect();
    let told = ["campaign_created", "campaign_state_changed", "wave_opened", "wave_opened", "campaign_state_changed"];
    assert_eq!(json!(kinds), json!(told));
}

#[tokio::test]
async fn a_paused_campaign_says_so_to_vehicles_and_opens_no_wave_before_it_is_resumed() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 4).await;
    let id = fleet.create(&fleet.draft(&[(0.5, 1.0), (0.5, 1.0)])).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    let first = fleet.vins_of_wave(id, 1).await;
    let paused = fleet.command(id, "pause").await;
    assert_eq!((&paused["state"], &paused["state_reason"]), (&json!("paused"), &json!("test")));
    assert_eq!((&paused["allowed"], &paused["waiting_on"]["code"]), (&json!(["resume", "cancel"]), &json!("resume")));
    fleet.until_published(id, "the pause is published", |document| document.state == DocumentState::Paused).await;
    fleet.report(id, &first, 1, ReportedState::Installed).await;
    let resumed = fleet.command(id, "resume").await;
    let open = fleet.until_open(id, 2).await;
    assert!(time(&open["waves"][1]["opened_at"]) >= time(&resumed["state_at"]));
    let document = fleet.until_published(id, "wave 2 is published", |document| document.waves[1].open).await;
    assert_eq!(document.state, DocumentState::Running);
}

#[tokio::test]
async fn an_empty_wave_lets_the_next_one_open_at_once() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let id = fleet.create(&fleet.draft(&[(0.1, 0.0), (0.1, 1.0), (0.8, 1.0)])).await;
    fleet.command(id, "start").await;
    let campaign = fleet.until_open(id, 3).await;
    let sizes: Vec<_> = campaign["waves"].as_array().unwrap().iter().map(|wave| wave["size"].clone()).collect();
    assert_eq!(json!(sizes), json!([1, 0, 1]));
}

#[tokio::test]
async fn two_starts_at_once_start_it_once() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 10).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let (path, body) = (format!("/campaigns/{id}/start"), json!({}));
    let (one, other) = tokio::join!(fleet.engineer.post(&path, &body), fleet.engineer.post(&path, &body));
    let mut answers = [one.status.as_u16(), other.status.as_u16()];
    answers.sort_unstable();
    assert_eq!(answers, [200, 409]);
    assert_eq!(fleet.campaign(id).await["members"], 10);
    assert_eq!(fleet.events(id).await.iter().filter(|event| event["to"] == "running").count(), 1);
}

#[tokio::test]
async fn a_scheduled_campaign_says_why_it_cannot_start_and_starts_once_it_can() {
    let world = World::start().await;
    let mut fleet = Fleet::new(&world, 0).await;
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["start_at"] = json!(clock::now() + chrono::TimeDelta::seconds(3));
    let id = fleet.create(&draft).await;
    let scheduled = fleet.command(id, "start").await;
    assert_eq!((&scheduled["state"], &scheduled["waiting_on"]["code"]), (&json!("scheduled"), &json!("start_time")));
    let refused = fleet
        .until(id, "it says why", |campaign| {
            campaign["state_reason"].as_str().unwrap_or_default().starts_with("cannot")
        })
        .await;
    assert!(refused["state_reason"].as_str().unwrap().contains("matches no vehicle"), "{refused}");
    assert_eq!(refused["state"], "scheduled");
    fleet.grow(3).await;
    let running = fleet.until_state(id, "running").await;
    assert_eq!((&running["members"], &running["state_by"]), (&json!(3), &json!("engine")));
    assert!(time(&running["started_at"]) >= time(&draft["start_at"]));
}
