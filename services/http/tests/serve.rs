//! What a server promises about connections: there are so many of them, and whoever is too slow loses his.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures::stream;
use otaru_http::{Serving, bind, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

const SOON: Duration = Duration::from_millis(100);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";

fn start(router: Router, configure: impl FnOnce(&mut Serving)) -> (SocketAddr, DropGuard) {
    let mut serving = Serving::default();
    configure(&mut serving);
    let listener = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, router, serving, stop.clone()));
    (address, stop.drop_guard())
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// Everything until the server closes the connection.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8(all).unwrap()
}

async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed after {answer:?}");
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn more_connections_than_there_may_be_are_closed_and_a_free_place_is_given_again() {
    let (address, _stop) = start(hello(), |serving| serving.max_connections = 2);
    let mut first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    for open in [&mut first, &mut second] {
        assert!(ask(open).await.starts_with("HTTP/1.1 200"));
    }
    let mut third = TcpStream::connect(address).await.unwrap();
    assert_eq!(until_closed(&mut third).await, "");
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"), "who is in stays in");
    drop(second);
    loop {
        let mut next = TcpStream::connect(address).await.unwrap();
        if next.write_all(REQUEST).await.is_ok() && next.read_u8().await.is_ok_and(|byte| byte == b'H') {
            break;
        }
    }
}

#[tokio::test]
async fn a_head_that_does_not_end_costs_the_connection() {
    let (address, _stop) = start(hello(), |serving| serving.first_request = SOON);
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(&REQUEST[..10]).await.unwrap();
    assert_eq!(until_closed(&mut slow).await, "");
    let (address, _stop) = start(hello(), |serving| serving.next_request = SOON);
    let mut idle = TcpStream::connect(address).await.unwrap();
    ask(&mut idle).await;
    assert!(!until_closed(&mut idle).await.contains("200"), "the second request never came");
}

#[tokio::test]
async fn an_answer_that_takes_longer_than_any_limit_arrives_whole() {
    let slow = || {
        let pieces = stream::unfold(0, |sent| async move {
            tokio::time::sleep(SOON).await;
            (sent < 5).then_some((Ok::<_, Infallible>(Bytes::from_static(b"piece ")), sent + 1))
        });
        std::future::ready(Body::from_stream(pieces))
    };
    let router = Router::new().route("/", get(slow));
    let (address, _stop) = start(router, |serving| {
        (serving.first_request, serving.next_request, serving.write_stall) = (SOON, SOON, SOON);
    });
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    assert_eq!(until_closed(&mut stream).await.matches("piece").count(), 5);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let (ended, given_up) = oneshot::channel::<()>();
    let ended = std::sync::Mutex::new(Some(ended));
    let endless = move || {
        let ended = ended.lock().unwrap().take();
        let bytes = stream::repeat_with(move || {
            let _alive = &ended;
            Ok::<_, Infallible>(Bytes::from_static(&[0; 65_536]))
        });
        std::future::ready(Body::from_stream(bytes))
    };
    let endless = std::sync::Arc::new(endless);
    let router = Router::new().route("/", get(move || endless()));
    let (address, _stop) = start(router, |serving| serving.write_stall = SOON);
    let mut asleep = TcpStream::connect(address).await.unwrap();
    asleep.write_all(REQUEST).await.unwrap();
    given_up.await.expect_err("the answer is dropped with its sender");
}
