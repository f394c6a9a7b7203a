//! Images that arrive encrypted: only the ciphertext travels, what is signed decides what is decrypted, and a vehicle without
//! the key says so.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use otaru_domain::ack::ReportedState;
use otaru_domain::age::{Encryptor, Identity, Recipient};

use crate::car::Car;
use crate::kills::killed_after;
use crate::peer::{Peer, one_report_per_sequence};
use crate::repository::{IMAGE, Model, firmware, sha256};

/// An identity and its recipient, as `age-keygen` prints them.
const SECRET: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

fn own() -> Identity {
    Identity::parse(SECRET).unwrap()
}

fn other() -> Identity {
    Identity::new(&[7; 32]).unwrap()
}

fn image() -> Vec<u8> {
    firmware(1, 300_000)
}

fn encrypt(bytes: &[u8], recipients: &[Recipient]) -> Vec<u8> {
    let (mut encryptor, mut file) = Encryptor::new(recipients).unwrap();
    file.extend(encryptor.push(bytes).unwrap());
    file.extend(encryptor.finish().unwrap());
    file
}

/// A campaign of an image that is encrypted for `recipients` and told to be `told` by `scheme`; the ciphertext.
async fn offered(scheme: &str, told: &[u8], recipients: &[Recipient]) -> (Arc<Peer>, Vec<u8>) {
    let mut model = Model::new("harbour");
    let ciphertext = encrypt(&image(), recipients);
    model.add_encrypted_image(IMAGE, scheme, told, &ciphertext);
    let mut document = model.document(&[("BCM", IMAGE)]);
    document.precondition = Some("battery.soc >= 40".to_owned());
    model.publish_document(document);
    let peer = Peer::start(vec![model]).await;
    peer.offer(&[IMAGE]);
    (peer, ciphertext)
}

/// Gives the vehicle these lines as its identities.
fn give(car: &mut Car, lines: &str) {
    let path = car.config.state_dir.with_file_name("identity.txt");
    fs::write(&path, lines).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    car.config.age_identity = Some(path);
}

/// How the vehicle's attempt ended, with its code.
fn end(peer: &Peer) -> (ReportedState, Option<String>) {
    let last = one_report_per_sequence(&peer.world()).pop().unwrap();
    (last.state, last.error_code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ciphertext_is_downloaded_and_the_image_runs_whatever_moment_the_agent_is_killed() {
    for points in (0..).step_by(4) {
        let (peer, ciphertext) = offered("age", &image(), &[other().recipient(), own().recipient()]).await;
        let mut car = Car::new(&peer);
        give(&mut car, &format!("# the key of today\n{SECRET}\n"));
        let killed = killed_after(&peer, &car, points).await;
        car.run_once().await.unwrap();
        assert_eq!(end(&peer), (ReportedState::Installed, None), "killed at point {points}");
        assert_eq!(car.image("a", "BCM"), image(), "killed at point {points}");
        assert!(car.downloads().is_empty(), "{:?}", car.downloads());
        if !killed {
            assert_eq!(peer.world().served[IMAGE], ciphertext.len(), "once, and nothing else");
            return;
        }
    }
}

#[tokio::test]
async fn without_an_identity_nothing_is_downloaded() {
    let (peer, _) = offered("age", &image(), &[own().recipient()]).await;
    let car = Car::new(&peer);
    let error = car.run_once().await.unwrap_err().to_string();
    assert!(error.contains("--age-identity"), "{error}");
    assert_eq!(end(&peer), (ReportedState::Failed, Some("no_decryption_key".to_owned())));
    assert!(!peer.world().served.contains_key(IMAGE));
    assert_eq!(car.active(), None);
}

#[tokio::test]
async fn a_wrong_identity_fails_before_anything_is_installed() {
    let (peer, _) = offered("age", &image(), &[other().recipient()]).await;
    let mut car = Car::new(&peer);
    give(&mut car, SECRET);
    // It need not wait for its precondition to find out.
    car.signals(r#"{"battery": {"soc": 1}}"#);
    car.run_once().await.unwrap_err();
    assert_eq!(end(&peer), (ReportedState::Failed, Some("wrong_decryption_key".to_owned())));
    assert!(!peer.world().states().contains(&ReportedState::Installing));
    assert_eq!(car.active(), None);
}

#[tokio::test]
async fn what_is_decrypted_must_be_what_is_signed() {
    let mut longer = image();
    longer.push(0);
    for told in [firmware(2, 300_000), longer, image()[..299_999].to_vec()] {
        let (peer, _) = offered("age", &told, &[own().recipient()]).await;
        let mut car = Car::new(&peer);
        give(&mut car, SECRET);
        car.run_once().await.unwrap_err();
        assert_eq!(end(&peer), (ReportedState::Failed, Some("image_corrupt".to_owned())));
        assert_eq!(car.active(), None, "nothing is switched to");
    }
}

#[tokio::test]
async fn an_encryption_of_later_is_told_and_what_is_signed_as_it_is_needs_no_key() {
    let (peer, _) = offered("better", &image(), &[own().recipient()]).await;
    let mut car = Car::new(&peer);
    give(&mut car, SECRET);
    car.run_once().await.unwrap_err();
    assert_eq!(end(&peer), (ReportedState::Failed, Some("unknown_encryption".to_owned())));

    // Encryption that was turned off: the signed targets say so, and an identity is no reason to refuse.
    let peer = crate::car::peer_with(None).await;
    let mut car = Car::new(&peer);
    give(&mut car, SECRET);
    car.run_once().await.unwrap();
    assert_eq!(car.image("a", "BCM"), image());
}

#[tokio::test]
async fn a_gateway_that_sends_the_image_in_place_of_its_ciphertext_is_not_believed() {
    let (peer, ciphertext) = offered("age", &image(), &[own().recipient()]).await;
    let mut car = Car::new(&peer);
    give(&mut car, SECRET);
    let path = format!("harbour/targets/{}.{IMAGE}", sha256(&ciphertext));
    peer.world().overrides.insert(path, image());
    car.run_once().await.unwrap_err();
    assert_eq!(car.active(), None);
}

#[tokio::test]
async fn an_identity_that_others_can_read_is_refused_at_the_start() {
    let peer = crate::car::peer_with(None).await;
    let mut car = Car::new(&peer);
    give(&mut car, SECRET);
    let path = car.config.age_identity.clone().unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(car.run_once().await.unwrap_err().to_string().contains("chmod 600"));
    give(&mut car, "# none\n");
    assert!(format!("{:#}", car.run_once().await.unwrap_err()).contains("age-keygen"));
}
