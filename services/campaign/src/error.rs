//! Every error of this service on its way to the client, in one place: what the caller can mend is said
//! to the caller, what the operator must mend is in the log.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use otaru_bus::BusError;
use otaru_domain::id::IdError;
use otaru_domain::tuf::PublishError;
use otaru_http::{Problem, chain};
use otaru_store::StoreError;
use otaru_store::objects::ReceiveError;
use thiserror::Error;

use crate::keys::KeyStoreError;
use crate::manifests::ManifestError;

/// What a handler fails with.
#[derive(Debug, Error)]
pub enum ApiError {
    #[error("{}", .0.body().detail)]
    Problem(Problem),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    #[error("a task of a request failed")]
    Task(#[from] tokio::task::JoinError),
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<IdError> for ApiError {
    fn from(error: IdError) -> Self {
        Problem::bad_request(error.to_string()).into()
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        let problem = match &error {
            ApiError::Problem(problem) => problem.clone(),
            ApiError::Store(error) => of_store(error),
            ApiError::Bus(error) => Self::unavailable(error.to_string(), 2),
            ApiError::Keys(_) | ApiError::Task(_) => Self::internal(),
            ApiError::Manifest(error) => of_manifest(error),
            ApiError::Receive(error) => of_receive(error),
        };
        if problem.status() == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = chain(&error), "a request failed");
        } else if problem.status().is_server_error() {
            tracing::warn!(error = chain(&error), "a request was turned away");
        }
        problem
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

fn of_store(error: &StoreError) -> Problem {
    match error {
        StoreError::Unavailable(_) => {
            Problem::unavailable("the database is away; nothing was changed, try again in a moment", 2)
        }
        StoreError::Objects(_) => Problem::unavailable("the object store failed; try again in a moment", 5),
        error if error.is_transient() => Problem::unavailable("another change was under way; try again", 1),
        _ => Problem::internal(),
    }
}

fn of_manifest(error: &ManifestError) -> Problem {
    match error {
        ManifestError::Store(error) => of_store(error),
        ManifestError::Keys(_) => Problem::internal(),
        ManifestError::Publish { source: PublishError::AwaitingRoot, model } => Problem::conflict(
            "model-awaiting-root",
            format!(
                "model {model} has no signed root yet: sign one with `otaru keys sign-root` and PUT it to /api/v1/models/{model}/root"
            ),
        ),
        ManifestError::Publish {
            source:
                source @ (PublishError::RootVersion { .. }
                | PublishError::RootKeys(_)
                | PublishError::RootExpired
                | PublishError::RootConsistentSnapshot
                | PublishError::RootThreshold { .. }
                | PublishError::UptaneCosigned
                | PublishError::RootSignature(_)),
            ..
        } => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "root-refused", chain(source)),
        ManifestError::Publish { source: source @ PublishError::NothingToSign, .. } => {
            Problem::conflict("nothing-to-sign", chain(source))
        }
        ManifestError::Publish {
            source: source @ (PublishError::TargetsSignature(_) | PublishError::PendingRootExpired),
            ..
        } => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "targets-refused", chain(source)),
        ManifestError::Publish { source: source @ PublishError::UptaneTooLong { .. }, .. } => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "manifest-too-long",
            format!("{source}: nothing was changed. Retire releases that no vehicle needs any more"),
        ),
        ManifestError::Publish { .. } => Problem::internal(),
        error @ ManifestError::TooLong { .. } => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "manifest-too-long",
            format!(
                "{error}: nothing was changed. Let the broker, its topics and --kafka-property message.max.bytes take \
                 longer messages"
            ),
        ),
    }
}

fn of_receive(error: &ReceiveError) -> Problem {
    match error {
        ReceiveError::TooLarge { .. } => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", error.to_string()),
        ReceiveError::Interrupted(_) => Problem::new(
            StatusCode::BAD_REQUEST,
            "interrupted",
            "the upload broke off; nothing was kept, send it again",
        ),
        ReceiveError::Full(_) => Problem::new(StatusCode::INSUFFICIENT_STORAGE, "storage-full", error.to_string()),
        ReceiveError::Store(error) => of_store(error),
    }
}
