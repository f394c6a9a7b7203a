//! `GET /vehicle/v1/{vin}/update`: a vehicle asks whether there is anything for it.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use otaru_domain::clock;
use otaru_http::{Json, Problem};

use super::empty;
use super::shared::VehicleProblems;
use crate::admission::Vehicle;
use crate::app::App;
use crate::conditional::has_already;
use crate::offers::{self, Client, Outcome, Update};

/// How long to wait for what is on its way.
const SOON: Duration = Duration::from_secs(3);

/// Whether there is an update.
///
/// The answer points at signed files; only what they allow is to be installed. Ask again after `Retry-After`
/// seconds, and once more right before installing.
#[utoipa::path(
    get, path = "/vehicle/v1/{vin}/update", tag = "vehicle", operation_id = "getUpdate",
    params(
        ("vin" = String, Path, description = "The vehicle's own VIN", pattern = "^[A-HJ-NPR-Z0-9]{17}$"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the last answer"),
    ),
    responses(
        (status = 200, description = "An update", body = Update,
         headers(("ETag" = String), ("Retry-After" = u64, description = "Seconds until the next poll"))),
        (status = 204, description = "Nothing to do", headers(("Retry-After" = u64, description = "Seconds until the next poll"))),
        (status = 304, description = "The same as before", headers(("Retry-After" = u64, description = "Seconds until the next poll"))),
        VehicleProblems,
    ),
    security(("vehicle_token" = [])),
)]
pub(super) async fn update(
    State(app): State<App>,
    Vehicle(claims): Vehicle,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let outcome =
        offers::evaluate(&app, &claims, Client::Native, clock::now()).await.inspect_err(|_| count("unavailable"))?;
    let (mut response, wait) = match outcome {
        Outcome::Nothing { soon: true } => (empty(StatusCode::NO_CONTENT), app.poll_interval.min(SOON)),
        Outcome::Nothing { soon: false } => (empty(StatusCode::NO_CONTENT), app.poll_interval),
        Outcome::Offer { update, etag } => {
            let mut response = if has_already(&headers, &etag) {
                empty(StatusCode::NOT_MODIFIED)
            } else {
                Json(update).into_response()
            };
            response.headers_mut().insert(header::ETAG, HeaderValue::try_from(etag).map_err(|_| Problem::internal())?);
            (response, app.poll_interval)
        }
    };
    count(match response.status() {
        StatusCode::OK => "offer",
        StatusCode::NOT_MODIFIED => "unchanged",
        _ => "nothing",
    });
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(jittered_secs(wait)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

fn count(result: &'static str) {
    metrics::counter!("otaru_gateway_polls_total", "result" => result).increment(1);
}

/// `wait` give or take a fifth, in whole seconds and at least one: a fleet that came back at once spreads out.
pub(crate) fn jittered_secs(wait: Duration) -> u64 {
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4);
    rand::random_range(millis - millis / 5..=millis + millis / 5).div_ceil(1000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_spreads_by_a_fifth_and_is_never_zero() {
        let waits: Vec<u64> = (0..2000).map(|_| jittered_secs(Duration::from_secs(300))).collect();
        assert!(waits.iter().all(|wait| (240..=360).contains(wait)));
        assert!(waits.iter().any(|wait| *wait < 260) && waits.iter().any(|wait| *wait > 340));
        assert_eq!(jittered_secs(Duration::ZERO), 1);
        assert_eq!(jittered_secs(Duration::from_millis(10)), 1);
    }
}
