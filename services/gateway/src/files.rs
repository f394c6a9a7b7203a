//! Answers with a file, or the part of it that was asked for (RFC 9110): documents from memory, images from the object
//! store, unless whoever asks is sent to fetch them elsewhere.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use otaru_domain::id::ModelId;
use otaru_domain::token::Claims;
use otaru_http::{Problem, chain};

use crate::app::App;
use crate::bandwidth::{self, Flow};
use crate::conditional::{has_already, is_another};
use crate::mirror::Image;
use crate::range::{Selected, select};
use crate::redirect;

/// As [`FOR_EVER`], for whoever has shown who it is.
const FOR_ITSELF: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
pub(crate) const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Who asks for a file of a model, and how.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) model: &'a ModelId,
    /// None for who brings no credential of a vehicle.
    pub(crate) vehicle: Option<&'a Claims>,
    /// Whether the answer may send the client elsewhere.
    pub(crate) may_redirect: bool,
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

/// `content`, or the part of it that is asked for.
pub(crate) async fn serve(app: &App, asked: &Asked<'_>, content: Content, sha256: &str) -> Result<Response, Problem> {
    let length = content.length_bytes();
    let etag = format!("\"{sha256}\"");
    // In the order of RFC 9110, section 13.2.2.
    if is_another(asked.headers, &etag) {
        let detail = "the file's ETag is none of those in If-Match";
        return Err(Problem::new(StatusCode::PRECONDITION_FAILED, "precondition-failed", detail));
    }
    if has_already(asked.headers, &etag) {
        return described(app, StatusCode::NOT_MODIFIED.into_response(), &etag);
    }
    let selected = if *asked.method == Method::GET { select(asked.headers, &etag, length) } else { Selected::Whole };
    let (range, status) = match selected {
        Selected::Whole => (0..length, StatusCode::OK),
        Selected::Part(range) => (range, StatusCode::PARTIAL_CONTENT),
        Selected::Unsatisfiable => {
            let mut response =
                Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", "the file ends before the range")
                    .into_response();
            response.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{length}"))?);
            return Ok(response);
        }
    };
    let (kind, body) = match content {
        Content::Document(bytes) => ("application/json", document(asked.method, &bytes, &range)),
        Content::Image(image) => {
            let flow = Flow::of(app, asked, &image).await;
            // A cap holds for what gateways send: what is capped is not fetched elsewhere.
            if asked.may_redirect
                && length > 0
                && !flow.is_capped(app)
                && let Some(response) = redirect::elsewhere(app, asked.method, &image.sha256, asked.model).await
            {
                return Ok(response);
            }
            let body = if *asked.method == Method::HEAD || range.is_empty() {
                Body::empty()
            } else {
                stream(app, &image, range.clone(), &flow).await?
            };
            ("application/octet-stream", body)
        }
    };
    let headers =
        [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_LENGTH, (range.end - range.start).to_string())];
    let mut response = (status, headers, body).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let part = format!("bytes {}-{}/{length}", range.start, range.end - 1);
        response.headers_mut().insert(header::CONTENT_RANGE, value(&part)?);
    }
    described(app, response, &etag)
}

/// An answer, with what a client may rely on later.
fn described(app: &App, mut response: Response, etag: &str) -> Result<Response, Problem> {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(etag)?);
    headers.insert(header::CACHE_CONTROL, if app.private_targets { FOR_ITSELF } else { FOR_EVER });
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|_| Problem::internal())
}

fn document(method: &Method, bytes: &Bytes, range: &Range<u64>) -> Body {
    if *method == Method::HEAD {
        return Body::empty();
    }
    // A document is in memory, so its length is an index.
    let index = |at: u64| usize::try_from(at).unwrap_or(bytes.len()).min(bytes.len());
    Body::from(bytes.slice(index(range.start)..index(range.end)))
}

/// Streams from the object store; one of the downloads for as long as it lasts.
async fn stream(app: &App, image: &Image, range: Range<u64>, flow: &Flow) -> Result<Body, Problem> {
    let Ok(permit) = Arc::clone(&app.downloads).try_acquire_owned() else {
        metrics::counter!("otaru_gateway_shed_total", "what" => "downloads").increment(1);
        return Err(Problem::unavailable("the gateway has all the downloads it can serve; come back", 10));
    };
    let turns = app.bandwidth.begin(flow, image.length_bytes)?;
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
    Ok(Body::from_stream(bandwidth::paced(object.stream, turns, permit)))
}
