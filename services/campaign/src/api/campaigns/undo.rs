//! `/campaigns/{id}/undo`: the way back, prepared. Vehicles that ran the same before make a group, a release of those
//! versions and a draft for it; people look at the drafts and start them as any campaign.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::campaign::CampaignState;
use otaru_domain::clock;
use otaru_domain::event::EventKind;
use otaru_domain::id::{CampaignId, HardwareId};
use otaru_domain::release::{Installation, target_name};
use otaru_domain::rollout::{Membership, Policy, WavePlan};
use otaru_http::{Json, Problem};
use otaru_store::campaigns::{self, Campaign, Prepared, Settings};
use otaru_store::releases::{self, Draft, Image, NameTaken, Release};
use otaru_store::undo::{self, Before, Versions};
use otaru_store::{StoreError, Tx, audit, events};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::prepared::PreparedCampaign;
use super::{found, prepared};
use crate::api::releases::fix;
use crate::app::App;
use crate::auth::Actor;
use crate::engine::CampaignError;
use crate::error::ApiError;
use crate::extract::PathPart;

/// Different configurations that one call prepares a way back to.
const MOST: i64 = 50;
/// The way back has at least this long.
const SHORTEST: TimeDelta = TimeDelta::days(7);

/// Vehicles for which there is no way back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoWayBack {
    vehicles: u64,
    /// What they ran that no locked release has an image of; the version is null where nothing was known of the ECU.
    lacks: Vec<Lack>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lack {
    hardware_id: HardwareId,
    #[schema(required = true)]
    version: Option<String>,
}

/// The way back of a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Undo {
    items: Vec<PreparedCampaign>,
    no_way_back: Vec<NoWayBack>,
}

