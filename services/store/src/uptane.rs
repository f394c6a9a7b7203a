//! What a Director knows of vehicles: their ECUs with the keys that reports are held against, what was said last, and
//! what each was directed to. Reads go by primary key, on the primary.

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::id::{HardwareId, VehicleId};
use otaru_domain::uptane::manifest::{EcuVersion, Inventoried};
use otaru_domain::uptane::{Directed, EcuKey, EcuSerial, LIFETIME, Stamp};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::{Store, StoreError, Tx};

/// Versions are at least the seconds since this: a database that was restored from an older copy gives out none again.
const EPOCH_SECS: i64 = 1_577_836_800;

/// An ECU to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEcu {
    pub serial: EcuSerial,
    pub hardware_id: HardwareId,
    pub is_primary: bool,
    pub key: EcuKey,
}

/// A registered ECU and what it said last.
#[derive(Debug, Clone)]
pub struct Ecu {
    pub inventoried: Inventoried,
    pub registered_at: DateTime<Utc>,
    /// `vehicle`, or the actor who put it.
    pub registered_by: String,
    pub image_name: Option<String>,
    pub image_sha256: Option<String>,
    pub attacks_detected: Option<String>,
}

impl Ecu {
    /// Whether it is the ECU `new`, with the same key.
    #[must_use]
    pub fn is(&self, new: &NewEcu) -> bool {
        let Inventoried { serial, hardware_id, is_primary, key, .. } = &self.inventoried;
        (serial, hardware_id, *is_primary, key) == (&new.serial, &new.hardware_id, new.is_primary, &new.key)
    }
}

#[derive(FromRow)]
struct EcuRow {
    serial: String,
    hardware_id: String,
    is_primary: bool,
    key_kind: String,
    public_key: String,
    registered_at: DateTime<Utc>,
    registered_by: String,
    counter: Option<i64>,
    verified_time: Option<DateTime<Utc>>,
    report_sha256: Option<Vec<u8>>,
    image_name: Option<String>,
    image_sha256: Option<String>,
    attacks_detected: Option<String>,
}

fn inconsistent(error: impl std::fmt::Display) -> StoreError {
    StoreError::inconsistent("uptane_ecus", error)
}

fn digest(bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| inconsistent("a digest of another length"))
}

impl TryFrom<EcuRow> for Ecu {
    type Error = StoreError;

    fn try_from(row: EcuRow) -> Result<Self, StoreError> {
        Ok(Self {
            inventoried: Inventoried {
                serial: row.serial.parse().map_err(inconsistent)?,
                hardware_id: row.hardware_id.parse().map_err(inconsistent)?,
                is_primary: row.is_primary,
                key: EcuKey::parse(&row.key_kind, &row.public_key).map_err(inconsistent)?,
                counter: row.counter.map(u64::try_from).transpose().map_err(inconsistent)?,
                time: row.verified_time,
                report_sha256: row.report_sha256.map(digest).transpose()?,
            },
            registered_at: row.registered_at,
            registered_by: row.registered_by,
            image_name: row.image_name,
            image_sha256: row.image_sha256,
            attacks_detected: row.attacks_detected,
        })
    }
}

/// The ECUs of a vehicle, the Primary first, then by serial.
///
/// # Errors
/// [`StoreError`].
pub async fn ecus(store: &Store, vehicle: VehicleId) -> Result<Vec<Ecu>, StoreError> {
    read_ecus(store.pool(), vehicle).await
}

/// The same in a transaction.
///
/// # Errors
/// [`StoreError`].
pub async fn ecus_in(tx: &mut Tx, vehicle: VehicleId) -> Result<Vec<Ecu>, StoreError> {
    read_ecus(&mut **tx, vehicle).await
}

async fn read_ecus(from: impl sqlx::PgExecutor<'_>, vehicle: VehicleId) -> Result<Vec<Ecu>, StoreError> {
    let rows: Vec<EcuRow> = sqlx::query_as(
        "SELECT serial, hardware_id, is_primary, key_kind, public_key, registered_at, registered_by, counter,
                verified_time, report_sha256, image_name, image_sha256, attacks_detected
           FROM uptane_ecus WHERE vehicle_id = $1 ORDER BY is_primary DESC, serial",
    )
    .bind(vehicle)
    .fetch_all(from)
    .await?;
    rows.into_iter().map(Ecu::try_from).collect()
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    Now,
    /// The same ECUs with the same keys were registered before.
    Before,
    /// Others are registered: that is for a person to change.
    Refused,
}

