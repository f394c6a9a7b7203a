//! A model's repository as the campaign service makes it: signed with keys of its own.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::document::{CampaignDocument, DocumentState, DocumentTarget, DocumentWave};
use otaru_domain::id::{CampaignId, HardwareId, ModelId, Sha256};
use otaru_domain::tuf::{Change, Hashes, Key, OnlineKeys, Publication, Repository, Target, sign};
use otaru_domain::uptane::{self, DirectorPublicKeys, RepositoryName};

pub struct Model {
    pub id: ModelId,
    pub repository: Repository,
    keys: OnlineKeys,
    root: Key,
}

impl Model {
    /// The model with its first root; what is to be published for that.
    pub fn new(id: &str, now: DateTime<Utc>) -> (Self, Publication) {
        let key = || Key::generate().unwrap();
        let keys =
            OnlineKeys { targets: key(), campaigns: key(), snapshot: key(), timestamp: key(), earlier: Vec::new() };
        let root = key();
        let first = keys.root(&[root.public().clone()], 1, &[], 1, now);
        let mut repository = Repository::default();
        let first = sign(&first, &[&root]).unwrap();
        let publication = repository.accept_root(&first, &keys, now).unwrap();
        (Self { id: ModelId::parse(id).unwrap(), repository, keys, root }, publication)
    }

    /// Gives the model its Uptane repositories; the Director has these keys.
    pub fn begin_uptane(&mut self, director: &DirectorPublicKeys, now: DateTime<Utc>) -> Publication {
        let root = self.keys.image_root(&[self.root.public().clone()], 1, 1, now);
        let root = uptane::sign(&root, &[&self.root]).unwrap();
        self.repository.accept_uptane_root(RepositoryName::Image, &root, &self.keys, now).unwrap();
        self.next_director(director, now)
    }

    /// Lets these keys follow those that the Director has.
    pub fn next_director(&mut self, director: &DirectorPublicKeys, now: DateTime<Utc>) -> Publication {
        let version = self.repository.uptane.version(RepositoryName::Director) + 1;
        let root = director.root(&[self.root.public().clone()], 1, version, now);
        let root = uptane::sign(&root, &[&self.root]).unwrap();
        self.repository.accept_uptane_root(RepositoryName::Director, &root, &self.keys, now).unwrap()
    }

    pub fn publish(&mut self, change: Change, now: DateTime<Utc>) -> Publication {
        self.repository.publish(&self.keys, change, now).unwrap()
    }

    pub fn publish_document(&mut self, document: CampaignDocument, now: DateTime<Utc>) -> Publication {
        let documents = [(document.campaign, Some(document))].into();
        self.publish(Change { documents, ..Change::default() }, now)
    }

    pub fn publish_image(&mut self, name: &str, sha256: &Sha256, length: u64, now: DateTime<Utc>) -> Publication {
        let target = Target { length, hashes: Hashes { sha256: sha256.to_string() }, custom: None };
        let targets = BTreeMap::from([(name.to_owned(), Some(target))]);
        self.publish(Change { targets, ..Change::default() }, now)
    }

    /// The document of a campaign that runs for everybody, in one open wave.
    pub fn document(&self, campaign: CampaignId, now: DateTime<Utc>) -> CampaignDocument {
        CampaignDocument {
            schema_version: 1,
            campaign,
            model: self.id.clone(),
            release: 4,
            release_version: "r4".into(),
            state: DocumentState::Running,
            salt: "salt".into(),
            waves: vec![DocumentWave { number: 1, cutoff: (1 << 52) - 1, open: true, listed: false }],
            targets: vec![DocumentTarget {
                hardware_id: HardwareId::parse("BCM").unwrap(),
                name: "BCM-2.3.0-r4.bin".into(),
                version: "2.3.0".into(),
            }],
            precondition: None,
            precondition_waived: false,
            installation: otaru_domain::release::Installation::Atomic,
            consent: None,
            windows: otaru_domain::rollout::Windows::default(),
            offer_expires: now + TimeDelta::days(1),
        }
    }
}
