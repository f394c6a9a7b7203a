//! A vehicle that speaks aktualizr's dialect: a Primary and what else it has, each with its key, and a gateway that is a
//! Director. Vehicles here sign with our own code; one that does not is in the tests of whole systems.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use otaru_domain::document::DocumentTarget;
use otaru_domain::id::CampaignId;
use otaru_domain::tuf::{Hashes, Key, PublicKey, Target, TargetCustom};
use otaru_domain::uptane::{DirectorPublicKeys, RepositoryName, canonical, verify};
use otaru_gateway::UptaneConfig;
use otaru_store::testing;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::model::Model;
use crate::world::{Gateway, Vehicle, World};

pub const VIN: &str = "WVWZZZ1KZAW000001";
pub const OTHER: &str = "WVWZZZ1KZAW000002";
pub const PRIMARY: &str = "CA:FE:A6:D2:84:9D";
pub const SECONDARY: &str = "secondary-1";
pub const EPOCH: &str = "1970-01-01T00:00:00Z";

/// A world whose gateway is a Director, and a model with both Uptane repositories.
pub struct Fleet {
    pub world: World,
    pub model: Model,
    pub keys: TempDir,
}

impl Fleet {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(configure: impl FnOnce(&mut otaru_gateway::Config)) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let director = [0; 3].map(|_| Key::generate().unwrap());
        write_keys(&keys.path().join("harbour"), &director);
        let folder = keys.path().to_owned();
        let world = World::start_with(|config| {
            config.uptane = Some(UptaneConfig { director_keys: folder });
            configure(config);
        })
        .await;
        let mut model = world.model("harbour").await;
        let publication = model.begin_uptane(&public(&director), world.now);
        world.send_files(&model.id, publication.files).await;
        let publication = model.publish(otaru_domain::tuf::Change::default(), world.now);
        world.publish(&model, publication).await;
        Self { world, model, keys }
    }

    /// Adds an image for a hardware id to the object store and the model's targets.
    pub async fn image(&mut self, name: &str, hardware_id: &str, version: &str, bytes: &[u8]) -> String {
        let sha256 = self.world.image(bytes).await.to_string();
        let custom = TargetCustom {
            hardware_ids: vec![hardware_id.parse().unwrap()],
            release_counter: 4,
            version: version.to_owned(),
            release: 4,
            requires: Vec::new(),
            delta: None,
            encryption: None,
        };
        let hashes = Hashes { sha256: sha256.clone() };
        let target = Target { length: bytes.len() as u64, hashes, custom: Some(custom) };
        let targets = BTreeMap::from([(name.to_owned(), Some(target))]);
        let change = otaru_domain::tuf::Change { targets, ..Default::default() };
        let publication = self.model.publish(change, self.world.now);
        self.world.publish(&self.model, publication).await;
        sha256
    }

    /// A campaign that runs for `vehicles` and brings `images` (hardware id, name), version 2.
    pub async fn campaign(&mut self, vehicles: &[&Vehicle], images: &[(&str, &str)]) -> CampaignId {
        self.campaign_with(vehicles, images, |_| {}).await
    }

    pub async fn campaign_with(
        &mut self,
        vehicles: &[&Vehicle],
        images: &[(&str, &str)],
        change: impl FnOnce(&mut otaru_domain::document::CampaignDocument),
    ) -> CampaignId {
        let campaign = self.world.campaign().await;
        for vehicle in vehicles {
            testing::assign(self.world.store(), vehicle.id, campaign, 1, self.world.now).await.unwrap();
        }
        let mut document = self.model.document(campaign, self.world.now);
        let target = |(hardware_id, name): &(&str, &str)| DocumentTarget {
            hardware_id: hardware_id.parse().unwrap(),
            name: (*name).to_owned(),
            version: "2".to_owned(),
        };
        document.targets = images.iter().map(target).collect();
        change(&mut document);
        let publication = self.model.publish_document(document, self.world.now);
        self.world.publish(&self.model, publication).await;
        campaign
    }
}

pub fn write_keys(folder: &Path, keys: &[Key]) {
    std::fs::create_dir_all(folder).unwrap();
    for key in keys {
        std::fs::write(folder.join(format!("{}.pem", key.id())), key.to_pem().unwrap()).unwrap();
    }
}

pub fn public(keys: &[Key; 3]) -> DirectorPublicKeys {
    let [targets, snapshot, timestamp] = keys.each_ref().map(|key| key.public().clone());
    DirectorPublicKeys { targets, snapshot, timestamp }
}

/// An ECU with its key, and what it runs.
#[derive(Clone)]
pub struct Ecu {
    pub serial: String,
    pub hardware_id: String,
    pub key: Key,
    pub image: (String, Vec<u8>),
    pub attacks: String,
    pub time: String,
}

