//! The embedded broker's life, seen from outside. What it does with messages, the bus's tests show.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use otaru_embedded::Broker;

const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Asks for the versions it speaks: the first thing a client does.
fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // Length 10; ApiVersions (18) v0; correlation 7; no client id.
    stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 255, 255]).unwrap();
    let mut head = [0; 8];
    stream.read_exact(&mut head).is_ok() && head[4..] == [0, 0, 0, 7]
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
