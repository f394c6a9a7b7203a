//! What a campaign's policies and people's levers do, over the API and the engine as it runs.

use otaru_campaign::auth::Role;
use otaru_domain::ack::{Ack, ReportedState, VehicleWait};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::document::DocumentState;
use otaru_domain::id::Vin;
use otaru_domain::rollout::PaceReason;
use otaru_store::pace::{self, Pace};
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::world::World;

/// A draft of one wave with a policy.
fn with_policy(fleet: &Fleet<'_>, policy: Value) -> Value {
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["policy"] = policy;
    draft
}

fn sequential() -> Value {
    json!({"halt": {"sequential": {"acceptable_ratio": 0.01, "intolerable_ratio": 0.05}}})
}

#[tokio::test]
async fn a_bad_release_halts_itself_and_is_judged_anew_once_resumed() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 12).await;
    let id = fleet.create(&with_policy(&fleet, sequential())).await;
    fleet.command(id, "start").await;
    let campaign = fleet.until_open(id, 1).await;
    assert_eq!(campaign["waves"][0]["halts_after_failures"], 3);
    fleet.fail(id, &fleet.vins[..3], Some("flash_write_error"), None).await;
    let halted = fleet.until_state(id, "halted").await;
    assert!(halted["state_reason"].as_str().unwrap().starts_with("3 of 3 vehicles failed in wave 1"), "{halted}");
    assert_eq!(halted["state_by"], "engine");
    fleet.until_published(id, "the document says it", |document| document.state == DocumentState::Paused).await;
    let events = fleet.engineer.get(&format!("/campaigns/{id}/events")).await.is(200);
    assert!(events["items"].as_array().unwrap().iter().any(|event| event["type"] == "campaign_halted"), "{events}");

    let resumed = fleet.command(id, "resume").await;
    assert_eq!((&resumed["waves"][0]["finished"], &resumed["waves"][0]["failed"]), (&json!(0), &json!(0)));
    fleet.fail(id, &fleet.vins[3..6], Some("flash_write_error"), None).await;
    let again = fleet.until_state(id, "halted").await;
    assert!(
        again["state_reason"].as_str().unwrap().starts_with("3 of 3 "),
        "what was forgiven counts no more: {again}"
    );
}

#[tokio::test]
async fn an_emergency_stop_halts_everything_until_an_admin_lifts_it() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let running = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let draft = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(running, "start").await;
    let nothing = json!({"reason": ""});
    assert_eq!(fleet.engineer.put("/emergency-stop", &nothing).await.is(422)["pointer"], "/reason");
    let stopped = fleet.engineer.put("/emergency-stop", &json!({"reason": "smoke in the cabin"})).await.is(200);
    assert_eq!((&stopped["stopped"], &stopped["reason"]), (&json!(true), &json!("smoke in the cabin")));
    assert!(stopped["halted"].as_array().unwrap().contains(&json!(running)));
    let halted = fleet.campaign(running).await;
    assert_eq!(
        (&halted["state"], &halted["state_reason"]),
        (&json!("halted"), &json!("emergency stop: smoke in the cabin"))
    );
    for (id, command) in [(running, "resume"), (draft, "start")] {
        let refused = fleet.engineer.post(&format!("/campaigns/{id}/{command}"), &json!({})).await;
        refused.problem(409, "emergency-stop");
    }
    fleet.engineer.delete("/emergency-stop").await.is(403);
    let admin = world.caller(Role::Admin).await;
    assert_eq!(admin.delete("/emergency-stop").await.is(200)["stopped"], false);
    assert_eq!(fleet.campaign(running).await["state"], "halted", "lifting resumes nothing");
    assert_eq!(fleet.command(running, "resume").await["state"], "running");
}

#[tokio::test]
async fn a_recalled_release_is_offered_by_no_campaign_again() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(id, "start").await;
    let reason = json!({"reason": "bricks the instrument cluster"});
    let call = format!("/releases/{}/recall", fleet.release);
    assert_eq!(fleet.engineer.post(&call, &reason).await.is(200)["cancelled"], json!([id]));
    let cancelled = fleet.campaign(id).await;
    assert_eq!(cancelled["state"], "cancelled");
    assert!(cancelled["state_reason"].as_str().unwrap().contains("bricks the instrument cluster"));
    let refused = fleet.engineer.post("/campaigns", &fleet.draft(&[(1.0, 1.0)])).await.is(422);
    assert_eq!(refused["pointer"], "/release");
    assert_eq!(
        fleet.engineer.post(&call, &reason).await.is(200)["cancelled"],
        json!([]),
        "asked again, nothing is left"
    );
}

/// The second attempts that the engine began, applied.
async fn begun(fleet: &Fleet<'_>, count: usize) -> Vec<Ack> {
    let acks = fleet.withdrawals(count).await;
    let acks: Vec<Ack> = acks.into_iter().filter(|ack| ack.state == AssignmentState::Assigned).collect();
    fleet.apply(acks.clone()).await;
    acks
}

