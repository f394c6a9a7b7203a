//! The statements of the twin, each for all vehicles of a batch at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use otaru_domain::ack::SignaturePolicy;
use otaru_domain::id::VehicleId;
use otaru_domain::version::sort_key;
use sqlx::FromRow;
use uuid::Uuid;

use super::timeline::{Attributes, Current, Software, Twin};
use crate::{StoreError, Tx, ack_keys};

#[derive(FromRow)]
pub(super) struct Vehicle {
    vin: String,
    pub id: VehicleId,
    pub inventory_at: Option<DateTime<Utc>>,
    /// The highest that it signed.
    pub inventory_sequence: Option<i64>,
    inventory_signatures: String,
}

impl Vehicle {
    /// Whether it has to sign its inventories.
    pub(super) fn policy(&self) -> Result<SignaturePolicy, StoreError> {
        ack_keys::policy(&self.inventory_signatures)
    }
}

/// The vehicles with these VINs; unknown ones are missing.
pub(super) async fn vehicles(tx: &mut Tx, vins: BTreeSet<&str>) -> Result<HashMap<String, Vehicle>, StoreError> {
    let vins: Vec<&str> = vins.into_iter().collect();
    let rows: Vec<Vehicle> = sqlx::query_as(
        "SELECT v.vin, v.id, r.inventory_at, r.inventory_sequence, m.inventory_signatures
           FROM vehicles v JOIN models m ON m.id = v.model_id
           LEFT JOIN vehicle_reports r ON r.vehicle_id = v.id WHERE v.vin = ANY($1)",
    )
    .bind(vins)
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.vin.clone(), row)).collect())
}

