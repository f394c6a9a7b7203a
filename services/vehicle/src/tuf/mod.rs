//! The client workflow of TUF 1.0.31, section 5: the only way by which metadata becomes trusted, for the agent, the
//! simulator and `otaru vehicle tuf`. Keys, canonical JSON and thresholds are `tough`'s; the workflow is written here,
//! because `tough` takes a timestamp whose version did not rise, loads every delegation at once, refuses what it does
//! not know of a delegation, and keeps other bytes than were signed.

mod delegation;
mod envelope;
mod fetch;
mod keys;
mod refresh;
mod roles;
mod store;
mod target;

use std::io;
use std::path::PathBuf;

use reqwest::StatusCode;
use thiserror::Error;
use url::Url;

pub(crate) use refresh::Client;
pub use refresh::{download, init, refresh};
pub(crate) use store::{Store, replace};
pub(crate) use target::url as target_url;

/// Why nothing new is trusted.
#[derive(Debug, Error)]
pub enum TufError {
    #[error("{file} is no valid metadata: {reason}")]
    Malformed { file: String, reason: String },
    #[error("{file} is not signed by {threshold} of its role's keys")]
    Signature { file: String, threshold: u64 },
    #[error("{file} expired at {expires}: a newer one must be published, or one is being withheld")]
    Expired { file: String, expires: String },
    #[error("{file} has version {found}, which must be {expected}")]
    Version { file: String, found: u64, expected: String },
    #[error("{file} is not listed, or not any more")]
    Unlisted { file: String },
    #[error("{file} is longer than {limit} bytes")]
    TooLong { file: String, limit: u64 },
    #[error("{file} has not the signed length")]
    Length { file: String },
    #[error("{file} has not the signed hash")]
    Hash { file: String },
    #[error("{file} is not there: the server answered {status}")]
    Absent { file: String, status: StatusCode },
    #[error("{file} cannot be fetched")]
    Network { file: String, source: reqwest::Error },
    #[error("{0} is no target of this repository")]
    NoTarget(String),
    #[error("{0} is no name of a target that can be fetched and kept safely")]
    UnsafeName(String),
    #[error("there is no trusted root in {0}: run `init` first")]
    NoRoot(PathBuf),
    #[error("{path} cannot be written or read: check its permissions and the free space")]
    Storage { path: PathBuf, source: io::Error },
    #[error("{0} is no address of a repository")]
    Address(Url),
}
