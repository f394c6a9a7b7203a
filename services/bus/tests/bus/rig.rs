//! A broker for a test, and waiting for what is promised.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use otaru_bus::{Bus, BusConfig, Consumed, Consumer, Followed, Follower, Message, Record};
use otaru_domain::id::ModelId;
use otaru_embedded::Broker;
use tempfile::TempDir;

/// Long enough for a loaded machine, short enough to be told of a hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A broker with the standing topics.
pub struct Rig {
    pub bus: Bus,
    pub config: BusConfig,
    pub embedded: Option<(Broker, TempDir)>,
}

impl Rig {
    /// The cluster of `OTARU_TEST_KAFKA` (then shared between tests: use names of your own), or a fresh broker.
    pub async fn start() -> Self {
        match std::env::var("OTARU_TEST_KAFKA") {
            Ok(bootstrap) => {
                let replication = i32::try_from(bootstrap.split(',').count().min(3)).unwrap();
                let properties = properties(&std::env::var("OTARU_TEST_KAFKA_PROPERTIES").unwrap_or_default());
                Self::at(BusConfig { replication, properties, ..BusConfig::new(bootstrap) }, None).await
            }
            Err(_) => Self::embedded().await,
        }
    }

    pub async fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = broker(folder.path(), ([127, 0, 0, 1], 0).into()).await;
        let config = BusConfig { properties: Broker::client_properties(), ..BusConfig::new(broker.bootstrap()) };
        Self::at(config, Some((broker, folder))).await
    }

    async fn at(config: BusConfig, embedded: Option<(Broker, TempDir)>) -> Self {
        let bus = Bus::new(config.clone());
        bus.ensure_topics().await.unwrap();
        Self { bus, config, embedded }
    }

    /// A fresh model with its topic.
    pub async fn model(&self) -> (ModelId, String) {
        let model = ModelId::parse(&format!("test-{}", uuid::Uuid::new_v4())).unwrap();
        self.bus.ensure_manifests(&model).await.unwrap();
        let topic = otaru_domain::topic::manifests(&model);
        (model, topic)
    }

    pub async fn end(self) {
        if let Some((broker, _folder)) = self.embedded {
            broker.stop().await;
        }
    }
}

pub async fn broker(folder: &Path, listen: SocketAddr) -> Broker {
    Broker::start(folder, listen).await.unwrap()
}

/// `a=1 b=2`.
fn properties(text: &str) -> Vec<(String, String)> {
    text.split_whitespace().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

pub fn message(key: &str, value: &str) -> Message {
    Message { key: Some(key.into()), value: Some(value.into()), headers: Vec::new() }
}

pub fn value_of(record: &Record) -> String {
    String::from_utf8(record.value.clone().unwrap()).unwrap()
}

pub async fn followed(follower: &mut Follower) -> Followed {
    tokio::time::timeout(PATIENCE, follower.next()).await.expect("nothing followed in time").expect("still running")
}

pub async fn consumed(consumer: &mut Consumer) -> Consumed {
    tokio::time::timeout(PATIENCE, consumer.next()).await.expect("nothing consumed in time").expect("still running")
}
