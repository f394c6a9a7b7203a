//! What each ECU runs, and ran.

use std::collections::BTreeMap;

use otaru_domain::id::{HardwareId, Sha256};
use otaru_domain::inventory::{AttributesMode, EcuReport, Inventory};
use otaru_domain::topic;
use otaru_store::ingest::{Applied, Arrived};
use otaru_store::objects::Digests;
use otaru_store::offsets::{self, Claim};
use otaru_store::testing;
use otaru_store::twin::{self, Ecu};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::support::{Fleet, after, position, start, vin};

fn hardware(id: &str) -> HardwareId {
    HardwareId::parse(id).unwrap()
}

/// Taken `at` seconds after the start.
fn inventory(vehicle: usize, at: i64, ecus: &[(&str, &str)]) -> Inventory {
    Inventory {
        schema_version: 1,
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{vehicle}/{at}").as_bytes()),
        vin: vin(vehicle),
        model: None,
        ecus: ecus
            .iter()
            .map(|(id, version)| EcuReport { hardware_id: hardware(id), version: (*version).to_owned(), serial: None })
            .collect(),
        tells_ecus: true,
        attributes: BTreeMap::new(),
        attributes_mode: AttributesMode::Merge,
        reported_at: None,
        received_at: after(at),
    }
}

async fn claim(fleet: &Fleet) -> Claim {
    offsets::claim(&fleet.store, "inventories", topic::INVENTORIES, 0, after(0)).await.unwrap()
}

async fn apply(fleet: &Fleet, claim: &mut Claim, inventories: &[Inventory]) -> Applied {
    let arrived: Vec<Arrived<Inventory>> = (claim.next_offset..)
        .zip(inventories)
        .map(|(offset, one)| Arrived { offset, key: None, value: None, message: Ok(one.clone()) })
        .collect();
    let to = position(&arrived);
    let mut tx = fleet.store.begin().await.unwrap();
    let applied = twin::apply_inventories(&mut tx, claim, to, &arrived, after(9000)).await.unwrap();
    tx.commit().await.unwrap();
    claim.next_offset = to.next_offset;
    applied
}

fn versions(ecus: &[Ecu]) -> Vec<(&str, &str)> {
    ecus.iter().map(|ecu| (ecu.hardware_id.as_str(), ecu.version.as_str())).collect()
}

