//! The models' repositories, as any TUF client fetches them.

use otaru_domain::id::Sha256;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};

use crate::model::Model;
use crate::world::{World, header, problem};

const NAME: &str = "BCM-2.3.0-r4.bin";

/// A firmware of 100,000 bytes, listed by `model`.
async fn firmware(world: &World, model: &mut Model) -> (Vec<u8>, Sha256, String) {
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect();
    let sha256 = world.image(&bytes).await;
    let publication = model.publish_image(NAME, &sha256, bytes.len() as u64, world.now);
    world.publish(model, publication).await;
    let path = format!("/tuf/{}/targets/{sha256}.{NAME}", model.id);
    (bytes, sha256, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_served_byte_for_byte_and_cached_as_long_as_it_may_be() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let publication = model.publish_document(model.document(7, world.now), world.now);
    world.publish(&model, publication).await;
    let files = model.repository.republish().files;
    assert_eq!(files.len(), 6);
    for (name, bytes) in files {
        let document = name.ends_with(".campaign-7.json");
        let folder = if document { "targets" } else { "metadata" };
        let path = format!("/tuf/harbour/{folder}/{name}");
        let response = world.gateway.get(&path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&response, "content-type"), "application/json");
        let for_ever = "public, max-age=31536000, immutable";
        let expected = if name == "timestamp.json" { "no-cache" } else { for_ever };
        assert_eq!(header(&response, "cache-control"), expected, "{path}");
        let etag = header(&response, "etag").to_owned();
        assert_eq!(Some(response.bytes().await.unwrap().as_ref()), bytes.as_deref(), "{path}");
        let again = world.gateway.get(&path).header("if-none-match", etag).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_repository_does_not_list_is_not_there() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let mut other = world.model("meadow").await;
    let (_, sha256, path) = firmware(&world, &mut model).await;
    let unlisted = world.image(b"uploaded, but in no release").await;
    let publication = other.publish_document(other.document(9, world.now), world.now);
    let (document, _) = publication.files.iter().find(|(name, _)| name.contains("campaign-9")).cloned().unwrap();
    world.publish(&other, publication).await;
    assert_eq!(world.gateway.get(&path).send().await.unwrap().status(), StatusCode::OK);
    for path in [
        // Another model's image and document.
        format!("/tuf/meadow/targets/{sha256}.{NAME}"),
        format!("/tuf/harbour/targets/{document}"),
        // The right hash under another name, the name without its hash, the hash without a name.
        format!("/tuf/harbour/targets/{sha256}.other.bin"),
        format!("/tuf/harbour/targets/{NAME}"),
        format!("/tuf/harbour/targets/{sha256}"),
        format!("/tuf/harbour/targets/{unlisted}.{NAME}"),
        "/tuf/harbour/targets/1.targets.json".to_owned(),
        "/tuf/harbour/targets/..%2F..%2Fetc%2Fpasswd".to_owned(),
        "/tuf/harbour/metadata/2.root.json".to_owned(),
        "/tuf/harbour/metadata/root.json".to_owned(),
        "/tuf/harbour/metadata/99.snapshot.json".to_owned(),
        format!("/tuf/meadow/metadata/{document}"),
        "/tuf/nowhere/metadata/timestamp.json".to_owned(),
        "/tuf/NO-MODEL/metadata/timestamp.json".to_owned(),
        "/tuf".to_owned(),
    ] {
        let response = world.gateway.get(&path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        if path.contains("/metadata/") {
            assert_eq!(header(&response, "cache-control"), "no-cache", "{path}");
        }
        problem(response).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_timestamp_on_the_topic_is_not_served() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let old = model.repository.republish().files;
    let publication = model.publish_document(model.document(7, world.now), world.now);
    world.publish(&model, publication).await;
    world.send_files(&model.id, old).await;
    // What comes after it on the topic shows that it was read.
    let mut third = model.publish_document(model.document(8, world.now), world.now).files;
    let timestamp = third.pop().unwrap();
    world.send_files(&model.id, third.clone()).await;
    let last = third.iter().rev().find(|(_, bytes)| bytes.is_some()).unwrap().0.clone();
    let path = format!("/tuf/harbour/metadata/{last}");
    crate::world::eventually("the file after it is served", async || {
        world.gateway.get(&path).send().await.unwrap().status().is_success().then_some(())
    })
    .await;
    let served =
        async || world.gateway.get("/tuf/harbour/metadata/timestamp.json").send().await.unwrap().bytes().await.unwrap();
    let served_version =
        serde_json::from_slice::<serde_json::Value>(&served().await).unwrap()["signed"]["version"].clone();
    assert_eq!(served_version, 2);
    world.send_files(&model.id, vec![timestamp]).await;
    crate::world::eventually("the newer one is served", async || {
        let timestamp: serde_json::Value = serde_json::from_slice(&served().await).unwrap();
        (timestamp["signed"]["version"] == 3).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_streamed_whole_or_from_where_a_download_broke_off() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let (bytes, sha256, path) = firmware(&world, &mut model).await;
    let etag = format!("\"{sha256}\"");
    let get = async |headers: &[(&str, &str)]| {
        let mut request = world.gateway.get(&path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    };
    let whole = get(&[]).await;
    assert_eq!(whole.status(), StatusCode::OK);
    for (name, expected) in [
        ("etag", etag.as_str()),
        ("content-length", "100000"),
        ("accept-ranges", "bytes"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("content-type", "application/octet-stream"),
    ] {
        assert_eq!(header(&whole, name), expected);
    }
    assert_eq!(whole.bytes().await.unwrap(), bytes);

    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=10-19", 10..20),
        ("bytes=99990-", 99_990..100_000),
        ("bytes=-10", 99_990..100_000),
        ("bytes=50000-999999", 50_000..100_000),
    ] {
        for headers in [&[("range", range)][..], &[("range", range), ("if-range", &etag)][..]] {
            let part = get(headers).await;
            assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{headers:?}");
            let described = format!("bytes {}-{}/100000", expected.start, expected.end - 1);
            assert_eq!(header(&part, "content-range"), described);
            assert_eq!(header(&part, "etag"), etag);
            assert_eq!(header(&part, "content-length"), expected.len().to_string());
            assert_eq!(part.bytes().await.unwrap(), bytes[expected.clone()], "{headers:?}");
        }
    }
    for range in ["bytes=100000-", "bytes=-0"] {
        let none = get(&[("range", range)]).await;
        assert_eq!(none.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(header(&none, "content-range"), "bytes */100000");
        problem(none).await;
    }
    for headers in [
        [("range", "bytes=1-2"), ("if-range", "\"another\"")],
        [("range", "bytes=1-2"), ("if-range", "Wed, 21 Oct 2015 07:28:00 GMT")],
        [("range", "bytes=1-2,5-6"), ("if-range", &etag)],
        [("range", "lines=1-2"), ("if-range", &etag)],
    ] {
        let all = get(&headers).await;
        assert_eq!(all.status(), StatusCode::OK, "{headers:?}");
        assert_eq!(all.bytes().await.unwrap().len(), bytes.len());
    }
    let known = get(&[("if-none-match", &etag), ("range", "bytes=1-2")]).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_tells_what_get_would_send_without_it() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let (_, _, path) = firmware(&world, &mut model).await;
    let plain = |headers: &HeaderMap| {
        let mut headers = headers.clone();
        headers.remove("date");
        headers
    };
    for path in [path.as_str(), "/tuf/harbour/metadata/timestamp.json"] {
        let get = world.gateway.get(path).send().await.unwrap();
        let head = world.gateway.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::OK, "{path}");
        assert_eq!(plain(head.headers()), plain(get.headers()), "{path}");
        assert!(head.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_missing_from_the_object_store_is_to_be_asked_for_again() {
    let world = World::start().await;
    let mut model = world.model("harbour").await;
    let sha256 = Sha256::parse(&"ab".repeat(32)).unwrap();
    let publication = model.publish_image(NAME, &sha256, 10, world.now);
    world.publish(&model, publication).await;
    let response = world.gateway.get(&format!("/tuf/harbour/targets/{sha256}.{NAME}")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    problem(response).await;
}
