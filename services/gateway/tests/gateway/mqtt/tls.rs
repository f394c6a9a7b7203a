//! The broker behind TLS, with the settings of `ops/mqtt/mosquitto.conf`: it shows a certificate of an authority that the
//! installation names, and knows gateways and vehicles by theirs.

use otaru_gateway::{MqttConfig, MqttTls};
use rcgen::{ExtendedKeyUsagePurpose as Usage, SanType};
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::v5::PubAckReason;
use rumqttc::{TlsConfiguration, Transport};
use serde_json::{Value, json};

use super::reports::report;
use super::rig::{Client, Mosquitto, acks, acl};
use crate::tls::Authority;
use crate::world::{World, eventually};

const VIN: &str = "WVWZZZ1KZAW000001";
const OTHER_VIN: &str = "WVWZZZ1KZAW000002";

/// A certificate with its key, as PEM.
type Pair = (Vec<u8>, Vec<u8>);

fn client(authority: &Authority, name: &str, serial: u64) -> Pair {
    let (certificate, key) = authority.sign(name, &[], Usage::ClientAuth, serial);
    (certificate.into_bytes(), key.into_bytes())
}

/// A broker that lets in nobody without a certificate of `makers`, and shows one of `authority`.
async fn broker(authority: &Authority, makers: &Authority) -> Mosquitto {
    // The one of `main`, which all TLS of a process takes.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let mut broker = Mosquitto::new();
    let address = [SanType::IpAddress(broker.address.ip())];
    let (certificate, key) = authority.sign("broker", &address, Usage::ServerAuth, 1);
    let lines = format!(
        "cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\nuse_identity_as_username true\n\
         allow_anonymous false\nacl_file {}\n",
        broker.file("ca.pem", &makers.pem()).display(),
        broker.file("broker.pem", &certificate).display(),
        broker.file("broker.key", &key).display(),
        acl().display()
    );
    broker.configure(&lines);
    broker.start().await;
    broker
}

fn gateway(broker: &Mosquitto, client_id: &str, ca: &Authority, client: Option<Pair>) -> MqttConfig {
    let tls = MqttTls { ca: ca.pem().into_bytes(), client };
    MqttConfig::new(&format!("mqtts://{}", broker.address), client_id.to_owned(), Some(tls)).unwrap()
}

/// A vehicle's client, known by its certificate alone.
async fn vehicle(broker: &Mosquitto, ca: &Authority, (certificate, key): Pair, topics: &[&str]) -> Client {
    let name = format!("test-{}", uuid::Uuid::new_v4());
    let mut options = MqttOptions::new(name, "127.0.0.1", broker.address.port());
    let client_auth = Some((certificate, key));
    let tls = TlsConfiguration::Simple { ca: ca.pem().into_bytes(), alpn: None, client_auth };
    options.set_transport(Transport::Tls(tls));
    Client::with(options, topics).await
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_and_vehicles_are_known_to_the_broker_by_their_certificates() {
    let (authority, makers) = (Authority::new("operator"), Authority::new("makers"));
    let broker = broker(&authority, &makers).await;
    let own = client(&makers, "gateway", 2);
    let world = World::start_with(|config| {
        config.mqtt = Some(gateway(&broker, "gateway-1", &authority, Some(own)));
    })
    .await;
    let model = world.model("harbour").await;
    let car = world.vehicle(VIN, &model).await;
    let manifest = ["otaru/v1/models/+/manifest"];
    let mut line = vehicle(&broker, &authority, client(&makers, VIN, 3), &manifest).await;
    assert_eq!(line.json().await.1["model"], "harbour", "the gateway speaks there");
    line.report(&car, report(1, "accepted").to_string()).await;
    assert_eq!(line.puback().await, PubAckReason::Success);
    let arrived = eventually("the report arrives", async || {
        Some(world.acks(&car.vin).await).filter(|acks: &Vec<Value>| !acks.is_empty())
    });
    assert_eq!(arrived.await[0]["state"], json!("accepted"));
    // The certificate is the user: another's topic is not its to write on.
    line.send(&acks(OTHER_VIN), None, None, "{}").await;
    assert_eq!(line.puback().await, PubAckReason::NotAuthorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_stranger_at_the_broker_nor_a_strangers_broker_is_believed() {
    let (authority, makers) = (Authority::new("operator"), Authority::new("makers"));
    let broker = broker(&authority, &makers).await;
    let world = World::start().await;
    let refused = async |config: MqttConfig, why: &str| {
        let before = broker.log().len();
        // Whatever becomes of its broker, a gateway serves vehicles that ask over HTTP.
        let gateway = world.second_gateway(|options| options.mqtt = Some(config)).await;
        eventually("the broker says why", async || broker.log()[before..].contains(why).then_some(())).await;
        assert!(!broker.log().contains("New client connected"), "{}", broker.log());
        drop(gateway);
    };
    let own = || Some(client(&makers, "gateway", 2));
    let strangers = Authority::new("strangers");
    refused(gateway(&broker, "gateway-1", &authority, None), "peer did not return a certificate").await;
    refused(
        gateway(&broker, "gateway-2", &authority, Some(client(&strangers, "gateway", 2))),
        "certificate verify failed",
    )
    .await;
    refused(gateway(&broker, "gateway-3", &strangers, own()), "alert").await;
}
