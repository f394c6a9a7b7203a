//! Images that are fetched elsewhere, and what is not.

use otaru_bus::BusConfig;
use otaru_gateway::{CdnTemplate, Config, ImageLinks};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::ddi::rig::{Device, VIN, campaign, path_of};
use crate::world::{ANY_PORT, Gateway, World, header};

/// Asks without following.
async fn ask(gateway: &Gateway, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let request = client.request(method, format!("http://{}{path}", gateway.address));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

fn to_cdn(config: &mut Config) {
    let template: CdnTemplate = "https://cdn.example/{model}/{prefix}/{sha256}".parse().unwrap();
    config.redirects.images = Some(ImageLinks::Cdn(template));
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_elsewhere_and_documents_and_metadata_here() {
    let world = World::start_with(to_cdn).await;
    let mut model = world.model("harbour").await;
    let sha256 = world.image(b"an image").await;
    let name = "BCM-2.3.0-r4.bin";
    let publication = model.publish_image(name, &sha256, 8, world.now);
    world.publish(&model, publication).await;
    let publication = model.publish_document(model.document(7, world.now), world.now);
    let (document, _) = publication.files.iter().find(|(name, _)| name.contains("campaign-7")).cloned().unwrap();
    world.publish(&model, publication).await;
    let path = format!("/tuf/harbour/targets/{sha256}.{name}");
    let link = format!("https://cdn.example/harbour/{}/{sha256}", &sha256.as_str()[..2]);
    let secret = [("authorization", "Bearer a.secret.token"), ("range", "bytes=2-")];
    for (method, headers) in [(Method::GET, &[][..]), (Method::HEAD, &[]), (Method::GET, &secret)] {
        let sent = ask(&world.gateway, method, &path, headers).await;
        assert_eq!(sent.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(header(&sent, "location"), link);
        assert_eq!(header(&sent, "cache-control"), "public, max-age=300");
        assert!(!sent.headers().contains_key("etag"), "the tag would be taken for the redirect's own");
    }
    // What the gateway knows without the bytes, it says itself.
    let etag = format!("\"{sha256}\"");
    let known = ask(&world.gateway, Method::GET, &path, &[("if-none-match", &etag)]).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let past = ask(&world.gateway, Method::GET, &path, &[("range", "bytes=8-")]).await;
    assert_eq!(past.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let another = ask(&world.gateway, Method::GET, &path, &[("if-match", "\"another\"")]).await;
    assert_eq!(another.status(), StatusCode::PRECONDITION_FAILED);
    for here in [format!("/tuf/harbour/targets/{document}"), "/tuf/harbour/metadata/timestamp.json".to_owned()] {
        assert_eq!(ask(&world.gateway, Method::GET, &here, &[]).await.status(), StatusCode::OK, "{here}");
    }
    let unlisted = format!("/tuf/harbour/targets/{}.{name}", "ab".repeat(32));
    assert_eq!(ask(&world.gateway, Method::GET, &unlisted, &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_that_speak_ddi_are_sent_elsewhere_only_where_that_is_asked_for() {
    let world = World::start_with(to_cdn).await;
    let mut model = world.model("harbour").await;
    let vehicle = world.vehicle(VIN, &model).await;
    campaign(&world, &mut model, &[&vehicle], b"image").await;
    let device = Device::new(&world.gateway, &vehicle);
    let link = device.link("deploymentBase").await.unwrap();
    let answer: Value = device.get(&link).await.json().await.unwrap();
    let file = path_of(&answer["deployment"]["chunks"][0]["artifacts"][0]["_links"]["download-http"]).unwrap();
    assert_eq!(device.get(&file).await.bytes().await.unwrap(), b"image".as_slice());
    let sending = world
        .second_gateway(|config| {
            to_cdn(config);
            config.redirects.ddi = true;
        })
        .await;
    let path = format!("/DEFAULT/controller/v1/{VIN}{file}");
    let token = format!("TargetToken {}", vehicle.token);
    let sent = ask(&sending, Method::GET, &path, &[("authorization", &token)]).await;
    assert_eq!(sent.status(), StatusCode::TEMPORARY_REDIRECT);
    assert!(header(&sent, "location").starts_with("https://cdn.example/harbour/"));
    let nobody = ask(&sending, Method::GET, &path, &[]).await;
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED, "a link is for who may have the image");
    let sum = ask(&sending, Method::GET, &format!("{path}.MD5SUM"), &[("authorization", &token)]).await;
    assert_eq!(sum.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_not_signed_for_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = format!("file://{}", folder.path().display());
    let database = otaru_store::Config {
        url: "postgres://nobody@127.0.0.1:1/nothing".to_owned(),
        max_connections: 1,
        schema: None,
    };
    let mut config = Config::new(ANY_PORT.into(), database, BusConfig::new("127.0.0.1:1"), artifacts);
    config.redirects.images = Some(ImageLinks::Presigned { life: Duration::from_secs(60) });
    let refused = otaru_gateway::run(config, CancellationToken::new()).await.unwrap_err().to_string();
    assert!(refused.contains("presigned redirects need s3://"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn private_targets_are_for_the_models_own_vehicles_before_anybody_is_sent_elsewhere() {
    let world = World::start_with(|config| {
        to_cdn(config);
        config.private_targets = true;
    })
    .await;
    let (mut model, other) = (world.model("harbour").await, world.model("meadow").await);
    let own = world.vehicle(VIN, &model).await;
    let stranger = world.vehicle("WVWZZZ1KZAW000002", &other).await;
    let sha256 = world.image(b"an image").await;
    let name = "BCM-2.3.0-r4.bin";
    let publication = model.publish_image(name, &sha256, 8, world.now);
    world.publish(&model, publication).await;
    let publication = model.publish_document(model.document(7, world.now), world.now);
    let (document, _) = publication.files.iter().find(|(name, _)| name.contains("campaign-7")).cloned().unwrap();
    world.publish(&model, publication).await;
    let image = format!("/tuf/harbour/targets/{sha256}.{name}");
    let document = format!("/tuf/harbour/targets/{document}");
    let as_vehicle = async |path: &str, token: &str| {
        ask(&world.gateway, Method::GET, path, &[("authorization", &format!("Bearer {token}"))]).await
    };
    for path in [&image, &document] {
        assert_eq!(ask(&world.gateway, Method::GET, path, &[]).await.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(as_vehicle(path, "no.such.token").await.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(as_vehicle(path, &stranger.token).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
    let sent = as_vehicle(&image, &own.token).await;
    assert_eq!(sent.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(header(&sent, "cache-control"), "private, no-store");
    let served = as_vehicle(&document, &own.token).await;
    assert_eq!(served.status(), StatusCode::OK);
    assert_eq!(header(&served, "cache-control"), "private, max-age=31536000, immutable");
    let open = ask(&world.gateway, Method::GET, "/tuf/harbour/metadata/timestamp.json", &[]).await;
    assert_eq!(open.status(), StatusCode::OK);
}
