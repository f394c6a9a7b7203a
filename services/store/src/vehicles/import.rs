//! Many vehicles at once: a few statements for a whole chunk of lines, whatever its size.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use otaru_domain::id::{HardwareId, ModelId, VehicleId, Vin};
use serde::Serialize;
use sqlx::FromRow;
use sqlx::types::Json;

use crate::{StoreError, Tx, twin};

/// A line of an import. What is `None` is not said of the vehicle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportVehicle {
    pub vin: Vin,
    pub model: ModelId,
    pub model_year: Option<i32>,
    pub region: Option<String>,
    pub tags: Option<Vec<String>>,
    /// Merged into what the vehicle has.
    pub attributes: Option<BTreeMap<String, String>>,
    pub rxswin: Option<String>,
    #[serde(skip)]
    pub ecus: Vec<ImportEcu>,
    /// The public key by which the vehicle signs its reports; for the credential that is issued to it.
    #[serde(skip)]
    pub ack_key: Option<[u8; 32]>,
}

/// What an ECU runs, by the importer's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportEcu {
    pub hardware_id: HardwareId,
    pub version: String,
    pub serial: Option<String>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    Created(VehicleId),
    Updated(VehicleId),
    /// The vehicle is of another model; nothing of the line was taken.
    OtherModel(ModelId),
    /// The vehicle is retired; nothing of the line was taken.
    Retired,
}

#[derive(FromRow)]
struct Known {
    vin: String,
    model_id: String,
    retired_at: Option<DateTime<Utc>>,
}

/// Creates and updates vehicles, whose VINs are all different; one outcome per line, in their order.
///
/// # Errors
/// [`StoreError`].
pub async fn import(tx: &mut Tx, lines: &[ImportVehicle], now: DateTime<Utc>) -> Result<Vec<Imported>, StoreError> {
    let mut outcomes: HashMap<String, Imported> = HashMap::with_capacity(lines.len());
    outcomes.extend(insert(tx, lines, now).await?.into_iter().map(|(vin, id)| (vin, Imported::Created(id))));
    let known: Vec<&ImportVehicle> = lines.iter().filter(|line| !outcomes.contains_key(line.vin.as_str())).collect();
    if !known.is_empty() {
        outcomes.extend(update(tx, &known, now).await?.into_iter().map(|(vin, id)| (vin, Imported::Updated(id))));
        outcomes.extend(refused(tx, &known, &outcomes).await?);
    }
    let of_line = |line: &ImportVehicle| {
        let outcome = outcomes.get(line.vin.as_str()).cloned();
        outcome.ok_or_else(|| StoreError::inconsistent("vehicles", format!("vehicle {} vanished", line.vin)))
    };
    let outcomes = lines.iter().map(of_line).collect::<Result<Vec<_>, _>>()?;
    set_ecus(tx, lines, &outcomes, now).await?;
    Ok(outcomes)
}

async fn insert(
    tx: &mut Tx,
    lines: &[ImportVehicle],
    now: DateTime<Utc>,
) -> Result<Vec<(String, VehicleId)>, StoreError> {
    Ok(sqlx::query_as(
        "INSERT INTO vehicles (vin, model_id, model_year, region, tags, attributes, rxswin, created_at, updated_at)
         SELECT vin, model, model_year, region, coalesce(tags, '{}'), coalesce(attributes, '{}'), rxswin, $2, $2
         FROM jsonb_to_recordset($1) AS line (vin text, model text, model_year integer, region text, tags text[],
                                              attributes jsonb, rxswin text)
         ORDER BY vin ON CONFLICT (vin) DO NOTHING RETURNING vin, id",
    )
    .bind(Json(lines))
    .bind(now)
    .fetch_all(&mut **tx)
    .await?)
}

/// Locks in the order of ids, as the ingest of inventories does.
async fn update(
    tx: &mut Tx,
    lines: &[&ImportVehicle],
    now: DateTime<Utc>,
) -> Result<Vec<(String, VehicleId)>, StoreError> {
    Ok(sqlx::query_as(
        "WITH line AS (
             SELECT v.id, said.*
             FROM jsonb_to_recordset($1) AS said (vin text, model text, model_year integer, region text, tags text[],
                                                  attributes jsonb, rxswin text)
             JOIN vehicles AS v ON v.vin = said.vin
             WHERE v.model_id = said.model AND v.retired_at IS NULL
             ORDER BY v.id FOR NO KEY UPDATE OF v)
         UPDATE vehicles AS v
         SET model_year = coalesce(line.model_year, v.model_year), region = coalesce(line.region, v.region),
             tags = coalesce(line.tags, v.tags), attributes = v.attributes || coalesce(line.attributes, '{}'),
             rxswin = coalesce(line.rxswin, v.rxswin), updated_at = $2
         FROM line WHERE v.id = line.id RETURNING v.vin, v.id",
    )
    .bind(Json(lines))
    .bind(now)
    .fetch_all(&mut **tx)
    .await?)
}

/// Why the rest was not taken.
async fn refused(
    tx: &mut Tx,
    lines: &[&ImportVehicle],
    outcomes: &HashMap<String, Imported>,
) -> Result<Vec<(String, Imported)>, StoreError> {
    let rest: Vec<&str> =
        lines.iter().map(|line| line.vin.as_str()).filter(|vin| !outcomes.contains_key(*vin)).collect();
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Known> = sqlx::query_as("SELECT vin, model_id, retired_at FROM vehicles WHERE vin = ANY($1)")
        .bind(rest)
        .fetch_all(&mut **tx)
        .await?;
    rows.into_iter()
        .map(|row| match row.retired_at {
            Some(_) => Ok((row.vin, Imported::Retired)),
            None => {
                let model = row.model_id.parse().map_err(|error| StoreError::inconsistent("vehicles", error))?;
                Ok((row.vin, Imported::OtherModel(model)))
            }
        })
        .collect()
}

async fn set_ecus(
    tx: &mut Tx,
    lines: &[ImportVehicle],
    outcomes: &[Imported],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut ecus = Vec::new();
    for (line, outcome) in lines.iter().zip(outcomes) {
        if let Imported::Created(vehicle) | Imported::Updated(vehicle) = outcome {
            let said = |ecu: &ImportEcu| twin::SaidEcu {
                vehicle: *vehicle,
                hardware_id: ecu.hardware_id.clone(),
                version: ecu.version.clone(),
                serial: ecu.serial.clone(),
            };
            ecus.extend(line.ecus.iter().map(said));
        }
    }
    twin::set_ecus(tx, &ecus, now).await
}
