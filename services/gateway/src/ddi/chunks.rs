//! What an action installs, as DDI writes it: a chunk per image with the file's three hashes and where to fetch it.

use otaru_domain::token::Claims;
use otaru_http::Problem;
use otaru_store::ddi::{self as rows, Image};
use serde_json::{Value, json};

use super::links::Links;
use super::standing::Action;
use crate::app::App;
use crate::mirror::Document;
use crate::problems;

/// The chunks of `action`. Postgres and the signed metadata must agree on each: a file that the model's repository does
/// not list (yet) is not handed out.
///
/// # Errors
/// 503 while they do not agree, or Postgres is away.
pub(super) async fn of(
    app: &App,
    claims: &Claims,
    action: &Action,
    document: Option<&Document>,
    links: &Links,
) -> Result<Vec<Value>, Problem> {
    let images = rows::images(&app.store, action.id.campaign, &claims.model).await;
    let images = images.map_err(|error| problems::not_read(app, &error))?;
    let view = app.mirror.get(&claims.model).and_then(|repository| repository.view());
    let not_yet = || Problem::unavailable("the update is being published; ask again", 5);
    let view = view.ok_or_else(not_yet)?;
    let listed = |image: &Image| view.images.contains_key(&file_of(image));
    if let Some(document) = document {
        let targets = &document.document.targets;
        let known = targets.iter().all(|target| images.iter().any(|image| image.target_name == target.name));
        if !known || images.len() != targets.len() {
            tracing::error!(campaign = action.id.campaign, "the signed document lists other images than the release");
            return Err(not_yet());
        }
    }
    if !images.iter().all(listed) {
        return Err(not_yet());
    }
    Ok(images.iter().map(|image| chunk(image, links)).collect())
}

/// The name of an image's file in the model's repository.
fn file_of(image: &Image) -> String {
    format!("{}.{}", image.sha256, image.target_name)
}

fn chunk(image: &Image, links: &Links) -> Value {
    let name = file_name(&image.file_name);
    let call = format!("softwaremodules/{}/artifacts/{name}", file_of(image));
    let (file, sum) = (links.to(&call), links.to(&format!("{call}.MD5SUM")));
    json!({
        "part": image.hardware_id,
        "version": image.version,
        "name": image.release_name,
        "artifacts": [{
            "filename": name,
            "hashes": { "sha1": image.sha1, "md5": image.md5, "sha256": image.sha256 },
            "size": image.length_bytes,
            "_links": { "download": file, "download-http": file, "md5sum": sum, "md5sum-http": sum },
        }],
    })
}

/// The name a file was uploaded under, with nothing in it that means something in a URL or on a device's disk.
fn file_name(uploaded: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = uploaded.chars().map(plain).collect();
    if name.trim_matches('.').is_empty() { "image".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_stays_one_and_keeps_its_extension() {
        for (uploaded, name) in [
            ("body-2.3.0.swu", "body-2.3.0.swu"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("größe 1?.swu", "gr__e_1_.swu"),
            ("..", "image"),
            ("", "image"),
        ] {
            assert_eq!(file_name(uploaded), name, "{uploaded}");
        }
    }
}
