//! A model's repository as the campaign service makes it, with the images it speaks of.

use std::collections::BTreeMap;

use otaru_domain::clock;
use otaru_domain::delta::{Algorithm, target_name};
use otaru_domain::document::{CampaignDocument, DocumentState, DocumentTarget, DocumentWave};
use otaru_domain::id::{CampaignId, HardwareId, ModelId, Sha256 as Digest256};
use otaru_domain::requirement::Requirement;
use otaru_domain::tuf::{
    Change, Hashes, Key, Metadata, OnlineKeys, Publication, Repository, Role, Target, TargetCustom, TargetDelta,
    TargetEncryption, Timestamp, add_signatures, parse_unverified, sign,
};
use sha2::{Digest as _, Sha256};

pub const CAMPAIGN: CampaignId = 7;
pub const IMAGE: &str = "BCM-2.0.0-r1.bin";
pub const SALT: &str = "salt";

pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// So many bytes that do not repeat.
pub fn firmware(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let next = std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    next.take(length).collect()
}

/// A model with its keys and everything it has published, by path below `/tuf/<model>/`.
pub struct Model {
    pub id: ModelId,
    pub root: Vec<u8>,
    pub files: BTreeMap<String, Vec<u8>>,
    keys: OnlineKeys,
    /// Signs targets beside the server, if the root asks for that.
    approver: Option<Key>,
    repository: Repository,
}

impl Model {
    pub fn new(id: &str) -> Self {
        Self::with(id, None)
    }

    /// One whose targets need an approver's signature, too.
    pub fn approved(id: &str) -> Self {
        Self::with(id, Some(Key::generate().unwrap()))
    }

    fn with(id: &str, approver: Option<Key>) -> Self {
        let key = || Key::generate().unwrap();
        let keys =
            OnlineKeys { targets: key(), campaigns: key(), snapshot: key(), timestamp: key(), earlier: Vec::new() };
        let root_key = key();
        let now = clock::now();
        let approvers: Vec<_> = approver.iter().map(|key| key.public().clone()).collect();
        let root = sign(&keys.root(&[root_key.public().clone()], 1, &approvers, 1, now), &[&root_key]).unwrap();
        let mut repository = Repository::default();
        let publication = repository.accept_root(&root, &keys, now).unwrap();
        let id = ModelId::parse(id).unwrap();
        let mut model = Self { id, root, files: BTreeMap::new(), keys, approver, repository };
        model.apply(publication);
        model.approve();
        model
    }

    pub fn publish(&mut self, change: Change) {
        self.publish_at(change, clock::now());
    }

    /// As it would have been published at `now`.
    pub fn publish_at(&mut self, change: Change, now: chrono::DateTime<chrono::Utc>) {
        let publication = self.repository.publish(&self.keys, change, now).unwrap();
        self.apply(publication);
        self.approve();
    }

    fn approve(&mut self) {
        if let (Some(approver), Some(pending)) = (&self.approver, &self.repository.pending) {
            let signed = add_signatures(&pending.targets.bytes, &[approver]).unwrap();
            let publication = self.repository.cosign(&signed, &self.keys, clock::now()).unwrap();
            self.apply(publication);
        }
    }

    /// Publishes what somebody can who has taken the server over, with all of its keys and no approver's.
    pub fn take_over(&mut self, change: Change) {
        let own = Key::generate().unwrap();
        let root = self.keys.root(&[own.public().clone()], 1, &[], 1, clock::now());
        self.repository.roots.insert(1, sign(&root, &[&own]).unwrap());
        let publication = self.repository.publish(&self.keys, change, clock::now()).unwrap();
        self.apply(publication);
    }

    /// Adds an image to the top-level targets.
    pub fn add_image(&mut self, name: &str, hardware_ids: &[&str], release_counter: u64, version: &str, bytes: &[u8]) {
        self.add_demanding_image(name, hardware_ids, release_counter, version, bytes, Vec::new());
    }

    /// The same of one that asks something of the vehicle.
    pub fn add_demanding_image(
        &mut self,
        name: &str,
        hardware_ids: &[&str],
        release_counter: u64,
        version: &str,
        bytes: &[u8],
        requires: Vec<Requirement>,
    ) {
        let target = Target {
            length: bytes.len() as u64,
            hashes: Hashes { sha256: sha256(bytes) },
            custom: Some(TargetCustom {
                hardware_ids: hardware_ids.iter().map(|id| HardwareId::parse(id).unwrap()).collect(),
                release_counter,
                version: version.to_owned(),
                release: 1,
                requires,
                delta: None,
                encryption: None,
            }),
        };
        self.publish(Change { targets: [(name.to_owned(), Some(target))].into(), ..Change::default() });
        self.files.insert(format!("targets/{}.{name}", sha256(bytes)), bytes.to_vec());
    }

