//! Whether there is anything for a vehicle.

use otaru_domain::document::{DocumentState, DocumentWave};
use otaru_domain::membership;
use otaru_store::testing;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, header, retry_after};

const VIN: &str = "WVWZZZ1KZAW000001";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_a_204_that_says_when_to_come_back() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let response = world.gateway.poll(&vehicle).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!((240..=360).contains(&retry_after(&response)));
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_announced_before_the_vehicle_hears_of_it_and_only_once() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let bystander = world.vehicle("WVWZZZ1KZAW000002", &model).await;
    let campaign = world.running_campaign(&mut model, &[&vehicle]).await;

    let response = world.gateway.poll(&vehicle).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!((240..=360).contains(&retry_after(&response)));
    let etag = header(&response, "etag").to_owned();
    let offer: Value = response.json().await.unwrap();
    assert_eq!(
        offer,
        json!({
            "schema_version": 1, "campaign": campaign, "attempt": 1, "model": "harbour", "release": 4,
            "document": format!("campaign-{campaign}.json"), "targets": ["BCM-2.3.0-r4.bin"], "state": "offered",
        })
    );
    let acks = world.acks(&vehicle.vin).await;
    assert_eq!(acks.len(), 1);
    assert_eq!((&acks[0]["state"], &acks[0]["origin"]), (&json!("offered"), &json!("gateway")));

    let again =
        world.gateway.call(Method::GET, &vehicle, "update").header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&again, "etag"), etag);
    assert!((240..=360).contains(&retry_after(&again)));
    assert_eq!(world.acks(&vehicle.vin).await.len(), 1);

    assert_eq!(world.gateway.poll(&bystander).await.status(), StatusCode::NO_CONTENT);
    assert!(world.acks(&bystander.vin).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_attempt_and_a_new_document_are_a_new_answer() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let campaign = world.running_campaign(&mut model, &[&vehicle]).await;
    let mut etags = vec![header(&world.gateway.poll(&vehicle).await, "etag").to_owned()];

    testing::set_assignment(world.store(), vehicle.id, campaign, 2, "assigned").await.unwrap();
    etags.push(header(&world.gateway.poll(&vehicle).await, "etag").to_owned());
    let mut document = model.document(campaign, world.now);
    document.precondition = Some("battery.soc >= 40".into());
    let publication = model.publish_document(document, world.now);
    world.publish(&model, publication).await;
    let response = world
        .gateway
        .call(Method::GET, &vehicle, "update")
        .header("if-none-match", etags.join(", "))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    etags.push(header(&response, "etag").to_owned());
    let mut different = etags.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 3, "{etags:?}");

    // Progress alone is none.
    testing::set_assignment(world.store(), vehicle.id, campaign, 2, "downloading").await.unwrap();
    let response =
        world.gateway.call(Method::GET, &vehicle, "update").header("if-none-match", &etags[2]).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_ended_is_not_offered_again_while_the_ingest_lags() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let campaign = world.running_campaign(&mut model, &[&vehicle]).await;
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::OK);

    let report = json!({"campaign": campaign, "attempt": 1, "sequence": 1, "state": "installed"}).to_string();
    assert_eq!(world.gateway.post_acks(&vehicle, "application/json", report).await.status(), StatusCode::ACCEPTED);
    // Nobody has applied it: Postgres still says `assigned`.
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
    // A retry is another attempt.
    testing::set_assignment(world.store(), vehicle.id, campaign, 2, "assigned").await.unwrap();
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::OK);
    // A report that will be refused as impossible ends nothing.
    let future = json!({"campaign": campaign, "attempt": 2, "sequence": 1, "state": "failed",
                        "reported_at": "2999-01-01T00:00:00Z"});
    let answer = world.gateway.post_acks(&vehicle, "application/json", future.to_string()).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_and_the_document_must_both_allow_it() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let campaign = world.running_campaign(&mut model, &[&vehicle]).await;
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::OK);

    testing::set_campaign_state(world.store(), campaign, "halted").await.unwrap();
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
    testing::set_campaign_state(world.store(), campaign, "running").await.unwrap();

    let rank = membership::rank("salt", &vehicle.vin);
    let mut paused = model.document(campaign, world.now);
    paused.state = DocumentState::Paused;
    let mut expired = model.document(campaign, world.now);
    expired.offer_expires = world.now;
    let mut closed = model.document(campaign, world.now);
    closed.waves = vec![
        DocumentWave { number: 1, cutoff: rank - 1, open: true, listed: false },
        DocumentWave { number: 2, cutoff: (1 << 52) - 1, open: false, listed: false },
    ];
    for document in [paused, expired, closed] {
        let publication = model.publish_document(document, world.now);
        world.publish(&model, publication).await;
        assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
    }
    let publication = model.publish_document(model.document(campaign, world.now), world.now);
    world.publish(&model, publication).await;
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::OK);

    testing::retire_vehicle(world.store(), vehicle.id, world.now).await.unwrap();
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_campaign_comes_first_and_what_is_on_its_way_is_waited_for_briefly() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let ahead = world.campaign().await;
    let older = world.running_campaign(&mut model, &[&vehicle]).await;
    let newer = world.running_campaign(&mut model, &[&vehicle]).await;
    let offered = async || world.gateway.poll(&vehicle).await.json::<Value>().await.unwrap()["campaign"].clone();
    assert_eq!(offered().await, json!(older));
    testing::set_assignment(world.store(), vehicle.id, older, 1, "installed").await.unwrap();
    assert_eq!(offered().await, json!(newer));

    // Assigned in Postgres, while the document has yet to come.
    testing::set_assignment(world.store(), vehicle.id, newer, 1, "installed").await.unwrap();
    testing::assign(world.store(), vehicle.id, ahead, 1, world.now).await.unwrap();
    let response = world.gateway.poll(&vehicle).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert!(retry_after(&response) <= 4);
    let publication = model.publish_document(model.document(ahead, world.now), world.now);
    world.publish(&model, publication).await;
    assert_eq!(offered().await, json!(ahead));
}
