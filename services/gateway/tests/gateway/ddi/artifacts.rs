//! Files.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::rig::{Device, OTHER, VIN, campaign, path_of};
use crate::world::{World, header};

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_it_broke_off_on_any_gateway() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let (_, digests) = campaign(&world, &mut model, &[&vehicle], &bytes).await;
    let device = Device::new(&world.gateway, &vehicle);
    let link = device.link("deploymentBase").await.unwrap();
    let answer: Value = device.get(&link).await.json().await.unwrap();
    let links = &answer["deployment"]["chunks"][0]["artifacts"][0]["_links"];
    let (file, sum) = (path_of(&links["download-http"]).unwrap(), path_of(&links["md5sum-http"]).unwrap());

    let whole = device.get(&file).await;
    assert_eq!((whole.status(), header(&whole, "accept-ranges")), (StatusCode::OK, "bytes"));
    let etag = header(&whole, "etag").to_owned();
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    let second = world.second_gateway(|_| {}).await;
    let elsewhere = Device::new(&second, &vehicle);
    let rest = elsewhere.request(Method::GET, &file).header("range", "bytes=399000-").header("if-range", etag);
    let rest = rest.send().await.unwrap();
    assert_eq!(rest.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&rest, "content-range"), "bytes 399000-399999/400000");
    assert_eq!(rest.bytes().await.unwrap(), bytes[399_000..]);
    let past = device.request(Method::GET, &file).header("range", "bytes=400000-").send().await.unwrap();
    assert_eq!(past.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&past, "content-range"), "bytes */400000");
    let sum = device.get(&sum).await;
    assert_eq!(sum.text().await.unwrap(), format!("{}  body.swu\n", digests.md5));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_vehicles_own_model_lists_is_served() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let meadow = world.model("meadow").await;
    let vehicle = world.vehicle(VIN, &model).await;
    let stranger = world.vehicle(OTHER, &meadow).await;
    let (_, digests) = campaign(&world, &mut model, &[&vehicle], b"image").await;
    let file = format!("/softwaremodules/{}.{}/artifacts/body.swu", digests.sha256, super::rig::TARGET);
    assert_eq!(Device::new(&world.gateway, &vehicle).get(&file).await.status(), StatusCode::OK);
    assert_eq!(Device::new(&world.gateway, &stranger).get(&file).await.status(), StatusCode::NOT_FOUND);
    let unlisted = file.replace("BCM", "BCX");
    assert_eq!(Device::new(&world.gateway, &vehicle).get(&unlisted).await.status(), StatusCode::NOT_FOUND);
}
