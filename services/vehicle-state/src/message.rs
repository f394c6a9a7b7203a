//! Records to messages: what is written on the topics is checked here once more, because the topics are
//! open to other writers than ours, and a value that Postgres cannot hold must not reach it.

use chrono::{DateTime, Utc};
use otaru_bus::Record;
use otaru_domain::ack::{Ack, AckError, MAX_SEQUENCE, Origin, SCHEMA_VERSION};
use otaru_domain::inventory::{Inventory, InventoryReport};
use otaru_store::ingest::{Arrived, Rejected, UNPARSABLE};
use serde::de::DeserializeOwned;

/// A record of `otaru.acks`.
#[must_use]
pub fn ack(record: Record) -> Arrived<Ack> {
    arrived(record, |ack: &Ack| {
        check_version(ack.schema_version)?;
        check_ack(ack).map_err(|error| error.to_string())
    })
}

/// A record of `otaru.inventories`.
#[must_use]
pub fn inventory(record: Record) -> Arrived<Inventory> {
    arrived(record, |inventory: &Inventory| {
        check_version(inventory.schema_version)?;
        let report = InventoryReport {
            schema_version: inventory.schema_version,
            ecus: inventory.ecus.clone(),
            attributes: inventory.attributes.clone(),
            reported_at: inventory.reported_at,
        };
        report.check().map_err(|error| error.to_string())
    })
}

/// When a record was written; `now` where the broker does not say.
pub fn written_at(record: &Record, now: DateTime<Utc>) -> DateTime<Utc> {
    record.timestamp_ms.and_then(DateTime::from_timestamp_millis).unwrap_or(now)
}

fn arrived<T: DeserializeOwned>(record: Record, check: impl Fn(&T) -> Result<(), String>) -> Arrived<T> {
    let parsed = serde_json::from_slice::<T>(record.value.as_deref().unwrap_or_default())
        .map_err(|error| error.to_string())
        .and_then(|message| check(&message).map(|()| message));
    Arrived {
        offset: record.offset,
        key: record.key,
        value: record.value,
        message: parsed.map_err(|detail| Rejected { reason: UNPARSABLE, detail }),
    }
}

/// Additions keep the version, so another one is a message that this reader does not understand.
fn check_version(version: u32) -> Result<(), String> {
    if version == SCHEMA_VERSION {
        Ok(())
    } else {
        Err(format!("/schema_version {version} is not known, this reader knows {SCHEMA_VERSION}"))
    }
}

/// What [`AckReport::check`](otaru_domain::ack::AckReport::check) asks of a vehicle, as far as it matters
/// for rows and order. Texts may be longer than a vehicle's may be today.
fn check_ack(ack: &Ack) -> Result<(), AckError> {
    if ack.campaign < 1 {
        return Err(AckError::Campaign);
    }
    if ack.attempt < 1 || i32::try_from(ack.attempt).is_err() {
        return Err(AckError::Attempt);
    }
    if ack.sequence > MAX_SEQUENCE || (ack.origin == Origin::Vehicle && ack.sequence < 1) {
        return Err(AckError::Sequence);
    }
    if ack.progress_percent.is_some_and(|percent| percent > 100) {
        return Err(AckError::Progress);
    }
    Ok(())
}
