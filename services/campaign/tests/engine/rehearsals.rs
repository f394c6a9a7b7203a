//! Rehearsals and forecasts over REST: what they are measured from, that they change nothing, and that they are scored.

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::ack::ReportedState;
use otaru_domain::clock;
use serde_json::{Value, json};

use crate::fleet::{Fleet, time};
use crate::world::{World, eventually};

#[tokio::test]
async fn a_draft_is_rehearsed_and_nothing_changes() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 40).await;
    let mut draft = fleet.draft(&[(0.25, 0.5), (0.75, 0.0)]);
    draft["deadline"] = json!(clock::now() + TimeDelta::days(60));
    draft["policy"] = json!({"halt": {"sequential": {"acceptable_ratio": 0.01, "intolerable_ratio": 0.2}}});
    let id = fleet.create(&draft).await;
    let before = fleet.campaign(id).await;
    let rehearse = async |body: Value| fleet.engineer.post(&format!("/campaigns/{id}/rehearse"), &body).await;

    let said = rehearse(json!({"seed": 5, "runs": 50, "failure_ratio": 0.5})).await.is(200);
    assert_eq!((&said["vehicles"], &said["runs"], &said["seed"]), (&json!(40), &json!(50), &json!(5)));
    assert_eq!(said["measured_from"], json!({"assignments": 0, "campaigns": 0, "paced": false}), "no history yet");
    let finish = &said["finish"];
    let order = [&said["from"], &finish["p10_at"], &finish["p50_at"], &finish["p90_at"], &draft["deadline"]].map(time);
    assert!(order.is_sorted() && order[0] < order[1], "{finish}");
    assert_eq!(said["exposure"]["halted_ratio"], 1.0, "half of the updates fail: {}", said["exposure"]);
    assert!(said["exposure"]["exposed"]["p90"].as_u64() < Some(20), "{}", said["exposure"]);
    let load = said["load"].as_array().unwrap();
    let offers: u64 = load.iter().map(|hour| hour["offers_p90"].as_u64().unwrap()).sum();
    assert!(offers >= 20, "{offers} offers");
    let firmware = u64::try_from(b"firmware".len()).unwrap();
    let bytes = |hour: &Value| hour["cdn_bytes_p90"] == json!(hour["offers_p90"].as_u64().unwrap() * firmware);
    assert!(load.iter().all(bytes), "every offer is followed by a download");
    assert_eq!(fleet.campaign(id).await, before);

    rehearse(json!({"runs": 19})).await.problem(422, "invalid");
    rehearse(json!({"runs": 1001})).await.problem(422, "invalid");
    rehearse(json!({"failure_ratio": 0})).await.problem(422, "invalid");
    rehearse(json!({"speed": 2})).await.problem(422, "invalid");
    let forecast = fleet.engineer.get(&format!("/campaigns/{id}/forecast")).await.is(200);
    assert_eq!(forecast, json!({"campaign": id, "forecast": null, "measured_from": null}));
    draft["target"] = json!("region == \"XX\"");
    draft["policy"] = json!({"membership": "continuous"});
    let nobody = fleet.create(&draft).await;
    fleet.engineer.post(&format!("/campaigns/{nobody}/rehearse"), &json!({})).await.problem(409, "no-vehicles");
    fleet.command(id, "cancel").await;
    rehearse(json!({})).await.problem(409, "campaign-state");
    fleet.engineer.post("/campaigns/999999/rehearse", &json!({})).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_running_campaign_is_forecast_and_the_forecasts_are_scored_when_it_has_ended() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 10).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    let now = fleet.engineer.get(&format!("/campaigns/{id}/forecast")).await.is(200);
    let finish = &now["forecast"]["finish"];
    assert!(time(&finish["p10_at"]) >= time(&now["forecast"]["from"]), "{now}");
    let list = async || fleet.engineer.get(&format!("/campaigns/{id}/forecasts")).await.is(200);
    let kept = eventually("the engine keeps a forecast", async || {
        let kept = list().await;
        (!kept["items"].as_array().unwrap().is_empty()).then_some(kept)
    })
    .await;
    assert_eq!((&kept["completed_at"], &kept["covered_ratio"]), (&Value::Null, &Value::Null));
    assert_eq!((&kept["items"][0]["covered"], &kept["items"][0]["runs"]), (&Value::Null, &json!(200)));
    // The first one is the plan, with its course.
    let planned = kept["planned"].clone();
    assert_eq!(time(&planned["from"]), time(&kept["items"].as_array().unwrap().last().unwrap()["made_at"]));
    let course: Vec<(f64, DateTime<Utc>)> = planned["milestones"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["share"].as_f64().unwrap(), time(&one["band"]["p50_at"])))
        .collect();
    assert_eq!(course.iter().map(|(share, _)| *share).collect::<Vec<_>>(), [0.1, 0.25, 0.5, 0.75, 0.9, 0.99]);
    assert!(course.is_sorted_by(|a, b| a.1 <= b.1) && course[0].1 < course[4].1, "{course:?}");

    fleet.report(id, &fleet.vins, 1, ReportedState::Accepted).await;
    fleet.report(id, &fleet.vins, 2, ReportedState::Installed).await;
    fleet.until_state(id, "completed").await;
    let scored = list().await;
    assert_eq!(scored["planned"], planned, "what comes later changes no plan");
    // Nobody has ever been so fast as this fleet: the assumed delays are hours.
    assert_eq!((&scored["covered_ratio"], &scored["items"][0]["covered"]), (&json!(0.0), &json!(false)), "{scored}");
    assert!(!scored["completed_at"].is_null());

    // What it showed is what the next one is measured from.
    let next = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let said = fleet.engineer.post(&format!("/campaigns/{next}/rehearse"), &json!({"runs": 20})).await.is(200);
    assert_eq!(said["measured_from"], json!({"assignments": 10, "campaigns": 1, "paced": false}));
    let took = time(&said["finish"]["p90_at"]) - time(&said["from"]);
    assert!(took < TimeDelta::minutes(10), "{}", said["finish"]);
}
