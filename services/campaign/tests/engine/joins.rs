//! Continuous campaigns: who comes to match later joins, by what changed and not by looking at everybody.

use std::collections::BTreeSet;

use otaru_domain::ack::ReportedState;
use otaru_domain::clock;
use otaru_domain::id::{ModelId, Vin};
use otaru_domain::membership::rank;
use otaru_store::wave_notices;
use serde_json::{Value, json};

use crate::exclusions::inventory;
use crate::fleet::Fleet;
use crate::world::{World, eventually};

const SALT: &str = "00112233445566778899aabbccddeeff";

/// A campaign for vehicles in service that run a BCM below 2.3, in two waves of half of all ranks each.
async fn start(fleet: &Fleet<'_>) -> i64 {
    let mut draft = fleet.draft(&[(0.5, 1.0), (0.5, 0.0)]);
    draft["target"] = json!(r#"ecu["BCM"].version < "2.3""#);
    draft["policy"] = json!({"membership": "continuous"});
    draft["salt"] = json!(SALT);
    let id = fleet.create(&draft).await;
    fleet.command(id, "start").await;
    id
}

async fn until_members(fleet: &Fleet<'_>, id: i64, members: usize) -> Value {
    fleet.until(id, "vehicles have joined", |campaign| campaign["members"] == members).await
}

/// The fleet's vehicles by the half of the ranks that they are in.
fn halves(fleet: &Fleet<'_>) -> [Vec<Vin>; 2] {
    let (first, second) = fleet.vins.iter().cloned().partition(|vin| rank(SALT, vin) < 1 << 51);
    [first, second]
}

#[tokio::test]
async fn vehicles_join_when_their_inventory_says_so_and_take_the_wave_of_their_rank() {
    let world = World::start().await;
    let mut fleet = Fleet::new(&world, 30).await;
    let id = start(&fleet).await;
    let campaign = fleet.until_open(id, 1).await;
    assert_eq!(campaign["members"], 0, "nobody has told what it runs");
    let [first, second] = halves(&fleet);
    assert!(first.len() > 1 && second.len() > 1, "thirty vehicles in one half of the ranks");

    for vin in first.iter().chain(&second) {
        inventory(&fleet, vin, &[("BCM", "2.2"), ("IVI", "1")]).await;
    }
    until_members(&fleet, id, 30).await;
    let mut assigned = fleet.vins_of_wave(id, 1).await;
    assigned.sort();
    let mut expected = first.clone();
    expected.sort();
    assert_eq!(assigned, expected, "the open wave's are assigned, each once");
    assert!(fleet.vins_of_wave(id, 2).await.is_empty(), "the other wave waits for its gate");

    fleet.report(id, &first, 1, ReportedState::Installed).await;
    fleet.until_open(id, 2).await;
    assert_eq!(fleet.vins_of_wave(id, 2).await.len(), second.len());
    fleet.report(id, &second, 1, ReportedState::Installed).await;
    let campaign = fleet.until(id, "it waits for others", |campaign| campaign["waiting_on"]["code"] == "joiners").await;
    assert_eq!((&campaign["state"], &campaign["counters"]["installed"]), (&json!("running"), &json!(30)));

    // New in the fleet, and one that was there already.
    fleet.grow(2).await;
    let [old, new] = [fleet.vins[30].clone(), fleet.vins[31].clone()];
    inventory(&fleet, &new, &[("BCM", "2.3.0"), ("IVI", "1")]).await;
    inventory(&fleet, &old, &[("BCM", "1.9"), ("IVI", "1")]).await;
    until_members(&fleet, id, 31).await;
    eventually("the newcomer is assigned", async || {
        fleet.assignments(id, "&state=assigned").await.first().filter(|row| row["vin"] == json!(old)).cloned()
    })
    .await;
    // Going on to match, or to match no more, changes nothing.
    inventory(&fleet, &old, &[("BCM", "2.0"), ("IVI", "1")]).await;
    inventory(&fleet, &first[0], &[("BCM", "2.3.0"), ("IVI", "1")]).await;
    fleet.grow(1).await;
    let last = fleet.vins[32].clone();
    inventory(&fleet, &last, &[("BCM", "1.0"), ("IVI", "1")]).await;
    until_members(&fleet, id, 32).await;
}

#[tokio::test]
async fn who_was_left_out_joins_once_the_reason_is_gone() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 3).await;
    let [whole, without, out] = &fleet.vins[..] else { panic!() };
    fleet.engineer.patch(&format!("/vehicles/{out}"), &json!({"opted_out": true})).await.is(200);
    for vin in [whole, out] {
        inventory(&fleet, vin, &[("BCM", "2.2")]).await;
    }
    inventory(&fleet, without, &[("IVI", "1")]).await;
    let mut draft = fleet.draft(&[(1.0, 0.0)]);
    draft["policy"] = json!({"membership": "continuous"});
    let id = fleet.create(&draft).await;
    fleet.command(id, "start").await;
    let reasons = async || {
        let page = fleet.engineer.get(&format!("/campaigns/{id}/excluded")).await.is(200);
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|one| one["reason"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    until_members(&fleet, id, 1).await;
    assert_eq!(reasons().await, ["incompatible_hardware", "opted_out"].map(str::to_owned).into());

    fleet.engineer.patch(&format!("/vehicles/{out}"), &json!({"opted_out": false})).await.is(200);
    inventory(&fleet, without, &[("BCM", "1.0"), ("IVI", "1")]).await;
    until_members(&fleet, id, 3).await;
    assert!(reasons().await.is_empty());
    assert_eq!(fleet.assignments(id, "").await.len(), 3);

    let mut counted = fleet.draft(&[(1.0, 0.0)]);
    counted["policy"] = json!({"membership": "continuous"});
    counted["waves"] = json!([{"count": 3}, {}]);
    assert_eq!(fleet.engineer.post("/campaigns", &counted).await.problem_at(422, "invalid").1, "/waves/0/count");
}

#[tokio::test]
async fn who_joins_a_wave_that_gateways_told_of_is_to_be_told_once() {
    let world = World::start().await;
    let mut fleet = Fleet::new(&world, 1).await;
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["target"] = json!("true");
    draft["policy"] = json!({"membership": "continuous"});
    let id = fleet.create(&draft).await;
    fleet.command(id, "start").await;
    fleet.until_open(id, 1).await;
    fleet.grow(1).await;
    until_members(&fleet, id, 2).await;
    let joined = async || wave_notices::take_joined(world.store(), 10).await.unwrap();
    assert!(joined().await.is_empty(), "no gateway has an MQTT broker");
    let model = ModelId::parse(&fleet.model).unwrap();
    assert!(wave_notices::claim(world.store(), &model, id, 1, clock::now()).await.unwrap());
    fleet.grow(2).await;
    until_members(&fleet, id, 4).await;
    let told: BTreeSet<Vin> = joined().await.into_iter().collect();
    assert_eq!(told, fleet.vins[2..].iter().cloned().collect());
    assert!(joined().await.is_empty());
}
