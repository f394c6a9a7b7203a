//! What every test here needs: a broker, a database, a gateway, and somebody who plays the campaign service.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_bus::{Bus, BusConfig, Message, Record};
use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::id::{CampaignId, ModelId, Sha256, VehicleId, Vin};
use otaru_domain::token::{self, Claims};
use otaru_domain::tuf::{Key, Publication};
use otaru_domain::{clock, topic};
use otaru_embedded::Broker;
use otaru_gateway::Config;
use otaru_store::objects::{Digests, Objects};
use otaru_store::testing::{self, TestDatabase};
use otaru_store::{Store, token_keys};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::model::Model;

const PATIENCE: Duration = Duration::from_secs(60);
pub const ANY_PORT: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Waits until `look` finds something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

pub struct World {
    pub now: DateTime<Utc>,
    pub bus: Bus,
    pub broker: Option<Broker>,
    pub folder: TempDir,
    pub token_key: Key,
    pub gateway: Gateway,
    database: TestDatabase,
    objects: Objects,
}

/// A vehicle with its token.
pub struct Vehicle {
    pub vin: Vin,
    pub id: VehicleId,
    pub token: String,
    pub credential: Uuid,
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With another configuration of the gateway.
    pub async fn start_with(configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = TestDatabase::create().await;
        let broker = Broker::start(folder.path(), ANY_PORT.into()).await.unwrap();
        let bus_config = bus_config(&broker);
        let bus = Bus::new(bus_config.clone());
        bus.ensure_topics().await.unwrap();
        let token_key = Key::generate().unwrap();
        let now = clock::now();
        token_keys::add(database.store(), token_key.id(), &token_key.public().bytes().unwrap(), now).await.unwrap();
        let artifacts = format!("file://{}", folder.path().join("artifacts").display());
        testing::lead_and_keep_up(database.store()).await.unwrap();
        let mut config = Config::new(ANY_PORT.into(), database.config(), bus_config, artifacts.clone());
        config.stream_spread = Duration::from_millis(20);
        configure(&mut config);
        let gateway = Gateway::start(config).await;
        gateway.ready().await;
        let objects = Objects::open(&artifacts).unwrap();
        Self { now, bus, broker: Some(broker), folder, token_key, gateway, database, objects }
    }

    pub fn store(&self) -> &Store {
        self.database.store()
    }

    /// Says something of an attempt, as the engine does.
    pub async fn engine_says(&self, vin: &Vin, campaign: CampaignId, state: AssignmentState) {
        let ack = Ack::by_server(Origin::Engine, vin.clone(), campaign, 1, state, self.now);
        let value = serde_json::to_vec(&ack).unwrap();
        let message = Message { key: Some(vin.as_str().into()), value: Some(value), headers: Vec::new() };
        self.bus.producer().unwrap().send(topic::ACKS, message).await.unwrap();
    }

    /// A gateway beside the world's own.
    pub async fn second_gateway(&self, configure: impl FnOnce(&mut Config)) -> Gateway {
        let gateway = self.gateway_beside(configure).await;
        gateway.ready().await;
        gateway
    }

    /// As [`Self::second_gateway`], which may not be ready yet.
    pub async fn gateway_beside(&self, configure: impl FnOnce(&mut Config)) -> Gateway {
        let artifacts = format!("file://{}", self.folder.path().join("artifacts").display());
        let bus = bus_config(self.broker.as_ref().unwrap());
        let mut config = Config::new(ANY_PORT.into(), self.database.config(), bus, artifacts);
        configure(&mut config);
        Gateway::start(config).await
    }

    pub fn database_config(&self) -> otaru_store::Config {
        self.database.config()
    }

    /// A model whose repository the gateway serves.
    pub async fn model(&self, id: &str) -> Model {
        testing::model(self.store(), id, self.now).await.unwrap();
        let (model, first) = Model::new(id, self.now);
        self.bus.ensure_manifests(&model.id).await.unwrap();
        self.publish(&model, first).await;
        model
    }

    /// Publishes, and waits until the gateway serves it.
    pub async fn publish(&self, model: &Model, publication: Publication) {
        let (_, timestamp) = publication.files.last().cloned().unwrap();
        self.send_files(&model.id, publication.files).await;
        let path = format!("/tuf/{}/metadata/timestamp.json", model.id);
        eventually("the gateway serves the new timestamp", async || {
            let served = self.gateway.get(&path).send().await.unwrap().bytes().await.unwrap();
            (Some(served.as_ref()) == timestamp.as_deref()).then_some(())
        })
        .await;
    }

    pub async fn send_files(&self, model: &ModelId, files: Vec<(String, Option<Vec<u8>>)>) {
        let message = |(name, value): (String, Option<Vec<u8>>)| Message {
            key: Some(name.into_bytes()),
            value,
            headers: Vec::new(),
        };
        let messages = files.into_iter().map(message).collect();
        self.bus.producer().unwrap().send_all(&topic::manifests(model), messages).await.unwrap();
    }

