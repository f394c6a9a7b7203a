//! A device that speaks DDI, and a campaign with a file to install.

use otaru_domain::document::CampaignDocument;
use otaru_domain::id::CampaignId;
use otaru_domain::tuf::{Change, Hashes, Target, TargetCustom, TargetEncryption};
use otaru_store::objects::Digests;
use otaru_store::testing;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::model::Model;
use crate::world::{Gateway, Vehicle, World};

pub const VIN: &str = "WVWZZZ1KZAW000001";
pub const OTHER: &str = "WVWZZZ1KZAW000002";
/// The image's name among the model's targets.
pub const TARGET: &str = "BCM-2.3.0-r4.bin";

/// A device with its token.
pub struct Device<'a> {
    pub gateway: &'a Gateway,
    pub vin: String,
    pub credential: String,
}

impl<'a> Device<'a> {
    pub fn new(gateway: &'a Gateway, vehicle: &Vehicle) -> Self {
        let credential = format!("TargetToken {}", vehicle.token);
        Self { gateway, vin: vehicle.vin.to_string(), credential }
    }

    pub fn request(&self, method: Method, call: &str) -> RequestBuilder {
        let path = format!("/DEFAULT/controller/v1/{}{call}", self.vin);
        self.gateway.request(method, &path).header("authorization", &self.credential)
    }

    pub async fn get(&self, call: &str) -> Response {
        self.request(Method::GET, call).send().await.unwrap()
    }

    /// What the root says.
    pub async fn poll(&self) -> Value {
        let response = self.get("").await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }

    /// The path of the link `name` below the controller, if the root has one.
    pub async fn link(&self, name: &str) -> Option<String> {
        path_of(&self.poll().await["_links"][name])
    }

    pub async fn post(&self, call: &str, body: Value) -> StatusCode {
        self.request(Method::POST, call).json(&body).send().await.unwrap().status()
    }

    pub async fn feedback(&self, call: &str, execution: &str, finished: &str) -> StatusCode {
        let call = format!("{}/feedback", call.split('?').next().unwrap());
        self.post(&call, status(execution, finished)).await
    }
}

pub fn status(execution: &str, finished: &str) -> Value {
    json!({"id": 1, "time": "20140511T121314",
           "status": {"execution": execution, "result": {"finished": finished}, "details": ["a line"]}})
}

/// What follows the controller's VIN in a link.
pub fn path_of(link: &Value) -> Option<String> {
    let href = link["href"].as_str()?;
    Some(href.split_once("/controller/v1/").unwrap().1[17..].to_owned())
}

/// A campaign that runs for `vehicles` and installs `bytes`, uploaded as `body.swu`.
pub async fn campaign(world: &World, model: &mut Model, vehicles: &[&Vehicle], bytes: &[u8]) -> (CampaignId, Digests) {
    let digests = world.upload(bytes).await;
    let release = testing::release(world.store(), &Uuid::new_v4().to_string(), world.now).await.unwrap();
    let names = ("BCM", TARGET, "body.swu");
    testing::image(world.store(), release, model.id.as_str(), names, &digests, world.now).await.unwrap();
    let campaign = testing::campaign(world.store(), release, "salt", world.now).await.unwrap();
    testing::set_campaign_state(world.store(), campaign, "running").await.unwrap();
    for vehicle in vehicles {
        testing::assign(world.store(), vehicle.id, campaign, 1, world.now).await.unwrap();
    }
    let image = model.publish_image(TARGET, &digests.sha256, digests.length_bytes, world.now);
    world.publish(model, image).await;
    let document = model.publish_document(model.document(campaign, world.now), world.now);
    world.publish(model, document).await;
    (campaign, digests)
}

/// Says of the campaign's image that it is the ciphertext of another.
pub async fn encrypt(world: &World, model: &mut Model, digests: &Digests) {
    let encryption = TargetEncryption {
        scheme: "age".to_owned(),
        sha256: "0".repeat(64),
        length: 7,
        hardware_ids: vec!["BCM".parse().unwrap()],
    };
    let custom = TargetCustom {
        hardware_ids: Vec::new(),
        release_counter: 4,
        version: "2.3.0".to_owned(),
        release: 4,
        requires: Vec::new(),
        delta: None,
        encryption: Some(encryption),
    };
    let hashes = Hashes { sha256: digests.sha256.to_string() };
    let target = Target { length: digests.length_bytes, hashes, custom: Some(custom) };
    let change = Change { targets: [(TARGET.to_owned(), Some(target))].into(), ..Change::default() };
    let publication = model.publish(change, world.now);
    world.publish(model, publication).await;
}

/// A vehicle, its device and a campaign that the device finds at the link.
pub async fn offered<'a>(world: &'a World, model: &mut Model) -> (Vehicle, Device<'a>, CampaignId, String) {
    let vehicle = world.vehicle(VIN, model).await;
    let (campaign, _) = campaign(world, model, &[&vehicle], b"image").await;
    let device = Device::new(&world.gateway, &vehicle);
    let link = device.link("deploymentBase").await.unwrap();
    (vehicle, device, campaign, link)
}

/// Publishes the campaign's document as `change` makes it.
pub async fn republish(
    world: &World,
    model: &mut Model,
    campaign: CampaignId,
    change: impl FnOnce(&mut CampaignDocument),
) {
    let mut document = model.document(campaign, world.now);
    change(&mut document);
    let publication = model.publish_document(document, world.now);
    world.publish(model, publication).await;
}
