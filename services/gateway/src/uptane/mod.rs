//! Uptane for vehicles that speak aktualizr's dialect, over the same assignments and acknowledgements as the vehicles' own
//! API. The Image repository is served as the campaign service signed it; what one vehicle shall install is signed here,
//! for which this process holds the Director's keys, so only gateways that are told to be Directors answer.
//!
//! A Director's keys alone make no vehicle install anything: every image must be in the Image repository, too, whose keys
//! are elsewhere. A stolen Director can choose among a model's images for a vehicle, also old ones as far as the client
//! itself does not refuse lower release counters.

mod device;
mod device_data;
mod direction;
mod director;
mod events;
mod keys;
mod manifest;
mod registration;
mod reports;
mod repository;

use std::path::PathBuf;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use moka::sync::Cache;
use otaru_domain::id::Vin;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) use keys::DirectorKeyStore;

/// The longest manifest and registration: 256 ECUs with RSA keys.
const MAX_BODY_BYTES: usize = 512 << 10;
/// A vehicle that sends the same kind of bad message again and again is one dead letter in this time.
const SAID_BEFORE: Duration = Duration::from_secs(600);
const REMEMBERED: u64 = 50_000;

/// What makes a gateway a Director.
#[derive(Debug, Clone)]
pub struct UptaneConfig {
    /// A folder per model with the Director's keys, as `otaru keys director` makes it.
    pub director_keys: PathBuf,
}

/// A Director.
#[derive(Debug)]
pub(crate) struct Director {
    pub(crate) keys: DirectorKeyStore,
    /// What became a dead letter a moment ago.
    letters: Cache<(Vin, &'static str), ()>,
    /// Versions of images that no release in force has.
    versions: Cache<(String, String), Option<String>>,
}

impl Director {
    pub(crate) fn new(config: UptaneConfig) -> Self {
        Self {
            keys: DirectorKeyStore::new(config.director_keys),
            letters: Cache::builder().max_capacity(REMEMBERED).time_to_live(SAID_BEFORE).build(),
            versions: Cache::builder().max_capacity(REMEMBERED).time_to_live(SAID_BEFORE).build(),
        }
    }
}

/// The calls, below `/uptane`.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(registration::post_ecus))
        .routes(routes!(manifest::put_manifest))
        .routes(routes!(director::get_director_file))
        .routes(routes!(repository::get_image_file))
        .routes(routes!(repository::get_image))
        .routes(routes!(events::post_events))
        .routes(routes!(device_data::put_system_info))
        .routes(routes!(device_data::put_network))
        .routes(routes!(device_data::post_configuration))
        .routes(routes!(device_data::put_installed))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// A signed file, which is this vehicle's or may change in a moment.
fn signed(bytes: impl Into<Bytes>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, bytes.into()).into_response()
}

/// The version in `<version>.root.json`; 0 stands for the newest.
fn root_version(file: &str) -> Option<u64> {
    if file == "root.json" {
        return Some(0);
    }
    let version: u64 = file.strip_suffix(".root.json")?.parse().ok()?;
    (version > 0 && file == format!("{version}.root.json")).then_some(version)
}
