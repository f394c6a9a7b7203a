//! Acknowledgements where vehicles sign: whoever writes on the topics, only what the vehicle's own key signed moves its
//! assignment.

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::ack::{Ack, AckReport, Origin, ReportedState, SignaturePolicy};
use otaru_domain::assignment::AssignmentState as S;
use otaru_domain::id::ModelId;
use otaru_domain::inventory::{EcuReport, InventoryReport};
use otaru_domain::topic;
use otaru_domain::tuf::Key;
use otaru_store::{dead_letters, testing, twin};

use crate::world::{CAMPAIGN, World, eventually, keyed, vin};

fn key(vehicle: usize) -> Key {
    Key::from_seed(&[u8::try_from(vehicle + 1).unwrap(); 32])
}

fn public(key: &Key) -> [u8; 32] {
    key.public().bytes().unwrap()
}

/// A fleet of a model that asks for signatures; each vehicle has a key.
async fn signing_world(vehicles: usize) -> World {
    let world = World::new(vehicles).await;
    set(&world, SignaturePolicy::Required).await;
    for (number, vehicle) in world.vehicles.iter().enumerate() {
        testing::ack_key(world.store(), *vehicle, public(&key(number)), world.now).await.unwrap();
    }
    world
}

async fn set(world: &World, policy: SignaturePolicy) {
    let model = ModelId::parse("harbour").unwrap();
    testing::set_ack_signatures(world.store(), &model, policy).await.unwrap();
}

/// A report of a vehicle, signed, as a gateway that took it at `at` writes it.
fn signed(vehicle: usize, key: &Key, sequence: u64, state: ReportedState, at: DateTime<Utc>) -> Ack {
    let report = AckReport::of(CAMPAIGN, 1, sequence, state).signed(&vin(vehicle), key).unwrap();
    report.into_ack(vin(vehicle), None, at)
}

