//! `GET /audit/verification`: the walk along the chain that `otaru audit verify` makes, for those who trust this service.

use std::collections::BTreeMap;

use axum::extract::State;
use otaru_domain::audit::{Break, parse_digest, write_digest};
use otaru_http::{Json, Problem};
use otaru_store::audit;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::Query;

/// What was kept elsewhere.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AnchorQuery {
    /// An entry and its digest that were kept elsewhere, as `ID:DIGEST`. Without it, a log that was written anew from
    /// its beginning is not noticed.
    #[param(pattern = "^[1-9][0-9]*:[0-9a-f]{64}$")]
    anchor: Option<String>,
}

/// What a walk along the whole chain found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditVerification {
    /// Whether the log is as it was written.
    holds: bool,
    /// Entries that are right, from the first on.
    entries: i64,
    /// The digest of the last of them.
    digest: String,
    /// The first entry that is not right.
    #[schema(required = true)]
    first_broken: Option<i64>,
    /// What is wrong with it, for people.
    #[schema(required = true)]
    reason: Option<String>,
}

/// Verify the audit log's chain
///
/// Reads every entry, one walk at a time. Whoever does not trust the service runs `otaru audit verify` elsewhere.
#[utoipa::path(get, path = "/audit/verification", tag = "evidence", operation_id = "verify_audit", params(AnchorQuery),
    responses((status = 200, description = "What the walk found", body = AuditVerification)))]
pub(super) async fn verify(
    State(app): State<App>,
    _: Actor,
    Query(query): Query<AnchorQuery>,
) -> Result<Json<AuditVerification>, ApiError> {
    let anchors = match query.anchor.as_deref().map(parse_anchor) {
        None => BTreeMap::new(),
        Some(Some(anchor)) => BTreeMap::from([anchor]),
        Some(None) => {
            return Err(Problem::bad_request("anchor is written ID:DIGEST, the digest in 64 hexadecimal digits").into());
        }
    };
    // The semaphore is never closed.
    let turn = app.walks.clone().acquire_owned().await.ok();
    let verified = audit::verify(&app.store, anchors).await?;
    drop(turn);
    Ok(Json(AuditVerification {
        holds: verified.broken.is_none(),
        entries: verified.last,
        digest: write_digest(&verified.digest),
        first_broken: verified.broken.as_ref().map(Break::entry),
        reason: verified.broken.as_ref().map(ToString::to_string),
    }))
}

fn parse_anchor(text: &str) -> Option<(i64, [u8; 32])> {
    let (id, digest) = text.split_once(':')?;
    let id: i64 = id.parse().ok().filter(|id| *id >= 1)?;
    Some((id, parse_digest(digest)?))
}
