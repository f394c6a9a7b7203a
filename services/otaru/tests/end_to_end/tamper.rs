//! Somebody in the middle: passes a gateway's answers on and changes those whose path says so.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use otaru_domain::tuf::{Key, sign};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

#[derive(Clone)]
struct Tamper {
    upstream: String,
    /// Answers whose path contains this are changed.
    victim: String,
    /// With it, they are signed anew with this key instead.
    key: Option<Key>,
}

/// Starts it; gives its URL. It ends with the runtime.
pub async fn start(upstream: &str, victim: &str) -> anyhow::Result<String> {
    serve(Tamper { upstream: upstream.to_owned(), victim: victim.to_owned(), key: None }).await
}

/// Like [`start`], but it has a timestamp key, and signs a timestamp of a much later version with it.
pub async fn forge_timestamp(upstream: &str, pem: &str) -> anyhow::Result<String> {
    let victim = "timestamp.json".to_owned();
    serve(Tamper { upstream: upstream.to_owned(), victim, key: Some(Key::from_pem(pem)?) }).await
}

async fn serve(state: Tamper) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
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
        match &tamper.key {
            None => change(&mut bytes),
            Some(key) => bytes = forged(&bytes, key),
        }
    }
    (status, Body::from(bytes)).into_response()
}

fn forged(bytes: &[u8], key: &Key) -> Vec<u8> {
    let mut file: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let mut signed = file["signed"].take();
    signed["version"] = (signed["version"].as_u64().unwrap_or_default() + 1000).into();
    sign(&signed, &[key]).unwrap_or_default()
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
