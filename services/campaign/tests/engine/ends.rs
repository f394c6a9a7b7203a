use std::collections::BTreeSet;

use chrono::TimeDelta;
use otaru_domain::ack::ReportedState;
use otaru_domain::assignment::AssignmentState;
use otaru_domain::clock;
use otaru_domain::document::DocumentState;
use serde_json::json;

use crate::fleet::Fleet;
use crate::world::World;

#[tokio::test]
async fn at_the_deadline_what_is_left_times_out_vehicles_of_unopened_waves_included() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 12).await;
    let mut draft = fleet.draft(&[(0.5, 1.0), (0.5, 1.0)]);
    draft["deadline"] = json!(clock::now() + TimeDelta::seconds(8));
    let id = fleet.create(&draft).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    let first = fleet.vins_of_wave(id, 1).await;
    fleet.report(id, &first[..1], 1, ReportedState::Installed).await;
    fleet.report(id, &first[1..2], 1, ReportedState::Downloading).await;

    fleet.until_published(id, "the end is published", |document| document.state == DocumentState::Ended).await;
    let acks = fleet.withdrawals(11).await;
    assert!(acks.iter().all(|ack| ack.state == AssignmentState::TimedOut && ack.campaign == id && ack.attempt == 1));
    let withdrawn: BTreeSet<_> = acks.iter().map(|ack| ack.vin.clone()).collect();
    assert_eq!((withdrawn.len(), withdrawn.contains(&first[0])), (11, false));
    let closing = fleet.until(id, "it is swept", |campaign| campaign["waiting_on"]["code"] == "withdrawals").await;
    assert_eq!((&closing["state"], &closing["closing"]), (&json!("running"), &json!("timed_out")));
    assert_eq!(closing["allowed"], json!(["cancel"]));
    let late = fleet.engineer.post(&format!("/campaigns/{id}/pause"), &json!({})).await;
    late.problem(409, "campaign-closing");

    // It is over only when the withdrawals are applied.
    fleet.apply(acks).await;
    let completed = fleet.until_state(id, "completed").await;
    assert_eq!(completed["counters"], json!({"installed": 1, "timed_out": 11}));
    assert!(completed["waves"][1]["opened_at"].is_null());
    assert_eq!(fleet.assignments(id, "").await.len(), 12);
    let closing: Vec<_> =
        fleet.events(id).await.into_iter().filter(|event| event["type"] == "campaign_closing").collect();
    assert_eq!((closing.len(), &closing[0]["left"]), (1, &json!(11)));
}

#[tokio::test]
async fn a_cancelled_campaign_withdraws_what_is_left_and_what_vehicles_report_later_counts() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 6).await;
    let id = fleet.create(&fleet.draft(&[(0.5, 1.0), (0.5, 1.0)])).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    let first = fleet.vins_of_wave(id, 1).await;
    let cancelled = fleet.command(id, "cancel").await;
    assert_eq!((&cancelled["state"], &cancelled["closing"]), (&json!("cancelled"), &json!("cancelled")));
    fleet.until_published(id, "the end is published", |document| document.state == DocumentState::Ended).await;
    let acks = fleet.withdrawals(6).await;
    assert!(acks.iter().all(|ack| ack.state == AssignmentState::Cancelled));
    fleet.apply(acks).await;
    fleet.report(id, &first[..1], 3, ReportedState::Installed).await;
    let ended = fleet.until(id, "it is swept", |campaign| campaign["waiting_on"]["code"] == "nothing").await;
    assert_eq!(ended["counters"], json!({"cancelled": 5, "installed": 1}));
    fleet.engineer.post(&format!("/campaigns/{id}/start"), &json!({})).await.problem(409, "campaign-state");
}

#[tokio::test]
async fn a_draft_is_cancelled_without_anybody_hearing_of_it() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let cancelled = fleet.command(id, "cancel").await;
    assert_eq!((&cancelled["state"], &cancelled["closing"]), (&json!("cancelled"), &json!(null)));
    assert_eq!(cancelled["waiting_on"]["code"], "nothing");
    assert_eq!(fleet.document(id).await, None);
}
