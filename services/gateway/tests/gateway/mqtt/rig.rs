//! A mosquitto, clients of it, and a way to it that can be watched and cut.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use otaru_gateway::{MqttConfig, MqttSecret};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::world::{ANY_PORT, Vehicle, eventually};

pub const PASSWORD: &str = "a password of the tests";
const PATIENCE: Duration = Duration::from_secs(60);

/// An MQTT broker of the test's own.
pub struct Mosquitto {
    pub address: SocketAddr,
    process: Option<Child>,
    folder: TempDir,
}

impl Mosquitto {
    /// One that knows the gateway and `vins`, and lets them do what the documented ACL lets them.
    pub async fn guarded(vins: &[&str]) -> Self {
        let mut broker = Self::new();
        let passwords = broker.folder.path().join("passwords");
        fs::write(&passwords, "").unwrap();
        for user in ["gateway"].iter().chain(vins) {
            let made = Command::new("mosquitto_passwd").arg("-b").arg(&passwords).args([user, PASSWORD]).output();
            assert!(made.unwrap().status.success());
        }
        let lines = format!("password_file {}\nacl_file {}\n", passwords.display(), acl().display());
        broker.configure(&lines);
        broker.start().await;
        broker
    }

    /// One that lets everybody do everything.
    pub async fn open() -> Self {
        let mut broker = Self::new();
        broker.configure("allow_anonymous true\n");
        broker.start().await;
        broker
    }

    /// One that does not run yet.
    pub fn new() -> Self {
        let address = std::net::TcpListener::bind(SocketAddr::from(ANY_PORT)).unwrap().local_addr().unwrap();
        Self { address, process: None, folder: tempfile::tempdir().unwrap() }
    }

    pub fn configure(&self, lines: &str) {
        let store = self.folder.path().display();
        let common = format!(
            "persistence true\npersistence_location {store}/\nmax_queued_messages 0\nuser root\nlog_type all\n"
        );
        let config = format!("listener {} 127.0.0.1\n{common}{lines}", self.address.port());
        fs::write(self.folder.path().join("mosquitto.conf"), config).unwrap();
    }

    /// A file of the broker's own.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub async fn start(&mut self) {
        let config = self.folder.path().join("mosquitto.conf");
        let mut command = Command::new("/usr/sbin/mosquitto");
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        command.arg("-c").arg(config).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("mosquitto is installed"));
        eventually("mosquitto listens", async || TcpStream::connect(self.address).await.ok()).await;
    }

    /// How a gateway reaches it.
    pub fn config(&self) -> MqttConfig {
        config(self.address, "gateway-1")
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill().unwrap();
            process.wait().unwrap();
        }
        if std::thread::panicking() {
            eprintln!("mosquitto says:\n{}", self.log());
        }
    }
}

/// The documented ACL.
pub fn acl() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../ops/mqtt/mosquitto.acl")
}

pub fn config(address: SocketAddr, client_id: &str) -> MqttConfig {
    let mut config = MqttConfig::new(&format!("mqtt://{address}"), client_id.to_owned(), None).unwrap();
    config.credentials = Some(("gateway".to_owned(), MqttSecret::new(PASSWORD)));
    config
}

/// A client that is no gateway. What it is sent is kept until it is looked at.
pub struct Client {
    client: AsyncClient,
    packets: mpsc::UnboundedReceiver<Packet>,
    polling: JoinHandle<()>,
}

impl Client {
    /// Connects as `user`, and subscribes to `topics`.
    pub async fn connect(broker: &Mosquitto, user: &str, topics: &[&str]) -> Self {
        let mut options =
            MqttOptions::new(format!("test-{}", uuid::Uuid::new_v4()), "127.0.0.1", broker.address.port());
        options.set_credentials(user, PASSWORD);
        Self::with(options, topics).await
    }

