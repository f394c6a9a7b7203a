//! `GET /tuf/{model}/targets/{file}`: campaign documents and images. A file is served only by the repository that lists
//! it, under the name and hash it lists.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use otaru_domain::id::ModelId;
use otaru_http::{Problem, ProblemBody};

use super::metadata::absent;
use super::shared::FileProblems;
use crate::admission::Reader;
use crate::app::App;
use crate::files::{Asked, Content, serve};
use crate::mirror::Name;

/// A target: a campaign document or an image, as `<hash>.<name>`.
///
/// One range of bytes may be asked for; with `If-Range`, only of the file whose ETag it names. For an image the answer may
/// be where else to fetch it: send no credentials there. Unless the installation says so, a vehicle's token is not
/// needed; with it, the download counts for the campaign that brought it.
#[utoipa::path(
    get, path = "/tuf/{model}/targets/{file}", tag = "tuf", operation_id = "getTarget",
    params(
        ("model" = String, Path, description = "The vehicle model"),
        ("file" = String, Path, description = "The SHA-256 of the file, a dot, and its name among the targets"),
        ("Range" = Option<String>, Header, description = "One range of bytes", example = "bytes=1048576-"),
        ("If-Range" = Option<String>, Header, description = "The ETag of what the client has the beginning of"),
        ("If-Match" = Option<String>, Header, description = "The ETags of which the file must have one"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the last answer"),
    ),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream",
         headers(("ETag" = String), ("Accept-Ranges" = String), ("Cache-Control" = String))),
        (status = 206, description = "The part that was asked for", body = Vec<u8>, content_type = "application/octet-stream",
         headers(("ETag" = String), ("Content-Range" = String))),
        (status = 304, description = "The client has it already"),
        (status = 307, description = "An image is there, for now", headers(("Location" = String), ("Cache-Control" = String))),
        (status = 412, description = "The file's ETag is none of those in If-Match"),
        (status = 416, description = "The file ends before the range", headers(("Content-Range" = String))),
        (status = 401, description = "Targets are private here, and the vehicle's token is missing or does not hold", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "Targets are private here, and the vehicle is of another model", body = ProblemBody, content_type = "application/problem+json"),
        FileProblems,
    ),
    security((), ("vehicle_token" = [])),
)]
pub(super) async fn target(
    State(app): State<App>,
    Reader(vehicle): Reader,
    method: Method,
    Path((model, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = ModelId::parse(&model).ok().and_then(|model| Some((find(&app, &model, &file)?, model)));
    let Some(((content, sha256), model)) = found else {
        return absent(&app, "the model's repository has no such target");
    };
    let vehicle = vehicle.as_deref().filter(|claims| claims.model == model);
    if app.private_targets && vehicle.is_none() {
        return Err(Problem::forbidden("the credential is that of another model's vehicle"));
    }
    let asked = Asked { method: &method, headers: &headers, model: &model, vehicle, may_redirect: true };
    serve(&app, &asked, content, &sha256).await
}

/// What `file` is in the repository of `model`, with its SHA-256.
fn find(app: &App, model: &ModelId, file: &str) -> Option<(Content, String)> {
    let Some(Name::Target { sha256 }) = Name::parse(file) else {
        return None;
    };
    let repository = app.mirror.get(model)?;
    let image = repository.view().and_then(|view| view.images.get(file).cloned());
    let content = match image {
        Some(image) => Content::Image(image),
        None => Content::Document(repository.file(file)?.bytes),
    };
    Some((content, sha256.to_owned()))
}
