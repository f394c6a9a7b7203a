//! `/campaigns/{id}/steps`: how vehicles that a release is not yet for come to it over others. For each release on the
//! way there is a group of the vehicles that need it, and a continuous draft, which takes each of them as soon as it
//! runs what that release requires; people look at the drafts and start them as any campaign.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::event::EventKind;
use otaru_domain::exclusion::Exclusion;
use otaru_domain::id::{CampaignId, HardwareId, ModelId, ReleaseId};
use otaru_domain::rollout::{Membership, Policy, WavePlan};
use otaru_domain::steps::{Step, way};
use otaru_domain::target::Target;
use otaru_http::{Json, Problem};
use otaru_store::campaigns::{self, Campaign, Settings};
use otaru_store::steps::{self, Stuck};
use otaru_store::{StoreError, Tx, audit, events};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::prepared::PreparedCampaign;
use super::{found, prepared};
use crate::app::App;
use crate::auth::Actor;
use crate::engine::CampaignError;
use crate::error::ApiError;
use crate::extract::PathPart;

/// Different configurations that one call finds a way for.
const MOST: i64 = 50;
/// Of so many, a tenth of all ranks has none in one of 37,000 cases.
const ENOUGH_FOR_A_CANARY: u64 = 100;
/// The highest priority of a campaign.
const HIGHEST: i32 = 1000;

/// Vehicles that run the same and miss what the release requires.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct StuckVehicles {
    vehicles: u64,
    model: ModelId,
    /// The versions of their ECUs.
    #[schema(value_type = BTreeMap<String, String>, example = json!({"BCM": "1.4.2"}))]
    running: BTreeMap<HardwareId, String>,
    /// What they miss first, for people.
    #[schema(example = "BCM must run >=1.5")]
    misses: String,
    /// The releases they have to install, in order, this campaign's last; null when no locked releases lead there.
    #[schema(required = true)]
    way: Option<Vec<ReleaseId>>,
}

/// The steps to a campaign's release.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Steps {
    /// The campaigns that were prepared for it, in order, without those that were cancelled.
    items: Vec<PreparedCampaign>,
    /// The vehicles that it selects and is not for yet, the 50 configurations that most of them run.
    stuck: Vec<StuckVehicles>,
}

