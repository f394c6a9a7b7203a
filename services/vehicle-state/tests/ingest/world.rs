//! What every test here needs: a broker, a database with a fleet, and the role between them.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use otaru_bus::{Bus, BusConfig, Message, Producer};
use otaru_domain::ack::Ack;
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, VehicleId, Vin};
use otaru_domain::{clock, topic};
use otaru_embedded::Broker;
use otaru_store::testing::{self, TestDatabase};
use otaru_store::{Store, offsets};
use otaru_vehicle_state::Config;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(90);
const ANY_PORT: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
pub const CAMPAIGN: CampaignId = 7;

/// Waits until `look` says yes.
pub async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

pub fn vin(number: usize) -> Vin {
    Vin::parse(&format!("WVWZZZ1KZ{number:08}")).unwrap()
}

/// A running role.
pub struct Role {
    pub listen: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Role {
    pub async fn start(database: otaru_store::Config, bus: BusConfig) -> Self {
        let listen = TcpListener::bind(SocketAddr::from(ANY_PORT)).await.unwrap().local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(otaru_vehicle_state::run(Config { listen, database, bus }, stop.clone()));
        Self { listen, stop, task }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// Ends the role without a word to anybody.
    pub async fn abort(self) {
        self.task.abort();
        assert!(self.task.await.is_err());
    }

    pub async fn get(&self, path: &str) -> String {
        let Ok(mut connection) = TcpStream::connect(self.listen).await else { return String::new() };
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

pub struct World {
    pub now: DateTime<Utc>,
    pub bus: Bus,
    pub producer: Producer,
    pub database: TestDatabase,
    pub vehicles: Vec<VehicleId>,
    broker: Broker,
    _folder: TempDir,
}

impl World {
    /// A fleet, each vehicle assigned in [`CAMPAIGN`].
    pub async fn new(vehicles: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let broker = Broker::start(folder.path(), ANY_PORT.into()).await.unwrap();
        let database = TestDatabase::create().await;
        let now = clock::now();
        testing::model(database.store(), "harbour", now).await.unwrap();
        let mut ids = Vec::new();
        for number in 0..vehicles {
            let vehicle = testing::vehicle(database.store(), vin(number).as_str(), "harbour", now).await.unwrap();
            testing::assign(database.store(), vehicle, CAMPAIGN, 1, now).await.unwrap();
            ids.push(vehicle);
        }
        let bus = Bus::new(bus_config(&broker));
        bus.ensure_topics().await.unwrap();
        let producer = bus.producer().unwrap();
        Self { now, bus, producer, database, vehicles: ids, broker, _folder: folder }
    }

    pub fn store(&self) -> &Store {
        self.database.store()
    }

    pub fn bus_config(&self) -> BusConfig {
        bus_config(&self.broker)
    }

    pub async fn role(&self) -> Role {
        Role::start(self.database.config(), self.bus_config()).await
    }

    pub fn ack(&self, vehicle: usize, sequence: u64, state: AssignmentState) -> Ack {
        let name = format!("{vehicle}/{sequence}/{state}");
        Ack {
            schema_version: 1,
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            origin: otaru_domain::ack::Origin::Vehicle,
            vin: vin(vehicle),
            model: None,
            campaign: CAMPAIGN,
            attempt: 1,
            sequence,
            state,
            progress_percent: None,
            health: None,
            error_code: None,
            log: None,
            waiting_for: None,
            versions: std::collections::BTreeMap::new(),
            reported_at: None,
            received_at: self.now,
            signature: None,
        }
    }

    /// Each vehicle accepts, downloads and installs.
    pub fn installs(&self, vehicles: std::ops::Range<usize>) -> Vec<Ack> {
        use AssignmentState as S;
        let steps = [S::Accepted, S::Downloading, S::Downloaded, S::Installing, S::Installed];
        vehicles
            .flat_map(|vehicle| (1..).zip(steps).map(move |(sequence, state)| (vehicle, sequence, state)))
            .map(|(vehicle, sequence, state)| self.ack(vehicle, sequence, state))
            .collect()
    }

    pub async fn send(&self, acks: &[Ack]) {
        let messages = acks.iter().map(|ack| keyed(&ack.vin, serde_json::to_vec(ack).unwrap())).collect();
        self.producer.send_all(topic::ACKS, messages).await.unwrap();
    }

    /// Waits until everything that is on the topics was applied.
    pub async fn applied(&self) {
        self.applied_of(&[topic::ACKS, topic::INVENTORIES]).await;
    }

    /// As [`Self::applied`], of these topics.
    pub async fn applied_of(&self, topics: &[&str]) {
        for topic in topics {
            let ends = self.bus.end_offsets(topic).await.unwrap();
            eventually("all messages are applied", async || {
                let lag = offsets::lag(self.store(), clock::now()).await.unwrap();
                ends.iter().filter(|end| end.2 > 0).all(|end| {
                    lag.iter().any(|one| one.topic == *topic && one.partition == end.0 && one.next_offset == end.2)
                })
            })
            .await;
        }
    }

    pub async fn states(&self) -> Vec<(String, i64)> {
        testing::states(self.store(), CAMPAIGN).await.unwrap()
    }

    /// The topic, replayed, gives the same rows and counters. Returns how many messages that took.
    pub async fn assert_rebuilds(&self) -> u64 {
        let config = Config { listen: ANY_PORT.into(), database: self.database.config(), bus: self.bus_config() };
        let report = otaru_vehicle_state::rebuild(config, true).await.unwrap();
        assert_eq!(report.differences, []);
        assert_eq!(report.assignments, i64::try_from(self.vehicles.len()).unwrap());
        report.messages
    }
}

pub fn keyed(vin: &Vin, value: Vec<u8>) -> Message {
    Message { key: Some(vin.as_str().into()), value: Some(value), headers: Vec::new() }
}

fn bus_config(broker: &Broker) -> BusConfig {
    let properties = Broker::client_properties();
    BusConfig { acks_partitions: 3, properties, ..BusConfig::new(broker.bootstrap()) }
}
