//! The twin: what each vehicle's ECUs run, now and as of any time. Inventories arrive late and shuffled,
//! so each finds its place among those taken before and after it; the history holds changes only, and
//! reading it as of a time gives the same whatever the order of arrival was.

mod rows;
mod signed;
mod timeline;
mod workshop;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use otaru_domain::id::{HardwareId, VehicleId};
use otaru_domain::inventory::Inventory;
use sqlx::FromRow;

use crate::dead_letters;
use crate::ingest::{Applied, Arrived, SIGNATURE, UNKNOWN_VEHICLE};
use crate::offsets::{self, Claim, Position};
use crate::{Store, StoreError, Tx};
use rows::Heard;
use signed::Verdict;
use timeline::{Software, Twin};

/// An ECU and the software on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ecu {
    pub hardware_id: HardwareId,
    pub version: String,
    pub serial: Option<String>,
    /// When the server took the report of it: now, the newest; as of a time, the first of this version.
    pub reported_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct EcuRow {
    hardware_id: String,
    version: String,
    serial: Option<String>,
    reported_at: DateTime<Utc>,
}

impl TryFrom<EcuRow> for Ecu {
    type Error = StoreError;

    fn try_from(row: EcuRow) -> Result<Self, StoreError> {
        Ok(Self {
            hardware_id: row.hardware_id.parse().map_err(|error| StoreError::inconsistent("vehicle_ecus", error))?,
            version: row.version,
            serial: row.serial,
            reported_at: row.reported_at,
        })
    }
}

/// What a vehicle's ECUs run, as last reported.
///
/// # Errors
/// [`StoreError`].
pub async fn ecus(store: &Store, vehicle: VehicleId) -> Result<Vec<Ecu>, StoreError> {
    let rows: Vec<EcuRow> = sqlx::query_as(
        "SELECT hardware_id, version, serial, reported_at FROM vehicle_ecus WHERE vehicle_id = $1 ORDER BY hardware_id",
    )
    .bind(vehicle)
    .fetch_all(store.pool())
    .await?;
    rows.into_iter().map(Ecu::try_from).collect()
}

/// What they ran at `at`, by what had been reported until then.
///
/// # Errors
/// [`StoreError`].
pub async fn ecus_as_of(store: &Store, vehicle: VehicleId, at: DateTime<Utc>) -> Result<Vec<Ecu>, StoreError> {
    let rows: Vec<EcuRow> = sqlx::query_as(
        "SELECT hardware_id, version, serial, valid_from AS reported_at
           FROM (SELECT DISTINCT ON (hardware_id) hardware_id, version, serial, valid_from
                   FROM vehicle_ecu_history WHERE vehicle_id = $1 AND valid_from <= $2
                  ORDER BY hardware_id, valid_from DESC) h
          WHERE version IS NOT NULL ORDER BY hardware_id",
    )
    .bind(vehicle)
    .bind(at)
    .fetch_all(store.pool())
    .await?;
    rows.into_iter().map(Ecu::try_from).collect()
}

/// A change of what an ECU runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcuChange {
    pub hardware_id: HardwareId,
    /// None when the ECU was gone.
    pub version: Option<String>,
    pub serial: Option<String>,
    /// When the server first took a report of it.
    pub at: DateTime<Utc>,
}

/// What a vehicle's ECUs came to run and when, the newest first; at most `limit` changes.
///
/// # Errors
/// [`StoreError`].
pub async fn changes(store: &Store, vehicle: VehicleId, limit: i64) -> Result<Vec<EcuChange>, StoreError> {
    let rows: Vec<(String, Option<String>, Option<String>, DateTime<Utc>)> = sqlx::query_as(
        "SELECT hardware_id, version, serial, valid_from FROM vehicle_ecu_history WHERE vehicle_id = $1
          ORDER BY valid_from DESC, hardware_id LIMIT $2",
    )
    .bind(vehicle)
    .bind(limit)
    .fetch_all(store.pool())
    .await?;
    let change = |(hardware_id, version, serial, at): (String, _, _, _)| {
        let hardware_id =
            hardware_id.parse().map_err(|error| StoreError::inconsistent("vehicle_ecu_history", error))?;
        Ok(EcuChange { hardware_id, version, serial, at })
    };
    rows.into_iter().map(change).collect()
}

/// Somebody says what one ECU runs, as when it is replaced in a workshop.
///
/// # Errors
/// [`StoreError`].
pub async fn set_ecu(
    tx: &mut Tx,
    vehicle: VehicleId,
    hardware_id: &HardwareId,
    version: &str,
    serial: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let hardware_id = hardware_id.clone();
    let said = SaidEcu { vehicle, hardware_id, version: version.to_owned(), serial: serial.map(str::to_owned) };
    set_ecus(tx, &[said], now).await
}

/// What somebody says of an ECU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidEcu {
    pub vehicle: VehicleId,
    pub hardware_id: HardwareId,
    pub version: String,
    pub serial: Option<String>,
}

