//! Somebody in the middle: passes a gateway's answers on and changes those whose path says so.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use reqwest::StatusCode;
use tokio::net::TcpListener;

#[derive(Clone)]
struct Tamper {
    upstream: String,
    /// Answers whose path contains this are changed.
    victim: String,
}

/// Starts it; gives its URL. It ends with the runtime.
pub async fn start(upstream: &str, victim: &str) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let state = Tamper { upstream: upstream.to_owned(), victim: victim.to_owned() };
    let router = Router::new().fallback(pass_on).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

async fn pass_on(State(tamper): State<Tamper>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let Ok(answer) = reqwest::get(format!("{}{path}", tamper.upstream)).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = answer.status();
    let Ok(mut bytes) = answer.bytes().await.map(|bytes| bytes.to_vec()) else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    if path.contains(&tamper.victim) && status.is_success() {
        change(&mut bytes);
    }
    (status, Body::from(bytes)).into_response()
}

/// Changes one character and keeps the length; metadata stays JSON: a digit of its `version`.
fn change(bytes: &mut [u8]) {
    let needle = b"\"version\":";
    let at = bytes
        .windows(needle.len())
        .rposition(|window| window == needle)
        .map_or(bytes.len() / 2, |at| at + needle.len());
    bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
}
