//! Models whose vehicles sign what they report: who could not is left out.

use otaru_campaign::auth::Role;
use otaru_domain::tuf::Key;
use serde_json::json;

use crate::exclusions::{inventory, tell};
use crate::fleet::Fleet;
use crate::world::World;

#[tokio::test]
async fn who_cannot_sign_is_left_out_where_reports_are_signed() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 4).await;
    let [signs, ddi, keyless, revoked] = &fleet.vins[..] else { panic!() };
    let mut issued = Vec::new();
    for vin in [signs, ddi, revoked] {
        let ack_key = Key::generate().unwrap().public().keyval.public.clone();
        let body = json!({"ack_key": ack_key});
        issued.push(fleet.engineer.post(&format!("/vehicles/{vin}/credentials"), &body).await.is(201));
    }
    // The credential that is left has no key.
    for vin in [keyless, revoked] {
        fleet.engineer.post(&format!("/vehicles/{vin}/credentials"), &json!({})).await.is(201);
    }
    let path = format!("/vehicles/{revoked}/credentials/{}", issued[2]["id"].as_str().unwrap());
    fleet.engineer.delete(&path).await.is(204);
    inventory(&fleet, signs, &[("BCM", "1.0")]).await;
    tell(&fleet, ddi, None).await;

    let asked = json!({"release": fleet.release, "target": "true"});
    assert_eq!(fleet.engineer.post("/campaigns/preview", &asked).await.is(200)["matching"], 4);
    let path = format!("/models/{}/ack-signatures", fleet.model);
    world.caller(Role::Admin).await.put(&path, &json!({"ack_signatures": "required"})).await.is(200);
    let preview = fleet.engineer.post("/campaigns/preview", &asked).await.is(200);
    assert_eq!((&preview["matching"], &preview["excluded"][0]["reason"]), (&json!(1), &json!("cannot_sign")));
    assert_eq!(preview["excluded"][0]["vehicles"], 3);

    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["target"] = json!("true");
    draft["precondition"] = json!(null);
    let id = fleet.create(&draft).await;
    assert_eq!(fleet.command(id, "start").await["members"], 1);
    let why = fleet.engineer.get(&format!("/campaigns/{id}/vehicles/{keyless}/why-not-now")).await.is(200);
    assert_eq!(why["why_not"]["code"], "cannot_sign");
}
