//! Caps on bandwidth. A cap says how long something takes at least; that it takes longer on a slow machine is no failure.

use std::time::{Duration, Instant};

use otaru_domain::id::CampaignId;
use otaru_domain::rollout::Policy;
use otaru_gateway::{CdnTemplate, Config, ImageLinks};
use otaru_store::{bandwidth, testing};
use reqwest::StatusCode;

use crate::model::Model;
use crate::world::{Gateway, Vehicle, World, header, problem, retry_after};

const NAME: &str = "BCM-2.3.0-r4.bin";
const VIN: &str = "WVWZZZ1KZAW000001";

/// An image of `length` bytes that `model` lists: its path.
async fn image(world: &World, model: &mut Model, length: usize) -> String {
    let bytes = vec![7; length];
    let sha256 = world.image(&bytes).await;
    let publication = model.publish_image(NAME, &sha256, length as u64, world.now);
    world.publish(model, publication).await;
    format!("/tuf/{}/targets/{sha256}.{NAME}", model.id)
}

async fn cap(world: &World, model: &Model, bytes_per_sec: u64) {
    let mut tx = world.store().begin().await.unwrap();
    assert!(bandwidth::set_model_cap(&mut tx, model.id.as_str(), Some(bytes_per_sec)).await.unwrap());
    tx.commit().await.unwrap();
}

/// A gateway that knows the repositories and caps there are.
async fn gateway(world: &World, configure: impl FnOnce(&mut Config)) -> Gateway {
    world.second_gateway(configure).await
}

