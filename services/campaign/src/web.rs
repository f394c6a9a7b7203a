//! The dashboard's files, built into the binary, each with its Brotli form beside it. What has a hash in its name may
//! be cached for ever; every other path is the application's own and gets its page.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
struct Dist;

/// What the Brotli form of a file has behind its name.
const COMPRESSED: &str = ".br";

/// The file at `path`, or the application's page.
pub fn serve(path: &str, headers: &HeaderMap) -> Response {
    let name = path.trim_start_matches('/');
    match (Dist::get(name), Dist::get("index.html")) {
        (Some(file), _) if !name.is_empty() && !name.ends_with(COMPRESSED) => answer(name, file, headers),
        // A file that is gone must not be answered with a page: the browser would take it for a script.
        _ if name.starts_with("assets/") => StatusCode::NOT_FOUND.into_response(),
        (_, Some(page)) => answer("index.html", page, headers),
        (_, None) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer(name: &str, plain: EmbeddedFile, headers: &HeaderMap) -> Response {
    let compressed = takes_brotli(headers).then(|| Dist::get(&format!("{name}{COMPRESSED}"))).flatten();
    let encoding = compressed.as_ref().map(|_| HeaderValue::from_static("br"));
    let file = compressed.unwrap_or(plain);
    let etag = format!("\"{}\"", hex::encode(file.metadata.sha256_hash()));
    let caching = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|tags| tags.to_str().is_ok_and(|tags| tags == etag));
    let body = if known { Body::empty() } else { Body::from(file.data) };
    let mut response = body.into_response();
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, encoding);
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|codings| codings.to_str().ok());
    codings.flat_map(|codings| codings.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "br" && weight.trim() != "q=0"
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
