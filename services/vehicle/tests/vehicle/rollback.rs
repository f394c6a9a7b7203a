//! What the agent promises when new software turns out unfit: the old one runs again, and everybody hears of it.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use otaru_domain::ack::{AckReport, Health, MAX_LOG_BYTES, ReportedState};
use otaru_vehicle::agent::HealthCheck;

use crate::car::{Car, peer_with};
use crate::peer::{Peer, offered, one_report_per_sequence};
use crate::repository::{IMAGE, firmware};

/// Has the vehicle run this script after each installation.
pub fn checked_by(car: &mut Car, script: &str, patience: Duration) {
    std::fs::create_dir_all(&car.config.state_dir).unwrap();
    let program = car.config.state_dir.join("check");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    car.config.health_check = Some(HealthCheck { program, patience });
}

const PATIENCE: Duration = Duration::from_secs(60);

fn last(peer: &Peer) -> AckReport {
    one_report_per_sequence(&peer.world()).pop().unwrap()
}

fn versions_told(peer: &Peer) -> Vec<String> {
    peer.world().inventories.iter().map(|(_, report)| report.ecus[0].version.clone()).collect()
}

#[tokio::test]
async fn unhealthy_software_is_taken_back_with_the_version_that_runs_then() {
    let peer = peer_with(None).await;
    let mut car = Car::new(&peer);
    checked_by(&mut car, "echo no light on the bus; ls $OTARU_SLOT; echo in $OTARU_CAMPAIGN >&2; exit 3", PATIENCE);
    let error = format!("{:#}", car.run_once().await.expect_err("it did not come to a good end"));
    assert!(error.contains("health_check_failed"), "{error}");
    let report = last(&peer);
    assert_eq!(report.state, ReportedState::RolledBack);
    assert_eq!(report.error_code.as_deref(), Some("health_check_failed"));
    assert_eq!(report.versions, [("BCM".parse().unwrap(), "1.0.0".to_owned())].into());
    let log = report.log.unwrap();
    let said = format!("no light on the bus\nBCM.bin\nin {}\n", report.campaign);
    assert!(log.starts_with(&said) && log.ends_with("exit status: 3"), "{log}");
    assert!(!peer.world().states().contains(&ReportedState::Installed));
    assert_eq!(car.active(), None, "as before the first installation");
    assert_eq!(versions_told(&peer).last().map(String::as_str), Some("1.0.0"));

    let reports = peer.world().acks.clone();
    car.run_once().await.unwrap();
    assert_eq!(peer.world().acks, reports, "the attempt is over");

    checked_by(&mut car, "test -s $OTARU_SLOT/BCM.bin", PATIENCE);
    peer.world().acks.clear();
    peer.world().offer = Some(offered(2, &[IMAGE]));
    car.run_once().await.unwrap();
    let report = last(&peer);
    assert_eq!((report.state, report.health), (ReportedState::Installed, Some(Health::Healthy)));
    assert_eq!(report.versions, [("BCM".parse().unwrap(), "2.0.0".to_owned())].into());
}

#[tokio::test]
async fn the_slot_that_ran_before_runs_again() {
    let peer = peer_with(None).await;
    let mut car = Car::new(&peer);
    car.run_once().await.unwrap();
    {
        let mut world = peer.world();
        let model = world.model();
        model.add_image("bcm-2.1.0.bin", &["BCM"], 6, "2.1.0", &firmware(2, 200_000));
        let document = model.document(&[("BCM", "bcm-2.1.0.bin")]);
        model.publish_document(document);
    }
    peer.world().acks.clear();
    peer.world().offer = Some(offered(2, &["bcm-2.1.0.bin"]));
    checked_by(&mut car, "exit 1", PATIENCE);
    car.run_once().await.expect_err("it did not come to a good end");
    assert_eq!(last(&peer).state, ReportedState::RolledBack);
    assert_eq!(last(&peer).versions, [("BCM".parse().unwrap(), "2.0.0".to_owned())].into());
    assert_eq!(car.active().as_deref(), Some("a"));
    assert_eq!(car.image("a", "BCM"), firmware(1, 300_000));
    assert_eq!(versions_told(&peer).last().map(String::as_str), Some("2.0.0"));
}

#[tokio::test]
async fn a_check_that_never_ends_or_says_too_much_costs_neither_the_vehicle_nor_the_report() {
    let peer = peer_with(None).await;
    let mut car = Car::new(&peer);
    let script = "yes spam | head -c 300000; tail -f /dev/null & echo $! > $(dirname $0)/child; wait";
    checked_by(&mut car, script, Duration::from_millis(500));
    car.run_once().await.expect_err("it did not come to a good end");
    let report = last(&peer);
    assert_eq!((report.state, report.check()), (ReportedState::RolledBack, Ok(())));
    assert_eq!(report.error_code.as_deref(), Some("health_check_timeout"));
    let log = report.log.unwrap();
    assert!(log.len() <= MAX_LOG_BYTES && log.ends_with("no end after 500ms"), "{} bytes", log.len());
    let child = std::fs::read_to_string(car.config.state_dir.join("child")).unwrap();
    let stat = format!("/proc/{}/stat", child.trim());
    let ended = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    peer.until("the end of what the check had started", |_| ended()).await;
}
