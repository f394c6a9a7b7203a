//! `GET /campaigns/{id}/vehicles/{vin}/why-not-now`: the question of every support call.

use axum::extract::State;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_domain::id::{CampaignId, Vin};
use otaru_domain::why::{self, Facts, WhyNot};
use otaru_http::{Json, Problem};
use otaru_store::campaigns::Standing;
use otaru_store::why::VehicleFacts;
use otaru_store::{StoreError, emergency, why as rows};
use serde::Serialize;
use utoipa::ToSchema;

use super::{WaitingOn, found};
use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::PathPart;

/// Why a vehicle does not have the update now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhyNotNow {
    campaign: CampaignId,
    vin: Vin,
    /// Null when it has it.
    #[schema(required = true)]
    why_not: Option<WhyNot>,
}

/// Say why a vehicle does not have the update now
#[utoipa::path(
    get,
    path = "/campaigns/{id}/vehicles/{vin}/why-not-now", operation_id = "why_not_now",
    tag = "campaigns",
    params(("id" = i64, Path), ("vin" = Vin, Path)),
    responses((status = 200, description = "What stands first in its way", body = WhyNotNow))
)]
pub(crate) async fn why_not_now(
    State(app): State<App>,
    _: Actor,
    PathPart((id, vin)): PathPart<(CampaignId, Vin)>,
) -> Result<Json<WhyNotNow>, ApiError> {
    let standing = found(&app.store, id).await?;
    let vehicle = rows::vehicle(&app.store, id, &vin)
        .await?
        .ok_or_else(|| Problem::not_found(format!("there is no vehicle {vin}")))?;
    let stop = emergency::current(&app.store).await?.map(|stop| stop.reason);
    let full = match standing.campaign.policy.max_in_flight {
        Some(most) => rows::is_full(&app.store, id, most).await?,
        None => false,
    };
    let facts = facts(&standing, vehicle, stop, full, clock::now())?;
    Ok(Json(WhyNotNow { campaign: id, vin, why_not: why::why_not(&facts) }))
}

fn facts(
    standing: &Standing,
    vehicle: VehicleFacts,
    emergency_stop: Option<String>,
    full: bool,
    now: DateTime<Utc>,
) -> Result<Facts, StoreError> {
    let campaign = &standing.campaign;
    let wrong = |what: &str| StoreError::inconsistent("assignments", format!("campaign {}: {what}", campaign.id));
    let excluded = vehicle.exclusion();
    let assignment = match (vehicle.state, vehicle.attempt, vehicle.updated_at) {
        (Some(state), Some(attempt), Some(updated_at)) => Some(why::Standing {
            state: state.parse().map_err(|_| wrong("a state that is none"))?,
            attempt: u32::try_from(attempt).map_err(|_| wrong("an attempt below zero"))?,
            error_code: vehicle.error_code,
            updated_at,
            waits: vehicle.waiting_for.map(|wait| wait.0),
            versions: vehicle.versions.map(|versions| versions.0).unwrap_or_default(),
        }),
        _ => None,
    };
    let open = |number: i32| {
        let wave = standing.waves.iter().find(|wave| i32::try_from(wave.number) == Ok(number))?;
        Some((wave.number, wave.opened_at.is_some()))
    };
    let excluded = excluded?;
    let windows = &campaign.policy.windows;
    let opens = windows.opens(now, windows.zone(vehicle.time_zone.as_deref()));
    Ok(Facts {
        emergency_stop,
        retired: vehicle.retired,
        opted_out: vehicle.opted_out,
        excluded,
        can_sign_in: vehicle.can_sign_in,
        last_heard: vehicle.last_heard,
        state: campaign.state,
        state_reason: campaign.state_reason.clone(),
        start_at: campaign.start_at,
        closing: campaign.closing.is_some(),
        wave: vehicle.wave.and_then(open),
        assignment,
        campaign_waits: WaitingOn::of(standing, now).into_text(),
        behind: vehicle.behind,
        cannot_check: {
            let needs = campaign.needs();
            (vehicle.ddi || vehicle.uptane) && needs.signals || vehicle.uptane && needs.driver
        },
        full,
        window_opens: opens.filter(|at| *at > now),
    })
}