impl Ecu {
    pub fn new(serial: &str, hardware_id: &str) -> Self {
        let image = (format!("{hardware_id}-1.bin"), b"factory".to_vec());
        let (attacks, time) = (String::new(), EPOCH.to_owned());
        let key = Key::generate().unwrap();
        Self { serial: serial.to_owned(), hardware_id: hardware_id.to_owned(), key, image, attacks, time }
    }

    /// Its part of a manifest.
    pub fn report(&self) -> Value {
        let (name, bytes) = &self.image;
        json!({
            "attacks_detected": self.attacks, "ecu_serial": self.serial,
            "installed_image": {"filepath": name, "fileinfo": {
                "length": bytes.len(), "hashes": {"sha256": hex::encode(Sha256::digest(bytes))}}},
            "previous_timeserver_time": EPOCH, "timeserver_time": self.time,
        })
    }
}

/// Signed as aktualizr signs.
pub fn signed(value: &Value, by: &Key) -> Value {
    let sig = hex::decode(by.sign(&canonical(value).unwrap()).unwrap()).unwrap();
    json!({"signatures": [{"keyid": by.id(), "method": "ed25519", "sig": STANDARD.encode(sig)}], "signed": value})
}

/// A vehicle, the Primary first.
#[derive(Clone)]
pub struct Car {
    gateway: String,
    client: reqwest::Client,
    token: String,
    pub ecus: Vec<Ecu>,
    pub counter: u64,
    /// The highest version of the Director's targets that it saw.
    pub seen: u64,
}

