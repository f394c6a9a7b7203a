//! A vehicle as the tests have it: its state on disk, how its agent is started, and a campaign for it.

use std::path::PathBuf;
use std::time::Duration;

use otaru_vehicle::agent::{AgentConfig, Credentials, GatewayTls, Mode, run};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::peer::{Peer, TOKEN};
use crate::repository::{IMAGE, Model, firmware};

pub const VIN: &str = "WVWZZZ1KZAW000001";

/// A vehicle: its state on disk and how its agent is started.
pub struct Car {
    dir: TempDir,
    pub config: AgentConfig,
}

impl Car {
    pub fn new(peer: &Peer) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (model, root) = {
            let mut world = peer.world();
            let model = world.model();
            (model.id.clone(), model.root.clone())
        };
        let config = AgentConfig {
            gateway: peer.url(),
            tls: GatewayTls::default(),
            vin: VIN.parse().unwrap(),
            model,
            credentials: Credentials::Given { token: TOKEN.to_owned(), root },
            ack_key: None,
            age_identity: None,
            state_dir: dir.path().join("state"),
            ecus: [("BCM".parse().unwrap(), "1.0.0".to_owned())].into(),
            health_check: None,
            signals: Some(dir.path().join("signals.json")),
            mode: Mode::Poll,
            mqtt: None,
            delta_memory_bytes: 64 << 20,
            once: false,
            poll_interval: Duration::from_millis(20),
            backoff: (Duration::from_millis(10), Duration::from_millis(50)),
        };
        let car = Self { dir, config };
        car.signals(r#"{"battery": {"soc": 80}}"#);
        car
    }

    pub async fn run_once(&self) -> anyhow::Result<()> {
        run(AgentConfig { once: true, ..self.config.clone() }, CancellationToken::new()).await
    }

    pub fn start(&self) -> Running {
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(run(self.config.clone(), stop.clone())), stop }
    }

    pub fn signals(&self, json: &str) {
        let path = self.dir.path().join("signals.json");
        let next = path.with_extension("next");
        std::fs::write(&next, json).unwrap();
        std::fs::rename(next, path).unwrap();
    }

    /// What the driver sees.
    pub fn shown(&self) -> serde_json::Value {
        let path = self.config.state_dir.join("driver/shown.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// What the driver says.
    pub fn answer(&self, answer: &str) {
        let shown = self.shown();
        let said = serde_json::json!({"campaign": shown["campaign"], "attempt": shown["attempt"], "answer": answer});
        std::fs::write(self.config.state_dir.join("driver/answer.json"), said.to_string()).unwrap();
    }

    /// The slot that runs.
    pub fn active(&self) -> Option<String> {
        std::fs::read_to_string(self.slots().join("active")).ok().map(|slot| slot.trim().to_owned())
    }

    pub fn image(&self, slot: &str, hardware_id: &str) -> Vec<u8> {
        std::fs::read(self.slots().join(slot).join(format!("{hardware_id}.bin"))).unwrap()
    }

    pub fn downloads(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.config.state_dir.join("downloads"))
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default()
    }

    fn slots(&self) -> PathBuf {
        self.config.state_dir.join("slots")
    }
}

pub struct Running {
    task: JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Running {
    /// Ends it at once, wherever it is.
    pub async fn kill(self) {
        self.task.abort();
        drop(self.task.await);
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// A peer with a campaign of one image, or with none.
pub async fn peer_with(precondition: Option<&str>) -> std::sync::Arc<Peer> {
    let mut model = Model::new("harbour");
    model.add_image(IMAGE, &["BCM"], 5, "2.0.0", &firmware(1, 300_000));
    let mut document = model.document(&[("BCM", IMAGE)]);
    document.precondition = precondition.map(str::to_owned);
    model.publish_document(document);
    let peer = Peer::start(vec![model]).await;
    peer.offer(&[IMAGE]);
    peer
}
