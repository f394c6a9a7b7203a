//! `GET …/softwaremodules/{module}/artifacts/{file}`: an image of the vehicle's model, from memory and the object store
//! alone. The module's id is the image's name in the model's repository, so a link outlives the gateway that made
//! it, and another one goes on with the download. `{file}.MD5SUM` has the file's MD5, as `md5sum` writes it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse as _, Response};
use otaru_http::Problem;
use otaru_store::artifacts;

use super::device::Device;
use crate::app::App;
use crate::files::{Asked, Content, serve};
use crate::problems;

const SUM: &str = ".MD5SUM";

pub(super) async fn get(
    State(app): State<App>,
    Device { claims, .. }: Device,
    method: Method,
    Path((_, _, module, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = app.mirror.get(&claims.model).and_then(|repository| repository.view());
    let Some(view) = view else {
        return Err(problems::starting());
    };
    let image = view.images.get(&module).cloned();
    let image = image.ok_or_else(|| Problem::not_found("the vehicle's model has no such image"))?;
    if let Some(name) = file.strip_suffix(SUM) {
        let artifact = artifacts::get(&app.store, &image.sha256).await;
        let artifact = artifact.map_err(|error| problems::not_read(&app, &error))?;
        let artifact = artifact.ok_or_else(|| Problem::not_found("nothing is known of the image's file"))?;
        let sum = format!("{}  {name}\n", artifact.digests.md5);
        return Ok(([(header::CONTENT_TYPE, "text/plain")], sum).into_response());
    }
    let sha256 = image.sha256.to_string();
    let (model, may_redirect) = (&claims.model, app.redirects.ddi);
    let asked = Asked { method: &method, headers: &headers, model, vehicle: Some(&claims), may_redirect };
    serve(&app, &asked, Content::Image(image), &sha256).await
}
