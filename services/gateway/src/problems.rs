//! Errors of the parts behind the gateway, as problems: what a vehicle can wait for is a 503 with a time.

use axum::http::StatusCode;
use otaru_bus::BusError;
use otaru_http::{Problem, chain};
use otaru_store::StoreError;

use crate::app::App;

/// How long a vehicle should wait for what is away, in seconds.
pub(crate) const AWAY_SECS: u32 = 5;

/// What a failed write to Kafka means for the sender. Nothing counts as taken: the report is to be sent again.
pub(crate) fn not_written(app: &App, error: &BusError) -> Problem {
    match error {
        BusError::TooLarge { .. } => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the report is larger than the broker takes")
        }
        error => {
            app.broker.failed(error);
            Problem::unavailable("the report could not be written; send it again", AWAY_SECS)
        }
    }
}

/// What a failed read of the database means for the vehicle.
pub(crate) fn not_read(app: &App, error: &StoreError) -> Problem {
    if error.is_transient() {
        app.database.failed(error);
        return Problem::unavailable("the server cannot look that up now; ask again", AWAY_SECS);
    }
    tracing::error!(error = chain(error), "reading the database");
    Problem::internal()
}

/// For the time until the gateway has read what it needs.
pub(crate) fn starting() -> Problem {
    Problem::unavailable("the gateway is starting; ask again", 2)
}
