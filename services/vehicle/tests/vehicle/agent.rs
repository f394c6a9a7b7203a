//! What the agent promises in a life without attacks: reports that arrive, updates that run once, and only
//! when the vehicle may.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use otaru_domain::ack::{AckKey, ReportedState, SignaturePolicy, judge, parse_key};
use otaru_domain::clock;
use otaru_domain::document::DocumentState;
use otaru_domain::inventory;
use otaru_domain::rollout::{Consent, ConsentMode, ConsentText, WeeklyWindow, Windows};
use otaru_vehicle::agent::{Credentials, Mode, make_key};

use crate::car::{Car, VIN, peer_with};
use crate::peer::{Peer, TOKEN, offered, one_report_per_sequence};
use crate::repository::{IMAGE, Model, firmware};

#[tokio::test]
async fn every_step_is_reported_in_order_and_the_inventory_follows() {
    let peer = peer_with(None).await;
    let car = Car::new(&peer);
    car.run_once().await.unwrap();
    let world = peer.world();
    let reports = one_report_per_sequence(&world);
    let steps: Vec<_> = reports.iter().map(|ack| (ack.state, ack.progress_percent)).collect();
    use ReportedState as S;
    assert_eq!(
        steps,
        [
            (S::Accepted, None),
            (S::Downloading, Some(0)),
            (S::Downloading, Some(25)),
            (S::Downloading, Some(50)),
            (S::Downloading, Some(75)),
            (S::Downloaded, None),
            (S::Installing, None),
            (S::Installed, None),
        ]
    );
    assert!(reports.iter().all(|ack| ack.reported_at.is_some()), "the server's clock was known");
    let versions: Vec<_> = world.inventories.iter().map(|(_, report)| report.ecus[0].version.clone()).collect();
    assert_eq!(versions, ["1.0.0", "2.0.0"]);
    assert_eq!(car.image("a", "BCM"), firmware(1, 300_000));
    assert!(car.downloads().is_empty());
}

#[tokio::test]
async fn reports_are_kept_until_the_gateway_takes_them() {
    let peer = peer_with(None).await;
    peer.world().acks_answer = Some(axum::http::StatusCode::SERVICE_UNAVAILABLE);
    let car = Car::new(&peer);
    car.run_once().await.expect_err("reports are left");
    assert_eq!(car.active().as_deref(), Some("a"), "the update itself did not wait");
    assert!(peer.world().acks.is_empty());
    peer.world().acks_answer = None;
    car.run_once().await.unwrap();
    let reports = one_report_per_sequence(&peer.world());
    assert_eq!(reports.len(), 8);
    assert_eq!(peer.world().acks.len(), 8, "none was sent twice");
}

#[tokio::test]
async fn a_finished_attempt_is_never_run_again() {
    let peer = peer_with(None).await;
    let car = Car::new(&peer);
    car.run_once().await.unwrap();
    let reports = peer.world().acks.clone();
    car.run_once().await.unwrap();
    car.run_once().await.unwrap();
    assert_eq!(peer.world().acks, reports);
    assert_eq!(car.active().as_deref(), Some("a"));
}

#[tokio::test]
async fn a_retry_is_run_and_counts_its_own_sequences() {
    let peer = peer_with(None).await;
    let car = Car::new(&peer);
    car.run_once().await.unwrap();
    peer.world().acks.clear();
    peer.world().offer = Some(offered(2, &[IMAGE]));
    car.run_once().await.unwrap();
    let reports = one_report_per_sequence(&peer.world());
    assert!(reports.iter().all(|ack| ack.attempt == 2));
    assert_eq!(reports.last().unwrap().state, ReportedState::Installed);
    assert_eq!(car.active().as_deref(), Some("b"));
    peer.world().offer = Some(offered(1, &[IMAGE]));
    car.run_once().await.unwrap();
    assert!(peer.world().acks.iter().all(|(_, ack)| ack.attempt == 2), "the earlier attempt is over");
}