/// Downloads `path`, as `vehicle` if there is one, and says how long that took.
async fn download(gateway: &Gateway, path: &str, vehicle: Option<&Vehicle>) -> (usize, Duration) {
    let began = Instant::now();
    let request = gateway.get(path);
    let request = match vehicle {
        Some(vehicle) => request.bearer_auth(&vehicle.token),
        None => request,
    };
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = response.bytes().await.unwrap();
    (bytes.len(), began.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capped_download_is_slow_and_whole_and_nobody_takes_its_reader_for_stalled() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let path = image(&world, &mut model, 40_000).await;
    cap(&world, &model, 20_000).await;
    // Between two pieces there is more than twice the time in which a client must have read.
    let gateway = gateway(&world, |config| config.serving.write_stall = Duration::from_millis(10)).await;
    let (length, took) = download(&gateway, &path, None).await;
    assert_eq!(length, 40_000);
    assert!(took >= Duration::from_millis(1_750), "{took:?}");
    let metrics = gateway.get("/metrics").send().await.unwrap().text().await.unwrap();
    let throttled = "otaru_gateway_throttled_microseconds_total{by=\"model\"}";
    assert!(metrics.contains(throttled) && metrics.contains("otaru_gateway_image_bytes_total{model=\"harbour\"}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_together_send_no_more_than_the_cap() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let path = image(&world, &mut model, 40_000).await;
    cap(&world, &model, 40_000).await;
    let (one, two) = (gateway(&world, |_| {}).await, gateway(&world, |_| {}).await);
    let began = Instant::now();
    let ((first, _), (second, _)) = tokio::join!(download(&one, &path, None), download(&two, &path, None));
    assert_eq!((first, second), (40_000, 40_000));
    let took = began.elapsed();
    // Each of them alone would have been done in half of that.
    assert!(took >= Duration::from_millis(1_700), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_own_cap_is_on_all_models_together() {
    let world = World::start().await;
    let (mut model, mut other) = (world.model("harbour").await, world.model("meadow").await);
    let (path, second) = (image(&world, &mut model, 20_000).await, image(&world, &mut other, 20_001).await);
    let gateway = gateway(&world, |config| config.limits.bytes_per_sec = Some(20_000.try_into().unwrap())).await;
    let began = Instant::now();
    tokio::join!(download(&gateway, &path, None), download(&gateway, &second, None));
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1_750), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_comes_later_does_not_wait_for_those_before_it() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let large = image(&world, &mut model, 90_000).await;
    let small = image_beside(&world, &mut model, 10_000).await;
    cap(&world, &model, 40_000).await;
    let gateway = gateway(&world, |_| {}).await;
    let mut first = gateway.get(&large).send().await.unwrap();
    assert!(first.chunk().await.unwrap().is_some(), "it has begun");
    let rest = async {
        let mut length = 0;
        while let Some(chunk) = first.chunk().await.unwrap() {
            length += chunk.len();
        }
        length
    };
    tokio::select! {
        biased;
        rest = rest => panic!("the {rest} bytes of the first were all sent before those of the second"),
        (length, _) = download(&gateway, &small, None) => assert_eq!(length, 10_000),
    }
}

/// Another image that `model` lists.
async fn image_beside(world: &World, model: &mut Model, length: usize) -> String {
    let sha256 = world.image(&vec![8; length]).await;
    let publication = model.publish_image("BCM-small.bin", &sha256, length as u64, world.now);
    world.publish(model, publication).await;
    format!("/tuf/{}/targets/{sha256}.BCM-small.bin", model.id)
}

async fn capped_campaign(world: &World, model: &mut Model, vehicle: &Vehicle, bytes_per_sec: u64) -> CampaignId {
    let campaign = world.running_campaign(model, &[vehicle]).await;
    let policy = Policy { max_bytes_per_sec: Some(bytes_per_sec), ..Policy::default() };
    testing::set_policy(world.store(), campaign, &policy).await.unwrap();
    campaign
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaigns_cap_is_on_its_vehicles_and_on_nobody_else() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let path = image(&world, &mut model, 40_000).await;
    let member = world.vehicle(VIN, &model).await;
    let other = world.vehicle("WVWZZZ1KZAW000002", &model).await;
    capped_campaign(&world, &mut model, &member, 20_000).await;
    let gateway = gateway(&world, |_| {}).await;
    let slow = async {
        let (length, took) = download(&gateway, &path, Some(&member)).await;
        (length, took, Instant::now())
    };
    let quick = async {
        download(&gateway, &path, Some(&other)).await;
        Instant::now()
    };
    let ((length, took, end), others_end) = tokio::join!(slow, quick);
    assert_eq!(length, 40_000);
    assert!(took >= Duration::from_millis(1_750), "{took:?}");
    assert!(others_end < end, "who is in no campaign has no cap");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_the_token_out_counts_for_the_only_campaign_that_brings_the_image() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let path = image(&world, &mut model, 40_000).await;
    let beside = image_beside(&world, &mut model, 40_000).await;
    let member = world.vehicle(VIN, &model).await;
    let campaign = capped_campaign(&world, &mut model, &member, 2_000).await;
    let gateway = gateway(&world, |config| config.limits.downloads_per_cap = 1).await;
    let mut first = gateway.get(&path).bearer_auth(&member.token).send().await.unwrap();
    assert!(first.chunk().await.unwrap().is_some(), "the campaign's only place is taken");
    let status = async || gateway.get(&path).send().await.unwrap().status();
    assert_eq!(status().await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(download(&gateway, &beside, None).await.0, 40_000, "what no campaign brings has the model's cap alone");

    // Another campaign brings it as well: nobody can tell for which of them it is.
    world.running_campaign(&mut model, &[]).await;
    crate::world::eventually("both are known", async || (status().await == StatusCode::OK).then_some(())).await;
    let mut document = model.document(campaign, world.now);
    document.state = otaru_domain::document::DocumentState::Paused;
    let publication = model.publish_document(document, world.now);
    world.publish(&model, publication).await;
    assert_eq!(status().await, StatusCode::OK, "the one that runs has no cap");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_downloads_than_may_share_a_cap_are_told_when_to_come_back() {
    let world = World::start().await;
    let (mut model, mut other) = (world.model("harbour").await, world.model("meadow").await);
    let path = image(&world, &mut model, 40_000).await;
    let elsewhere = image(&world, &mut other, 40_001).await;
    cap(&world, &model, 2_000).await;
    let gateway = gateway(&world, |config| config.limits.downloads_per_cap = 1).await;
    let mut first = gateway.get(&path).send().await.unwrap();
    assert!(first.chunk().await.unwrap().is_some());
    let second = gateway.get(&path).send().await.unwrap();
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    // In 20 s the cap sends one image; a fifth more or less, so that not all come back at once.
    assert!((16..=24).contains(&retry_after(&second)), "{second:?}");
    problem(second).await;
    assert_eq!(download(&gateway, &elsewhere, None).await.0, 40_001, "another model's image is sent");
    drop(first);
    crate::world::eventually("the place is free again", async || {
        gateway.get(&path).send().await.unwrap().status().is_success().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_capped_is_sent_from_here_though_others_are_sent_elsewhere() {
    let world = World::start().await;
    let (mut model, mut other) = (world.model("harbour").await, world.model("meadow").await);
    let (path, free) = (image(&world, &mut model, 100).await, image(&world, &mut other, 101).await);
    cap(&world, &model, 1 << 30).await;
    let template: CdnTemplate = "http://cdn.invalid/{sha256}".parse().unwrap();
    let gateway = gateway(&world, |config| config.redirects.images = Some(ImageLinks::Cdn(template))).await;
    assert_eq!(download(&gateway, &path, None).await.0, 100);
    let plain = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent = plain.get(format!("http://{}{free}", gateway.address)).send().await.unwrap();
    assert_eq!(sent.status(), StatusCode::TEMPORARY_REDIRECT);
    assert!(header(&sent, "location").starts_with("http://cdn.invalid/"));
}
