//! `GET /uptane/repo/…`: the Image repository of the vehicle's model, as the campaign service signed it, and its images.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use otaru_http::Problem;

use super::device::Device;
use super::{root_version, signed};
use crate::api::{FileProblems, VehicleProblems};
use crate::app::App;
use crate::files::{Asked, Content, serve};
use crate::problems;

/// A file of the Image repository's metadata.
///
/// `root.json` and `<version>.root.json`, `timestamp.json`, `snapshot.json`, `targets.json`: of the vehicle's model.
#[utoipa::path(
    get, path = "/uptane/repo/{file}", tag = "uptane", operation_id = "getImageMetadata",
    params(("file" = String, Path, description = "The file's name", example = "timestamp.json")),
    responses((status = 200, description = "Signed metadata", body = Object), FileProblems, VehicleProblems),
    security(("vehicle_token" = [])),
)]
pub(super) async fn get_image_file(
    State(app): State<App>,
    Device(claims): Device,
    Path(file): Path<String>,
) -> Result<Response, Problem> {
    let absent = || Problem::not_found("the Image repository has no such file");
    let files = app.mirror.get(&claims.model).and_then(|repository| repository.uptane());
    let Some(files) = files else {
        return Err(if app.mirror.is_complete() { absent() } else { problems::starting() });
    };
    let bytes = match root_version(&file) {
        Some(version) => files.image_root(version),
        None => files.image_file(&file),
    };
    bytes.map(signed).ok_or_else(absent)
}

/// An image, by its name among the targets.
///
/// One range of bytes may be asked for, as below `/tuf`.
#[utoipa::path(
    get, path = "/uptane/repo/targets/{name}", tag = "uptane", operation_id = "getImage",
    params(
        ("name" = String, Path, description = "The image's name", example = "BCM-2.3.0-r4.bin"),
        ("Range" = Option<String>, Header, description = "One range of bytes", example = "bytes=1048576-"),
    ),
    responses(
        (status = 200, description = "The image", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part that was asked for", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 416, description = "The image ends before the range"),
        FileProblems, VehicleProblems,
    ),
    security(("vehicle_token" = [])),
)]
pub(super) async fn get_image(
    State(app): State<App>,
    Device(claims): Device,
    method: Method,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = app.mirror.get(&claims.model).and_then(|repository| repository.view());
    let target = view.as_ref().and_then(|view| view.targets.get(&name));
    // As below `/tuf`, where a target is found by its hash and its name.
    let image = view
        .as_ref()
        .zip(target)
        .and_then(|(view, target)| view.images.get(&format!("{}.{name}", target.hashes.sha256)).cloned());
    let Some(image) = image else {
        let absent = Problem::not_found("the Image repository has no such image");
        return Err(if app.mirror.is_complete() { absent } else { problems::starting() });
    };
    let sha256 = image.sha256.to_string();
    let (model, vehicle) = (&claims.model, Some(&*claims));
    // Whether a client of the dialect follows is not known, so none is sent elsewhere.
    let asked = Asked { method: &method, headers: &headers, model, vehicle, may_redirect: false };
    serve(&app, &asked, Content::Image(image), &sha256).await
}
