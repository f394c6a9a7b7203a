//! The order in which ECUs are to be updated, from the release to the signed document.

use otaru_domain::release::Installation;
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::world::World;

#[tokio::test]
async fn the_order_of_a_release_is_the_order_of_the_signed_document() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let ada = &fleet.engineer;
    let mut images = Vec::new();
    for (ecu, bytes) in [("IVI", b"ivi 3".as_slice()), ("BCM", b"bcm 3")] {
        let sha256 = ada.upload("image.bin", bytes).await;
        images.push(json!({"hardware_id": ecu, "sha256": sha256, "version": "3"}));
    }
    images[1]["requires"] = json!([{"hardware_id": "IVI", "versions": ">=3"}]);
    let order = |images: &Value| -> Vec<String> {
        images.as_array().unwrap().iter().map(|one| one["hardware_id"].as_str().unwrap().to_owned()).collect()
    };
    let mut body = json!({"name": fleet.model, "version": "3", "models": [fleet.model], "images": images});
    let made = ada.post("/releases", &body).await.is(201);
    assert_eq!((&made["installation"], order(&made["images"])), (&json!("atomic"), vec!["BCM".into(), "IVI".into()]));
    let path = format!("/releases/{}", made["id"]);
    body["installation"] = json!("ordered");
    assert_eq!(order(&ada.put(&path, &body).await.is(200)["images"]), ["IVI", "BCM"]);
    body["images"] = json!([images[1], images[0]]);
    let (detail, pointer) = ada.put(&path, &body).await.problem_at(422, "invalid");
    assert_eq!(pointer, "/images/0/requires/0");
    assert!(detail.contains("IVI comes later in the order"), "{detail}");
    body["installation"] = json!("atomic");
    ada.put(&path, &body).await.is(200);
    body["installation"] = json!("ordered");
    body["images"] = json!(images);
    ada.put(&path, &body).await.is(200);
    ada.post(&format!("{path}/lock"), &json!({})).await.is(200);

    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["release"] = made["id"].clone();
    let id = fleet.create(&draft).await;
    fleet.command(id, "start").await;
    let document = fleet.until_published(id, "the document", |_| true).await;
    let ecus: Vec<&str> = document.targets.iter().map(|target| target.hardware_id.as_str()).collect();
    assert_eq!((document.installation, ecus), (Installation::Ordered, vec!["IVI", "BCM"]));
}