/// Show the steps to a campaign
///
/// Which vehicles it leaves out because they miss what its release requires, and over which releases they come to it.
#[utoipa::path(
    get,
    path = "/campaigns/{id}/steps", operation_id = "get_steps",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 200, body = Steps))
)]
pub(crate) async fn get(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<Steps>, ApiError> {
    let campaign = found(&app.store, id).await?.campaign;
    let mut tx = app.store.begin().await?;
    let ways = if campaign.state.has_ended() { Vec::new() } else { ways(&mut tx, &campaign, clock::now()).await? };
    let items = steps::prepared(&mut tx, id).await?;
    tx.rollback().await.map_err(StoreError::from)?;
    let stuck = ways.into_iter().map(StuckVehicles::from).collect();
    Ok(Json(Steps { items: items.into_iter().map(PreparedCampaign::from).collect(), stuck }))
}

/// Prepare the steps to a campaign
///
/// For each release on the ways: a group of the vehicles that need it and a continuous draft. Vehicles come to this
/// campaign when they have gone their way: by themselves when it is continuous, else if it starts then.
#[utoipa::path(
    post,
    path = "/campaigns/{id}/steps", operation_id = "prepare_steps",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 201, description = "Drafts, to be looked at and started", body = Steps))
)]
pub(crate) async fn prepare(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<(StatusCode, Json<Steps>), ApiError> {
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let campaign = campaigns::lock(&mut tx, id).await?.ok_or(CampaignError::NotFound(id))?;
    if campaign.state.has_ended() {
        return Err(Problem::conflict("campaign-state", format!("campaign {id} is {}", campaign.state)).into());
    }
    if let Some(first) = steps::prepared(&mut tx, id).await?.first() {
        let detail = format!("campaign {} was prepared as a step to it: start it, or cancel it first", first.id);
        return Err(Problem::conflict("steps-prepared", detail).into());
    }
    let ways = ways(&mut tx, &campaign, now).await?;
    let needed = needed(&ways, campaign.release);
    if needed.is_empty() {
        return Err(nothing(&ways).into());
    }
    for (release, stuck) in &needed {
        let step = draft(&mut tx, &actor, &campaign, *release, stuck, now).await?;
        steps::note(&mut tx, step, id, now).await?;
    }
    let items: Vec<PreparedCampaign> = steps::prepared(&mut tx, id).await?.into_iter().map(PreparedCampaign::from).collect();
    let drafts: Vec<CampaignId> = items.iter().map(|item| item.campaign).collect();
    let said = json!({"campaigns": drafts});
    audit::record(&mut tx, &actor.name, "steps_prepared", &format!("campaign-{id}"), &said, now).await?;
    for campaign in drafts {
        events::record(&mut tx, &actor.name, EventKind::CampaignCreated { campaign }, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok((StatusCode::CREATED, Json(Steps { items, stuck: ways.into_iter().map(StuckVehicles::from).collect() })))
}

/// Vehicles, and their way to the release, if there is one.
type Ways = Vec<(Stuck, Option<Vec<ReleaseId>>)>;

async fn ways(tx: &mut Tx, campaign: &Campaign, now: DateTime<Utc>) -> Result<Ways, StoreError> {
    let target = Target::parse(&campaign.target)
        .map_err(|error| StoreError::inconsistent("campaigns", format!("target: {}", error.message)))?;
    let stuck = steps::stuck(tx, campaign, &target, MOST, now).await?;
    let mut known: BTreeMap<ModelId, Vec<Step>> = BTreeMap::new();
    for one in &stuck {
        if !known.contains_key(&one.model) {
            known.insert(one.model.clone(), steps::releases(tx, &one.model).await?);
        }
    }
    let release = campaign.release;
    let solve = move || {
        let solved = stuck.into_iter().map(|one| {
            let steps = known.get(&one.model).map_or(&[][..], Vec::as_slice);
            let target = steps.iter().find(|step| step.release == release);
            let way = target.and_then(|target| way(&one.running, target, steps));
            (one, way)
        });
        solved.collect()
    };
    // Some hundred releases take the solver a moment that is too long for a thread that others wait on.
    match tokio::task::spawn_blocking(solve).await {
        Ok(ways) => Ok(ways),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// By release, who has to install it on the way; the last one of each way is the campaign's own.
fn needed(ways: &Ways, own: ReleaseId) -> BTreeMap<ReleaseId, Vec<&Stuck>> {
    let mut needed: BTreeMap<ReleaseId, Vec<&Stuck>> = BTreeMap::new();
    for (stuck, way) in ways {
        for release in way.iter().flatten().filter(|release| **release != own) {
            needed.entry(*release).or_default().push(stuck);
        }
    }
    needed
}

fn nothing(ways: &Ways) -> Problem {
    let misses: Vec<String> = ways.iter().map(|(stuck, _)| misses(&stuck.misses)).collect();
    let detail = if misses.is_empty() {
        "it leaves out no vehicle for what its release requires".to_owned()
    } else {
        format!("no locked releases lead to what it requires: {}", misses.join("; "))
    };
    Problem::conflict("no-steps", detail)
}

fn misses(exclusion: &Exclusion) -> String {
    exclusion.to_string()
}

/// The group of those who need `release`, and the draft that brings it to them.
async fn draft(
    tx: &mut Tx,
    actor: &Actor,
    campaign: &Campaign,
    release: ReleaseId,
    vehicles: &[&Stuck],
    now: DateTime<Utc>,
) -> Result<CampaignId, ApiError> {
    let name = prepared::cut(&format!("Step to {}: release {release}", campaign.name));
    let group = prepared::group(tx, actor, &format!("steps-{}-r{release}", campaign.id), &name, now).await?;
    for stuck in vehicles {
        steps::list(tx, stuck, &group).await?;
    }
    let settings = Settings {
        name,
        target: format!("\"{group}\" in groups"),
        precondition: campaign.precondition.clone(),
        policy: Policy { membership: Membership::Continuous, supersede: false, ..campaign.policy.clone() },
        // The step goes before what it leads to.
        priority: (campaign.priority + 1).min(HIGHEST),
        start_at: None,
        deadline: campaign.deadline,
        waves: waves(vehicles.iter().map(|stuck| stuck.vehicles).sum()),
    };
    prepared::draft(tx, actor, release, settings, now).await
}

/// A first wave that may well be empty would keep all others waiting: few vehicles go at once.
fn waves(vehicles: u64) -> Vec<WavePlan> {
    if vehicles < ENOUGH_FOR_A_CANARY {
        return vec![WavePlan::default()];
    }
    vec![WavePlan::share(0.1, 0.9), WavePlan::default()]
}

impl From<(Stuck, Option<Vec<ReleaseId>>)> for StuckVehicles {
    fn from((stuck, way): (Stuck, Option<Vec<ReleaseId>>)) -> Self {
        let misses = misses(&stuck.misses);
        Self { vehicles: stuck.vehicles, model: stuck.model, running: stuck.running, misses, way }
    }
}
