//! Who may say which ECUs a vehicle has.

use otaru_domain::topic;
use otaru_store::uptane as rows;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::rig::{Car, Fleet, OTHER, PRIMARY, SECONDARY, VIN};
use crate::world::{World, problem};

#[tokio::test(flavor = "multi_thread")]
async fn a_vehicle_registers_its_ecus_once_and_only_a_person_changes_them() {
    let fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    let mut car = Car::new(&fleet.world.gateway, &vehicle);
    assert_eq!(car.register().await.status(), StatusCode::OK);
    assert_eq!(car.register().await.status(), StatusCode::OK, "the same again");
    let known = rows::ecus(fleet.world.store(), vehicle.id).await.unwrap();
    let known: Vec<_> = known.iter().map(|ecu| (ecu.inventoried.serial.as_str(), ecu.inventoried.is_primary)).collect();
    assert_eq!(known, [(PRIMARY, true), (SECONDARY, false)]);

    car.ecus[1] = super::rig::Ecu::new(SECONDARY, "BCM");
    let refused = problem(car.register().await).await;
    assert_eq!(refused["type"], "urn:otaru:problem:ecu-already-registered");
    car.ecus.remove(1);
    assert_eq!(car.register().await.status(), StatusCode::CONFLICT, "one less");
    let letters = fleet.world.records(topic::DEAD_LETTERS, &vehicle.vin).await;
    assert_eq!(letters.len(), 1, "said once in a while");
    assert_eq!(header(&letters[0], "reason"), "ecus_changed");

    let mut tx = fleet.world.store().begin().await.unwrap();
    for serial in [PRIMARY, SECONDARY] {
        assert!(rows::remove(&mut tx, vehicle.id, &serial.parse().unwrap()).await.unwrap());
    }
    tx.commit().await.unwrap();
    assert_eq!(car.register().await.status(), StatusCode::OK, "without any, the vehicle begins anew");
}

pub(super) fn header(record: &otaru_bus::Record, name: &str) -> String {
    let found = record.headers.iter().find(|(known, _)| known == name).unwrap();
    String::from_utf8(found.1.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_cannot_be_is_refused_with_its_field() {
    let fleet = Fleet::start().await;
    let vehicle = fleet.world.vehicle(VIN, &fleet.model).await;
    let car = Car::new(&fleet.world.gateway, &vehicle);
    let cases: [(fn(&mut Value), &str); 7] = [
        (|body| body["primary_ecu_serial"] = "another".into(), "/primary_ecu_serial"),
        (|body| body["ecus"] = json!([]), "/ecus"),
        (|body| body["ecus"][1]["ecu_serial"] = PRIMARY.into(), "/ecus/1/ecu_serial"),
        (|body| body["ecus"][0]["clientKey"]["keyval"]["public"] = "00".into(), "/ecus/0/clientKey"),
        (|body| body["ecus"][0]["clientKey"]["keytype"] = "ECDSA".into(), "/ecus/0/clientKey"),
        (|body| body["ecus"][1]["hardware_identifier"] = "no id!".into(), "/ecus/1/hardware_identifier"),
        (|body| body["ecus"][1]["ecu_serial"] = "a/b".into(), "/ecus/1/ecu_serial"),
    ];
    for (change, pointer) in cases {
        let mut body = car.registration();
        change(&mut body);
        let response = car.request(Method::POST, "director/ecus").json(&body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(problem(response).await["pointer"], pointer);
    }
    let many: Vec<Value> = vec![car.registration()["ecus"][0].clone(); 257];
    let body = json!({"primary_ecu_serial": PRIMARY, "ecus": many});
    let response = car.request(Method::POST, "director/ecus").json(&body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(rows::ecus(fleet.world.store(), vehicle.id).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_vehicle_gets_nothing_and_each_vehicle_its_own() {
    let fleet = Fleet::start().await;
    let gateway = &fleet.world.gateway;
    for call in ["director/1.root.json", "director/targets.json", "repo/timestamp.json", "repo/targets/x"] {
        let response = gateway.get(&format!("/uptane/{call}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{call}");
    }
    let (one, other) = (fleet.world.vehicle(VIN, &fleet.model).await, fleet.world.vehicle(OTHER, &fleet.model).await);
    let (mut one, mut other) = (Car::new(gateway, &one), Car::new(gateway, &other));
    one.register().await;
    assert_eq!(
        problem(other.get("director/targets.json").await).await["type"],
        "urn:otaru:problem:ecus-not-registered"
    );
    other.register().await;
    assert_eq!(one.directed().await["custom"]["vehicleId"], VIN);
    assert_eq!(other.directed().await["custom"]["vehicleId"], OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_directors_keys_is_no_director() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let car = Car::new(&world.gateway, &vehicle);
    assert_eq!(car.register().await.status(), StatusCode::NOT_FOUND);
    assert_eq!(car.get("repo/timestamp.json").await.status(), StatusCode::NOT_FOUND);
}
