//! Nothing applies acknowledgements here, so Postgres stays behind for ever: what was reported to one gateway must be
//! known to every other, also to one that starts later.

use reqwest::StatusCode;
use serde_json::json;

use crate::world::World;

const VIN: &str = "WVWZZZ1KZAW000001";

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_update_is_offered_by_no_gateway_while_ingest_lags() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let other = world.vehicle("WVWZZZ1KZAW000002", &model).await;
    let campaign = world.running_campaign(&mut model, &[&vehicle, &other]).await;
    let second = world.second_gateway(|_| {}).await;
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::OK);
    assert_eq!(second.poll(&vehicle).await.status(), StatusCode::OK);

    let report = json!({"campaign": campaign, "attempt": 1, "sequence": 1, "state": "installed"}).to_string();
    let taken = world.gateway.post_acks(&vehicle, "application/json", report).await;
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    // At once, not in the end: the 202 is a promise of all gateways.
    assert_eq!(second.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(world.gateway.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(second.poll(&other).await.status(), StatusCode::OK);

    let third = world.second_gateway(|_| {}).await;
    assert_eq!(third.poll(&vehicle).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(third.poll(&other).await.status(), StatusCode::OK);
}