/// Merges attributes into the vehicles; those that have them already are not touched.
pub(super) async fn merge_attributes(
    tx: &mut Tx,
    attributes: &BTreeMap<VehicleId, Attributes>,
) -> Result<(), StoreError> {
    let said: Vec<(&VehicleId, &Attributes)> = attributes.iter().filter(|(_, one)| one.changes_anything()).collect();
    if said.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH said AS (
             SELECT v.id, n.attributes
               FROM unnest($1::bigint[], $2::jsonb[], $3::jsonb[], $4::jsonb[], $5::boolean[])
                    AS u (id, missing, newer, removed, replaces)
               JOIN vehicles v ON v.id = u.id
              CROSS JOIN LATERAL (SELECT CASE WHEN u.replaces THEN u.newer ELSE
                    ((u.missing || v.attributes) - ARRAY(SELECT jsonb_array_elements_text(u.removed))) || u.newer
                    END AS attributes) n
              WHERE v.attributes IS DISTINCT FROM n.attributes
              ORDER BY v.id FOR NO KEY UPDATE OF v)
         UPDATE vehicles v SET attributes = said.attributes FROM said WHERE v.id = said.id",
    )
    .bind(said.iter().map(|(id, _)| **id).collect::<Vec<_>>())
    .bind(said.iter().map(|(_, one)| sqlx::types::Json(&one.missing)).collect::<Vec<_>>())
    .bind(said.iter().map(|(_, one)| sqlx::types::Json(&one.newer)).collect::<Vec<_>>())
    .bind(said.iter().map(|(_, one)| sqlx::types::Json(&one.removed)).collect::<Vec<_>>())
    .bind(said.iter().map(|(_, one)| one.replaces).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The newest inventory of a vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Heard {
    pub at: DateTime<Utc>,
    /// Whether it came over DDI.
    pub ddi: bool,
}

/// Locks the vehicles' twins until the end of the transaction, in the order of their ids, and notes when
/// their newest inventory was taken.
pub(super) async fn touch(tx: &mut Tx, vehicles: &BTreeMap<VehicleId, Option<Heard>>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO vehicle_reports AS r (vehicle_id, inventory_at, ddi)
         SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::boolean[])
         ON CONFLICT (vehicle_id) DO UPDATE
            SET inventory_at = greatest(r.inventory_at, EXCLUDED.inventory_at),
                ddi = CASE WHEN EXCLUDED.inventory_at >= coalesce(r.inventory_at, '-infinity') THEN EXCLUDED.ddi
                           ELSE r.ddi END",
    )
    .bind(vehicles.keys().copied().collect::<Vec<_>>())
    .bind(vehicles.values().map(|heard| heard.map(|heard| heard.at)).collect::<Vec<_>>())
    .bind(vehicles.values().map(|heard| heard.map(|heard| heard.ddi)).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps the highest sequence that each vehicle signed. Its row is there and locked: see [`touch`].
pub(super) async fn keep_sequences(tx: &mut Tx, highest: &BTreeMap<VehicleId, i64>) -> Result<(), StoreError> {
    if highest.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "UPDATE vehicle_reports r SET inventory_sequence = greatest(r.inventory_sequence, u.sequence)
           FROM unnest($1::bigint[], $2::bigint[]) AS u (id, sequence) WHERE r.vehicle_id = u.id",
    )
    .bind(highest.keys().copied().collect::<Vec<_>>())
    .bind(highest.values().copied().collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct EcuRow {
    vehicle_id: VehicleId,
    hardware_id: String,
    version: Option<String>,
    serial: Option<String>,
    at: DateTime<Utc>,
}

impl EcuRow {
    fn software(version: Option<String>, serial: Option<String>) -> Option<Software> {
        version.map(|version| Software { version, serial })
    }
}

/// Reads the twins from the times given on.
pub(super) async fn load(
    tx: &mut Tx,
    since: &BTreeMap<VehicleId, DateTime<Utc>>,
    newest: &HashMap<VehicleId, DateTime<Utc>>,
) -> Result<BTreeMap<VehicleId, Twin>, StoreError> {
    let ids: Vec<VehicleId> = since.keys().copied().collect();
    let times: Vec<DateTime<Utc>> = since.values().copied().collect();
    let mut twins: BTreeMap<VehicleId, Twin> =
        ids.iter().map(|id| (*id, Twin { newest: newest.get(id).copied(), ..Twin::default() })).collect();
    let current: Vec<EcuRow> = sqlx::query_as(
        "SELECT vehicle_id, hardware_id, version, serial, reported_at AS at FROM vehicle_ecus WHERE vehicle_id = ANY($1)",
    )
    .bind(&ids)
    .fetch_all(&mut **tx)
    .await?;
    for row in current {
        if let (Some(twin), Some(software)) =
            (twins.get_mut(&row.vehicle_id), EcuRow::software(row.version, row.serial))
        {
            twin.before.insert(row.hardware_id, Current { software, at: row.at });
        }
    }
    for row in history(tx, &ids, &times).await? {
        if let Some(twin) = twins.get_mut(&row.vehicle_id) {
            let rows = twin.history.entry(row.hardware_id).or_default();
            rows.insert(row.at, EcuRow::software(row.version, row.serial));
        }
    }
    let inventories: Vec<(VehicleId, DateTime<Utc>, Uuid)> = sqlx::query_as(
        "SELECT i.vehicle_id, i.received_at, i.inventory_id
           FROM unnest($1::bigint[], $2::timestamptz[]) AS k (vehicle_id, since)
           JOIN vehicle_inventories i ON i.vehicle_id = k.vehicle_id AND i.received_at >= k.since",
    )
    .bind(&ids)
    .bind(&times)
    .fetch_all(&mut **tx)
    .await?;
    for (vehicle, at, id) in inventories {
        if let Some(twin) = twins.get_mut(&vehicle) {
            twin.inventories.insert(at, id);
        }
    }
    for twin in twins.values_mut() {
        twin.current.clone_from(&twin.before);
    }
    Ok(twins)
}

/// The history from the times given on, and of each ECU the row that held there.
async fn history(tx: &mut Tx, ids: &[VehicleId], since: &[DateTime<Utc>]) -> Result<Vec<EcuRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT h.vehicle_id, h.hardware_id, h.version, h.serial, h.valid_from AS at
           FROM unnest($1::bigint[], $2::timestamptz[]) AS k (vehicle_id, since)
          CROSS JOIN LATERAL (
                (SELECT DISTINCT ON (hardware_id) * FROM vehicle_ecu_history
                  WHERE vehicle_id = k.vehicle_id AND valid_from < k.since
                  ORDER BY hardware_id, valid_from DESC)
                UNION ALL
                SELECT * FROM vehicle_ecu_history WHERE vehicle_id = k.vehicle_id AND valid_from >= k.since) h",
    )
    .bind(ids)
    .bind(since)
    .fetch_all(&mut **tx)
    .await?)
}

