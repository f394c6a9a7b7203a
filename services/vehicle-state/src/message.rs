//! Records to messages: what is written on the topics is checked here once more, because the topics are
//! open to other writers than ours, and a value that Postgres cannot hold must not reach it.

use chrono::{DateTime, Utc};
use otaru_bus::Record;
use otaru_domain::ack::{Ack, AckError, MAX_SEQUENCE, Origin, SCHEMA_VERSION};
use otaru_domain::id::Vin;
use otaru_domain::inventory::{Inventory, InventoryReport};
use otaru_store::ingest::{Arrived, Rejected, UNPARSABLE};
use serde::de::DeserializeOwned;

/// A record of `otaru.acks`.
#[must_use]
pub fn ack(record: Record) -> Arrived<Ack> {
    arrived(record, |key, ack: &Ack| {
        check_version(ack.schema_version)?;
        check_key(key, &ack.vin)?;
        check_ack(ack).map_err(|error| error.to_string())
    })
}

/// A record of `otaru.inventories`.
#[must_use]
pub fn inventory(record: Record) -> Arrived<Inventory> {
    arrived(record, |key, inventory: &Inventory| {
        check_version(inventory.schema_version)?;
        check_key(key, &inventory.vin)?;
        let report = InventoryReport {
            schema_version: inventory.schema_version,
            ecus: inventory.ecus.clone(),
            attributes: inventory.attributes.clone(),
            sequence: inventory.sequence,
            reported_at: inventory.reported_at,
            signature: inventory.signature.clone(),
        };
        report.check().map_err(|error| error.to_string())
    })
}

/// When a record was written; `now` where the broker does not say.
pub fn written_at(record: &Record, now: DateTime<Utc>) -> DateTime<Utc> {
    record.timestamp_ms.and_then(DateTime::from_timestamp_millis).unwrap_or(now)
}

fn arrived<T: DeserializeOwned>(record: Record, check: impl Fn(Option<&[u8]>, &T) -> Result<(), String>) -> Arrived<T> {
    let parsed = serde_json::from_slice::<T>(record.value.as_deref().unwrap_or_default())
        .map_err(|error| error.to_string())
        .and_then(|message| check(record.key.as_deref(), &message).map(|()| message));
    Arrived {
        offset: record.offset,
        stored_at: record.stored_ms.and_then(DateTime::from_timestamp_millis),
        key: record.key,
        value: record.value,
        message: parsed.map_err(|detail| Rejected { reason: UNPARSABLE, detail }),
    }
}