/// As [`set_ecu`] for many at once, as when a fleet is imported.
///
/// # Errors
/// [`StoreError`].
pub async fn set_ecus(tx: &mut Tx, said: &[SaidEcu], now: DateTime<Utc>) -> Result<(), StoreError> {
    if said.is_empty() {
        return Ok(());
    }
    rows::touch(tx, &said.iter().map(|ecu| (ecu.vehicle, None)).collect()).await?;
    let since = said.iter().map(|ecu| (ecu.vehicle, now)).collect();
    let mut twins = rows::load(tx, &since, &HashMap::new()).await?;
    for ecu in said {
        if let Some(twin) = twins.get_mut(&ecu.vehicle) {
            let software = Software { version: ecu.version.clone(), serial: ecu.serial.clone() };
            twin.set(ecu.hardware_id.as_str(), now, software);
        }
    }
    rows::save(tx, &twins).await
}

/// Applies a batch of one partition of `otaru.inventories` and moves the partition's offset. The newest
/// inventory wins; an older one that comes late only finds its place in the history, and adds
/// attributes that the vehicle does not have.
///
/// # Errors
/// As [`apply_acks`](crate::ingest::apply_acks).
pub async fn apply_inventories(
    tx: &mut Tx,
    claim: &Claim,
    to: Position,
    arrived: &[Arrived<Inventory>],
    now: DateTime<Utc>,
) -> Result<Applied, StoreError> {
    offsets::advance(tx, claim, to, now).await?;
    let vins = arrived.iter().filter_map(|one| one.message.as_ref().ok()).map(|one| one.vin.as_str()).collect();
    let vehicles = rows::vehicles(tx, vins).await?;
    let signed = signed::judge(tx, arrived, &vehicles).await?;
    let mut applied = Applied::default();
    let mut known: BTreeMap<VehicleId, Vec<&Inventory>> = BTreeMap::new();
    for (one, verdict) in arrived.iter().zip(signed.verdicts) {
        match &one.message {
            Err(rejected) => {
                applied.dead.push(one.dead_letter(claim, rejected.reason, rejected.detail.clone(), now));
            }
            Ok(inventory) => match vehicles.get(inventory.vin.as_str()) {
                Some(vehicle) => match verdict {
                    Verdict::Taken => known.entry(vehicle.id).or_default().push(inventory),
                    Verdict::Known => applied.unchanged += 1,
                    Verdict::Refused(detail) => applied.dead.push(one.dead_letter(claim, SIGNATURE, detail, now)),
                },
                None => {
                    let detail = format!("no vehicle has the VIN {}", inventory.vin);
                    applied.dead.push(one.dead_letter(claim, UNKNOWN_VEHICLE, detail, now));
                }
            },
        }
    }
    let newest = vehicles.values().filter_map(|vehicle| Some((vehicle.id, vehicle.inventory_at?))).collect();
    let (changed, unchanged) = take_in(tx, &known, &newest, now).await?;
    rows::keep_sequences(tx, &signed.highest).await?;
    applied.applied = changed;
    applied.unchanged += unchanged;
    dead_letters::record(tx, &applied.dead).await?;
    Ok(applied)
}

/// Writes the inventories of known vehicles; gives how many were new and how many repeated. Vehicles'
/// rows are locked before their reports', as whoever changes a vehicle and then its ECUs does.
async fn take_in(
    tx: &mut Tx,
    known: &BTreeMap<VehicleId, Vec<&Inventory>>,
    newest: &HashMap<VehicleId, DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(usize, usize), StoreError> {
    if known.is_empty() {
        return Ok((0, 0));
    }
    let attributes = known
        .iter()
        .map(|(vehicle, inventories)| (*vehicle, timeline::attributes(newest.get(vehicle).copied(), inventories)))
        .collect();
    rows::merge_attributes(tx, &attributes).await?;
    let heard = |one: &&Inventory| Heard { at: one.received_at, ddi: !one.tells_ecus };
    rows::touch(tx, &known.iter().map(|(id, all)| (*id, all.iter().map(heard).max())).collect()).await?;
    let oldest = |all: &Vec<&Inventory>| all.iter().map(|one| one.received_at).min();
    let since = known.iter().filter_map(|(id, all)| Some((*id, oldest(all)?))).collect();
    let mut twins: BTreeMap<VehicleId, Twin> = rows::load(tx, &since, newest).await?;
    let (mut changed, mut unchanged) = (0, 0);
    for (vehicle, inventories) in known {
        let Some(twin) = twins.get_mut(vehicle) else { continue };
        for inventory in inventories {
            if twin.take(inventory) {
                changed += 1;
            } else {
                unchanged += 1;
            }
        }
    }
    rows::save(tx, &twins).await?;
    if changed > 0 {
        let vehicles: Vec<VehicleId> = twins.keys().copied().collect();
        workshop::close(tx, &vehicles, now).await?;
    }
    Ok((changed, unchanged))
}