    /// Adds an image for the BCM that is encrypted, of which this is told.
    pub fn add_encrypted_image(&mut self, name: &str, scheme: &str, told: &[u8], ciphertext: &[u8]) {
        let target = Target {
            length: ciphertext.len() as u64,
            hashes: Hashes { sha256: sha256(ciphertext) },
            custom: Some(TargetCustom {
                hardware_ids: Vec::new(),
                release_counter: 5,
                version: "2.0.0".to_owned(),
                release: 1,
                requires: Vec::new(),
                delta: None,
                encryption: Some(TargetEncryption {
                    scheme: scheme.to_owned(),
                    sha256: sha256(told),
                    length: told.len() as u64,
                    hardware_ids: vec![HardwareId::parse("BCM").unwrap()],
                }),
            }),
        };
        self.publish(Change { targets: [(name.to_owned(), Some(target))].into(), ..Change::default() });
        self.files.insert(format!("targets/{}.{name}", sha256(ciphertext)), ciphertext.to_vec());
    }

    /// Adds a delta of the image `image` to the top-level targets, from `source` if it has one; its name.
    pub fn add_delta(&mut self, image: &str, algorithm: Algorithm, source: Option<&[u8]>, delta: &[u8]) -> String {
        let source = source.map(|source| Digest256::parse(&sha256(source)).unwrap());
        let name = target_name(image, source.as_ref(), algorithm);
        let target = Target {
            length: delta.len() as u64,
            hashes: Hashes { sha256: sha256(delta) },
            custom: Some(TargetCustom {
                hardware_ids: Vec::new(),
                release_counter: 6,
                version: "3.0.0".to_owned(),
                release: 2,
                requires: Vec::new(),
                delta: Some(TargetDelta {
                    algorithm: algorithm.as_str().to_owned(),
                    image: image.to_owned(),
                    source_sha256: source.map(|source| source.to_string()),
                }),
                encryption: None,
            }),
        };
        self.publish(Change { targets: [(name.clone(), Some(target))].into(), ..Change::default() });
        self.files.insert(format!("targets/{}.{name}", sha256(delta)), delta.to_vec());
        name
    }

    pub fn publish_document(&mut self, document: CampaignDocument) {
        self.publish(Change { documents: [(document.campaign, Some(document))].into(), ..Change::default() });
    }

    /// The document of a running campaign for everybody that installs these images.
    pub fn document(&self, images: &[(&str, &str)]) -> CampaignDocument {
        CampaignDocument {
            schema_version: 1,
            campaign: CAMPAIGN,
            model: self.id.clone(),
            release: 1,
            release_version: "2.0.0".to_owned(),
            state: DocumentState::Running,
            salt: SALT.to_owned(),
            waves: vec![DocumentWave { number: 1, cutoff: (1 << 52) - 1, open: true, listed: false }],
            targets: images
                .iter()
                .map(|(hardware_id, name)| DocumentTarget {
                    hardware_id: HardwareId::parse(hardware_id).unwrap(),
                    name: (*name).to_owned(),
                    version: "2.0.0".to_owned(),
                })
                .collect(),
            precondition: None,
            precondition_waived: false,
            installation: otaru_domain::release::Installation::Atomic,
            consent: None,
            windows: otaru_domain::rollout::Windows::default(),
            offer_expires: clock::now() + chrono::TimeDelta::hours(1),
        }
    }

    /// The metadata files of this moment, to go back to.
    pub fn metadata(&self) -> BTreeMap<String, Vec<u8>> {
        self.files
            .iter()
            .filter(|(name, _)| name.starts_with("metadata/"))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }

    /// A timestamp like the present one, signed by a key that nobody gave the role.
    pub fn forged_timestamp(&self) -> Vec<u8> {
        let mut forged: Metadata<Timestamp> = parse_unverified(&self.repository.files[&Role::Timestamp].bytes).unwrap();
        forged.version += 1;
        sign(&forged, &[&Key::generate().unwrap()]).unwrap()
    }

    fn apply(&mut self, publication: Publication) {
        for (name, bytes) in publication.files {
            // Documents are targets; everything else is metadata.
            let folder = if name.contains(".campaign-") { "targets" } else { "metadata" };
            match bytes {
                Some(bytes) => self.files.insert(format!("{folder}/{name}"), bytes),
                None => self.files.remove(&format!("{folder}/{name}")),
            };
        }
    }
}