/// Writes what is new.
pub(super) async fn save(tx: &mut Tx, twins: &BTreeMap<VehicleId, Twin>) -> Result<(), StoreError> {
    let inventories: Vec<(VehicleId, DateTime<Utc>, Uuid)> = twins
        .iter()
        .flat_map(|(id, twin)| {
            twin.new_inventories.iter().filter_map(|at| Some((*id, *at, *twin.inventories.get(at)?)))
        })
        .collect();
    sqlx::query(
        "INSERT INTO vehicle_inventories (vehicle_id, received_at, inventory_id)
         SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[])
         ON CONFLICT (vehicle_id, received_at) DO UPDATE SET inventory_id = EXCLUDED.inventory_id",
    )
    .bind(inventories.iter().map(|one| one.0).collect::<Vec<_>>())
    .bind(inventories.iter().map(|one| one.1).collect::<Vec<_>>())
    .bind(inventories.iter().map(|one| one.2).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    save_history(tx, twins).await?;
    save_current(tx, twins).await
}

async fn save_history(tx: &mut Tx, twins: &BTreeMap<VehicleId, Twin>) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    for (id, twin) in twins {
        for (hardware_id, at) in &twin.new_history {
            let software = twin.history.get(hardware_id).and_then(|rows| rows.get(at)).and_then(Option::as_ref);
            rows.push((*id, hardware_id.as_str(), *at, software));
        }
    }
    sqlx::query(
        "INSERT INTO vehicle_ecu_history (vehicle_id, hardware_id, valid_from, version, serial)
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
         ON CONFLICT (vehicle_id, hardware_id, valid_from) DO UPDATE SET version = EXCLUDED.version, serial = EXCLUDED.serial",
    )
    .bind(rows.iter().map(|one| one.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|one| one.1).collect::<Vec<_>>())
    .bind(rows.iter().map(|one| one.2).collect::<Vec<_>>())
    .bind(rows.iter().map(|one| one.3.map(|software| software.version.as_str())).collect::<Vec<_>>())
    .bind(rows.iter().map(|one| one.3.and_then(|software| software.serial.as_deref())).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn save_current(tx: &mut Tx, twins: &BTreeMap<VehicleId, Twin>) -> Result<(), StoreError> {
    let mut gone: (Vec<VehicleId>, Vec<&str>) = Default::default();
    let mut rows: Vec<(VehicleId, &str, &Current)> = Vec::new();
    for (id, twin) in twins {
        for hardware_id in twin.before.keys().filter(|known| !twin.current.contains_key(*known)) {
            gone.0.push(*id);
            gone.1.push(hardware_id);
        }
        rows.extend(
            twin.current
                .iter()
                .filter(|(hardware_id, current)| twin.before.get(*hardware_id) != Some(*current))
                .map(|(hardware_id, current)| (*id, hardware_id.as_str(), current)),
        );
    }
    if !gone.0.is_empty() {
        sqlx::query(
            "DELETE FROM vehicle_ecus e USING unnest($1::bigint[], $2::text[]) AS u (vehicle_id, hardware_id)
              WHERE e.vehicle_id = u.vehicle_id AND e.hardware_id = u.hardware_id",
        )
        .bind(gone.0)
        .bind(gone.1)
        .execute(&mut **tx)
        .await?;
    }
    sqlx::query(
        "INSERT INTO vehicle_ecus (vehicle_id, hardware_id, version, version_key, serial, reported_at)
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
         ON CONFLICT (vehicle_id, hardware_id) DO UPDATE
            SET version = EXCLUDED.version, version_key = EXCLUDED.version_key, serial = EXCLUDED.serial,
                reported_at = EXCLUDED.reported_at",
    )
    .bind(rows.iter().map(|one| one.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|one| one.1).collect::<Vec<_>>())
    .bind(rows.iter().map(|one| one.2.software.version.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|one| sort_key(&one.2.software.version)).collect::<Vec<_>>())
    .bind(rows.iter().map(|one| one.2.software.serial.as_deref()).collect::<Vec<_>>())
    .bind(rows.iter().map(|one| one.2.at).collect::<Vec<_>>())
    .execute(&mut **tx)
    .await?;
    Ok(())
}