    pub fn claims(&self, vin: &Vin, id: VehicleId, model: &ModelId) -> Claims {
        Claims {
            vin: vin.clone(),
            vehicle: id,
            model: model.clone(),
            jti: Uuid::new_v4(),
            iat: self.now.timestamp(),
            exp: (self.now + TimeDelta::days(1)).timestamp(),
            ack_key: None,
        }
    }

    pub async fn vehicle(&self, vin: &str, model: &Model) -> Vehicle {
        let id = testing::vehicle(self.store(), vin, model.id.as_str(), self.now).await.unwrap();
        let vin = Vin::parse(vin).unwrap();
        let claims = self.claims(&vin, id, &model.id);
        let token = token::issue(&claims, &self.token_key).unwrap();
        Vehicle { vin, id, token, credential: claims.jti }
    }

    /// A campaign that runs, in Postgres only.
    pub async fn campaign(&self) -> CampaignId {
        let version = Uuid::new_v4().to_string();
        let release = testing::release(self.store(), &version, self.now).await.unwrap();
        let campaign = testing::campaign(self.store(), release, "salt", self.now).await.unwrap();
        testing::set_campaign_state(self.store(), campaign, "running").await.unwrap();
        campaign
    }

    /// A campaign that runs for all of `vehicles`, in Postgres and in the repository.
    pub async fn running_campaign(&self, model: &mut Model, vehicles: &[&Vehicle]) -> CampaignId {
        let campaign = self.campaign().await;
        for vehicle in vehicles {
            testing::assign(self.store(), vehicle.id, campaign, 1, self.now).await.unwrap();
        }
        let publication = model.publish_document(model.document(campaign, self.now), self.now);
        self.publish(model, publication).await;
        campaign
    }

    /// Puts an image into the object store.
    pub async fn image(&self, bytes: &[u8]) -> Sha256 {
        self.upload(bytes).await.sha256
    }

    /// As [`Self::image`], with all that is known of it.
    pub async fn upload(&self, bytes: &[u8]) -> Digests {
        let upload = futures::stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::copy_from_slice(bytes))]);
        let staged = self.objects.receive(upload, 1 << 30).await.unwrap();
        self.objects.keep(staged).await.unwrap()
    }

    /// What is on a topic for `vin`.
    pub async fn records(&self, topic: &str, vin: &Vin) -> Vec<Record> {
        let records = self.bus.read_topic(topic).await.unwrap();
        records.into_iter().filter(|record| record.key.as_deref() == Some(vin.as_str().as_bytes())).collect()
    }

    /// The acknowledgements of `vin`, as JSON.
    pub async fn acks(&self, vin: &Vin) -> Vec<serde_json::Value> {
        let records = self.records(topic::ACKS, vin).await;
        records.iter().map(|record| serde_json::from_slice(record.value.as_deref().unwrap()).unwrap()).collect()
    }
}

pub fn bus_config(broker: &Broker) -> BusConfig {
    BusConfig { properties: Broker::client_properties(), ..BusConfig::new(broker.bootstrap()) }
}

/// A gateway under test. Dropping it stops it.
pub struct Gateway {
    pub address: SocketAddr,
    client: reqwest::Client,
    stop: CancellationToken,
    running: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Gateway {
    pub async fn start(config: Config) -> Self {
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(otaru_gateway::serve(config, listener, stop.clone()));
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self { address, client, stop, running: Some(running) }
    }

    pub async fn ready(&self) {
        eventually("the gateway is ready", async || (self.readyz().await == StatusCode::OK).then_some(())).await;
    }

    pub async fn readyz(&self) -> StatusCode {
        self.get("/readyz").send().await.unwrap().status()
    }

    /// Stops it, and says how it ended.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap().unwrap();
    }

    /// Ends it as a crash does: nothing is finished, nobody is told.
    pub async fn kill(&mut self) {
        let running = self.running.take().unwrap();
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A call of a vehicle, for itself.
    pub fn call(&self, method: Method, vehicle: &Vehicle, call: &str) -> RequestBuilder {
        self.request(method, &format!("/vehicle/v1/{}/{call}", vehicle.vin)).bearer_auth(&vehicle.token)
    }

    pub async fn poll(&self, vehicle: &Vehicle) -> Response {
        self.call(Method::GET, vehicle, "update").send().await.unwrap()
    }

    pub async fn post_acks(&self, vehicle: &Vehicle, kind: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.call(Method::POST, vehicle, "acks").header("content-type", kind.to_owned());
        request.body(body).send().await.unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A header as text.
pub fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap_or_else(|| panic!("no {name} in {response:?}")).to_str().unwrap()
}

pub fn retry_after(response: &Response) -> u64 {
    header(response, "retry-after").parse().unwrap()
}

/// The body of a problem, after a look at its form.
pub async fn problem(response: Response) -> serde_json::Value {
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    let status = response.status().as_u16();
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert!(body["type"].as_str().unwrap().starts_with("urn:otaru:problem:"), "{body}");
    body
}