#[tokio::test]
async fn a_person_tries_a_cluster_of_failures_again_and_no_failure_is_forgotten() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 5).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    fleet.fail(id, &fleet.vins[..2], Some("battery_low"), None).await;
    fleet.fail(id, &fleet.vins[2..3], Some("flash_write_error"), None).await;
    fleet.report(id, &fleet.vins[3..4], 1, ReportedState::Installed).await;
    let retries = format!("/campaigns/{id}/retries");
    let retried = fleet.engineer.post(&retries, &json!({"error_code": "battery_low"})).await.is(200);
    assert_eq!((&retried["vehicles"], &retried["more"]), (&json!(2), &json!(false)));
    let acks = begun(&fleet, 2).await;
    assert!(acks.iter().all(|ack| ack.attempt == 2 && fleet.vins[..2].contains(&ack.vin)), "{acks:?}");
    let wave = &fleet.campaign(id).await["waves"][0];
    assert_eq!(wave["counters"], json!({"assigned": 3, "failed": 1, "installed": 1}));
    assert_eq!(wave["earlier_attempts"], json!({"failed": 2}));
    assert_eq!((&wave["finished"], &wave["failed"]), (&json!(4), &json!(3)));
    assert_eq!(fleet.engineer.post(&retries, &json!({"error_code": "battery_low"})).await.is(200)["vehicles"], 0);
}

#[tokio::test]
async fn what_failed_in_a_way_that_may_pass_is_tried_again_by_itself_and_silence_ends() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 3).await;
    let policy = json!({
        "retry": {"max_attempts": 2, "backoff_secs": 1, "error_codes": ["battery_low"]},
        "timeouts": {"step_secs": 1},
    });
    let id = fleet.create(&with_policy(&fleet, policy)).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    fleet.fail(id, &fleet.vins[..1], Some("battery_low"), None).await;
    fleet.fail(id, &fleet.vins[1..2], Some("flash_write_error"), None).await;
    fleet.report(id, &fleet.vins[2..], 1, ReportedState::Downloading).await;
    let acks = fleet.withdrawals(2).await;
    let of = |state| acks.iter().filter(move |ack| ack.state == state).map(|ack| (&ack.vin, ack.attempt));
    assert_eq!(of(AssignmentState::Assigned).next(), Some((&fleet.vins[0], 2)));
    assert_eq!(of(AssignmentState::TimedOut).next(), Some((&fleet.vins[2], 1)));
}

#[tokio::test]
async fn a_wave_that_a_person_must_approve_holds_the_next_one_back() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 4).await;
    let mut draft = fleet.draft(&[(0.5, 1.0), (0.5, 1.0)]);
    draft["waves"][0]["gate"] = json!({"approval": true});
    let id = fleet.create(&draft).await;
    fleet.command(id, "start").await;
    let early = format!("/campaigns/{id}/waves/2/approve");
    let approver = world.caller(Role::Approver).await;
    approver.post(&early, &json!({})).await.problem(409, "wave-state");
    fleet.until_open(id, 1).await;
    fleet.report(id, &fleet.vins_of_wave(id, 1).await, 1, ReportedState::Installed).await;
    let waiting = fleet.campaign(id).await;
    assert_eq!(
        (&waiting["waiting_on"]["wants"], &waiting["waves"][1]["opened_at"]),
        (&json!("approval"), &Value::Null)
    );
    let approve = format!("/campaigns/{id}/waves/1/approve");
    fleet.engineer.post(&approve, &json!({})).await.problem(403, "forbidden");
    approver.post(&approve, &json!({})).await.is(200);
    let open = fleet.until_open(id, 2).await;
    assert!(open["waves"][0]["approved_by"].is_string());
}

