//! A model's keys and repository, as the tests of the TUF modules need them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::Value;

use super::{model, now};
use crate::document::{CampaignDocument, DocumentState};
use crate::id::HardwareId;
use crate::tuf::{
    Change, Hashes, Key, Metadata, OnlineKeys, Publication, Repository, Root, Target, TargetCustom, sign,
};

/// A key that is the same in every run.
pub fn key(seed: u8) -> Key {
    Key::from_seed(&[seed; 32])
}

pub fn online(first: u8) -> OnlineKeys {
    OnlineKeys {
        targets: key(first),
        campaigns: key(first + 1),
        snapshot: key(first + 2),
        timestamp: key(first + 3),
        earlier: Vec::new(),
    }
}

/// A root for [`online`] keys `10…`, to be changed before it is signed.
pub fn root(root_keys: &[Key], threshold: u32, version: u64) -> Metadata<Root> {
    let public: Vec<_> = root_keys.iter().map(|key| key.public().clone()).collect();
    online(10).root(&public, threshold, &[], version, now())
}

pub fn signed(root: &Metadata<Root>, by: &[&Key]) -> Vec<u8> {
    sign(root, by).unwrap()
}

/// A repository with its first root, signed by key 1.
pub fn repository() -> Repository {
    let mut repository = Repository::default();
    repository.accept_root(&signed(&root(&[key(1)], 1, 1), &[&key(1)]), &online(10), now()).unwrap();
    repository
}

pub fn image(content: &str) -> Target {
    Target {
        length: 4096,
        hashes: Hashes { sha256: content.repeat(64 / content.len()) },
        custom: Some(TargetCustom {
            hardware_ids: vec![HardwareId::parse("BCM").unwrap()],
            release_counter: 4,
            version: "2.3.0".into(),
            release: 4,
            requires: Vec::new(),
            delta: None,
            encryption: None,
        }),
    }
}

pub fn document(campaign: i64, state: DocumentState) -> CampaignDocument {
    CampaignDocument {
        schema_version: 1,
        campaign,
        model: model("harbour"),
        release: 4,
        release_version: "2.3.0".into(),
        state,
        salt: "salt".into(),
        waves: Vec::new(),
        targets: Vec::new(),
        precondition: None,
        precondition_waived: false,
        installation: crate::release::Installation::Atomic,
        consent: None,
        windows: crate::rollout::Windows::default(),
        offer_expires: now() + TimeDelta::days(7),
    }
}

/// A change of one document.
pub fn documents(campaign: i64, document: Option<CampaignDocument>) -> Change {
    Change { targets: BTreeMap::new(), documents: [(campaign, document)].into() }
}

/// A change of one image.
pub fn images(name: &str, target: Option<Target>) -> Change {
    Change { targets: [(name.to_owned(), target)].into(), documents: BTreeMap::new() }
}

/// What a publication does to each file, in order, with hashes cut to `HASH`.
pub fn steps(publication: &Publication) -> Vec<String> {
    let name = |name: &str| match name.split_once('.') {
        Some((hash, rest)) if hash.len() == 64 => format!("HASH.{rest}"),
        _ => name.to_owned(),
    };
    let step = |(file, bytes): &(String, Option<Vec<u8>>)| match bytes {
        Some(_) => format!("put {}", name(file)),
        None => format!("bury {}", name(file)),
    };
    publication.files.iter().map(step).collect()
}

/// What a reader of the topic has after these publications.
pub fn shelf(publications: &[Publication]) -> BTreeMap<String, Vec<u8>> {
    let mut shelf = BTreeMap::new();
    for (name, bytes) in publications.iter().flat_map(|publication| &publication.files) {
        match bytes {
            Some(bytes) => shelf.insert(name.clone(), bytes.clone()),
            None => shelf.remove(name),
        };
    }
    shelf
}

/// The signed part of a file.
pub fn body(bytes: &[u8]) -> Value {
    let mut file: Value = serde_json::from_slice(bytes).unwrap();
    file["signed"].take()
}
