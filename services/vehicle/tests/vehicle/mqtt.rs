//! The agent on an MQTT broker, a real mosquitto, with the test as the gateway behind it.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use otaru_domain::ack::{AckReport, ReportedState};
use otaru_vehicle::agent::MqttConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::car::{Car, VIN, peer_with};
use crate::peer::{Peer, TOKEN};
use crate::repository::IMAGE;

const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than any test: who polls was told to.
const NEVER: Duration = Duration::from_secs(3600);

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn config(broker: SocketAddr) -> MqttConfig {
    MqttConfig { url: format!("mqtt://{broker}").parse().unwrap(), password: None, ca: None, client: None }
}

/// A broker, and a client that hears all reports and may say everything.
struct Rig {
    address: SocketAddr,
    process: Child,
    client: AsyncClient,
    reports: mpsc::UnboundedReceiver<Publish>,
    _folder: TempDir,
}

impl Rig {
    async fn start() -> Self {
        Self::start_with(tempfile::tempdir().unwrap(), "").await
    }

    /// With more settings than its own, which may name files in `folder`.
    async fn start_with(folder: TempDir, settings: &str) -> Self {
        let address = free_port();
        let path = folder.path().join("mosquitto.conf");
        let own = format!("allow_anonymous true\nlistener {} 127.0.0.1\n", address.port());
        std::fs::write(&path, own + settings).unwrap();
        let mut command = Command::new("/usr/sbin/mosquitto");
        command.arg("-c").arg(path).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("mosquitto is installed");
        let listens = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, listens).await.expect("mosquitto listens");
        let (client, mut events) = AsyncClient::new(MqttOptions::new("gateway", "127.0.0.1", address.port()), 100);
        client.subscribe("otaru/v1/vehicles/+/acks", QoS::AtLeastOnce).await.unwrap();
        let (sender, reports) = mpsc::unbounded_channel();
        let (ready, mut is_ready) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                match event {
                    Event::Incoming(Packet::SubAck(_)) => ready.try_send(()).unwrap(),
                    Event::Incoming(Packet::Publish(publish)) => drop(sender.send(publish)),
                    _ => {}
                }
            }
        });
        is_ready.recv().await.unwrap();
        Self { address, process, client, reports, _folder: folder }
    }

    async fn say(&self, topic: &str, payload: String, correlation: Option<String>) {
        let properties =
            PublishProperties { correlation_data: correlation.map(Into::into), ..PublishProperties::default() };
        let topic = topic.to_owned();
        self.client.publish_with_properties(topic, QoS::AtLeastOnce, false, payload, properties).await.unwrap();
    }

    /// The next report, after a look at who says it is whose.
    async fn report(&mut self) -> AckReport {
        let publish = tokio::time::timeout(PATIENCE, self.reports.recv()).await.expect("a report in time").unwrap();
        assert_eq!(publish.topic, format!("otaru/v1/vehicles/{VIN}/acks"));
        let authorization = ("authorization".to_owned(), format!("Bearer {TOKEN}"));
        assert_eq!(publish.properties.unwrap().user_properties, [authorization]);
        serde_json::from_slice(&publish.payload).unwrap()
    }

    async fn refuse(&self, report: &AckReport, problem: serde_json::Value) {
        let topic = format!("otaru/v1/vehicles/{VIN}/acks/refused");
        self.say(&topic, problem.to_string(), report.id.map(|id| id.to_string())).await;
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A vehicle that is on the broker and polls when it is told to, with nothing offered so far.
async fn quiet_car(rig: &Rig) -> (std::sync::Arc<Peer>, Car) {
    let peer = peer_with(None).await;
    peer.world().offer = None;
    let mut car = Car::new(&peer);
    car.config.mqtt = Some(config(rig.address));
    car.config.poll_interval = NEVER;
    (peer, car)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_brings_the_agent_to_poll_and_its_reports_go_to_the_broker() {
    for topic in [format!("otaru/v1/vehicles/{VIN}/notice"), "otaru/v1/models/harbour/manifest".to_owned()] {
        let mut rig = Rig::start().await;
        let (peer, mut car) = quiet_car(&rig).await;
        if topic.ends_with("/manifest") {
            // All vehicles hear that one, and wait for a part of the interval between polls.
            car.config.poll_interval = Duration::from_secs(6);
        }
        let running = car.start();
        // At its start, and when it is connected.
        peer.until("two polls", |world| world.polls >= 2).await;
        peer.offer(&[IMAGE]);
        rig.say(&topic, "{}".to_owned(), None).await;
        let mut sequences = Vec::new();
        loop {
            let report = rig.report().await;
            sequences.push(report.sequence);
            if report.state == ReportedState::Installed {
                break;
            }
        }
        assert_eq!(sequences, (1..=8).collect::<Vec<_>>());
        peer.until("the inventory", |world| world.inventories.len() >= 2).await;
        assert!(peer.world().acks.is_empty(), "none goes both ways");
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_may_be_taken_later_goes_over_http_and_one_that_never_will_is_dropped() {
    let mut rig = Rig::start().await;
    let (peer, car) = quiet_car(&rig).await;
    let running = car.start();
    peer.until("two polls", |world| world.polls >= 2).await;
    peer.offer(&[IMAGE]);
    rig.say(&format!("otaru/v1/vehicles/{VIN}/notice"), "{}".to_owned(), None).await;
    let mut reports = Vec::new();
    while reports.last().is_none_or(|report: &AckReport| report.state != ReportedState::Installed) {
        reports.push(rig.report().await);
    }
    // It follows the reports: by then the agent knows that the broker has them all.
    peer.until("the inventory", |world| world.inventories.len() >= 2).await;
    running.stop().await;
    // Refusals reach it when it is back, too: a gateway may have had the reports later.
    rig.refuse(&reports[0], json!({"status": 422, "detail": "never"})).await;
    rig.refuse(&reports[1], json!({"status": 503, "detail": "later", "retry_after_secs": 5})).await;
    let running = car.start();
    peer.until("the report over HTTP", |world| !world.acks.is_empty()).await;
    assert_eq!(peer.world().acks, [(VIN.to_owned(), reports[1].clone())]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_broker_the_agent_polls_and_reports_over_http() {
    let peer = peer_with(None).await;
    let mut car = Car::new(&peer);
    car.config.mqtt = Some(config(free_port()));
    let running = car.start();
    peer.until("the end", |world| world.states().contains(&ReportedState::Installed)).await;
    running.stop().await;
}

/// Who signs certificates.
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key, as PEM.
fn signed(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> (String, String) {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_tls_the_agent_is_known_by_its_certificate_and_believes_no_other_broker() {
    // The one of `main`, which all TLS of a process takes.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let (operator, makers, folder, tls) =
        (authority("operator"), authority("makers"), tempfile::tempdir().unwrap(), free_port());
    let file = |name: &str, content: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        folder.path().join(name).display().to_string()
    };
    let (certificate, key) = signed(&operator, "broker");
    let settings = format!(
        "listener {} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\nuse_identity_as_username true\n\
         acl_file {}\nuser root\n",
        tls.port(),
        file("ca.pem", &makers.pem()),
        file("broker.pem", &certificate),
        file("broker.key", &key),
        // The test does as it likes; the vehicle is its certificate's.
        file(
            "acl",
            "topic readwrite #\npattern write otaru/v1/vehicles/%u/acks\npattern read otaru/v1/vehicles/%u/notice\n"
        ),
    );
    let mut rig = Rig::start_with(folder, &settings).await;
    let (certificate, key) = signed(&makers, VIN);
    let config = |ca: &CertifiedIssuer<'static, KeyPair>| MqttConfig {
        url: format!("mqtts://{tls}").parse().unwrap(),
        password: None,
        ca: Some(ca.pem().into_bytes()),
        client: Some((certificate.clone().into_bytes(), key.clone().into_bytes())),
    };
    let (peer, mut car) = quiet_car(&rig).await;
    car.config.mqtt = Some(config(&operator));
    let running = car.start();
    peer.until("two polls", |world| world.polls >= 2).await;
    peer.offer(&[IMAGE]);
    rig.say(&format!("otaru/v1/vehicles/{VIN}/notice"), "{}".to_owned(), None).await;
    let mut sequences = Vec::new();
    loop {
        let report = rig.report().await;
        sequences.push(report.sequence);
        if report.state == ReportedState::Installed {
            break;
        }
    }
    assert_eq!(sequences, (1..=8).collect::<Vec<_>>());
    running.stop().await;

    let (peer, mut car) = quiet_car(&rig).await;
    car.config.mqtt = Some(config(&authority("strangers")));
    peer.offer(&[IMAGE]);
    let running = car.start();
    peer.until("all reports over HTTP", |world| world.states().contains(&ReportedState::Installed)).await;
    running.stop().await;
}