#[tokio::test]
async fn it_installs_only_once_the_precondition_holds() {
    let peer = peer_with(Some("battery.soc >= 40")).await;
    let car = Car::new(&peer);
    car.signals(r#"{"battery": {"soc": 10}}"#);
    let error = format!("{:#}", car.run_once().await.expect_err("it waits"));
    assert!(error.contains("battery.soc >= 40"), "{error}");
    assert_eq!(peer.world().states().last(), Some(&ReportedState::Downloaded));
    let wait = peer.world().acks.last().unwrap().1.waiting_for.clone().unwrap();
    assert_eq!((wait.code.as_str(), wait.until), ("precondition", None));
    assert!(wait.text.ends_with("battery.soc >= 40"), "{}", wait.text);
    assert_eq!(car.active(), None);

    let running = car.start();
    let polls = peer.world().polls;
    peer.until("a few more polls", |world| world.polls > polls + 3).await;
    assert_eq!(car.active(), None);
    car.signals(r#"{"battery": {"soc": 41}}"#);
    peer.until("the installation", |world| world.states().contains(&ReportedState::Installed)).await;
    running.stop().await;
    let said = one_report_per_sequence(&peer.world()).iter().filter(|ack| ack.waiting_for.is_some()).count();
    assert_eq!(said, 2, "once per life, not with every poll");
}

#[tokio::test]
async fn it_downloads_at_once_and_installs_only_in_its_window() {
    let peer = peer_with(None).await;
    let car = Car::new(&peer);
    let now = otaru_domain::clock::now();
    // Half a day from now, where the vehicle is; open now where it is not.
    let closed = [(now + TimeDelta::hours(12)), (now + TimeDelta::hours(13))].map(|at| at.format("%H:%M").to_string());
    let publish = |windows: Windows| {
        let mut world = peer.world();
        let mut document = world.model().document(&[("BCM", IMAGE)]);
        document.windows = windows;
        world.model().publish_document(document);
    };
    let [from, to] = closed;
    let weekly = vec![WeeklyWindow { days: Vec::new(), from, to }];
    publish(Windows { weekly, default_zone: Some("Pacific/Kiritimati".into()), ..Windows::default() });
    car.signals(r#"{"time_zone": "UTC"}"#);
    let error = format!("{:#}", car.run_once().await.expect_err("it waits"));
    assert!(error.contains("maintenance window opens"), "{error}");
    let report = peer.world().acks.last().unwrap().1.clone();
    let wait = report.waiting_for.unwrap();
    assert_eq!((report.state, wait.code.as_str()), (ReportedState::Downloaded, "window"));
    let hours = (wait.until.unwrap() - now).num_minutes();
    assert!((11 * 60..=12 * 60).contains(&hours), "{hours} minutes");

    publish(Windows::default());
    car.run_once().await.unwrap();
    assert_eq!(peer.world().states().last(), Some(&ReportedState::Installed));
}

#[tokio::test]
async fn a_campaign_that_stops_while_the_vehicle_waits_is_not_installed() {
    let peer = peer_with(Some("battery.soc >= 40")).await;
    let car = Car::new(&peer);
    car.signals(r#"{"battery": {"soc": 10}}"#);
    car.run_once().await.expect_err("it waits");
    car.signals(r#"{"battery": {"soc": 80}}"#);
    {
        let mut world = peer.world();
        let mut document = world.model().document(&[("BCM", IMAGE)]);
        document.state = DocumentState::Paused;
        world.model().publish_document(document);
    }
    let error = format!("{:#}", car.run_once().await.expect_err("the campaign is paused"));
    assert!(error.contains("not running"), "{error}");
    peer.world().offer = None;
    car.run_once().await.unwrap();
    assert_eq!(car.active(), None);
    assert!(!peer.world().states().contains(&ReportedState::Installing));
}

#[tokio::test]
async fn a_second_update_keeps_what_the_other_ecu_runs() {
    let mut model = Model::new("harbour");
    model.add_image(IMAGE, &["BCM"], 5, "2.0.0", &firmware(1, 1_000));
    model.add_image("TCU.bin", &["TCU"], 5, "2.0.0", &firmware(2, 1_000));
    model.publish_document(model.document(&[("BCM", IMAGE), ("TCU", "TCU.bin")]));
    let peer = Peer::start(vec![model]).await;
    let mut car = Car::new(&peer);
    car.config.ecus.extend(BTreeMap::from([("TCU".parse().unwrap(), "1.0.0".to_owned())]));
    peer.offer(&[IMAGE, "TCU.bin"]);
    car.run_once().await.unwrap();
    peer.world().model().add_image(IMAGE, &["BCM"], 6, "2.1.0", &firmware(3, 1_000));
    let alone = peer.world().model().document(&[("BCM", IMAGE)]);
    peer.world().model().publish_document(alone);
    peer.world().offer = Some(offered(2, &[IMAGE]));
    car.run_once().await.unwrap();
    assert_eq!(car.active().as_deref(), Some("b"));
    assert_eq!(car.image("b", "BCM"), firmware(3, 1_000));
    assert_eq!(car.image("b", "TCU"), firmware(2, 1_000));
}

#[tokio::test]
async fn a_streaming_agent_hears_of_an_update_without_polling() {
    let peer = peer_with(None).await;
    peer.world().offer = None;
    let mut car = Car::new(&peer);
    car.config.mode = Mode::Stream;
    let running = car.start();
    peer.until("the first inventory", |world| !world.inventories.is_empty()).await;
    peer.offer(&[IMAGE]);
    peer.until("the installation", |world| world.states().contains(&ReportedState::Installed)).await;
    running.stop().await;
    // One at the start, one right before installing; those that a closed stream would cause are not there.
    assert_eq!(peer.world().polls, 2);
}

#[tokio::test]
async fn an_agent_outlives_a_gateway_that_is_down() {
    let peer = peer_with(None).await;
    peer.world().polls_answer = Some(axum::http::StatusCode::BAD_GATEWAY);
    let car = Car::new(&peer);
    let running = car.start();
    peer.until("a few polls", |world| world.polls > 3).await;
    peer.world().polls_answer = None;
    peer.until("the installation", |world| world.states().contains(&ReportedState::Installed)).await;
    running.stop().await;
}

#[tokio::test]
async fn a_new_token_in_the_file_is_taken_without_a_restart() {
    let peer = peer_with(None).await;
    let mut car = Car::new(&peer);
    let path = car.config.state_dir.with_file_name("credentials.json");
    let root: serde_json::Value = serde_json::from_slice(&peer.world().model().root).unwrap();
    let write = |token: &str| {
        let file = serde_json::json!({ "id": "x", "token": token, "expires_at": "2030-01-01T00:00:00Z", "root": root });
        std::fs::write(path.with_extension("next"), file.to_string()).unwrap();
        std::fs::rename(path.with_extension("next"), &path).unwrap();
    };
    write("revoked");
    car.config.credentials = Credentials::File(path.clone());
    let error = format!("{:#}", car.run_once().await.expect_err("the token is revoked"));
    assert!(error.contains("issue new credentials"), "{error}");
    let running = car.start();
    write(TOKEN);
    peer.until("the installation", |world| world.states().contains(&ReportedState::Installed)).await;
    running.stop().await;
}

#[tokio::test]
async fn a_state_folder_belongs_to_one_vehicle() {
    let peer = peer_with(None).await;
    let mut car = Car::new(&peer);
    car.run_once().await.unwrap();
    car.config.vin = "WVWZZZ1KZAW000002".parse().unwrap();
    let error = format!("{:#}", car.run_once().await.expect_err("another vehicle's state"));
    assert!(error.contains("state folder of its own"), "{error}");
}

/// A peer whose campaign asks the driver, who may put it off once.
async fn asking_peer() -> std::sync::Arc<Peer> {
    let peer = peer_with(None).await;
    {
        let mut world = peer.world();
        let mut document = world.model().document(&[("BCM", IMAGE)]);
        let text = ConsentText { title: "New software".into(), body: "Takes a quarter of an hour.".into() };
        document.consent = Some(Consent {
            mode: ConsentMode::Ask,
            texts: [("en".to_owned(), text)].into(),
            minutes: Some(15),
            unavailable: Vec::new(),
            max_reminders: Some(1),
            force_reason: None,
        });
        world.model().publish_document(document);
    }
    peer
}

#[tokio::test]
async fn a_driver_is_asked_may_put_it_off_and_hears_how_it_ended() {
    let peer = asking_peer().await;
    let car = Car::new(&peer);
    let error = format!("{:#}", car.run_once().await.expect_err("nobody answered"));
    assert!(error.contains("has not answered"), "{error}");
    let shown = car.shown();
    let title = &shown["consent"]["texts"]["en"]["title"];
    assert_eq!((title, &shown["reminders"]), (&serde_json::json!("New software"), &serde_json::json!(0)));
    assert!(peer.world().acks.is_empty(), "nothing was accepted for the driver");
    car.answer("later");
    car.run_once().await.expect_err("later");
    assert_eq!(car.shown()["reminders"], 1);
    car.run_once().await.expect_err("an answer counts once");
    assert_eq!(car.shown()["reminders"], 1);
    car.answer("granted");
    car.run_once().await.unwrap();
    assert_eq!(peer.world().states().last(), Some(&ReportedState::Installed));
    let shown = car.shown();
    assert_eq!((&shown["result"], &shown["consent"]), (&serde_json::json!("installed"), &serde_json::Value::Null));
}

#[tokio::test]
async fn a_driver_who_declines_is_not_asked_again() {
    for answers in [&["declined"][..], &["later", "later"]] {
        let peer = asking_peer().await;
        let car = Car::new(&peer);
        car.run_once().await.expect_err("nobody answered");
        for answer in answers {
            car.answer(answer);
            // One that waits is an error, one that is declined is none.
            let _ended = car.run_once().await;
        }
        assert_eq!(peer.world().states(), [ReportedState::Declined], "{answers:?}");
        car.answer("granted");
        car.run_once().await.unwrap();
        assert_eq!((peer.world().acks.len(), car.active()), (1, None), "declined is declined");
    }
}

#[tokio::test]
async fn each_report_is_signed_as_it_is_sent_by_the_key_of_that_moment() {
    let peer = peer_with(None).await;
    let mut car = Car::new(&peer);
    let path = car.config.state_dir.with_extension("pem");
    let public = make_key(&path).unwrap();
    car.config.ack_key = Some(path.clone());
    // The gateway knows another key than the vehicle has.
    peer.world().acks_unsigned = true;
    car.run_once().await.expect_err("reports are left");
    assert_eq!(car.active().as_deref(), Some("a"), "the update itself did not wait");
    peer.world().acks_unsigned = false;
    std::fs::remove_file(&path).unwrap();
    let new = make_key(&path).unwrap();
    car.run_once().await.unwrap();
    let reports = one_report_per_sequence(&peer.world());
    assert_eq!(reports.len(), 8, "none was lost");
    for report in reports {
        let ack = report.into_ack(VIN.parse().unwrap(), None, clock::now());
        let known = |public: &str| AckKey {
            credential: ack.id,
            public: parse_key(public).unwrap(),
            ends_at: clock::now() + TimeDelta::days(1),
        };
        assert_eq!(judge(&ack, SignaturePolicy::Required, &[known(&public), known(&new)]), Ok(Some(ack.id)));
        assert_eq!(ack.signature.as_ref().unwrap().key, new);
    }
    let inventories: Vec<_> = peer.world().inventories.iter().map(|(_, report)| report.clone()).collect();
    assert!(inventories.windows(2).all(|two| two[0].sequence < two[1].sequence), "each above the one before");
    for report in inventories {
        let said = report.into_inventory(VIN.parse().unwrap(), None, clock::now());
        let signed_by = said.signature.as_ref().unwrap().key.clone();
        let (parsed, ends_at) = (parse_key(&signed_by).unwrap(), clock::now() + TimeDelta::days(1));
        let known = AckKey { credential: said.id, public: parsed, ends_at };
        assert!(signed_by == new || signed_by == public, "one of its own");
        assert_eq!(inventory::judge(&said, SignaturePolicy::Required, &[known]), Ok(Some(said.id)));
    }
}