/// The key decides the partition, and only within one a vehicle's messages have an order that a replay repeats: under another
/// key the attempts of a vehicle could follow each other differently each time.
fn check_key(key: Option<&[u8]>, vin: &Vin) -> Result<(), String> {
    if key == Some(vin.as_str().as_bytes()) { Ok(()) } else { Err(format!("the record's key is not its /vin, {vin}")) }
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

#[cfg(test)]
mod tests {
    use otaru_domain::ack::{AckReport, Health, ReportedState, VehicleWait};
    use otaru_domain::inventory::EcuReport;
    use proptest::option::of;
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;

    fn record(value: &impl Serialize) -> Record {
        let value = Some(serde_json::to_vec(value).unwrap());
        let (topic, headers, key) = (String::new(), Vec::new(), Some(vin().as_str().into()));
        Record { topic, partition: 0, offset: 0, timestamp_ms: None, stored_ms: None, key, value, headers }
    }

    fn vin() -> Vin {
        Vin::parse("WVWZZZ1KZAW000001").unwrap()
    }

    fn time() -> impl Strategy<Value = Option<DateTime<Utc>>> {
        of(any::<i64>()).prop_map(|micros| micros.and_then(DateTime::from_timestamp_micros))
    }

    prop_compose! {
        fn report()(
            state in prop::sample::select(vec![
                ReportedState::Accepted, ReportedState::Downloading, ReportedState::Installed, ReportedState::Failed,
                ReportedState::RolledBack, ReportedState::Declined,
            ]),
            campaign in 1..=i64::MAX,
            attempt in 1..=i32::MAX.unsigned_abs(),
            sequence in 1..=MAX_SEQUENCE,
            progress_percent in of(0..=100_u8),
            unwell in of(any::<bool>()),
            texts in (of(".{0,16}"), of(".{0,200}"), of((".{1,16}", ".{0,40}"))),
            versions in prop::collection::btree_map("[A-Z][A-Z0-9._-]{0,10}", ".{1,16}", 0..3),
            times in (time(), time()),
        ) -> AckReport {
            let health = |unwell: bool| if unwell { Health::Unhealthy } else { Health::Healthy };
            let (error_code, log, wait) = texts;
            let under_way = matches!(state, ReportedState::Accepted | ReportedState::Downloading);
            let (wait, versions) = if under_way { (wait, Default::default()) } else { (None, versions) };
            AckReport {
                progress_percent,
                health: unwell.map(health).filter(|_| state == ReportedState::Installed),
                error_code,
                log,
                waiting_for: wait.map(|(code, text)| VehicleWait { code, text, until: times.1 }),
                versions: versions.into_iter().map(|(ecu, version)| (ecu.parse().unwrap(), version)).collect(),
                reported_at: times.0,
                ..AckReport::of(campaign, attempt, sequence, state)
            }
        }
    }

    proptest! {
        #[test]
        fn what_a_gateway_takes_is_read_here_as_it_was_written(report in report()) {
            prop_assume!(report.check().is_ok());
            let ack = report.into_ack(vin(), None, DateTime::UNIX_EPOCH);
            prop_assert_eq!(super::ack(record(&ack)).message, Ok(ack));
        }

        #[test]
        fn an_inventory_that_a_gateway_takes_is_read_here_as_it_was_written(
            ecus in prop::collection::vec(("[A-Z][A-Z0-9._-]{0,10}", "\\PC{1,16}", of("\\PC{0,20}")), 0..4),
            attributes in prop::collection::btree_map("\\PC{0,10}", "\\PC{0,20}", 0..3),
            reported_at in time(),
        ) {
            let ecu = |(id, version, serial): (String, String, Option<String>)| EcuReport {
                hardware_id: id.parse().unwrap(),
                version,
                serial,
            };
            let ecus = ecus.into_iter().map(ecu).collect();
            let report = InventoryReport::of(ecus, attributes, reported_at);
            prop_assume!(report.check().is_ok());
            let inventory = report.into_inventory(vin(), None, DateTime::UNIX_EPOCH);
            prop_assert_eq!(super::inventory(record(&inventory)).message, Ok(inventory));
        }

        #[test]
        fn any_bytes_are_a_message_or_a_reason_in_words(value in of(prop::collection::vec(any::<u8>(), 0..200))) {
            let (topic, headers) = (String::new(), Vec::new());
            let record = Record { topic, partition: 0, offset: 0, timestamp_ms: Some(i64::MAX), stored_ms: Some(i64::MIN), key: None, value, headers };
            let now = DateTime::UNIX_EPOCH;
            prop_assert_eq!(written_at(&record, now), now);
            let refused = super::ack(record.clone()).message.unwrap_err();
            prop_assert_eq!(refused.reason, UNPARSABLE);
            prop_assert!(!refused.detail.is_empty() && super::inventory(record).message.is_err());
        }
    }

    #[test]
    fn only_the_brokers_own_clock_says_when_a_record_was_stored() {
        let ack = AckReport::of(1, 1, 1, ReportedState::Accepted).into_ack(vin(), None, DateTime::UNIX_EPOCH);
        let record = Record { timestamp_ms: Some(5), ..record(&ack) };
        assert_eq!(super::ack(record.clone()).stored_at, None);
        let stored = Record { stored_ms: Some(5), ..record };
        assert_eq!(super::ack(stored).stored_at, DateTime::from_timestamp_millis(5));
    }

    #[test]
    fn a_record_under_anothers_key_is_refused() {
        let ack = AckReport::of(1, 1, 1, ReportedState::Accepted).into_ack(vin(), None, DateTime::UNIX_EPOCH);
        for key in [None, Some(b"WVWZZZ1KZAW000002".to_vec())] {
            let refused = super::ack(Record { key, ..record(&ack) }).message.unwrap_err();
            assert!(refused.detail.contains("key is not its /vin"), "{refused:?}");
        }
    }

    #[test]
    fn the_deepest_nesting_is_a_reason_in_words() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let value = open.repeat(100_000) + &close.repeat(100_000);
            let (topic, headers, value) = (String::new(), Vec::new(), Some(value.into_bytes()));
            let record = Record {
                topic,
                partition: 0,
                offset: 0,
                timestamp_ms: None,
                stored_ms: None,
                key: None,
                value,
                headers,
            };
            assert!(super::ack(record).message.is_err());
        }
    }
}
