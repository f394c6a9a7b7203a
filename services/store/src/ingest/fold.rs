//! A batch against the assignments it is about, in memory. Nothing here decides anything about states:
//! that is [`Track::merge`](otaru_domain::assignment::Track::merge) alone.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use otaru_domain::ack::Ack;
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, VehicleId};
use uuid::Uuid;

use super::assignments::{Key, Known, Standing};
use super::signatures::Verdicts;
use super::{Applied, Arrived, SIGNATURE, UNKNOWN_ASSIGNMENT, UNKNOWN_VEHICLE};
use crate::offsets::Claim;

/// An acknowledgement that an assignment took in, whether or not it changed anything.
pub(super) struct Taken<'a> {
    pub vehicle: VehicleId,
    pub ack: &'a Ack,
    /// The credential whose key signed it.
    pub signed_by: Option<Uuid>,
}

/// What is to be written.
pub(super) struct Folded<'a> {
    pub changed: BTreeMap<Key, Standing>,
    pub taken: Vec<Taken<'a>>,
    /// Attempts that another one followed, per campaign, wave and the state they were left in.
    pub left: BTreeMap<(CampaignId, i32, AssignmentState), i64>,
    pub applied: Applied,
}

pub(super) fn fold<'a>(
    claim: &Claim,
    arrived: &'a [Arrived<Ack>],
    verdicts: Verdicts,
    vehicles: &HashMap<String, Known>,
    mut standings: BTreeMap<Key, Standing>,
    now: DateTime<Utc>,
) -> Folded<'a> {
    let mut applied = Applied::default();
    let mut taken = Vec::with_capacity(arrived.len());
    let mut left = BTreeMap::new();
    for (one, verdict) in arrived.iter().zip(verdicts) {
        match take(one, verdict, vehicles, &mut standings) {
            Ok((found, change)) => {
                let ack = found.ack;
                taken.push(found);
                if let Change::Followed { wave, state } = change {
                    *left.entry((ack.campaign, wave, state)).or_default() += 1;
                }
                if change != Change::None {
                    applied.applied += 1;
                } else {
                    applied.unchanged += 1;
                }
            }
            Err((reason, detail)) => applied.dead.push(one.dead_letter(claim, reason, detail, now)),
        }
    }
    standings.retain(|_, standing| standing.track != standing.before);
    Folded { changed: standings, taken, left, applied }
}

/// What an acknowledgement did to its assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Moved,
    /// It began another attempt, and left the one before in `state`.
    Followed {
        wave: i32,
        state: AssignmentState,
    },
}

fn take<'a>(
    one: &'a Arrived<Ack>,
    verdict: Result<Option<Uuid>, String>,
    vehicles: &HashMap<String, Known>,
    standings: &mut BTreeMap<Key, Standing>,
) -> Result<(Taken<'a>, Change), (&'static str, String)> {
    let ack = one.message.as_ref().map_err(|rejected| (rejected.reason, rejected.detail.clone()))?;
    let vehicle = vehicles.get(ack.vin.as_str()).map(|known| known.id);
    let vehicle = vehicle.ok_or_else(|| (UNKNOWN_VEHICLE, format!("no vehicle has the VIN {}", ack.vin)))?;
    let signed_by = verdict.map_err(|detail| (SIGNATURE, detail))?;
    let standing = standings.get_mut(&(vehicle, ack.campaign)).ok_or_else(|| {
        (UNKNOWN_ASSIGNMENT, format!("vehicle {} has no assignment in campaign {}", ack.vin, ack.campaign))
    })?;
    let before = standing.track;
    let changed = standing.track.merge(ack).map_err(|impossible| (impossible.code(), impossible.to_string()))?;
    if changed {
        standing.updated_at = standing.updated_at.max(ack.received_at);
    }
    let change = match changed {
        false => Change::None,
        true if standing.track.attempt > before.attempt => {
            Change::Followed { wave: standing.wave, state: before.state() }
        }
        true => Change::Moved,
    };
    Ok((Taken { vehicle, ack, signed_by }, change))
}