/// Registers the ECUs of a vehicle that has none registered yet.
///
/// # Errors
/// [`StoreError`].
pub async fn register(
    tx: &mut Tx,
    vehicle: VehicleId,
    ecus: &[NewEcu],
    now: DateTime<Utc>,
) -> Result<Registered, StoreError> {
    // Of two registrations at a time, the second finds the first.
    sqlx::query("SELECT 1 FROM vehicles WHERE id = $1 FOR NO KEY UPDATE").bind(vehicle).execute(&mut **tx).await?;
    let known = ecus_in(tx, vehicle).await?;
    if !known.is_empty() {
        let same = known.len() == ecus.len() && ecus.iter().all(|new| known.iter().any(|known| known.is(new)));
        return Ok(if same { Registered::Before } else { Registered::Refused });
    }
    for ecu in ecus {
        put(tx, vehicle, ecu, "vehicle", now).await?;
    }
    Ok(Registered::Now)
}

/// Puts an ECU, in place of the one with its serial. What that one said is forgotten: a new key begins anew.
///
/// # Errors
/// [`StoreError`]; a second Primary is one of them.
pub async fn put(
    tx: &mut Tx,
    vehicle: VehicleId,
    ecu: &NewEcu,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    remove(tx, vehicle, &ecu.serial).await?;
    sqlx::query(
        "INSERT INTO uptane_ecus (vehicle_id, serial, hardware_id, is_primary, key_kind, public_key, registered_at,
                                  registered_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(vehicle)
    .bind(ecu.serial.as_str())
    .bind(ecu.hardware_id.as_str())
    .bind(ecu.is_primary)
    .bind(ecu.key.kind().as_str())
    .bind(ecu.key.public())
    .bind(now)
    .bind(by)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Removes an ECU; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(tx: &mut Tx, vehicle: VehicleId, serial: &EcuSerial) -> Result<bool, StoreError> {
    let removed = sqlx::query("DELETE FROM uptane_ecus WHERE vehicle_id = $1 AND serial = $2")
        .bind(vehicle)
        .bind(serial.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(removed.rows_affected() == 1)
}

/// What a vehicle was told last, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub directed: Option<Directed>,
    pub inventory_sha256: Option<[u8; 32]>,
    pub inventory_at: Option<DateTime<Utc>>,
}

/// The last update that a vehicle was directed to, and the last inventory that was made of what it said.
///
/// # Errors
/// [`StoreError`].
pub async fn told(store: &Store, vehicle: VehicleId) -> Result<Option<Told>, StoreError> {
    let row: Option<(Option<Json<Directed>>, Option<Vec<u8>>, Option<DateTime<Utc>>)> =
        sqlx::query_as("SELECT directed, inventory_sha256, inventory_at FROM uptane_directions WHERE vehicle_id = $1")
            .bind(vehicle)
            .fetch_optional(store.pool())
            .await?;
    row.map(|(directed, inventory, inventory_at)| {
        let inventory_sha256 = inventory.map(digest).transpose()?;
        Ok(Told { directed: directed.map(|directed| directed.0), inventory_sha256, inventory_at })
    })
    .transpose()
}

/// How long a vehicle may take from the timestamp to the last of the files below it, which then are those of one set.
const ONE_READ: TimeDelta = TimeDelta::seconds(10);

/// A set of files that a vehicle has begun to read: its timestamp is told already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// Of what the set says and who signs it.
    pub digest: [u8; 32],
    pub stamp: Stamp,
}

/// The set that the vehicle is reading, if it read a timestamp a moment ago.
///
/// # Errors
/// [`StoreError`].
pub async fn begun(store: &Store, vehicle: VehicleId, now: DateTime<Utc>) -> Result<Option<Begun>, StoreError> {
    let row: Option<(Vec<u8>, i64, DateTime<Utc>)> = sqlx::query_as(
        "SELECT digest, version, expires_at FROM uptane_directions WHERE vehicle_id = $1 AND begun_at > $2",
    )
    .bind(vehicle)
    .bind(now - ONE_READ)
    .fetch_optional(store.pool())
    .await?;
    row.map(|(sha256, version, expires)| Ok(Begun { digest: digest(sha256)?, stamp: stamp_of(version, expires)? }))
        .transpose()
}

fn stamp_of(version: i64, expires: DateTime<Utc>) -> Result<Stamp, StoreError> {
    let version = u64::try_from(version).map_err(|error| StoreError::inconsistent("uptane_directions", error))?;
    Ok(Stamp { version, expires })
}

/// The stamp of what the Director says now: the one it has while it says the same and that is good for half of its life,
/// else the next. An update that was directed is remembered when nothing follows it. `begins` a read of the whole set, or it is one
/// file alone.
///
/// # Errors
/// [`StoreError`].
pub async fn stamp(
    store: &Store,
    vehicle: VehicleId,
    digest: [u8; 32],
    directed: Option<&Directed>,
    begins: bool,
    now: DateTime<Utc>,
) -> Result<Stamp, StoreError> {
    // Nearly always it says what it said: no write then, but of a read that begins.
    let present: Option<(i64, DateTime<Utc>)> = sqlx::query_as(
        "SELECT version, expires_at FROM uptane_directions WHERE vehicle_id = $1 AND digest = $2 AND expires_at > $3",
    )
    .bind(vehicle)
    .bind(digest.as_slice())
    .bind(now + LIFETIME / 2)
    .fetch_optional(store.pool())
    .await?;
    if let Some((version, expires)) = present {
        let stamp = stamp_of(version, expires)?;
        if !begins || begin(store, vehicle, version, now).await? {
            return Ok(stamp);
        }
    }
    let (version, expires): (i64, DateTime<Utc>) = sqlx::query_as(
        "INSERT INTO uptane_directions AS known (vehicle_id, version, digest, expires_at, directed, begun_at)
         VALUES ($1, $2, $3, date_trunc('second', $4::timestamptz), $5, $6)
         ON CONFLICT (vehicle_id) DO UPDATE
            SET version = greatest(known.version + 1, EXCLUDED.version), digest = EXCLUDED.digest,
                expires_at = EXCLUDED.expires_at, directed = coalesce(EXCLUDED.directed, known.directed),
                begun_at = EXCLUDED.begun_at
         RETURNING version, expires_at",
    )
    .bind(vehicle)
    .bind((now.timestamp() - EPOCH_SECS).max(1))
    .bind(digest.as_slice())
    .bind(now + LIFETIME)
    .bind(directed.map(Json))
    .bind(begins.then_some(now))
    .fetch_one(store.pool())
    .await?;
    stamp_of(version, expires)
}

/// Notes that the vehicle reads this version from now on; false when it is the present one no more.
async fn begin(store: &Store, vehicle: VehicleId, version: i64, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let begun = sqlx::query("UPDATE uptane_directions SET begun_at = $3 WHERE vehicle_id = $1 AND version = $2")
        .bind(vehicle)
        .bind(version)
        .bind(now)
        .execute(store.pool())
        .await?;
    Ok(begun.rows_affected() == 1)
}

/// Keeps what verified reports said. `false`, and nothing is kept, when the Primary's counter was used meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn keep_reports(
    tx: &mut Tx,
    vehicle: VehicleId,
    ecus: &[EcuVersion],
    inventory_sha256: Option<[u8; 32]>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    // The Primary is the first: whoever is told that its counter moved on changes nothing.
    for ecu in ecus {
        let counter = ecu.counter.map(i64::try_from).transpose().map_err(inconsistent)?;
        let kept = sqlx::query(
            "UPDATE uptane_ecus
                SET counter = $3, verified_time = $4, report_sha256 = $5, image_name = $6, image_sha256 = $7,
                    attacks_detected = $8
              WHERE vehicle_id = $1 AND serial = $2 AND (NOT is_primary OR counter IS NULL OR counter < $3)",
        )
        .bind(vehicle)
        .bind(ecu.serial.as_str())
        .bind(counter)
        .bind(ecu.time)
        .bind(ecu.report_sha256.as_slice())
        .bind(&ecu.image.name)
        .bind(&ecu.image.sha256)
        .bind(Some(ecu.attacks_detected.replace('\0', "\u{fffd}")).filter(|attacks| !attacks.is_empty()))
        .execute(&mut **tx)
        .await?;
        if ecu.is_primary && kept.rows_affected() == 0 {
            return Ok(false);
        }
    }
    if let Some(sha256) = inventory_sha256 {
        sqlx::query(
            "INSERT INTO uptane_directions (vehicle_id, version, digest, expires_at, inventory_sha256, inventory_at)
             VALUES ($1, 0, sha256(''::bytea), $3, $2, $3)
             ON CONFLICT (vehicle_id) DO UPDATE
                SET inventory_sha256 = EXCLUDED.inventory_sha256, inventory_at = EXCLUDED.inventory_at",
        )
        .bind(vehicle)
        .bind(sha256.as_slice())
        .bind(now)
        .execute(&mut **tx)
        .await?;
    }
    Ok(true)
}

/// The version of the image that is called `target_name` and has this hash, whether or not its release was retired since.
///
/// # Errors
/// [`StoreError`].
pub async fn version_of(store: &Store, target_name: &str, sha256: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT version FROM release_images WHERE target_name = $1 AND sha256 = $2 LIMIT 1")
        .bind(target_name)
        .bind(sha256)
        .fetch_optional(store.pool())
        .await?)
}

/// Notes that `directed` ended: nothing more is expected of it.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut Tx, vehicle: VehicleId, directed: &Directed) -> Result<(), StoreError> {
    sqlx::query("UPDATE uptane_directions SET directed = NULL WHERE vehicle_id = $1 AND directed = $2")
        .bind(vehicle)
        .bind(Json(directed))
        .execute(&mut **tx)
        .await?;
    Ok(())
}