impl Car {
    pub fn new(gateway: &Gateway, vehicle: &Vehicle) -> Self {
        let ecus = vec![Ecu::new(PRIMARY, "GW"), Ecu::new(SECONDARY, "BCM")];
        let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(60)).build().unwrap();
        let mut car = Self { gateway: String::new(), client, token: vehicle.token.clone(), ecus, counter: 0, seen: 0 };
        car.go_to(gateway);
        car
    }

    /// Somebody with this vehicle's credential and none of its ECUs' keys.
    pub fn thief(&self) -> Self {
        let ecus = vec![Ecu::new(PRIMARY, "GW"), Ecu::new(SECONDARY, "BCM")];
        Self { ecus, counter: 50, ..self.clone() }
    }

    /// Asks this gateway from now on.
    pub fn go_to(&mut self, gateway: &Gateway) {
        self.gateway = format!("http://{}", gateway.address);
    }

    pub fn request(&self, method: Method, call: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/uptane/{call}", self.gateway)).bearer_auth(&self.token)
    }

    pub async fn get(&self, call: &str) -> Response {
        self.request(Method::GET, call).send().await.unwrap()
    }

    pub async fn file(&self, call: &str) -> Value {
        let response = self.get(call).await;
        assert_eq!(response.status(), StatusCode::OK, "{call}");
        response.json().await.unwrap()
    }

    pub fn registration(&self) -> Value {
        let ecus = self.ecus.iter().map(|ecu| {
            let key =
                json!({"keytype": "ED25519", "keyval": {"public": ecu.key.public().keyval.public.to_uppercase()}});
            json!({"hardware_identifier": ecu.hardware_id, "ecu_serial": ecu.serial, "clientKey": key})
        });
        json!({"primary_ecu_serial": self.ecus[0].serial, "ecus": ecus.collect::<Vec<_>>()})
    }

    pub async fn register(&self) -> Response {
        self.request(Method::POST, "director/ecus").json(&self.registration()).send().await.unwrap()
    }

    /// The next manifest, with a report or `null`, changed by `change` before the Primary signs it.
    pub fn manifest_with(&mut self, report: Value, change: impl FnOnce(&mut Value)) -> Value {
        self.counter += 1;
        let mut reports = json!({});
        for (index, ecu) in self.ecus.iter().enumerate() {
            let mut said = ecu.report();
            if index == 0 {
                said["report_counter"] = self.counter.to_string().into();
            }
            reports[&ecu.serial] = signed(&said, &ecu.key);
        }
        let mut value = json!({"primary_ecu_serial": self.ecus[0].serial, "ecu_version_manifests": reports});
        if !report.is_null() {
            let kind = "application/vnd.com.here.otac.installationReport.v1";
            value["installation_report"] = json!({"content_type": kind});
            value["installation_report"]["report"] = report;
        }
        change(&mut value);
        signed(&value, &self.ecus[0].key)
    }

    pub fn manifest(&mut self) -> Value {
        self.manifest_with(Value::Null, |_| {})
    }

    pub async fn put(&self, manifest: &Value) -> Response {
        self.request(Method::PUT, "director/manifest").json(manifest).send().await.unwrap()
    }

    /// Says what it runs, and is believed.
    pub async fn tell(&mut self, report: Value) {
        let manifest = self.manifest_with(report, |_| {});
        let response = self.put(&manifest).await;
        let status = response.status();
        assert_eq!(status, StatusCode::OK, "{}", response.text().await.unwrap());
    }

    /// What the Director says, verified as a client does: root, signature, version, and no ECU twice.
    pub async fn directed(&mut self) -> Value {
        let root = self.root(RepositoryName::Director).await;
        let bytes = self.get("director/targets.json").await.bytes().await.unwrap();
        assert!(bytes.len() <= 64 << 10);
        let targets: Value = verified(&bytes, &root, "targets");
        let version = targets["version"].as_u64().unwrap();
        assert!(version >= self.seen, "a rollback: {version} after {}", self.seen);
        self.seen = version;
        targets
    }

    async fn root(&self, name: RepositoryName) -> Value {
        let folder = if name == RepositoryName::Director { "director" } else { "repo" };
        let mut root = self.file(&format!("{folder}/1.root.json")).await;
        loop {
            let next = root["signed"]["version"].as_u64().unwrap() + 1;
            let response = self.get(&format!("{folder}/{next}.root.json")).await;
            if response.status() == StatusCode::NOT_FOUND {
                return root;
            }
            let bytes = response.bytes().await.unwrap();
            let _: Value = verified(&bytes, &root, "root");
            root = serde_json::from_slice(&bytes).unwrap();
            let _: Value = verified(&bytes, &root, "root");
        }
    }

    /// The image targets, verified from the timestamp on.
    pub async fn image_targets(&self) -> Value {
        let root = self.root(RepositoryName::Image).await;
        let bytes = self.get("repo/timestamp.json").await.bytes().await.unwrap();
        let timestamp: Value = verified(&bytes, &root, "timestamp");
        let entry = &timestamp["meta"]["snapshot.json"];
        let bytes = self.get("repo/snapshot.json").await.bytes().await.unwrap();
        assert_eq!(entry["hashes"]["sha256"], hex::encode(Sha256::digest(&bytes)));
        assert_eq!(entry["length"], bytes.len());
        let snapshot: Value = verified(&bytes, &root, "snapshot");
        let bytes = self.get("repo/targets.json").await.bytes().await.unwrap();
        let targets: Value = verified(&bytes, &root, "targets");
        assert_eq!(snapshot["meta"]["targets.json"]["version"], targets["version"]);
        targets
    }

    /// Installs what it is directed to, on the ECUs for which `takes` says so, after it matched both repositories.
    pub async fn install(&mut self, takes: impl Fn(&str) -> bool) -> Option<String> {
        let directed = self.directed().await;
        let correlation = directed["custom"]["correlationId"].as_str()?.to_owned();
        let images = self.image_targets().await;
        for (name, target) in directed["targets"].as_object().unwrap() {
            let image = &images["targets"][name];
            assert_eq!((&image["length"], &image["hashes"]), (&target["length"], &target["hashes"]));
            assert_eq!(image["custom"]["releaseCounter"], target["custom"]["releaseCounter"]);
            let bytes = self.get(&format!("repo/targets/{name}")).await.bytes().await.unwrap();
            assert_eq!(target["hashes"]["sha256"], hex::encode(Sha256::digest(&bytes)));
            for (serial, ecu) in target["custom"]["ecuIdentifiers"].as_object().unwrap() {
                assert!(image["custom"]["hardwareIds"].as_array().unwrap().contains(&ecu["hardwareId"]));
                let own = self.ecus.iter_mut().find(|own| own.serial == *serial).expect("an ECU of this vehicle");
                assert_eq!(ecu["hardwareId"], own.hardware_id);
                if takes(serial) {
                    own.image = (name.clone(), bytes.to_vec());
                }
            }
        }
        Some(correlation)
    }
}

/// A report of an installation.
pub fn result(correlation: &str, success: bool, code: &str, ecus: &[(&str, bool)]) -> Value {
    let outcome = |success: bool, code: &str| json!({"success": success, "code": code, "description": "as it went"});
    let items = ecus
        .iter()
        .map(|(ecu, success)| json!({"ecu": ecu, "result": outcome(*success, if *success { "OK" } else { code })}));
    json!({"correlation_id": correlation, "raw_report": "all of it", "result": outcome(success, code),
           "items": items.collect::<Vec<_>>()})
}

/// The signed part of a file that the keys of a role in `root` signed.
pub fn verified(bytes: &[u8], root: &Value, role: &str) -> Value {
    let keys: BTreeMap<String, PublicKey> = serde_json::from_value(root["signed"]["keys"].clone()).unwrap();
    let role = &root["signed"]["roles"][role];
    let keyids: Vec<String> = serde_json::from_value(role["keyids"].clone()).unwrap();
    let threshold = u32::try_from(role["threshold"].as_u64().unwrap()).unwrap();
    verify(bytes, &keys, &keyids, threshold)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)))
}
