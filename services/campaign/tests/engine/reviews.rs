use chrono::TimeDelta;
use otaru_campaign::auth::Role;
use otaru_domain::clock;
use otaru_domain::rollout::Policy;
use otaru_store::campaigns::{self, Settings};
use serde_json::{Value, json};

use crate::fleet::{Fleet, time};
use crate::world::{Answer, Caller, World};

async fn post(caller: &Caller<'_>, id: i64, command: &str, body: Value) -> Answer {
    caller.post(&format!("/campaigns/{id}/{command}"), &body).await
}

async fn review(caller: &Caller<'_>, id: i64) -> Value {
    caller.get(&format!("/campaigns/{id}/review")).await.is(200)
}

async fn approve(caller: &Caller<'_>, id: i64) -> Answer {
    let digest = review(caller, id).await["digest"].clone();
    post(caller, id, "approve", json!({"digest": digest})).await
}

#[tokio::test]
async fn where_reviews_are_required_nothing_starts_without_another_persons_approval() {
    let world = World::start_with(|config| config.require_review = true).await;
    let fleet = Fleet::new(&world, 2).await;
    let (ada, grace) = (&fleet.engineer, world.caller(Role::Approver).await);
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    post(ada, id, "start", json!({})).await.problem(409, "review-needed");
    assert!(review(ada, id).await["waits_for"].as_str().unwrap().contains("submit it"));
    post(&grace, id, "approve", json!({"digest": "0".repeat(64)})).await.problem(409, "campaign-state");

    assert_eq!(post(ada, id, "submit", json!({"reason": "ready"})).await.is(200)["state"], "in_review");
    let detail = post(ada, id, "start", json!({})).await.problem(409, "review-needed");
    assert!(detail.contains("in review"), "{detail}");
    let detail = approve(ada, id).await.problem(403, "forbidden");
    assert!(detail.contains("approver"), "{detail}");
    // Not what was seen: somebody may have changed it between reading and approving.
    let unseen = post(&grace, id, "approve", json!({"digest": "0".repeat(64)})).await;
    assert_eq!(unseen.problem_at(409, "content-changed").1, "/digest");
    approve(&grace, id).await.is(200);
    let after = review(ada, id).await;
    assert_eq!((&after["may_start"], &after["waits_for"]), (&json!(true), &Value::Null));
    assert_eq!(after["steps"][0]["verdict"], "approved");
    assert_eq!(after["steps"][0]["by"], grace.name);
    assert_eq!(after["content"]["images"][0]["sha256"].as_str().unwrap().len(), 64);
    post(ada, id, "start", json!({})).await.is(200);
    fleet.until_state(id, "running").await;
    // Once it runs, it is reviewed no more.
    post(&grace, id, "reject", json!({"reason": "late"})).await.problem(409, "campaign-state");
    ada.patch(&format!("/campaigns/{id}"), &json!({"name": "late"})).await.problem(409, "campaign-state");
}

#[tokio::test]
async fn nobody_approves_what_they_wrote_or_changed() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let (grace, eve, joan) =
        (world.caller(Role::Approver).await, world.caller(Role::Admin).await, world.caller(Role::Approver).await);
    let id = grace.post("/campaigns", &fleet.draft(&[(1.0, 1.0)])).await.is(201)["id"].as_i64().unwrap();
    eve.patch(&format!("/campaigns/{id}"), &json!({"name": "Better"})).await.is(200);
    post(&fleet.engineer, id, "submit", json!({})).await.is(200);
    for own in [&grace, &eve] {
        let detail = approve(own, id).await.problem(403, "forbidden");
        assert!(detail.contains(&own.name), "{detail}");
    }
    assert_eq!(review(&joan, id).await["authors"], json!([grace.name, eve.name]));
    approve(&joan, id).await.is(200);
    post(&fleet.engineer, id, "start", json!({})).await.is(200);
}