/// Show the way back of a campaign
///
/// The campaigns that were prepared to take it back, without those that were cancelled.
#[utoipa::path(
    get,
    path = "/campaigns/{id}/undo", operation_id = "get_undo",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 200, body = Undo))
)]
pub(crate) async fn get(
    State(app): State<App>,
    _: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<Json<Undo>, ApiError> {
    found(&app.store, id).await?;
    let mut tx = app.store.begin().await?;
    let items = undo::undoing(&mut tx, id).await?.into_iter().map(PreparedCampaign::from).collect();
    Ok(Json(Undo { items, no_way_back: Vec::new() }))
}

/// Prepare the way back of a campaign
///
/// For the vehicles on which it is installed: one draft for each configuration that they ran before, with a release of
/// those versions, which is locked, and a group of those vehicles. A campaign that still runs is paused first.
#[utoipa::path(
    post,
    path = "/campaigns/{id}/undo", operation_id = "prepare_undo",
    tag = "campaigns",
    params(("id" = i64, Path)),
    responses((status = 201, description = "Drafts, to be looked at and started", body = Undo))
)]
pub(crate) async fn prepare(
    State(app): State<App>,
    actor: Actor,
    PathPart(id): PathPart<CampaignId>,
) -> Result<(StatusCode, Json<Undo>), ApiError> {
    let now = clock::now();
    let mut tx = app.store.begin().await?;
    let campaign = campaigns::lock(&mut tx, id).await?.ok_or(CampaignError::NotFound(id))?;
    require_still(&campaign)?;
    let prepared = undo::undoing(&mut tx, id).await?;
    if let Some(first) = prepared.first() {
        let detail = format!("campaign {} was prepared to take it back: start it, or cancel it first", first.id);
        return Err(Problem::conflict("undo-prepared", detail).into());
    }
    let (mut ways, mut no_way_back) = (Vec::new(), Vec::new());
    for before in undo::before(&mut tx, id, MOST).await? {
        match images(&mut tx, &before).await? {
            Ok(images) => ways.push((before, images)),
            Err(lacks) => no_way_back.push(NoWayBack { vehicles: before.vehicles, lacks }),
        }
    }
    if ways.is_empty() {
        return Err(nothing(&no_way_back).into());
    }
    let mut made = Vec::with_capacity(ways.len());
    for (number, (before, images)) in (1..).zip(ways) {
        made.push((draft(&mut tx, &actor, &campaign, number, images, now).await?, before));
    }
    let releases: Vec<Release> = made.iter().map(|(release, _)| release.clone()).collect();
    fix(&mut tx, &app, &releases, now).await?;
    let mut undoings = Vec::with_capacity(made.len());
    for (release, before) in made {
        undoings.push((campaign_back(&mut tx, &actor, &campaign, &release, &before.versions, now).await?, before));
    }
    let drafts: Vec<CampaignId> = undoings.iter().map(|(undoing, _)| undoing.id).collect();
    let said = json!({"campaigns": drafts, "no_way_back": no_way_back.iter().map(|one| one.vehicles).sum::<u64>()});
    audit::record(&mut tx, &actor.name, "undo_prepared", &format!("campaign-{id}"), &said, now).await?;
    for undoing in undoings.iter().map(|(undoing, _)| undoing) {
        events::record(&mut tx, &actor.name, EventKind::ReleaseLocked { release: undoing.release_id }, now).await?;
        events::record(&mut tx, &actor.name, EventKind::CampaignCreated { campaign: undoing.id }, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    app.wake.notify_one();
    let item = |(undoing, before): (Prepared, Before)| PreparedCampaign { vehicles: before.vehicles, ..undoing.into() };
    Ok((StatusCode::CREATED, Json(Undo { items: undoings.into_iter().map(item).collect(), no_way_back })))
}

/// What still spreads is not taken back: it would overtake the way back.
fn require_still(campaign: &Campaign) -> Result<(), Problem> {
    if campaign.started_at.is_some() && campaign.state != CampaignState::Running {
        return Ok(());
    }
    let detail = match campaign.state {
        CampaignState::Running => "it still runs: pause or cancel it first".to_owned(),
        state => format!("it is {state} and was installed nowhere"),
    };
    Err(Problem::conflict("campaign-state", detail))
}

fn nothing(no_way_back: &[NoWayBack]) -> Problem {
    let mut lacks: Vec<String> = Vec::new();
    for lack in no_way_back.iter().flat_map(|one| &one.lacks) {
        let version = lack.version.as_deref().unwrap_or("what it ran, which is not known");
        lacks.push(format!("{} {version}", lack.hardware_id));
    }
    let detail = if lacks.is_empty() {
        "it is installed on no vehicle".to_owned()
    } else {
        format!("no locked release has an image of what vehicles ran before: {}", lacks.join(", "))
    };
    Problem::conflict("nothing-to-undo", detail)
}

/// The images of what vehicles ran, or what there is none of.
async fn images(tx: &mut Tx, before: &Before) -> Result<Result<Vec<(Image, String)>, Vec<Lack>>, StoreError> {
    let (mut images, mut lacks) = (Vec::new(), Vec::new());
    for (hardware_id, version) in &before.versions {
        let known = match version {
            Some(version) => undo::image(tx, hardware_id, version).await?.map(|found| (version.clone(), found)),
            None => None,
        };
        let hardware_id = hardware_id.clone();
        match known {
            Some((version, (sha256, file_name))) => images.push((
                Image {
                    hardware_id,
                    sha256,
                    version,
                    target_name: String::new(),
                    length_bytes: 0,
                    requires: Vec::new(),
                },
                file_name,
            )),
            None => lacks.push(Lack { hardware_id, version: version.clone() }),
        }
    }
    Ok(if lacks.is_empty() { Ok(images) } else { Err(lacks) })
}

/// A draft of the release with these images, for the models of the campaign's.
async fn draft(
    tx: &mut Tx,
    actor: &Actor,
    campaign: &Campaign,
    number: u32,
    images: Vec<(Image, String)>,
    now: DateTime<Utc>,
) -> Result<Release, ApiError> {
    let notes = format!("What vehicles ran before campaign {}", campaign.id);
    let version = format!("undo-{}.{number}.{}", campaign.id, now.timestamp());
    let draft =
        Draft { name: "Undo", version: &version, notes: &notes, rxswin: None, installation: Installation::Atomic };
    let id = releases::create(tx, &draft, &actor.name, now)
        .await?
        .map_err(|NameTaken| Problem::conflict("release-exists", format!("there is a release {version} already")))?;
    let named = images.into_iter().map(|(image, file_name)| Image {
        target_name: target_name(&image.hardware_id, &image.version, id, &file_name),
        ..image
    });
    let models = campaigns::models(tx, campaign.release).await?;
    releases::set_contents(tx, id, &models, &named.collect::<Vec<_>>()).await?;
    let release = releases::lock(tx, id).await?;
    Ok(release.ok_or_else(|| StoreError::inconsistent("releases", format!("release {id} is gone")))?)
}

/// The group of the vehicles that ran `versions`, and the draft that brings them back there.
async fn campaign_back(
    tx: &mut Tx,
    actor: &Actor,
    campaign: &Campaign,
    release: &Release,
    versions: &Versions,
    now: DateTime<Utc>,
) -> Result<Prepared, ApiError> {
    let said: Vec<String> =
        release.images.iter().map(|image| format!("{} {}", image.hardware_id, image.version)).collect();
    let name = format!("Ran {} before campaign {}", said.join(", "), campaign.id);
    let group = prepared::group(tx, actor, &format!("undo-{}-r{}", campaign.id, release.id), &name, now).await?;
    undo::list(tx, campaign.id, versions, &group).await?;
    let settings = Settings {
        name: prepared::cut(&format!("Back to {}", said.join(", "))),
        target: format!("\"{group}\" in groups"),
        precondition: campaign.precondition.clone(),
        // What was promised to drivers holds on the way back, too.
        policy: Policy { membership: Membership::Snapshot, supersede: false, ..campaign.policy.clone() },
        priority: campaign.priority,
        start_at: None,
        deadline: now + (campaign.deadline - campaign.created_at).max(SHORTEST),
        waves: vec![WavePlan::share(0.1, 0.9), WavePlan::default()],
    };
    let target = settings.target.clone();
    let id = prepared::draft(tx, actor, release.id, settings, now).await?;
    undo::note(tx, id, campaign.id, now).await?;
    Ok(Prepared { id, release_id: release.id, target, vehicles: 0 })
}