#[tokio::test]
async fn why_a_vehicle_does_not_update_is_said_in_words_and_as_a_code() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 4).await;
    let mut draft = fleet.draft(&[(0.5, 1.0), (0.5, 1.0)]);
    draft["policy"] = json!({"max_in_flight": 1});
    let id = fleet.create(&draft).await;
    let why = async |vin: &Vin| {
        let path = format!("/campaigns/{id}/vehicles/{vin}/why-not-now");
        fleet.engineer.get(&path).await.is(200)["why_not"].clone()
    };
    let vin = &fleet.vins[0];
    assert_eq!(why(vin).await["code"], "no_credentials");
    for vin in &fleet.vins {
        fleet.engineer.post(&format!("/vehicles/{vin}/credentials"), &json!({})).await.is(201);
    }
    assert_eq!(why(vin).await["code"], "draft");
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    let (first, second) = (fleet.vins_of_wave(id, 1).await, fleet.vins.iter());
    let closed = second.clone().find(|vin| !first.contains(vin)).unwrap();
    let answer = why(closed).await;
    assert_eq!(answer["code"], "wave_closed");
    assert!(answer["text"].as_str().unwrap().contains("wave 2 opens when in wave 1"), "{answer}");
    assert_eq!(why(&first[0]).await["code"], "not_polled");

    let wait = VehicleWait { code: "precondition".into(), text: "battery.soc >= 40".into(), until: None };
    fleet.wait(id, &first[0], 1, wait).await;
    let answer = why(&first[0]).await;
    assert_eq!(answer["code"], "vehicle_precondition");
    assert_eq!(answer["text"], "the vehicle waits: battery.soc >= 40");
    assert_eq!(why(&first[1]).await["code"], "max_in_flight");
    fleet.report(id, &first[..1], 2, ReportedState::Installing).await;
    assert_eq!(why(&first[0]).await["code"], "under_way", "it waits no more");
    fleet.report(id, &first[..1], 3, ReportedState::Installed).await;
    assert_eq!(why(&first[0]).await, Value::Null);
    let stranger = crate::world::vin();
    fleet.engineer.get(&format!("/campaigns/{id}/vehicles/{stranger}/why-not-now")).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_campaign_that_supersedes_ends_what_is_not_being_installed_yet() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 4).await;
    let old = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(old, "start").await;
    fleet.until_open(old, 1).await;
    fleet.report(old, &fleet.vins[..1], 1, ReportedState::Installed).await;
    fleet.report(old, &fleet.vins[1..2], 1, ReportedState::Installing).await;
    fleet.report(old, &fleet.vins[2..3], 1, ReportedState::Downloaded).await;
    // Another one without the policy leaves it alone.
    let beside = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    fleet.command(beside, "start").await;
    fleet.until_open(beside, 1).await;
    let new = fleet.create(&with_policy(&fleet, json!({"supersede": true}))).await;
    fleet.command(new, "start").await;
    fleet.until_open(new, 1).await;
    let said = fleet.withdrawals(6).await;
    assert!(said.iter().all(|ack| ack.state == AssignmentState::Superseded), "{said:?}");
    let of = |campaign: i64| said.iter().filter(|ack| ack.campaign == campaign).count();
    assert_eq!((of(old), of(beside)), (2, 4), "what is being installed goes on, what has ended has ended");
    fleet.apply(said).await;
    let counters = fleet.campaign(old).await["counters"].clone();
    assert_eq!(counters, json!({"installed": 1, "installing": 1, "superseded": 2}));
    assert_eq!(fleet.assignments(new, "&state=assigned").await.len(), 4);
}

#[tokio::test]
async fn a_rate_that_adapts_is_halved_when_vehicles_fail_and_says_so() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 4).await;
    let adapt = json!({"min_per_minute": 6, "max_per_minute": 600});
    let id = fleet.create(&with_policy(&fleet, json!({"rate": {"per_minute": 60, "adapt": adapt}}))).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    fleet.fail(id, &fleet.vins[..3], Some("flash_write_error"), None).await;
    // A look that is long due, with nothing seen before.
    let long_ago = otaru_domain::clock::now() - chrono::TimeDelta::hours(1);
    let pace = Pace { per_minute: 60, adapted_at: long_ago, reason: PaceReason::Quiet, seen: (0, 0) };
    let mut tx = world.store().begin().await.unwrap();
    pace::set(&mut tx, id, &pace).await.unwrap();
    tx.commit().await.unwrap();
    let halved = fleet.until(id, "the rate is halved", |campaign| campaign["pace"]["per_minute"] == 30).await;
    assert_eq!(halved["pace"]["code"], "failures");
    assert_eq!(halved["pace"]["text"], "3 of 3 vehicles failed lately");
}

#[tokio::test]
async fn to_install_without_asking_a_driver_takes_an_approver_and_a_reason() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let approver = world.caller(Role::Approver).await;
    let texts = json!({"en": {"title": "Brakes", "body": "Your brakes get better."}});
    let asking = with_policy(&fleet, json!({"consent": {"mode": "ask", "texts": texts}}));
    let forced =
        with_policy(&fleet, json!({"consent": {"mode": "ask", "texts": texts, "force_reason": "brakes may fail"}}));
    fleet.engineer.post("/campaigns", &forced).await.problem(403, "forbidden");
    let id = fleet.create(&asking).await;
    let path = format!("/campaigns/{id}");
    let change = json!({"policy": forced["policy"]});
    fleet.engineer.patch(&path, &change).await.problem(403, "forbidden");
    approver.patch(&path, &change).await.is(200);
    fleet.command(id, "start").await;
    let document = fleet.until_published(id, "the document", |_| true).await;
    assert_eq!(document.consent.and_then(|consent| consent.force_reason).as_deref(), Some("brakes may fail"));
}
