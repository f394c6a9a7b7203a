//! Who may ask for whom.

use otaru_domain::id::{ModelId, Vin};
use otaru_gateway::DdiConfig;
use otaru_store::{vehicle_tokens, vehicles};
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::rig::{Device, OTHER, VIN, campaign};
use crate::world::{World, eventually};

const GATEWAY_TOKEN: &str = "a-gateway-token-of-this-fleet";
const OPAQUE: &str = "6a2c0e4f9b1d4c7f8e3a5b7d9c1f2e4a";

async fn status(device: &Device<'_>, vin: &str, credential: &str) -> StatusCode {
    let device = Device { gateway: device.gateway, vin: vin.to_owned(), credential: credential.to_owned() };
    let response = device.get("").await;
    let status = response.status();
    if status == StatusCode::UNAUTHORIZED {
        assert!(response.bytes().await.unwrap().is_empty(), "a 401 says nothing");
    }
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_its_own_vehicle_and_no_other() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let other = world.vehicle(OTHER, &model).await;
    let device = Device::new(&world.gateway, &vehicle);
    let own = device.credential.clone();
    assert_eq!(status(&device, VIN, &own).await, StatusCode::OK);
    for (vin, credential) in [
        (OTHER, own.clone()),
        ("not-a-vin", own.clone()),
        ("WVWZZZ1KZAW000009", own.clone()),
        (VIN, String::new()),
        (VIN, format!("Bearer {}", vehicle.token)),
        (VIN, format!("TargetToken {}x", vehicle.token)),
        (VIN, "TargetToken 0123456789abcdef".to_owned()),
        (VIN, format!("TargetToken {}", "a".repeat(3000))),
        (VIN, format!("GatewayToken {GATEWAY_TOKEN}")),
    ] {
        assert_eq!(status(&device, vin, &credential).await, StatusCode::UNAUTHORIZED, "{vin} {credential}");
    }
    let elsewhere = world.gateway.get(&format!("/OTHERS/controller/v1/{VIN}")).header("authorization", &own);
    assert_eq!(elsewhere.send().await.unwrap().status(), StatusCode::NOT_FOUND);

    // One cannot report for another either.
    let (_, _) = campaign(&world, &mut model, &[&vehicle, &other], b"image").await;
    let link = device.link("deploymentBase").await.unwrap();
    let thief = Device {
        gateway: &world.gateway,
        vin: VIN.to_owned(),
        credential: Device::new(&world.gateway, &other).credential,
    };
    assert_eq!(thief.feedback(&link, "closed", "failure").await, StatusCode::UNAUTHORIZED);
    assert_eq!(thief.get(&link).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(world.acks(&vehicle.vin).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_token_works_until_it_is_revoked() {
    let world = World::start().await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let device = Device::new(&world.gateway, &vehicle);
    let credential = format!("TargetToken {OPAQUE}");
    assert_eq!(status(&device, VIN, &credential).await, StatusCode::UNAUTHORIZED);
    let sha256 = Sha256::digest(OPAQUE.as_bytes()).into();
    let token = vehicle_tokens::NewVehicleToken { id: Uuid::now_v7(), vin: vehicle.vin.clone(), sha256 };
    let mut tx = world.store().begin().await.unwrap();
    vehicle_tokens::import(&mut tx, std::slice::from_ref(&token), "test", world.now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(status(&device, VIN, &credential).await, StatusCode::OK);
    assert_eq!(status(&device, OTHER, &credential).await, StatusCode::UNAUTHORIZED);
    let mut tx = world.store().begin().await.unwrap();
    assert!(vehicle_tokens::revoke(&mut tx, vehicle.id, token.id, world.now).await.unwrap());
    tx.commit().await.unwrap();
    eventually("the token is refused", async || {
        (status(&device, VIN, &credential).await == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_the_fleet_speaks_for_all_and_brings_new_ones_if_it_may() {
    let world = World::start_with(|config| {
        config.ddi.gateway_token_sha256 = Some(DdiConfig::hash(GATEWAY_TOKEN));
        config.ddi.auto_register_model = Some(ModelId::parse("harbour").unwrap());
    })
    .await;
    let model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let device = Device::new(&world.gateway, &vehicle);
    let credential = format!("GatewayToken {GATEWAY_TOKEN}");
    assert_eq!(status(&device, VIN, &credential).await, StatusCode::OK);
    assert_eq!(status(&device, VIN, "GatewayToken a-gateway-token-of-this-fleeT").await, StatusCode::UNAUTHORIZED);

    let new = Device { gateway: &world.gateway, vin: OTHER.to_owned(), credential: credential.clone() };
    assert_eq!(new.get("/confirmationBase").await.status(), StatusCode::UNAUTHORIZED, "it has not come yet");
    assert_eq!(status(&device, "not-a-vin", &credential).await, StatusCode::UNAUTHORIZED);
    assert_eq!(new.get("").await.status(), StatusCode::OK);
    let registered = vehicles::get(world.store(), &Vin::parse(OTHER).unwrap()).await.unwrap().unwrap();
    assert_eq!(registered.model.as_str(), "harbour");

    let strict =
        world.second_gateway(|config| config.ddi.gateway_token_sha256 = Some(DdiConfig::hash(GATEWAY_TOKEN))).await;
    let unknown = Device { gateway: &strict, vin: "WVWZZZ1KZAW000003".to_owned(), credential };
    assert_eq!(unknown.get("").await.status(), StatusCode::UNAUTHORIZED, "without a model nobody is registered");
}
