//! Requests that no vehicle should send, by the thousand, to a Director.

use std::path::Path;

use otaru_domain::ack::Ack;
use otaru_domain::topic;
use reqwest::StatusCode;

use super::rig::{Car, Fleet, VIN};
use crate::fuzz;

const CASES: u64 = 2_000;

#[tokio::test(flavor = "multi_thread")]
async fn no_request_breaks_a_director_or_gets_nonsense_onto_a_topic() {
    let mut fleet = Fleet::start_with(|config| {
        config.rates.vehicle = None;
        config.rates.refused = None;
    })
    .await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    fleet.image("BCM-2.bin", "BCM", "2", b"the second").await;
    fleet.campaign(&[&vehicle], &[("BCM", "BCM-2.bin")]).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    assert_eq!(car.register().await.status(), StatusCode::OK);
    let (registration, manifest) = (car.registration().to_string(), car.manifest().to_string());
    let values =
        [("token", vehicle.token.as_str()), ("registration", registration.as_str()), ("manifest", manifest.as_str())];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus_uptane");
    let seen = fuzz::storm(fleet.world.gateway.address, &folder, &values, CASES).await;
    for status in [200, 400, 403, 422] {
        assert!(seen.iter().any(|(code, times)| *code == status && *times > 20), "the cases reach little: {seen:?}");
    }
    car.directed().await;
    for record in fleet.world.bus.read_topic(topic::ACKS).await.unwrap() {
        let ack: Ack = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        assert_eq!(ack.vin.as_str(), VIN);
    }
}
