//! What several calls answer alike, described once.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use otaru_http::Problem;
use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

fn problem(description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build().into()
}

fn described<const N: usize>(all: [(&str, &str); N]) -> BTreeMap<String, RefOr<Response>> {
    all.into_iter().map(|(status, description)| (status.to_owned(), problem(description))).collect()
}

/// What every call of a vehicle may answer.
pub(crate) struct VehicleProblems;

impl IntoResponses for VehicleProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        described([
            ("401", "No token, or one that is expired, revoked or not of this fleet"),
            (
                "403",
                "The token is another vehicle's, or the report is not signed by the vehicle's key (`urn:otaru:problem:signature`)",
            ),
            ("503", "Something is away or busy; come back after Retry-After seconds. Nothing was taken"),
        ])
    }
}

/// What calls with a body may answer as well.
pub(crate) struct BodyProblems;

impl IntoResponses for BodyProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        described([
            ("400", "The body is no JSON, or did not arrive in full"),
            ("413", "The body is larger than 1 MiB or has more than 1,000 lines"),
            ("415", "The Content-Type is none that this call takes"),
            ("422", "A field is not acceptable; `pointer` says which"),
        ])
    }
}

/// What the calls for files may answer.
pub(crate) struct FileProblems;

impl IntoResponses for FileProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        described([
            ("404", "The model's repository has no such file"),
            (
                "503",
                "The gateway is starting, busy, or cannot reach the object store; come back after Retry-After seconds",
            ),
        ])
    }
}

/// The body of a request, read in full.
pub(crate) fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    body.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "the body is longer than this call takes: 1 MiB, below /uptane 512 KiB",
            )
        } else {
            Problem::bad_request("the body could not be read to its end")
        }
    })
}

/// The problem of a field whose error begins with its JSON pointer, as those of `otaru-domain` do.
pub(crate) fn invalid(error: &impl ToString) -> Problem {
    let text = error.to_string();
    let pointer = text.split([' ', ':']).next().unwrap_or_default().to_owned();
    Problem::invalid(pointer, text)
}
