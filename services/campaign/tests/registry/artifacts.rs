use std::path::Path;

use bytes::Bytes;
use otaru_store::testing::SmallDisk;
use reqwest::Body;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::world::{Answer, Caller, World, eventually};

const BYTES: &str = "application/octet-stream";

/// The files under `folder`.
fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.file_name().into_string().unwrap());
        }
    }
    found
}

async fn upload(caller: &Caller<'_>, query: &str, body: impl Into<Body>) -> Answer {
    caller.send(&format!("/artifacts?{query}"), BYTES, body).await
}

#[tokio::test]
async fn an_upload_is_hashed_and_found_under_its_hash() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let made = upload(&caller, "file_name=abc.txt", "abc").await.is(201);
    // FIPS 180-2 and RFC 1321.
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(made["sha256"], sha256);
    assert_eq!(made["sha1"], "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(made["md5"], "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!((made["length_bytes"].as_u64(), made["file_name"].as_str()), (Some(3), Some("abc.txt")));
    assert_eq!(made["created_by"], caller.name);
    assert_eq!(caller.get(&format!("/artifacts/{sha256}")).await.is(200), made);
    assert_eq!(caller.get("/artifacts").await.is(200)["items"][0], made);
    assert_eq!(upload(&caller, "file_name=other.txt", "abc").await.is(200), made);
    assert_eq!(files(&world.artifacts()), [sha256]);
    let missing = "0".repeat(64);
    caller.get(&format!("/artifacts/{missing}")).await.problem(404, "not-found");
}

#[tokio::test]
async fn an_upload_of_many_parts_arrives_whole() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let chunk = |n: u8| Bytes::from(vec![n; 1 << 20]);
    let mut hash = Sha256::new();
    (0..20).for_each(|n| hash.update(chunk(n)));
    let expected = hex::encode(hash.finalize());
    let stream = futures::stream::iter((0..20).map(move |n| Ok::<_, std::io::Error>(chunk(n))));
    let query = format!("file_name=large.bin&sha256={expected}");
    let made = upload(&caller, &query, Body::wrap_stream(stream)).await.is(201);
    assert_eq!(made["sha256"], expected);
    assert_eq!(made["length_bytes"], 20 << 20);
    assert_eq!(files(&world.artifacts()), [expected]);
    upload(&caller, "file_name=empty.bin", "").await.is(201);
}

#[tokio::test]
async fn content_that_hashes_otherwise_is_not_kept() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let answer = upload(&caller, &format!("file_name=a.bin&sha256={}", "0".repeat(64)), "abc").await;
    assert!(answer.problem(422, "hash-mismatch").contains("ba7816bf"));
    assert_eq!(files(&world.artifacts()), Vec::<String>::new());
    assert_eq!(caller.get("/artifacts").await.is(200)["items"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn an_upload_that_is_too_large_is_refused_announced_or_not() {
    let world = World::start_with(|config| config.max_artifact_bytes = 10 << 20).await;
    let caller = world.engineer().await;
    let chunk = Bytes::from(vec![7; 1 << 20]);
    let stream = futures::stream::iter((0..11).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    upload(&caller, "file_name=a.bin", Body::wrap_stream(stream)).await.problem(413, "too-large");
    upload(&caller, "file_name=a.bin", vec![7; (10 << 20) + 1]).await.problem(413, "too-large");
    assert_eq!(files(&world.artifacts()), Vec::<String>::new());
}

#[tokio::test]
async fn a_full_disk_is_said_and_the_next_upload_works_once_there_is_room() {
    const LARGE: usize = 20 << 20;
    let Some(disk) = SmallDisk::mount(24).unwrap() else { return };
    let artifacts = disk.path().join("artifacts");
    let world = World::start_with(|config| config.artifacts = format!("file://{}", artifacts.display())).await;
    let caller = world.engineer().await;
    upload(&caller, "file_name=first.bin", "first").await.is(201);
    let before = files(&artifacts);
    // Neither in the second of its parts, nor in its first, nor where it fits into one request.
    upload(&caller, "file_name=a.bin", vec![7; LARGE + (8 << 20)]).await.problem(507, "storage-full");
    assert_eq!(files(&artifacts), before);
    disk.fill().unwrap();
    for length in [LARGE, 1 << 20] {
        let detail = upload(&caller, "file_name=a.bin", vec![7; length]).await.problem(507, "storage-full");
        assert!(detail.contains("free space there, or point --artifacts elsewhere"), "{detail}");
        assert_eq!(files(&artifacts), before);
    }
    assert_eq!(caller.get("/artifacts").await.is(200)["items"].as_array().unwrap().len(), 1);
    disk.make_room().unwrap();
    upload(&caller, "file_name=a.bin", vec![7; LARGE]).await.is(201);
    assert_eq!(files(&artifacts).len(), 2);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let (send, receive) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let body = futures::stream::unfold(receive, |mut receive| async move { Some((receive.recv().await?, receive)) });
    let request = caller.request(reqwest::Method::POST, "/artifacts?file_name=a.bin").body(Body::wrap_stream(body));
    let sending = tokio::spawn(request.send());
    for _ in 0..9 {
        send.send(Ok(Bytes::from(vec![7; 1 << 20]))).await.unwrap();
    }
    eventually("a part of it is on disk", async || (!files(&world.artifacts()).is_empty()).then_some(())).await;
    send.send(Err(std::io::Error::other("out of reach"))).await.unwrap();
    assert!(sending.await.unwrap().is_err());
    eventually("nothing of it is left", async || files(&world.artifacts()).is_empty().then_some(())).await;
    assert_eq!(caller.get("/artifacts").await.is(200)["items"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    let world = World::start().await;
    let caller = world.engineer().await;
    upload(&caller, "", "abc").await.problem(400, "bad-query");
    upload(&caller, "file_name=a&sha256=xyz", "abc").await.problem(400, "bad-query");
    for name in ["", "%20", "a%2Fb", "..", "a%00b"] {
        let answer = upload(&caller, &format!("file_name={name}"), "abc").await;
        assert_eq!(answer.problem_at(422, "invalid").1, "/file_name");
    }
}
