//! The assignments that a batch is about: read under a lock, and written back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use otaru_domain::ack::{Health, SignaturePolicy};
use otaru_domain::assignment::{AssignmentState, Reported, Track};
use otaru_domain::id::{CampaignId, VehicleId};
use sqlx::FromRow;

use crate::{StoreError, Tx, ack_keys};

/// An assignment and where it stood before the batch.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub wave: i32,
    pub before: Track,
    pub track: Track,
    pub updated_at: DateTime<Utc>,
}

/// A vehicle in a campaign.
pub(super) type Key = (VehicleId, CampaignId);

/// A vehicle, and whether its model asks it to sign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub id: VehicleId,
    pub policy: SignaturePolicy,
}

/// The vehicles with these VINs; unknown ones are missing.
pub(super) async fn vehicles(tx: &mut Tx, vins: BTreeSet<&str>) -> Result<HashMap<String, Known>, StoreError> {
    let vins: Vec<&str> = vins.into_iter().collect();
    let rows: Vec<(String, VehicleId, String)> = sqlx::query_as(
        "SELECT v.vin, v.id, m.ack_signatures FROM vehicles v JOIN models m ON m.id = v.model_id WHERE v.vin = ANY($1)",
    )
    .bind(vins)
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(|(vin, id, policy)| Ok((vin, Known { id, policy: ack_keys::policy(&policy)? }))).collect()
}

/// Reads these assignments and locks them until the end of the transaction, always in the same order:
/// two transactions that share vehicles wait for each other, but not in a circle.
pub(super) async fn lock(tx: &mut Tx, keys: BTreeSet<Key>) -> Result<BTreeMap<Key, Standing>, StoreError> {
    let (vehicles, campaigns): (Vec<VehicleId>, Vec<CampaignId>) = keys.into_iter().unzip();
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT a.vehicle_id, a.campaign_id, a.wave, a.attempt, a.state, a.step, a.sequence, a.progress_percent,
                a.exit, a.exit_sequence, a.rolled_back_sequence, a.withdrawn, a.health, a.health_sequence, a.updated_at
           FROM assignments a
           JOIN unnest($1::bigint[], $2::bigint[]) AS k (vehicle_id, campaign_id)
             ON a.vehicle_id = k.vehicle_id AND a.campaign_id = k.campaign_id
          ORDER BY a.vehicle_id, a.campaign_id
            FOR UPDATE OF a",
    )
    .bind(vehicles)
    .bind(campaigns)
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(|row| Ok(((row.vehicle_id, row.campaign_id), Standing::try_from(row)?))).collect()
}

/// Writes the changed ones back.
pub(super) async fn update(tx: &mut Tx, changed: &BTreeMap<Key, Standing>) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let sequence = |sequence: u64| {
        i64::try_from(sequence).map_err(|_| StoreError::inconsistent("assignments", "a sequence above 2^63 - 1"))
    };
    let mut rows = Columns::default();
    for (key, standing) in changed {
        let track = &standing.track;
        rows.vehicle.push(key.0);
        rows.campaign.push(key.1);
        rows.attempt.push(
            i32::try_from(track.attempt)
                .map_err(|_| StoreError::inconsistent("assignments", "an attempt above 2^31 - 1"))?,
        );
        rows.state.push(track.state().as_str());
        rows.step.push(track.step.state.as_str());
        rows.sequence.push(sequence(track.step.sequence)?);
        rows.progress_percent.push(track.progress_percent.map(i16::from));
        rows.exit.push(track.exit.map(|exit| exit.state.as_str()));
        rows.exit_sequence.push(track.exit.map(|exit| sequence(exit.sequence)).transpose()?);
        rows.rolled_back.push(track.rolled_back.map(sequence).transpose()?);
        rows.withdrawn.push(track.withdrawn.map(AssignmentState::as_str));
        rows.health.push(track.health.map(|(_, health)| health.as_str()));
        rows.health_sequence.push(track.health.map(|(at, _)| sequence(at)).transpose()?);
        rows.updated_at.push(standing.updated_at);
    }
    let updated = sqlx::query(
        "UPDATE assignments a
            SET attempt = u.attempt, state = u.state, step = u.step, sequence = u.sequence,
                progress_percent = u.progress_percent, exit = u.exit, exit_sequence = u.exit_sequence,
                rolled_back_sequence = u.rolled_back, withdrawn = u.withdrawn, updated_at = u.updated_at,
                health = u.health, health_sequence = u.health_sequence
           FROM unnest($1::bigint[], $2::bigint[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::smallint[],
                       $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::timestamptz[], $13::text[],
                       $14::bigint[])
             AS u (vehicle_id, campaign_id, attempt, state, step, sequence, progress_percent,
                   exit, exit_sequence, rolled_back, withdrawn, updated_at, health, health_sequence)
          WHERE a.vehicle_id = u.vehicle_id AND a.campaign_id = u.campaign_id",
    )
    .bind(rows.vehicle)
    .bind(rows.campaign)
    .bind(rows.attempt)
    .bind(rows.state)
    .bind(rows.step)
    .bind(rows.sequence)
    .bind(rows.progress_percent)
    .bind(rows.exit)
    .bind(rows.exit_sequence)
    .bind(rows.rolled_back)
    .bind(rows.withdrawn)
    .bind(rows.updated_at)
    .bind(rows.health)
    .bind(rows.health_sequence)
    .execute(&mut **tx)
    .await?;
    if usize::try_from(updated.rows_affected()) == Ok(changed.len()) {
        Ok(())
    } else {
        Err(StoreError::inconsistent("assignments", "a locked row could not be updated"))
    }
}