async fn as_of(fleet: &Fleet, vehicle: i64, at: i64) -> Vec<(String, String)> {
    let ecus = twin::ecus_as_of(&fleet.store, vehicle, after(at)).await.unwrap();
    versions(&ecus).into_iter().map(|(id, version)| (id.to_owned(), version.to_owned())).collect()
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn the_newest_inventory_is_the_twin_and_its_past_can_be_read(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = claim(&fleet).await;
    let vehicle = fleet.vehicle_id(0).await;
    let before = inventory(0, 10, &[("BCM", "2.9.0"), ("TCU", "1.0")]);
    let after_update = inventory(0, 20, &[("BCM", "2.10.0"), ("GW", "7")]);
    apply(&fleet, &mut claim, &[before, after_update.clone()]).await;
    let ecus = twin::ecus(&fleet.store, vehicle).await.unwrap();
    assert_eq!(versions(&ecus), [("BCM", "2.10.0"), ("GW", "7")]);
    assert_eq!(ecus[0].reported_at, after(20));
    assert_eq!(as_of(&fleet, vehicle, 9).await, []);
    assert_eq!(as_of(&fleet, vehicle, 10).await, [("BCM".into(), "2.9.0".into()), ("TCU".into(), "1.0".into())]);
    assert_eq!(as_of(&fleet, vehicle, 99).await, [("BCM".into(), "2.10.0".into()), ("GW".into(), "7".into())]);
    let applied = apply(&fleet, &mut claim, &[after_update, inventory(5, 1, &[])]).await;
    assert_eq!((applied.applied, applied.unchanged), (0, 1));
    assert_eq!(applied.dead[0].reason, "unknown_vehicle");
    // Meaning, not text, orders versions: 2.10 is above 2.9.
    let newer: i64 =
        sqlx::query_scalar("SELECT count(*) FROM vehicle_ecus WHERE hardware_id = 'BCM' AND version_key > $1")
            .bind(otaru_domain::version::sort_key("2.9.0"))
            .fetch_one(&fleet.pool)
            .await
            .unwrap();
    assert_eq!(newer, 1);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn an_inventory_that_changes_nothing_adds_no_history(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = claim(&fleet).await;
    for at in 1..=20 {
        apply(&fleet, &mut claim, &[inventory(0, at, &[("BCM", "1"), ("TCU", "1")])]).await;
    }
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM vehicle_ecu_history").fetch_one(&fleet.pool).await.unwrap();
    assert_eq!(rows, 2);
    let seen: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("SELECT inventory_at FROM vehicle_reports").fetch_one(&fleet.pool).await.unwrap();
    assert_eq!(seen, after(20));
}

/// What an inventory of `at` says: some ECUs come, go and change.
fn random_inventory(rng: &mut StdRng, at: i64) -> Inventory {
    let mut ecus = Vec::new();
    for id in ["BCM", "TCU", "GW"] {
        if rng.random_ratio(4, 5) {
            ecus.push((id, if rng.random_bool(0.5) { "1" } else { "2" }));
        }
    }
    inventory(0, at, &ecus)
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn the_past_reads_the_same_however_the_inventories_were_shuffled(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = claim(&fleet).await;
    let vehicle = fleet.vehicle_id(0).await;
    for seed in 0..60 {
        sqlx::raw_sql(
            "DELETE FROM vehicle_ecus; DELETE FROM vehicle_ecu_history; DELETE FROM vehicle_inventories; DELETE FROM vehicle_reports",
        )
        .execute(&fleet.pool)
        .await
        .unwrap();
        let mut rng = StdRng::seed_from_u64(seed);
        let in_order: Vec<Inventory> = (0..8).map(|step| random_inventory(&mut rng, step * 10)).collect();
        let mut arriving = in_order.clone();
        arriving.push(in_order[3].clone());
        arriving.shuffle(&mut rng);
        while !arriving.is_empty() {
            let rest = arriving.split_off(rng.random_range(1..=3).min(arriving.len()));
            apply(&fleet, &mut claim, &arriving).await;
            arriving = rest;
        }
        for (step, inventory) in (0..).zip(&in_order) {
            let mut expected: Vec<(String, String)> =
                inventory.ecus.iter().map(|ecu| (ecu.hardware_id.to_string(), ecu.version.clone())).collect();
            expected.sort();
            assert_eq!(as_of(&fleet, vehicle, step * 10).await, expected, "seed {seed}, step {step}");
            assert_eq!(as_of(&fleet, vehicle, step * 10 + 9).await, expected, "seed {seed}, after step {step}");
        }
        let now = twin::ecus(&fleet.store, vehicle).await.unwrap();
        let now: Vec<(String, String)> =
            versions(&now).into_iter().map(|(id, version)| (id.to_owned(), version.to_owned())).collect();
        assert_eq!(now, as_of(&fleet, vehicle, 1000).await, "seed {seed}");
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn an_ecu_replaced_by_hand_stays_until_a_newer_inventory(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = claim(&fleet).await;
    let vehicle = fleet.vehicle_id(0).await;
    apply(&fleet, &mut claim, &[inventory(0, 10, &[("BCM", "1"), ("TCU", "1")])]).await;
    let mut tx = fleet.store.begin().await.unwrap();
    twin::set_ecu(&mut tx, vehicle, &hardware("BCM"), "3", Some("SN-9"), after(30)).await.unwrap();
    tx.commit().await.unwrap();
    // Taken before the workshop, applied after it.
    apply(&fleet, &mut claim, &[inventory(0, 20, &[("BCM", "2"), ("TCU", "2")])]).await;
    let ecus = twin::ecus(&fleet.store, vehicle).await.unwrap();
    assert_eq!(versions(&ecus), [("BCM", "3"), ("TCU", "2")]);
    assert_eq!(ecus[0].serial.as_deref(), Some("SN-9"));
    let bcm = async |at: i64| as_of(&fleet, vehicle, at).await[0].1.clone();
    assert_eq!([bcm(15).await, bcm(25).await, bcm(35).await], ["1", "2", "3"]);
    apply(&fleet, &mut claim, &[inventory(0, 40, &[("BCM", "4"), ("TCU", "2")])]).await;
    assert_eq!(versions(&twin::ecus(&fleet.store, vehicle).await.unwrap()), [("BCM", "4"), ("TCU", "2")]);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn attributes_are_merged_and_an_older_inventory_overwrites_none(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = claim(&fleet).await;
    sqlx::query(r#"UPDATE vehicles SET attributes = '{"plant": "north", "battery": "LFP"}'"#)
        .execute(&fleet.pool)
        .await
        .unwrap();
    let with = |at: i64, attributes: &[(&str, &str)]| {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Inventory { attributes, ..inventory(0, at, &[]) }
    };
    apply(&fleet, &mut claim, &[with(20, &[("battery", "NMC"), ("radio", "5G")])]).await;
    apply(&fleet, &mut claim, &[with(10, &[("radio", "4G"), ("trim", "S")])]).await;
    let attributes: serde_json::Value =
        sqlx::query_scalar("SELECT attributes FROM vehicles").fetch_one(&fleet.pool).await.unwrap();
    let expected = serde_json::json!({"plant": "north", "battery": "NMC", "radio": "5G", "trim": "S"});
    assert_eq!(attributes, expected);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn attributes_alone_are_merged_removed_or_replaced_and_the_ecus_stay(pool: PgPool) {
    let fleet = Fleet::new(&pool, 1, 1).await;
    let mut claim = claim(&fleet).await;
    apply(&fleet, &mut claim, &[inventory(0, 1, &[("BCM", "1.0.0")])]).await;
    let alone = |at: i64, mode: AttributesMode, attributes: &[(&str, &str)]| Inventory {
        tells_ecus: false,
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        attributes_mode: mode,
        ..inventory(0, at, &[])
    };
    let merge = alone(10, AttributesMode::Merge, &[("radio", "5G"), ("trim", "S"), ("plant", "north")]);
    let remove = alone(20, AttributesMode::Remove, &[("trim", ""), ("unknown", "")]);
    apply(&fleet, &mut claim, &[merge, remove]).await;
    let attributes = async || -> serde_json::Value {
        sqlx::query_scalar("SELECT attributes FROM vehicles").fetch_one(&fleet.pool).await.unwrap()
    };
    assert_eq!(attributes().await, serde_json::json!({"radio": "5G", "plant": "north"}));
    let replace = alone(30, AttributesMode::Replace, &[("radio", "6G")]);
    let late = alone(5, AttributesMode::Replace, &[("radio", "1G")]);
    apply(&fleet, &mut claim, &[replace, late]).await;
    assert_eq!(attributes().await, serde_json::json!({"radio": "6G"}));
    let ecus: Vec<String> =
        sqlx::query_scalar("SELECT version FROM vehicle_ecus").fetch_all(&fleet.pool).await.unwrap();
    assert_eq!(ecus, ["1.0.0"]);
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn an_update_from_a_workshop_closes_what_no_vehicle_has_begun(pool: PgPool) {
    let fleet = Fleet::new(&pool, 4, 0).await;
    let mut claim = claim(&fleet).await;
    let release = testing::release(&fleet.store, "2.3.0", start()).await.unwrap();
    for (hardware_id, content) in [("BCM", "a"), ("TCU", "b")] {
        let digests = Digests {
            sha256: Sha256::parse(&content.repeat(64)).unwrap(),
            sha1: content.repeat(40),
            md5: content.repeat(32),
            length_bytes: 3,
        };
        let names = (hardware_id, hardware_id, "image.bin");
        testing::image(&fleet.store, release, "harbour", names, &digests, start()).await.unwrap();
    }
    let campaign = testing::campaign(&fleet.store, release, "salt", start()).await.unwrap();
    for vehicle in 0..4 {
        let id = fleet.vehicle_id(vehicle).await;
        testing::assign(&fleet.store, id, campaign, 1, start()).await.unwrap();
    }
    let under_way = fleet.vehicle_id(2).await;
    testing::set_assignment(&fleet.store, under_way, campaign, 1, "installing").await.unwrap();
    let both = [("BCM", "2.3.0"), ("TCU", "2.3.0")];
    let inventories = [
        inventory(0, 10, &both),
        // One ECU is still to be updated, one vehicle does it itself, and the last one told nothing.
        inventory(1, 10, &[("BCM", "2.3.0"), ("TCU", "2.2.0")]),
        inventory(2, 10, &both),
    ];
    apply(&fleet, &mut claim, &inventories).await;
    let told: Vec<serde_json::Value> = sqlx::query_scalar(
        "SELECT convert_from(value, 'UTF8')::jsonb FROM outbox WHERE topic = 'otaru.acks' ORDER BY position",
    )
    .fetch_all(&fleet.pool)
    .await
    .unwrap();
    let told: Vec<_> =
        told.iter().map(|ack| (ack["vin"].clone(), ack["state"].clone(), ack["error_code"].clone())).collect();
    assert_eq!(told, [(json!(vin(0)), json!("superseded"), json!("already_installed"))]);
    // The same inventory again says nothing new.
    apply(&fleet, &mut claim, &inventories[..1]).await;
    let messages: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(&fleet.pool).await.unwrap();
    assert_eq!(messages, 1);
}
