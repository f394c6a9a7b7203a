//! `GET /tuf/{model}/targets/{file}`: campaign documents from memory, images streamed from the object store. A file
//! is served only by the repository that lists it, under the name and hash it lists.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use otaru_domain::id::ModelId;
use otaru_http::{Problem, chain};

use super::empty;
use super::metadata::{FOR_EVER, absent};
use super::shared::FileProblems;
use crate::app::App;
use crate::conditional::has_already;
use crate::mirror::{Image, Name};
use crate::range::{Selected, select};

/// A target: a campaign document or an image, as `<hash>.<name>`.
///
/// One range of bytes may be asked for; with `If-Range`, only of the file whose ETag it names.
#[utoipa::path(
    get, path = "/tuf/{model}/targets/{file}", tag = "tuf", operation_id = "getTarget",
    params(
        ("model" = String, Path, description = "The vehicle model"),
        ("file" = String, Path, description = "The SHA-256 of the file, a dot, and its name among the targets"),
        ("Range" = Option<String>, Header, description = "One range of bytes", example = "bytes=1048576-"),
        ("If-Range" = Option<String>, Header, description = "The ETag of what the client has the beginning of"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the last answer"),
    ),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream",
         headers(("ETag" = String), ("Accept-Ranges" = String), ("Cache-Control" = String))),
        (status = 206, description = "The part that was asked for", body = Vec<u8>, content_type = "application/octet-stream",
         headers(("ETag" = String), ("Content-Range" = String))),
        (status = 304, description = "The client has it already"),
        (status = 416, description = "The file ends before the range", headers(("Content-Range" = String))),
        FileProblems,
    ),
)]
pub(super) async fn target(
    State(app): State<App>,
    method: Method,
    Path((model, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some((content, sha256)) = find(&app, &model, &file) else {
        return absent(&app, "the model's repository has no such target");
    };
    serve(&app, &method, &headers, content, &sha256).await
}

/// `content`, or the part of it that `headers` ask for.
pub(crate) async fn serve(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    content: Content,
    sha256: &str,
) -> Result<Response, Problem> {
    let length = content.length_bytes();
    let etag = format!("\"{sha256}\"");
    let selected = if *method == Method::GET { select(headers, &etag, length) } else { Selected::Whole };
    let mut response = if has_already(headers, &etag) {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        match selected {
            Selected::Unsatisfiable => {
                let mut response =
                    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", "the file ends before the range")
                        .into_response();
                response.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{length}"))?);
                return Ok(response);
            }
            Selected::Whole => body(app, content, method, 0..length, StatusCode::OK).await?,
            Selected::Part(range) => {
                let described = value(&format!("bytes {}-{}/{length}", range.start, range.end - 1))?;
                let mut response = body(app, content, method, range, StatusCode::PARTIAL_CONTENT).await?;
                response.headers_mut().insert(header::CONTENT_RANGE, described);
                response
            }
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(&etag)?);
    headers.insert(header::CACHE_CONTROL, FOR_EVER);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|_| Problem::internal())
}

/// What a file is.
pub(crate) enum Content {
    Document(Bytes),
    Image(Image),
}

impl Content {
    fn length_bytes(&self) -> u64 {
        match self {
            Self::Document(bytes) => bytes.len() as u64,
            Self::Image(image) => image.length_bytes,
        }
    }
}

/// What `file` is in the repository of `model`, with its SHA-256.
fn find(app: &App, model: &str, file: &str) -> Option<(Content, String)> {
    let Some(Name::Target { sha256 }) = Name::parse(file) else {
        return None;
    };
    let repository = app.mirror.get(&ModelId::parse(model).ok()?)?;
    let image = repository.view().and_then(|view| view.images.get(file).cloned());
    let content = match image {
        Some(image) => Content::Image(image),
        None => Content::Document(repository.file(file)?.bytes),
    };
    Some((content, sha256.to_owned()))
}

/// The bytes `range` of `content`; its headers alone for HEAD.
async fn body(
    app: &App,
    content: Content,
    method: &Method,
    range: Range<u64>,
    status: StatusCode,
) -> Result<Response, Problem> {
    let length = range.end - range.start;
    let kind = match &content {
        Content::Document(_) => "application/json",
        Content::Image(_) => "application/octet-stream",
    };
    let body = match content {
        _ if *method == Method::HEAD => Body::empty(),
        Content::Document(bytes) => {
            // A document is in memory, so its length is an index.
            let index = |at: u64| usize::try_from(at).unwrap_or(bytes.len()).min(bytes.len());
            Body::from(bytes.slice(index(range.start)..index(range.end)))
        }
        Content::Image(_) if length == 0 => Body::empty(),
        Content::Image(image) => stream(app, &image, range).await?,
    };
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    Ok((status, headers, body).into_response())
}

/// Streams from the object store; one of the downloads for as long as it lasts.
async fn stream(app: &App, image: &Image, range: Range<u64>) -> Result<Body, Problem> {
    let Ok(permit) = Arc::clone(&app.downloads).try_acquire_owned() else {
        metrics::counter!("otaru_gateway_shed_total", "what" => "downloads").increment(1);
        return Err(Problem::unavailable("the gateway has all the downloads it can serve; come back", 10));
    };
    let whole = range.start == 0 && range.end == image.length_bytes;
    let object = match app.objects.get(&image.sha256, (!whole).then_some(range)).await {
        Ok(Some(object)) => object,
        Ok(None) => {
            tracing::error!(sha256 = %image.sha256, "an image that a repository lists is not in the object store");
            return Err(Problem::unavailable("the image is not in the object store; come back", 60));
        }
        Err(error) => {
            tracing::error!(sha256 = %image.sha256, error = chain(&error), "reading the object store");
            return Err(Problem::unavailable("the object store does not answer; come back", 10));
        }
    };
    if object.length_bytes != image.length_bytes {
        tracing::error!(sha256 = %image.sha256, stored = object.length_bytes, listed = image.length_bytes,
            "the image in the object store has another length than the repository says");
        return Err(Problem::unavailable("the image in the object store is damaged; come back", 60));
    }
    Ok(Body::from_stream(object.stream.map(move |chunk| {
        let _held = &permit;
        match chunk {
            Ok(bytes) => {
                metrics::counter!("otaru_gateway_image_bytes_total").increment(bytes.len() as u64);
                Ok(bytes)
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "a download broke off in the object store");
                Err(error)
            }
        }
    })))
}