    /// As [`Self::connect`], in another way.
    pub async fn with(options: MqttOptions, topics: &[&str]) -> Self {
        let (client, mut events) = AsyncClient::new(options, 1000);
        let (sender, packets) = mpsc::unbounded_channel();
        let polling = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(packet)) => {
                        if sender.send(packet).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        let mut connected = Self { client, packets, polling };
        for topic in topics {
            connected.client.subscribe(*topic, QoS::AtLeastOnce).await.unwrap();
            connected.until(|packet| matches!(packet, Packet::SubAck(_)).then_some(())).await;
        }
        connected
    }

    /// The vehicle's own client, which hears its notices and what of its reports is refused. There is a model, and a gateway
    /// that has subscribed: its notice says so.
    pub async fn of(broker: &Mosquitto, vehicle: &Vehicle) -> Self {
        Self::connect(broker, vehicle.vin.as_str(), &["otaru/v1/models/+/manifest"]).await.json().await;
        let own = |what: &str| format!("otaru/v1/vehicles/{}/{what}", vehicle.vin);
        Self::connect(broker, vehicle.vin.as_str(), &[&own("notice"), &own("acks/refused")]).await
    }

    /// Sends without waiting for the broker.
    pub async fn send(&self, topic: &str, authorization: Option<&str>, kind: Option<&str>, body: impl Into<Vec<u8>>) {
        let named = authorization.map(|value| ("authorization".to_owned(), value.to_owned()));
        let properties = PublishProperties {
            user_properties: named.into_iter().collect(),
            content_type: kind.map(str::to_owned),
            correlation_data: Some("mine".into()),
            ..PublishProperties::default()
        };
        let body: Vec<u8> = body.into();
        self.client.publish_with_properties(topic, QoS::AtLeastOnce, false, body, properties).await.unwrap();
    }

    /// Reports for the vehicle, as it does itself.
    pub async fn report(&self, vehicle: &Vehicle, body: impl Into<Vec<u8>>) {
        self.send(&acks(vehicle.vin.as_str()), Some(&format!("Bearer {}", vehicle.token)), None, body).await;
    }

    /// What the broker says to the next publication.
    pub async fn puback(&mut self) -> PubAckReason {
        self.until(|packet| match packet {
            Packet::PubAck(answer) => Some(answer.reason),
            _ => None,
        })
        .await
    }

    /// The next message.
    pub async fn message(&mut self) -> Publish {
        self.until(|packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        })
        .await
    }

    /// The topic and the JSON of the next message.
    pub async fn json(&mut self) -> (String, Value) {
        let message = self.message().await;
        let topic = String::from_utf8(message.topic.to_vec()).unwrap();
        (topic, serde_json::from_slice(&message.payload).unwrap())
    }

    async fn until<T>(&mut self, mut look: impl FnMut(Packet) -> Option<T>) -> T {
        let found = async {
            loop {
                let packet = self.packets.recv().await.expect("the client goes on");
                if let Some(found) = look(packet) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("a packet in time")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

pub fn acks(vin: &str) -> String {
    format!("otaru/v1/vehicles/{vin}/acks")
}

/// A way to the broker that shows what the broker sends.
pub struct Tap {
    pub address: SocketAddr,
    sent: Arc<Mutex<Vec<u8>>>,
    accepting: JoinHandle<()>,
}

impl Tap {
    pub async fn to(broker: &Mosquitto) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(ANY_PORT)).await.unwrap();
        let (address, server) = (listener.local_addr().unwrap(), broker.address);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&sent);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(upstream) = TcpStream::connect(server).await else { continue };
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_broker, mut to_broker) = upstream.into_split();
                    let up = tokio::io::copy(&mut from_client, &mut to_broker);
                    let down = async {
                        let mut chunk = [0; 4096];
                        while let Ok(length @ 1..) = from_broker.read(&mut chunk).await {
                            seen.lock().unwrap().extend_from_slice(&chunk[..length]);
                            if to_client.write_all(&chunk[..length]).await.is_err() {
                                break;
                            }
                        }
                    };
                    tokio::select! { _ = up => {}, () = down => {} }
                });
            }
        });
        Self { address, sent, accepting }
    }

    /// How often the broker sent `text`.
    pub fn count(&self, text: &str) -> usize {
        let sent = self.sent.lock().unwrap();
        sent.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
