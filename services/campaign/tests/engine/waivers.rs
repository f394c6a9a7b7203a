//! Vehicles that cannot evaluate a precondition: left out and told so, unless an approver waives it for a reason.

use otaru_campaign::auth::Role;
use otaru_domain::assignment::AssignmentState;
use serde_json::{Value, json};

use crate::exclusions::{inventory, tell};
use crate::fleet::Fleet;
use crate::world::World;

async fn why_not(fleet: &Fleet<'_>, campaign: i64, vin: &impl std::fmt::Display) -> Value {
    let path = format!("/campaigns/{campaign}/vehicles/{vin}/why-not-now");
    fleet.engineer.get(&path).await.is(200)["why_not"]["code"].clone()
}

#[tokio::test]
async fn vehicles_that_cannot_check_are_left_out_of_a_campaign_with_a_precondition() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 4).await;
    let [ddi, moved, late, native] = &fleet.vins[..] else { panic!() };
    for vin in &fleet.vins {
        inventory(&fleet, vin, &[("BCM", "1.0")]).await;
        fleet.engineer.post(&format!("/vehicles/{vin}/credentials"), &json!({})).await.is(201);
    }
    tell(&fleet, ddi, None).await;
    tell(&fleet, moved, None).await;
    inventory(&fleet, moved, &[("BCM", "1.0")]).await;

    let asked = json!({"release": fleet.release, "target": "true", "precondition": "battery.soc >= 40"});
    let preview = fleet.engineer.post("/campaigns/preview", &asked).await.is(200);
    assert_eq!(preview["matching"], 3);
    let excluded = &preview["excluded"][0];
    assert_eq!((&excluded["reason"], &excluded["sample"]), (&json!("precondition_not_evaluated"), &json!([ddi])));
    for more in [json!({"precondition": null}), json!({"precondition_waived": true})] {
        let mut asked = asked.clone();
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let preview = fleet.engineer.post("/campaigns/preview", &asked).await.is(200);
        assert_eq!((&preview["matching"], &preview["excluded"]), (&json!(4), &json!([])), "{more}");
    }

    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["target"] = json!("true");
    let id = fleet.create(&draft).await;
    assert_eq!(fleet.command(id, "start").await["members"], 3);
    assert_eq!(why_not(&fleet, id, ddi).await, "precondition_not_evaluated");
    fleet.until_open(id, 1).await;
    assert_eq!(why_not(&fleet, id, native).await, "not_polled");
    // Who turns out to speak DDI only now is in it, is not offered it, and is told why.
    tell(&fleet, late, None).await;
    assert_eq!(why_not(&fleet, id, late).await, "precondition_not_evaluated");
    let document = fleet.until_published(id, "the document", |_| true).await;
    assert!(document.precondition.is_some() && !document.precondition_waived);
}

#[tokio::test]
async fn an_approver_may_waive_the_precondition_for_them_with_a_reason() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let approver = world.caller(Role::Approver).await;
    tell(&fleet, &fleet.vins[0], None).await;
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    let id = fleet.create(&draft).await;
    draft["policy"] = json!({"precondition_waiver": "bench vehicles, always parked"});
    fleet.engineer.post("/campaigns", &draft).await.problem(403, "forbidden");
    let (path, change) = (format!("/campaigns/{id}"), json!({"policy": draft["policy"]}));
    fleet.engineer.patch(&path, &change).await.problem(403, "forbidden");
    let blank = json!({"policy": {"precondition_waiver": " "}});
    let pointer = |(_, pointer): (String, String)| pointer;
    assert_eq!(pointer(approver.patch(&path, &blank).await.problem_at(422, "invalid")), "/policy/precondition_waiver");
    draft["precondition"] = Value::Null;
    let needless = approver.post("/campaigns", &draft).await.problem_at(422, "invalid");
    assert_eq!(pointer(needless), "/policy/precondition_waiver");

    approver.patch(&path, &change).await.is(200);
    assert_eq!(fleet.command(id, "start").await["members"], 1);
    fleet.until_open(id, 1).await;
    let document = fleet.until_published(id, "the document", |document| !document.waves.is_empty()).await;
    assert!(document.precondition_waived, "the signed document says so to every gateway");
    assert_eq!(fleet.assignments(id, "").await[0]["state"], AssignmentState::Assigned.as_str());
}
