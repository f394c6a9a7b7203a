//! `GET /campaigns/{id}/dossier`

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::{CampaignId, VehicleId};
use otaru_store::{StoreError, dossier, evidence, releases};
use serde::Serialize;
use utoipa::ToSchema;

use super::page::{Page, plain, time};
use super::{DossierAnchor, DossierVehicle, FormatQuery, log_of, written};
use crate::api::audit::AuditEntry;
use crate::api::campaigns::{CampaignReview, CampaignView, found, review_of};
use crate::api::evidence::ReleaseEvidence;
use crate::api::releases::Release;
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::{PathPart, Query};
use crate::page::PageQuery;

/// All that is to be told of a campaign (UN R156 7.1.2).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CampaignDossier {
    generated_at: DateTime<Utc>,
    /// What was to happen, under which conditions, and how far it came.
    campaign: CampaignView,
    /// The software, with the hashes its integrity is checked with.
    release: Release,
    /// Purpose, affected systems, type approval, verification; null when nothing was stated.
    evidence: Option<ReleaseEvidence>,
    /// What was reviewed, and who approved it.
    review: CampaignReview,
    /// Target vehicles with their configuration before and after, and the results: a page of them.
    vehicles: Vec<DossierVehicle>,
    /// Of the vehicles.
    next_cursor: Option<String>,
    /// What was done with the campaign and its release.
    log: Vec<AuditEntry>,
    anchor: DossierAnchor,
}

/// A campaign's dossier
///
/// What UN R156 7.1.2 asks for. Its vehicles come in pages; the rest is on each of them.
#[utoipa::path(get, path = "/campaigns/{id}/dossier", tag = "evidence", operation_id = "get_campaign_dossier",
    params(PageQuery, FormatQuery, ("id" = i64, Path)),
    responses((status = 200, description = "As it stands now",
        content((CampaignDossier = "application/json"), (String = "text/html")))))]
pub(crate) async fn get(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
    Query(page): Query<PageQuery>,
    Query(query): Query<FormatQuery>,
) -> Result<Response, ApiError> {
    let generated_at = clock::now();
    let standing = found(&app.store, id).await?;
    let release = standing.campaign.release;
    let window = page.window::<VehicleId>()?;
    let rows = dossier::of_campaign(&app.store, id, window.after.unwrap_or(0), window.rows()).await?;
    let (rows, next_cursor) = window.cut(rows, |row| row.vehicle_id);
    let (log, anchor) = log_of(&app.store, &[format!("campaign-{id}"), format!("release-{release}")]).await?;
    let found_release = releases::get(&app.store, release).await?;
    let missing = || StoreError::inconsistent("campaigns", format!("campaign {id} has no release"));
    let dossier = CampaignDossier {
        generated_at,
        campaign: CampaignView::of(&standing, generated_at),
        release: found_release.ok_or_else(missing)?.into(),
        evidence: evidence::get(&app.store, release).await?.map(ReleaseEvidence::from),
        review: review_of(&app, &standing.campaign).await?,
        vehicles: rows.into_iter().map(DossierVehicle::from).collect(),
        next_cursor,
        log,
        anchor,
    };
    Ok(written(query.format, dossier, print))
}

fn print(dossier: &CampaignDossier) -> String {
    let campaign = serde_json::to_value(&dossier.campaign).unwrap_or_default();
    let say = |name: &str| plain(&campaign[name]);
    let mut page = Page::new(&format!("Campaign {}: {}", say("id"), say("name")), dossier.generated_at);
    page.facts(&[
        ("State", format!("{} ({})", say("state"), say("state_reason"))),
        ("Created", format!("{} by {}", say("created_at"), say("created_by"))),
        ("Started", say("started_at")),
        ("Ended", say("ended_at")),
        ("Vehicles", say("members")),
        ("Results", say("counters")),
    ]);
    purpose(&mut page, dossier.evidence.as_ref());
    software(&mut page, &dossier.release);
    page.heading("Targets and conditions");
    let settings = dossier.review.content["campaign"].as_object();
    let settings: Vec<(String, String)> =
        settings.into_iter().flatten().map(|(name, value)| (name.replace('_', " "), plain(value))).collect();
    page.facts(&settings.iter().map(|(name, value)| (name.as_str(), value.clone())).collect::<Vec<_>>());
    let waves = dossier.review.content["waves"].as_array().cloned().unwrap_or_default();
    page.table(&["Wave"], waves.iter().map(|wave| vec![plain(wave)]));
    approvals(&mut page, &dossier.review);
    page.heading("Vehicles");
    page.vehicles(&dossier.vehicles);
    if let Some(cursor) = &dossier.next_cursor {
        page.note(&format!("There are more vehicles: ask for them with cursor={cursor}."));
    }
    page.log(&dossier.log, &dossier.anchor);
    page.end()
}

fn purpose(page: &mut Page, evidence: Option<&ReleaseEvidence>) {
    page.heading("Purpose and type approval");
    let Some(evidence) = evidence else {
        page.note("Nothing was stated of the release.");
        return;
    };
    let reference = evidence.type_approval_reference.as_deref().unwrap_or_default();
    page.facts(&[
        ("Purpose", evidence.purpose.clone()),
        ("Systems and functions", evidence.affected.clone()),
        ("Type approval", format!("{} {reference}", evidence.type_approval.as_str().replace('_', " "))),
        ("Verification", evidence.verification.clone()),
        ("Stated", format!("by {} on {}", evidence.stated_by, time(evidence.stated_at))),
    ]);
}

fn software(page: &mut Page, release: &Release) {
    page.heading("Software");
    let models: Vec<&str> = release.models.iter().map(otaru_domain::id::ModelId::as_str).collect();
    page.facts(&[
        ("Release", format!("{} {} ({})", release.id, release.name, release.version)),
        ("RXSWIN", release.rxswin.clone().unwrap_or_default()),
        ("Models", models.join(", ")),
        ("Notes", release.notes.clone()),
    ]);
    page.table(
        &["Hardware", "Version", "File", "SHA-256"],
        release.images.iter().map(|image| {
            let hardware = image.hardware_id.to_string();
            vec![hardware, image.version.clone(), image.target_name.clone(), image.sha256.to_string()]
        }),
    );
}

fn approvals(page: &mut Page, review: &CampaignReview) {
    page.heading("Approvals");
    page.facts(&[
        ("Review required", if review.required { "yes" } else { "no" }.to_owned()),
        ("Digest of the content", review.digest.clone()),
        ("Authors", review.authors.join(", ")),
    ]);
    page.table(
        &["When", "Verdict", "Who", "Reason", "Digest"],
        review.steps.iter().rev().map(|step| {
            let reason = step.reason.clone().unwrap_or_default();
            vec![time(step.at), step.verdict.as_str().to_owned(), step.by.clone(), reason, step.digest.clone()]
        }),
    );
}
