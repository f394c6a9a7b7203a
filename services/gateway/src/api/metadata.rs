//! `GET /tuf/{model}/metadata/{file}`: a model's TUF metadata, byte for byte as its topic holds it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use otaru_domain::id::ModelId;
use otaru_http::Problem;

use super::empty;
use super::shared::FileProblems;
use crate::app::App;
use crate::conditional::has_already;
use crate::files::FOR_EVER;
use crate::mirror::{File, Name};
use crate::problems;

pub(super) const ASK_EACH_TIME: HeaderValue = HeaderValue::from_static("no-cache");

/// A metadata file: `timestamp.json`, or `<version>.<role>.json`.
#[utoipa::path(
    get, path = "/tuf/{model}/metadata/{file}", tag = "tuf", operation_id = "getMetadata",
    params(
        ("model" = String, Path, description = "The vehicle model"),
        ("file" = String, Path, description = "The file's name", example = "timestamp.json"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the last answer"),
    ),
    responses(
        (status = 200, description = "The file", body = Object, content_type = "application/json", headers(("ETag" = String), ("Cache-Control" = String))),
        (status = 304, description = "The client has it already"),
        FileProblems,
    ),
)]
pub(super) async fn metadata(
    State(app): State<App>,
    Path((model, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (cache, found) = match Name::parse(&file) {
        Some(Name::Timestamp) => (ASK_EACH_TIME, find(&app, &model, &file)),
        Some(Name::Metadata(_)) => (FOR_EVER, find(&app, &model, &file)),
        Some(Name::Target { .. } | Name::Uptane) | None => (ASK_EACH_TIME, None),
    };
    let Some(found) = found else {
        return absent(&app, "the model's repository has no such metadata file");
    };
    let etag = format!("\"{}\"", found.sha256);
    let mut response = if has_already(&headers, &etag) {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        ([(header::CONTENT_TYPE, "application/json")], found.bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::try_from(etag).map_err(|_| Problem::internal())?);
    headers.insert(header::CACHE_CONTROL, cache);
    Ok(response)
}

fn find(app: &App, model: &str, file: &str) -> Option<File> {
    app.mirror.get(&ModelId::parse(model).ok()?)?.file(file)
}

/// That a file is not there: not to be cached, for the next root may be there in a moment. Before all topics are
/// read nobody is told so, because a client takes the lack of a newer root as the end of its search.
pub(super) fn absent(app: &App, detail: &str) -> Result<Response, Problem> {
    if !app.mirror.is_complete() {
        return Err(problems::starting());
    }
    let mut response = Problem::not_found(detail).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, ASK_EACH_TIME);
    Ok(response)
}