#[derive(Default)]
struct Columns {
    vehicle: Vec<i64>,
    campaign: Vec<i64>,
    attempt: Vec<i32>,
    state: Vec<&'static str>,
    step: Vec<&'static str>,
    sequence: Vec<i64>,
    progress_percent: Vec<Option<i16>>,
    exit: Vec<Option<&'static str>>,
    exit_sequence: Vec<Option<i64>>,
    rolled_back: Vec<Option<i64>>,
    withdrawn: Vec<Option<&'static str>>,
    health: Vec<Option<&'static str>>,
    health_sequence: Vec<Option<i64>>,
    updated_at: Vec<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    vehicle_id: i64,
    campaign_id: i64,
    wave: i32,
    attempt: i32,
    state: String,
    step: String,
    sequence: i64,
    progress_percent: Option<i16>,
    exit: Option<String>,
    exit_sequence: Option<i64>,
    rolled_back_sequence: Option<i64>,
    withdrawn: Option<String>,
    health: Option<String>,
    health_sequence: Option<i64>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Standing {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let wrong = |what: String| {
            let (vehicle, campaign) = (row.vehicle_id, row.campaign_id);
            StoreError::inconsistent("assignments", format!("{what}, vehicle {vehicle}, campaign {campaign}"))
        };
        let state = |text: &str| text.parse::<AssignmentState>().map_err(|error| wrong(error.to_string()));
        let sequence = |sequence: i64| u64::try_from(sequence).map_err(|_| wrong(format!("sequence {sequence}")));
        let exit = match (&row.exit, row.exit_sequence) {
            (Some(exit), Some(at)) => Some(Reported { state: state(exit)?, sequence: sequence(at)? }),
            (None, None) => None,
            _ => return Err(wrong("exit and exit_sequence, only one of which is set".to_owned())),
        };
        let health = match (row.health.as_deref().map(Health::parse), row.health_sequence) {
            (Some(Some(health)), Some(at)) => Some((sequence(at)?, health)),
            (None, None) => None,
            _ => return Err(wrong("health and health_sequence that do not fit".to_owned())),
        };
        let progress_percent = row.progress_percent.map(u8::try_from).transpose();
        let track = Track {
            attempt: u32::try_from(row.attempt).map_err(|_| wrong(format!("attempt {}", row.attempt)))?,
            step: Reported { state: state(&row.step)?, sequence: sequence(row.sequence)? },
            progress_percent: progress_percent.map_err(|_| wrong("progress_percent out of 0 to 100".to_owned()))?,
            exit,
            rolled_back: row.rolled_back_sequence.map(sequence).transpose()?,
            withdrawn: row.withdrawn.as_deref().map(state).transpose()?,
            health,
        };
        if track.state() != state(&row.state)? {
            return Err(wrong(format!("state {}, though {} follows from the reports", row.state, track.state())));
        }
        Ok(Self { wave: row.wave, before: track, track, updated_at: row.updated_at })
    }
}
