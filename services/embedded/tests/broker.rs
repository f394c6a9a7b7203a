//! The embedded broker's life, seen from outside. What it does with messages, the bus's tests show.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use otaru_embedded::Broker;

const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Sends a request of Kafka's protocol and says whether it is answered within `patience`.
fn answered(address: SocketAddr, patience: Duration, api: i16, version: i16, body: &[u8]) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    stream.set_read_timeout(Some(patience)).unwrap();
    let head = [&api.to_be_bytes()[..], &version.to_be_bytes(), &7_i32.to_be_bytes(), &(-1_i16).to_be_bytes()].concat();
    let length = u32::try_from(head.len() + body.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length[..], &head, body].concat()).unwrap();
    let mut start = [0; 8];
    stream.read_exact(&mut start).is_ok() && start[4..] == [0, 0, 0, 7]
}

/// Metadata v1 of all topics: its store must answer.
fn answers(address: SocketAddr) -> bool {
    answered(address, Duration::from_secs(5), 3, 1, &(-1_i32).to_be_bytes())
}

#[tokio::test]
async fn a_second_start_finds_folder_and_port_free() {
    let folder = tempfile::tempdir().unwrap();
    let first = Broker::start(folder.path(), ANY.into()).await.unwrap();
    let address = first.address();
    assert!(answers(address));
    first.stop().await;
    assert!(!answers(address));
    let second = Broker::start(folder.path(), address).await.unwrap();
    assert!(answers(second.address()));
    assert!(folder.path().join("broker/broker.db").is_file());
    second.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind(SocketAddr::from(ANY)).unwrap();
    let address = taken.local_addr().unwrap();
    let refused = format!("{:#}", Broker::start(folder.path(), address).await.unwrap_err());
    assert!(refused.contains(&address.to_string()) && refused.contains("choose another"), "{refused}");
}

#[tokio::test]
async fn two_brokers_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = Broker::start(folder.path(), ANY.into()).await.unwrap();
    let refused = format!("{:#}", Broker::start(folder.path(), ANY.into()).await.unwrap_err());
    assert!(refused.contains("in use by process"), "{refused}");
    first.stop().await;
}

#[tokio::test]
async fn a_folder_the_broker_cannot_open_is_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let blank = folder.path().join("with a blank");
    let refused = format!("{:#}", Broker::start(Path::new(&blank), ANY.into()).await.unwrap_err());
    assert!(refused.contains("no blanks"), "{refused}");
}

#[tokio::test]
async fn a_broker_that_falls_silent_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(folder.path(), ANY.into()).await.unwrap();
    let address = broker.address();
    // DeleteRecords v0 of one topic, no partition: its store has no code for it, and dies while the port stays open.
    let deadly = [&1_i32.to_be_bytes()[..], &[0, 1, b'a'], &0_i32.to_be_bytes(), &1_000_i32.to_be_bytes()].concat();
    assert!(!answered(address, Duration::from_secs(2), 21, 0, &deadly));
    assert!(!answers(address), "it is silent now");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !answers(address) {
        assert!(tokio::time::Instant::now() < deadline, "it was not started again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    broker.stop().await;
}