/// The details of the dead letters, when there are so many; none has another reason.
async fn letters(world: &World, count: i64) -> Vec<String> {
    eventually("the dead letters are there", async || dead_letters::open_count(world.store()).await.unwrap() == count)
        .await;
    let page = dead_letters::page(world.store(), None, 100).await.unwrap();
    assert!(page.iter().all(|letter| letter.reason == "signature"), "{page:?}");
    page.into_iter().map(|letter| letter.detail).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stolen_gateway_makes_up_moves_nothing() {
    let world = signing_world(3).await;
    let role = world.role().await;
    let genuine = |sequence, state| signed(0, &key(0), sequence, state, world.now);
    let bare = world.ack(0, 9, S::Installed);
    let with_its_own_key = signed(0, &key(7), 9, ReportedState::Installed, world.now);
    let of_another = Ack { vin: vin(0), ..signed(1, &key(1), 9, ReportedState::Installed, world.now) };
    let of_an_earlier_attempt = Ack { attempt: 2, ..genuine(1, ReportedState::Accepted) };
    let turned_round = Ack { state: S::Failed, ..genuine(2, ReportedState::Downloading) };
    let in_its_place = Ack::by_server(Origin::Gateway, vin(0), CAMPAIGN, 1, S::Cancelled, world.now);
    world.send(&[bare, with_its_own_key, of_another, of_an_earlier_attempt, turned_round, in_its_place]).await;
    let offered = Ack::by_server(Origin::Gateway, vin(0), CAMPAIGN, 1, S::Offered, world.now);
    let gave_up = Ack::by_server(Origin::Engine, vin(1), CAMPAIGN, 1, S::TimedOut, world.now);
    world.send(&[offered, genuine(1, ReportedState::Accepted), genuine(2, ReportedState::Downloading), gave_up]).await;
    world.applied().await;
    assert_eq!(
        world.states().await,
        [("assigned".to_owned(), 1), ("downloading".to_owned(), 1), ("timed_out".to_owned(), 1)]
    );
    let details = letters(&world, 6).await;
    for pointer in ["/signature is missing", "/signature/key", "/signature/sig", "/state cancelled"] {
        assert!(details.iter().any(|detail| detail.starts_with(pointer)), "{pointer}: {details:?}");
    }
    assert_eq!(world.bus.read_topic(topic::DEAD_LETTERS).await.unwrap().len(), 6);
    assert_eq!(world.assert_rebuilds().await, 10);
    role.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_follow_one_another_and_the_replay_knows_which_counted_when() {
    let world = signing_world(1).await;
    let (old, new) = (key(0), key(5));
    let role = world.role().await;
    let first = testing::ack_key(world.store(), world.vehicles[0], public(&new), world.now).await.unwrap();
    world.send(&[signed(0, &old, 1, ReportedState::Accepted, world.now)]).await;
    world.send(&[signed(0, &new, 2, ReportedState::Downloading, world.now)]).await;
    world.applied().await;
    // The new one is lost, and what it signed before still counts when it is applied later.
    let lost_at = world.now + TimeDelta::seconds(10);
    testing::revoke_credential(world.store(), world.vehicles[0], first, lost_at).await.unwrap();
    world.send(&[signed(0, &new, 3, ReportedState::Downloaded, world.now)]).await;
    world.send(&[signed(0, &new, 4, ReportedState::Installed, lost_at)]).await;
    world.applied().await;
    assert_eq!(world.states().await, [("downloaded".to_owned(), 1)]);
    assert!(letters(&world, 1).await[0].starts_with("/signature/key is of a credential that was revoked"));
    let again = testing::ack_key(world.store(), world.vehicles[0], public(&key(6)), lost_at).await.unwrap();
    world.send(&[signed(0, &key(6), 4, ReportedState::Installed, lost_at)]).await;
    world.applied().await;
    assert_eq!(world.states().await, [("installed".to_owned(), 1)]);
    assert_eq!(world.assert_rebuilds().await, 5);

    // Whatever becomes of the keys and the setting, what was decided stays decided.
    testing::revoke_credential(world.store(), world.vehicles[0], again, lost_at + TimeDelta::hours(1)).await.unwrap();
    for policy in [SignaturePolicy::Off, SignaturePolicy::Optional] {
        set(&world, policy).await;
        assert_eq!(world.assert_rebuilds().await, 5, "{policy}");
    }
    role.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_signing_is_optional_what_is_signed_must_hold_and_off_takes_all() {
    let world = signing_world(2).await;
    set(&world, SignaturePolicy::Optional).await;
    let role = world.role().await;
    world.send(&[world.ack(0, 1, S::Accepted)]).await;
    world.send(&[signed(0, &key(1), 2, ReportedState::Installed, world.now)]).await;
    world.applied().await;
    assert_eq!(world.states().await, [("accepted".to_owned(), 1), ("assigned".to_owned(), 1)]);
    letters(&world, 1).await;
    set(&world, SignaturePolicy::Off).await;
    world.send(&[signed(1, &key(0), 2, ReportedState::Installed, world.now)]).await;
    world.applied().await;
    assert_eq!(world.states().await, [("accepted".to_owned(), 1), ("installed".to_owned(), 1)]);
    assert_eq!(world.assert_rebuilds().await, 3);
    role.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inventory_that_was_made_up_or_is_shown_again_changes_no_twin() {
    let world = World::new(1).await;
    let model = ModelId::parse("harbour").unwrap();
    testing::set_signatures(world.store(), &model, SignaturePolicy::Required).await.unwrap();
    testing::ack_key(world.store(), world.vehicles[0], public(&key(0)), world.now).await.unwrap();
    let role = world.role().await;
    let ecu = |version: &str| EcuReport { hardware_id: "BCM".parse().unwrap(), version: version.into(), serial: None };
    let report = |version: &str| InventoryReport::of(vec![ecu(version)], Default::default(), None);
    let signed = |version: &str, sequence: u64| report(version).signed(&vin(0), sequence, &key(0)).unwrap();
    let send = async |report: InventoryReport, second: i64| {
        let at = world.now + TimeDelta::seconds(second);
        let message = keyed(&vin(0), serde_json::to_vec(&report.into_inventory(vin(0), None, at)).unwrap());
        world.producer.send(topic::INVENTORIES, message).await.unwrap();
    };
    let runs = async || {
        let ecus = twin::ecus(world.store(), world.vehicles[0]).await.unwrap();
        ecus.into_iter().map(|ecu| ecu.version).collect::<Vec<_>>()
    };
    send(signed("1.0.0", 5), 1).await;
    send(signed("2.0.0", 6), 2).await;
    send(report("9.0.0"), 3).await;
    send(report("9.0.0").signed(&vin(0), 7, &key(3)).unwrap(), 4).await;
    send(signed("1.0.0", 5), 5).await;
    assert_eq!(letters(&world, 3).await.len(), 3);
    assert_eq!(runs().await, ["2.0.0"]);

    // The same in another batch, and by another owner: what is highest is kept.
    role.stop().await;
    let role = world.role().await;
    send(signed("2.0.0", 6), 6).await;
    send(signed("1.0.0", 5), 7).await;
    let details = letters(&world, 4).await;
    for pointer in ["/signature is missing", "/signature/key", "/sequence is lower"] {
        assert!(details.iter().any(|detail| detail.starts_with(pointer)), "{pointer}: {details:?}");
    }
    send(signed("3.0.0", 7), 8).await;
    eventually("the next is taken", async || runs().await == ["3.0.0"]).await;
    role.stop().await;
}
