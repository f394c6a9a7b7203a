//! Whether a role lives (`/healthz`) and whether it may be sent work (`/readyz`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;

/// The parts a role needs, each ready or with the reason why not.
#[derive(Debug, Clone, Default)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<&'static str, Result<(), String>>>>,
}

impl Health {
    /// A role is not ready before each of `parts` has said so.
    #[must_use]
    pub fn new(parts: &[&'static str]) -> Self {
        let parts = parts.iter().map(|part| (*part, Err("starting".to_owned()))).collect();
        Self { parts: Arc::new(Mutex::new(parts)) }
    }

    pub fn ready(&self, part: &'static str) {
        self.set(part, Ok(()));
    }

    pub fn not_ready(&self, part: &'static str, reason: impl Into<String>) {
        self.set(part, Err(reason.into()));
    }

    fn set(&self, part: &'static str, state: Result<(), String>) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).insert(part, state);
    }

    /// Nothing when ready, else a line per part that is not.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().filter_map(|(part, state)| state.as_ref().err().map(|why| format!("{part}: {why}"))).collect()
    }
}

/// `GET /healthz` and `GET /readyz`.
pub fn health_routes(health: Health) -> Router {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(readyz)).with_state(health)
}

async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    let missing = health.missing();
    if missing.is_empty() {
        (StatusCode::OK, "ready".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n"))
    }
}
