//! Bounds on what one gateway takes on: beyond them a request is answered at once instead of queueing, for a
//! fleet that comes back after an outage would otherwise wait itself to death.

use std::any::Any;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use otaru_http::Problem;

use crate::app::App;
use crate::rates;

/// How long a request may take until its answer begins.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_PATH_BYTES: usize = 2048;

/// Lets a request through, or says why not.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > MAX_PATH_BYTES) {
        return Problem::new(StatusCode::URI_TOO_LONG, "uri-too-long", "no address here is that long").into_response();
    }
    if header_bytes(request.headers()) > MAX_HEADER_BYTES {
        let detail = format!("send less than {MAX_HEADER_BYTES} bytes of headers");
        return Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", detail).into_response();
    }
    if let Err(problem) = rates::stranger(&app, &request) {
        return problem.into_response();
    }
    let Ok(_under_way) = app.requests.try_acquire() else {
        metrics::counter!("otaru_gateway_shed_total", "what" => "requests").increment(1);
        return Problem::unavailable("the gateway is busy; come back", 10).into_response();
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("that took too long; try again", 10).into_response(),
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// The answer after a panic in a handler: this request fails, the gateway does not.
pub(crate) fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = what.unwrap_or("?"), "a handler panicked");
    drop(panic);
    Problem::internal().into_response()
}
