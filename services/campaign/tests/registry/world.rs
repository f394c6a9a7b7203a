//! What every test here needs: a campaign service with a database of its own, and callers of each role.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use otaru_bus::{Bus, BusConfig, Record};
use otaru_campaign::auth::{Role, hash, new_secret};
use otaru_campaign::{Config, DEFAULT_MAX_ARTIFACT_BYTES, DeltaConfig};
use otaru_domain::clock;
use otaru_domain::id::{ModelId, Vin};
use otaru_domain::topic;
use otaru_embedded::Broker;
use otaru_http::Serving;
use otaru_store::Store;
use otaru_store::access::{self, NewToken};
use otaru_store::testing::TestDatabase;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);
const ANY_PORT: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// One broker serves all tests of this process: each has models, and thus topics, of its own.
static BROKER: OnceCell<Broker> = OnceCell::const_new();

async fn broker() -> &'static Broker {
    let start = async || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Broker::start(&folder, ANY_PORT.into()).await.unwrap()
    };
    BROKER.get_or_init(start).await
}

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
    pub config: Config,
    pub folder: TempDir,
    pub bus: Bus,
    pub address: SocketAddr,
    database: TestDatabase,
    base: String,
    client: reqwest::Client,
    stop: CancellationToken,
    running: Option<JoinHandle<anyhow::Result<()>>>,
}

impl World {
    /// With root keys on disk, so that models are active at once.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(configure: impl FnOnce(&mut Config)) -> Self {
        let world = Self::start_unready(configure).await;
        eventually("the service is ready", async || {
            (world.request(Method::GET, "/readyz").send().await.unwrap().status() == StatusCode::OK).then_some(())
        })
        .await;
        world
    }

    pub async fn start_unready(configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = TestDatabase::create().await;
        let broker = broker().await;
        let mut config = Config {
            listen: ANY_PORT.into(),
            database: database.config(),
            bus: BusConfig { properties: Broker::client_properties(), ..BusConfig::new(broker.bootstrap()) },
            artifacts: format!("file://{}", folder.path().join("artifacts").display()),
            keys_dir: folder.path().join("keys"),
            pkcs11: None,
            demo_root: true,
            demo_director_keys: None,
            initial_admin_token: None,
            require_review: false,
            oidc: None,
            max_artifact_bytes: DEFAULT_MAX_ARTIFACT_BYTES,
            deltas: DeltaConfig::default(),
            serving: Serving::default(),
        };
        configure(&mut config);
        let bus = Bus::new(config.bus.clone());
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let running = Some(tokio::spawn(otaru_campaign::run_on(listener, config.clone(), stop.clone())));
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self { config, folder, bus, address, database, base: format!("http://{address}"), client, stop, running }
    }

    pub fn store(&self) -> &Store {
        self.database.store()
    }

    pub fn artifacts(&self) -> PathBuf {
        self.folder.path().join("artifacts")
    }

    /// Stops the service; it must end well.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap().unwrap();
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// A caller with a token of its own.
    pub async fn caller(&self, role: Role) -> Caller<'_> {
        let (id, secret, now) = (Uuid::now_v7(), new_secret().unwrap(), clock::now());
        let name = format!("{}-{id}", role.as_str());
        let secret_sha256 = &hash(&secret);
        let token = NewToken { id, name: &name, secret_sha256, role: role.as_str(), expires_at: None };
        let mut tx = self.store().begin().await.unwrap();
        assert!(access::create_token(&mut tx, &token, now).await.unwrap());
        tx.commit().await.unwrap();
        Caller { world: self, secret, name }
    }

    /// A caller whose token was issued by the service.
    pub fn caller_with(&self, name: &str, secret: &str) -> Caller<'_> {
        Caller { world: self, secret: secret.to_owned(), name: name.to_owned() }
    }

    pub async fn engineer(&self) -> Caller<'_> {
        self.caller(Role::Engineer).await
    }

    /// A model that no other test has, with the hardware BCM and IVI.
    pub async fn model(&self, caller: &Caller<'_>) -> String {
        let id = format!("m-{}", Uuid::new_v4().simple());
        caller.post("/models", &model_body(&id)).await.is(201);
        id
    }

    /// What is in the topic of a model, when it holds a whole repository.
    pub async fn repository(&self, model: &str, timestamp_version: u64) -> Vec<Record> {
        let topic = topic::manifests(&ModelId::parse(model).unwrap());
        eventually("the repository is published", async || {
            let records = self.bus.read_topic(&topic).await.ok()?;
            let last = records.last()?;
            let timestamp: Value = serde_json::from_slice(last.value.as_deref()?).ok()?;
            (last.key.as_deref() == Some(b"timestamp.json") && timestamp["signed"]["version"] == timestamp_version)
                .then_some(records)
        })
        .await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub fn model_body(id: &str) -> Value {
    json!({
        "id": id, "name": "Harbour",
        "hardware": [{"hardware_id": "BCM", "name": "Body control"}, {"hardware_id": "IVI", "name": "Infotainment"}],
    })
}

/// A VIN that no other test has.
pub fn vin() -> Vin {
    let tail = Uuid::new_v4().simple().to_string().to_uppercase();
    Vin::parse(&format!("W{}", &tail[..16])).unwrap()
}

/// Somebody with a token.
pub struct Caller<'a> {
    world: &'a World,
    pub secret: String,
    pub name: String,
}

impl Caller<'_> {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.world.request(method, &format!("/api/v1{path}")).bearer_auth(&self.secret)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    pub async fn send(&self, path: &str, kind: &str, body: impl Into<reqwest::Body>) -> Answer {
        Answer::of(self.request(Method::POST, path).header(CONTENT_TYPE, kind).body(body)).await
    }

    /// Uploads an artifact and gives its hash.
    pub async fn upload(&self, name: &str, bytes: &'static [u8]) -> String {
        let answer = self.send(&format!("/artifacts?file_name={name}"), "application/octet-stream", bytes).await;
        answer.is(201)["sha256"].as_str().unwrap().to_owned()
    }
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, bytes: response.bytes().await.unwrap() }
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The problem that the answer must be; gives its detail.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> String {
        self.problem_at(status, code).0
    }

    /// The problem that the answer must be; gives its detail and the field it points at.
    #[track_caller]
    pub fn problem_at(&self, status: u16, code: &str) -> (String, String) {
        let problem = self.is(status);
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(problem["type"], format!("urn:otaru:problem:{code}"), "{problem}");
        assert_eq!(problem["status"], status);
        let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
        (text("detail"), text("pointer"))
    }
}
