//! Campaigns that the service drafts for people, for a group of vehicles of its own.

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, GroupId, ReleaseId};
use otaru_store::campaigns::{self, NewCampaign, Prepared, Settings};
use otaru_store::groups::{self, Group};
use otaru_store::{StoreError, Tx};
use serde::Serialize;
use utoipa::ToSchema;

use super::plan;
use crate::auth::Actor;
use crate::error::ApiError;

/// A campaign that was drafted for another one: as a step to it, or to take it back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreparedCampaign {
    pub(super) campaign: CampaignId,
    pub(super) release: ReleaseId,
    /// The group of its vehicles is named in it.
    pub(super) target: String,
    pub(super) vehicles: u64,
}

impl From<Prepared> for PreparedCampaign {
    fn from(prepared: Prepared) -> Self {
        let vehicles = prepared.vehicles.unsigned_abs();
        Self { campaign: prepared.id, release: prepared.release_id, target: prepared.target, vehicles }
    }
}

/// The longest name of what is drafted, in characters.
const MAX_NAME: usize = 150;

/// Makes the empty list whose vehicles the campaign is to be for.
pub(super) async fn group(
    tx: &mut Tx,
    actor: &Actor,
    id: &str,
    name: &str,
    now: DateTime<Utc>,
) -> Result<GroupId, StoreError> {
    let id = GroupId::parse(id).map_err(|error| StoreError::inconsistent("groups", error))?;
    let row =
        Group { id: id.clone(), name: cut(name), expression: None, created_at: now, created_by: actor.name.clone() };
    groups::create(tx, &row).await?;
    Ok(id)
}

/// Drafts a campaign as the caller could have done.
pub(super) async fn draft(
    tx: &mut Tx,
    actor: &Actor,
    release: ReleaseId,
    settings: Settings,
    now: DateTime<Utc>,
) -> Result<CampaignId, ApiError> {
    plan::check(&settings, now)?;
    // What takes an approver there, such as to force an update on drivers, takes one here, too.
    plan::permit(actor, &settings)?;
    let new = NewCampaign { release, salt: plan::salt(None)?, settings };
    Ok(campaigns::create(tx, &new, &actor.name, now).await?)
}

/// A name that fits.
pub(super) fn cut(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}
