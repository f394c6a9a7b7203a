//! `GET /uptane/director/…`: the Director's roots, and what it signs for the vehicle that asks.

use axum::extract::{Path, State};
use axum::response::Response;
use otaru_domain::clock;
use otaru_domain::token::Claims;
use otaru_domain::uptane::{Direction, DirectorError, DirectorKeys, Stamp};
use otaru_http::{Problem, chain};
use otaru_store::uptane as rows;

use super::device::{Device, director};
use super::{direction, root_version, signed};
use crate::api::{FileProblems, VehicleProblems};
use crate::app::App;
use crate::problems;

/// The file with which a read of the whole set begins.
const TIMESTAMP: &str = "timestamp.json";
/// How long to wait for what only a person can mend, in seconds.
const MENDED_SECS: u32 = 60;

/// A file of the Director's metadata, for the vehicle that asks.
///
/// `root.json` and `<version>.root.json`, and, signed for this vehicle, `targets.json`, `snapshot.json` and
/// `timestamp.json`. Targets are empty while there is nothing to install; their custom part has the vehicle's id and the
/// `correlationId` that comes back in the report. While they say the same, their version stays until half of their life.
/// Whoever has read the timestamp gets the files of its version for the next ten seconds; or 503, when what they would say
/// was withdrawn meanwhile: then begin with the timestamp again. Whoever reads targets alone gets those of now.
#[utoipa::path(
    get, path = "/uptane/director/{file}", tag = "uptane", operation_id = "getDirectorMetadata",
    params(("file" = String, Path, description = "The file's name", example = "targets.json")),
    responses(
        (status = 200, description = "Signed metadata", body = Object),
        (status = 409, description = "The vehicle's ECUs are not registered", body = otaru_http::ProblemBody, content_type = "application/problem+json"),
        FileProblems, VehicleProblems,
    ),
    security(("vehicle_token" = [])),
)]
pub(super) async fn get_director_file(
    State(app): State<App>,
    Device(claims): Device,
    Path(file): Path<String>,
) -> Result<Response, Problem> {
    let director = director(&app)?;
    let absent = || Problem::not_found("the Director has no such file");
    if !app.mirror.is_complete() {
        return Err(problems::starting());
    }
    let files = app.mirror.get(&claims.model).and_then(|repository| repository.uptane()).ok_or_else(absent)?;
    if let Some(version) = root_version(&file) {
        return files.director_root(version).map(signed).ok_or_else(absent);
    }
    if !["targets.json", "snapshot.json", TIMESTAMP].contains(&file.as_str()) {
        return Err(absent());
    }
    let root = files.present_director().ok_or_else(absent)?;
    let keys = director.keys.under(&claims.model, root).map_err(|error| {
        tracing::error!(model = %claims.model, error = chain(&error), "the Director cannot sign");
        Problem::unavailable("the Director's keys are not here; come back", MENDED_SECS)
    })?;
    let (direction, stamp) = if file == TIMESTAMP {
        said_now(&app, &claims, &keys, true).await?
    } else {
        said_below(&app, &claims, &keys).await?
    };
    let signed_files = direction.sign(stamp, &keys).map_err(|error| cannot_sign(&error))?;
    let result = if direction.attempt.is_some() { "offer" } else { "nothing" };
    metrics::counter!("otaru_gateway_uptane_directions_total", "result" => result).increment(1);
    Ok(signed(match file.as_str() {
        "snapshot.json" => signed_files.snapshot,
        TIMESTAMP => signed_files.timestamp,
        _ => signed_files.targets,
    }))
}

/// What there is to say now. `begins` a read of the whole set.
async fn said_now(
    app: &App,
    claims: &Claims,
    keys: &DirectorKeys,
    begins: bool,
) -> Result<(Direction, Stamp), Problem> {
    let now = clock::now();
    let direction = direction::of(app, claims, now).await?;
    let digest = digest(&direction, keys)?;
    let stamp = rows::stamp(&app.store, claims.vehicle, digest, direction.directed().as_ref(), begins, now).await;
    Ok((direction, stamp.map_err(|error| problems::not_read(app, &error))?))
}

/// What the files below the timestamp say: what it stands for, while a vehicle that has it reads on. A vehicle that was told of
/// nothing hears of an update with its next read. One that was told of an update which is over by now gets neither that nor
/// another set's files, which it would have to take for an attack.
async fn said_below(app: &App, claims: &Claims, keys: &DirectorKeys) -> Result<(Direction, Stamp), Problem> {
    let now = clock::now();
    let begun = rows::begun(&app.store, claims.vehicle, now).await.map_err(|error| problems::not_read(app, &error))?;
    let Some(begun) = begun else { return said_now(app, claims, keys, false).await };
    app.database.answered();
    let nothing = Direction::nothing(claims.vin.clone());
    if digest(&nothing, keys)? == begun.digest {
        return Ok((nothing, begun.stamp));
    }
    let direction = direction::of(app, claims, now).await?;
    if digest(&direction, keys)? == begun.digest {
        return Ok((direction, begun.stamp));
    }
    Err(Problem::unavailable("what the timestamp stands for was withdrawn; begin with the timestamp again", 1))
}

fn digest(direction: &Direction, keys: &DirectorKeys) -> Result<[u8; 32], Problem> {
    direction.digest(keys).map_err(|error| cannot_sign(&error.into()))
}

fn cannot_sign(error: &DirectorError) -> Problem {
    tracing::error!(error = chain(error), "what a vehicle shall install cannot be signed");
    Problem::unavailable("what the vehicle shall install cannot be signed; come back", MENDED_SECS)
}
