//! `/releases/{id}/evidence`: what UN R156 7.1.2.5 asks to be recorded of an update.

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::evidence::TypeApproval;
use otaru_domain::id::ReleaseId;
use otaru_http::{Json, Problem};
use otaru_store::{StoreError, audit, campaigns, evidence};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Actor;
use crate::check;
use crate::error::ApiError;
use crate::extract::PathPart;

const MAX_TEXT_BYTES: usize = 8 << 10;
const MAX_REFERENCE_BYTES: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, put))
}

/// What is stated of a release.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReleaseEvidence {
    /// What the update is for.
    #[schema(max_length = 8192, example = "Closes a fault of the door lock that let it open while driving")]
    purpose: String,
    /// The systems and functions it affects, and which of them are type-approved.
    #[schema(max_length = 8192, example = "Body control: door locks (UN R11)")]
    affected: String,
    type_approval: TypeApproval,
    /// The approval's number, or the authority's reference; needed once it is granted.
    #[serde(default)]
    #[schema(max_length = 200, example = "E1*11R04/02*1234*05")]
    type_approval_reference: Option<String>,
    /// How it was verified and validated.
    #[schema(max_length = 8192, example = "HIL run 4711, 12 vehicles on the proving ground")]
    verification: String,
}

/// What is stated of a release, and by whom.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReleaseEvidence {
    pub purpose: String,
    pub affected: String,
    pub type_approval: TypeApproval,
    pub type_approval_reference: Option<String>,
    pub verification: String,
    pub stated_by: String,
    pub stated_at: DateTime<Utc>,
}

impl From<evidence::Evidence> for ReleaseEvidence {
    fn from(evidence: evidence::Evidence) -> Self {
        Self {
            purpose: evidence.purpose,
            affected: evidence.affected,
            type_approval: evidence.type_approval,
            type_approval_reference: evidence.type_approval_reference,
            verification: evidence.verification,
            stated_by: evidence.stated_by,
            stated_at: evidence.stated_at,
        }
    }
}

/// What is stated of a release
#[utoipa::path(get, path = "/releases/{id}/evidence", tag = "evidence", operation_id = "get_release_evidence",
    params(("id" = i64, Path)), responses((status = 200, body = ReleaseEvidence)))]
async fn get(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<ReleaseId>,
) -> Result<Json<ReleaseEvidence>, ApiError> {
    let evidence = evidence::get(&app.store, id).await?;
    let evidence = evidence.ok_or_else(|| Problem::not_found(format!("nothing is stated of release {id} yet")))?;
    Ok(Json(evidence.into()))
}

/// State what an update is for and whether it is approved
///
/// For approvers, also of a locked release. While its type approval is pending, no campaign with it starts.
#[utoipa::path(put, path = "/releases/{id}/evidence", tag = "evidence", operation_id = "put_release_evidence",
    params(("id" = i64, Path)), request_body = NewReleaseEvidence, responses((status = 200, body = ReleaseEvidence)))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<ReleaseId>,
    Json(new): Json<NewReleaseEvidence>,
) -> Result<Json<ReleaseEvidence>, ApiError> {
    new.check()?;
    let now = clock::now();
    let evidence = evidence::Evidence {
        purpose: new.purpose,
        affected: new.affected,
        type_approval: new.type_approval,
        type_approval_reference: new.type_approval_reference,
        verification: new.verification,
        stated_by: actor.name.clone(),
        stated_at: now,
    };
    let mut tx = app.store.begin().await?;
    if campaigns::release(&mut tx, id).await?.is_none() {
        return Err(Problem::not_found(format!("there is no release {id}")).into());
    }
    evidence::put(&mut tx, id, &evidence).await?;
    let details = json!({
        "purpose": evidence.purpose, "affected": evidence.affected, "type_approval": evidence.type_approval,
        "type_approval_reference": evidence.type_approval_reference, "verification": evidence.verification,
    });
    audit::record(&mut tx, &actor.name, "release_evidence_stated", &format!("release-{id}"), &details, now).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(evidence.into()))
}

impl NewReleaseEvidence {
    fn check(&self) -> Result<(), Problem> {
        let texts = [("/purpose", &self.purpose), ("/affected", &self.affected), ("/verification", &self.verification)];
        for (pointer, text) in texts {
            check::name(pointer, text, MAX_TEXT_BYTES)?;
        }
        match &self.type_approval_reference {
            Some(reference) => check::name("/type_approval_reference", reference, MAX_REFERENCE_BYTES),
            None if self.type_approval == TypeApproval::Granted => Err(Problem::invalid(
                "/type_approval_reference",
                "a granted approval has a number or a reference: name it",
            )),
            None => Ok(()),
        }
    }
}