#[tokio::test]
async fn any_change_voids_an_approval_and_no_other_way_brings_it_back() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let (ada, grace) = (&fleet.engineer, world.caller(Role::Approver).await);
    let admin = world.caller(Role::Admin).await;
    admin.put(&format!("/models/{}/review", fleet.model), &json!({"required": true})).await.is(200);
    let draft = fleet.draft(&[(0.5, 0.5), (0.5, 1.0)]);
    let id = fleet.create(&draft).await;
    let path = format!("/campaigns/{id}");
    let later = clock::now() + TimeDelta::days(3);
    let changes = [
        json!({"name": "Other"}),
        json!({"target": "true"}),
        json!({"precondition": null}),
        json!({"waves": [{"share_ratio": 1.0, "gate_installed_ratio": 1.0}]}),
        json!({"deadline": later}),
        json!({"start_at": later - TimeDelta::days(1)}),
    ];
    for change in changes {
        post(ada, id, "submit", json!({})).await.is(200);
        approve(&grace, id).await.is(200);
        let before = review(ada, id).await["digest"].clone();
        let changed = ada.patch(&path, &change).await.is(200);
        assert_eq!(changed["state"], "draft", "{change}");
        assert_ne!(review(ada, id).await["digest"], before, "{change}");
        post(ada, id, "start", json!({})).await.problem(409, "review-needed");
    }
    // Back to what was approved once: still nobody approved that it is so now.
    post(ada, id, "submit", json!({})).await.is(200);
    approve(&grace, id).await.is(200);
    ada.patch(&path, &json!({"name": "Third"})).await.is(200);
    ada.patch(&path, &json!({"name": "Other"})).await.is(200);
    post(ada, id, "start", json!({})).await.problem(409, "review-needed");
    // Saying what is so already changes nothing.
    post(ada, id, "submit", json!({})).await.is(200);
    approve(&grace, id).await.is(200);
    assert_eq!(ada.patch(&path, &json!({"name": "Other"})).await.is(200)["state"], "in_review");
    // Changed by other hands than the API's, what is stored is not what was approved.
    let mut tx = world.store().begin().await.unwrap();
    let waves = campaigns::waves_of(&mut tx, id).await.unwrap().into_iter().map(|wave| wave.plan).collect();
    let settings = Settings {
        name: "Behind the back".into(),
        target: "true".into(),
        precondition: None,
        policy: Policy::default(),
        priority: 0,
        start_at: None,
        deadline: later,
        waves,
    };
    campaigns::revise(&mut tx, id, &settings, "eve", clock::now()).await.unwrap();
    tx.commit().await.unwrap();
    post(ada, id, "start", json!({})).await.problem(409, "approval-void");
}

#[tokio::test]
async fn a_rejection_gives_it_back_with_the_reason() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let (ada, grace) = (&fleet.engineer, world.caller(Role::Approver).await);
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    post(ada, id, "submit", json!({})).await.is(200);
    assert_eq!(post(&grace, id, "reject", json!({"reason": ""})).await.problem_at(422, "invalid").1, "/reason");
    let back = post(&grace, id, "reject", json!({"reason": "the gate is too low"})).await.is(200);
    assert_eq!((&back["state"], &back["state_reason"]), (&json!("draft"), &json!("the gate is too low")));
    // Where no review is asked for, a rejected draft may be mended and started.
    ada.patch(&format!("/campaigns/{id}"), &json!({"name": "Mended"})).await.is(200);
    post(ada, id, "start", json!({})).await.is(200);
    let entries = ada.get(&format!("/audit?object=campaign-{id}")).await.is(200)["items"].clone();
    let told: Vec<&Value> = entries.as_array().unwrap().iter().map(|entry| &entry["details"]["verdict"]).collect();
    assert!(told.contains(&&json!("rejected")) && told.contains(&&json!("submitted")), "{entries}");
}

#[tokio::test]
async fn a_scheduled_campaign_starts_with_the_approval_that_it_was_scheduled_with() {
    let world = World::start_with(|config| config.require_review = true).await;
    let fleet = Fleet::new(&world, 1).await;
    let (ada, grace) = (&fleet.engineer, world.caller(Role::Approver).await);
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["start_at"] = json!(clock::now() + TimeDelta::seconds(3));
    let id = fleet.create(&draft).await;
    post(ada, id, "start", json!({})).await.problem(409, "review-needed");
    post(ada, id, "submit", json!({})).await.is(200);
    approve(&grace, id).await.is(200);
    post(ada, id, "start", json!({})).await.is(200);
    let running = fleet.until_state(id, "running").await;
    assert!(time(&running["started_at"]) >= time(&draft["start_at"]));
}

#[tokio::test]
async fn what_is_wrong_with_a_change_is_said_at_its_field() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let path = format!("/campaigns/{id}");
    let cases = [
        (json!({"name": ""}), "/name"),
        (json!({"target": "regio == 1"}), "/target"),
        (json!({"precondition": "battery.soc >="}), "/precondition"),
        (json!({"waves": []}), "/waves"),
        (json!({"deadline": "2020-01-01T00:00:00Z"}), "/deadline"),
        (json!({"start_at": "2999-01-01T00:00:00Z"}), "/start_at"),
        (json!({"release": 2}), "/release"),
    ];
    for (change, pointer) in cases {
        assert_eq!(fleet.engineer.patch(&path, &change).await.problem_at(422, "invalid").1, pointer, "{change}");
    }
    fleet.engineer.patch("/campaigns/999", &json!({})).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_campaign_whose_type_approval_is_waited_for_does_not_start() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let grace = world.caller(Role::Approver).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let path = format!("/releases/{}/evidence", fleet.release);
    grace.get(&path).await.problem(404, "not-found");
    let mut stated = json!({"purpose": "p", "affected": "a", "type_approval": "pending", "verification": "v"});
    grace.put(&path, &stated).await.is(200);
    post(&fleet.engineer, id, "start", json!({})).await.problem(409, "type-approval-pending");
    stated["type_approval"] = json!("granted");
    assert_eq!(grace.put(&path, &stated).await.problem_at(422, "invalid").1, "/type_approval_reference");
    stated["type_approval_reference"] = json!("E1*1234");
    assert_eq!(grace.put(&path, &stated).await.is(200)["stated_by"], grace.name);
    post(&fleet.engineer, id, "start", json!({})).await.is(200);
}
