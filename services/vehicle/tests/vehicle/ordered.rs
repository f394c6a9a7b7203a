//! Several ECUs, one after the other: the order is the signed document's, and what fails leaves what went before.

use std::time::Duration;

use otaru_domain::ack::ReportedState as S;
use otaru_domain::release::Installation;
use otaru_domain::requirement::{Requirement, VersionRange};
use tokio_util::sync::CancellationToken;

use crate::car::Car;
use crate::peer::{Peer, one_report_per_sequence};
use crate::repository::{Model, firmware};
use crate::rollback::checked_by;

const ORDER: [(&str, &str); 3] = [("GW", "gw.bin"), ("IVI", "ivi.bin"), ("BCM", "bcm.bin")];

/// A campaign that brings three ECUs to 2.0.0 in this order: a gateway, an infotainment that needs the gateway, a body
/// control.
async fn peer() -> std::sync::Arc<Peer> {
    let mut model = Model::new("harbour");
    model.add_image("gw.bin", &["GW"], 5, "2.0.0", &firmware(1, 20_000));
    let needs = Requirement { hardware_id: "GW".parse().unwrap(), versions: VersionRange::parse(">=2").unwrap() };
    model.add_demanding_image("ivi.bin", &["IVI"], 5, "2.0.0", &firmware(2, 20_000), vec![needs]);
    model.add_image("bcm.bin", &["BCM"], 5, "2.0.0", &firmware(3, 20_000));
    let mut document = model.document(&ORDER);
    document.installation = Installation::Ordered;
    model.publish_document(document);
    let peer = Peer::start(vec![model]).await;
    // The answer's order is no order.
    peer.offer(&["bcm.bin", "ivi.bin", "gw.bin"]);
    peer
}

fn car(peer: &Peer) -> Car {
    let mut car = Car::new(peer);
    car.config.ecus = ["BCM", "GW", "IVI"].map(|id| (id.parse().unwrap(), "1.0.0".to_owned())).into();
    car
}

/// Notes what each check finds in the slot.
const NOTE: &str = "ls $OTARU_SLOT | tr '\\n' ' ' >> $(dirname $0)/seen; echo >> $(dirname $0)/seen";

fn seen(car: &Car) -> Vec<String> {
    let seen = std::fs::read_to_string(car.config.state_dir.join("seen")).unwrap();
    seen.lines().map(|line| line.trim().to_owned()).collect()
}

fn versions(peer: &Peer) -> Vec<(String, String)> {
    let last = one_report_per_sequence(&peer.world()).pop().unwrap();
    last.versions.into_iter().map(|(ecu, version)| (ecu.to_string(), version)).collect()
}

fn said(expected: [(&str, &str); 3]) -> Vec<(String, String)> {
    expected.map(|(ecu, version)| (ecu.to_owned(), version.to_owned())).into()
}

#[tokio::test]
async fn each_ecu_runs_and_is_checked_before_the_next_is_touched() {
    let peer = peer().await;
    let mut car = car(&peer);
    checked_by(&mut car, NOTE, Duration::from_secs(60));
    car.run_once().await.unwrap();
    assert_eq!(seen(&car), ["GW.bin", "GW.bin IVI.bin", "BCM.bin GW.bin IVI.bin"]);
    let reports = one_report_per_sequence(&peer.world());
    let steps: Vec<_> = reports.iter().map(|ack| (ack.state, ack.progress_percent)).collect();
    let installing =
        [(S::Installing, None), (S::Installing, Some(33)), (S::Installing, Some(66)), (S::Installed, None)];
    assert!(steps.ends_with(&installing), "{steps:?}");
    assert_eq!(versions(&peer), said([("BCM", "2.0.0"), ("GW", "2.0.0"), ("IVI", "2.0.0")]));
}

#[tokio::test]
async fn what_fails_is_taken_back_and_what_went_before_stays() {
    let peer = peer().await;
    let mut car = car(&peer);
    checked_by(&mut car, "test ! -e $OTARU_SLOT/IVI.bin", Duration::from_secs(60));
    car.run_once().await.expect_err("it did not come to a good end");
    let report = one_report_per_sequence(&peer.world()).pop().unwrap();
    assert_eq!((report.state, report.error_code.as_deref()), (S::Failed, Some("health_check_failed")));
    assert_eq!(versions(&peer), said([("BCM", "1.0.0"), ("GW", "2.0.0"), ("IVI", "1.0.0")]));
    let slot = car.active().unwrap();
    assert_eq!(car.image(&slot, "GW"), firmware(1, 20_000));
    let inventory = peer.world().inventories.last().unwrap().1.clone();
    let told: Vec<_> = inventory.ecus.iter().map(|ecu| (ecu.hardware_id.to_string(), ecu.version.clone())).collect();
    assert_eq!(told, versions(&peer));
}

#[tokio::test]
async fn an_ecu_that_comes_later_is_no_help_to_one_that_needs_it() {
    let peer = peer().await;
    {
        let mut world = peer.world();
        let model = world.model();
        let mut document = model.document(&[ORDER[1], ORDER[0], ORDER[2]]);
        document.installation = Installation::Ordered;
        model.publish_document(document);
    }
    let car = car(&peer);
    car.run_once().await.expect_err("it did not come to a good end");
    let report = one_report_per_sequence(&peer.world()).pop().unwrap();
    assert_eq!((report.state, report.error_code.as_deref()), (S::Failed, Some("dependency_not_met")));
    assert_eq!(car.active(), None);
}

#[tokio::test]
async fn after_a_kill_it_goes_on_with_the_ecu_it_was_at() {
    let peer = peer().await;
    let mut car = car(&peer);
    // The check of the second ECU does not come back: the vehicle dies over it.
    let waits =
        format!("{NOTE}; test ! -e $OTARU_SLOT/IVI.bin && exit 0; touch $(dirname $0)/waits; tail -f /dev/null");
    checked_by(&mut car, &waits, Duration::from_secs(600));
    let stop = CancellationToken::new();
    let agent = tokio::spawn(otaru_vehicle::agent::run(car.config.clone(), stop.clone()));
    let waits = car.config.state_dir.join("waits");
    peer.until("the check of the second ECU", |_| waits.exists()).await;
    stop.cancel();
    agent.await.unwrap().unwrap();
    checked_by(&mut car, NOTE, Duration::from_secs(60));
    std::fs::remove_file(car.config.state_dir.join("seen")).unwrap();
    car.run_once().await.unwrap();
    assert_eq!(seen(&car), ["GW.bin IVI.bin", "BCM.bin GW.bin IVI.bin"], "the first was not done again");
    one_report_per_sequence(&peer.world());
    assert_eq!(versions(&peer), said([("BCM", "2.0.0"), ("GW", "2.0.0"), ("IVI", "2.0.0")]));
}
