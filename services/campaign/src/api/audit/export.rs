//! `GET /audit/export`: what the list tells, all of it in one answer that is read from the database as it is sent.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use otaru_store::audit::{self, Filter};
use otaru_store::{Store, StoreError};

use super::{AuditEntry, AuditFilter, view};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::Query;

/// Entries read at once.
const BATCH: i64 = 1_000;

/// Where an export is.
struct Reading {
    store: Store,
    filter: Filter,
    /// The last entry that was sent.
    before: Option<i64>,
}

/// Export what was done
///
/// The entries that the same filters list, one JSON object per line. An answer that breaks off was not whole.
#[utoipa::path(get, path = "/audit/export", tag = "evidence", operation_id = "export_audit", params(AuditFilter),
    responses((status = 200, description = "Newest first", body = AuditEntry, content_type = "application/x-ndjson")))]
pub(super) async fn export(
    State(app): State<App>,
    _: Actor,
    Query(filter): Query<AuditFilter>,
) -> Result<Response, ApiError> {
    let filter = filter.resolved(&app).await?;
    let stop = app.stop.clone();
    let reading = Reading { store: app.store, filter, before: None };
    let lines = stream::try_unfold(reading, move |reading| {
        let stop = stop.clone();
        async move {
            let next = stop.run_until_cancelled_owned(next(reading)).await;
            next.unwrap_or_else(|| Err(StoreError::inconsistent("audit_log", "the service ends")))
        }
    });
    let mut response = Body::from_stream(lines).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    let name = HeaderValue::from_static("attachment; filename=\"otaru-audit.ndjson\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// The next entries as lines, and what comes after them.
async fn next(mut reading: Reading) -> Result<Option<(Bytes, Reading)>, StoreError> {
    let entries = audit::page(&reading.store, &reading.filter, reading.before, BATCH).await?;
    let Some(last) = entries.last() else { return Ok(None) };
    reading.before = Some(last.id);
    let mut lines = Vec::new();
    for entry in entries {
        let line = serde_json::to_vec(&view(entry)?).map_err(|error| StoreError::inconsistent("audit_log", error))?;
        lines.extend_from_slice(&line);
        lines.push(b'\n');
    }
    Ok(Some((lines.into(), reading)))
}
