//! A model's Uptane repositories, as one message of its topic has them: clients are served the canonical form.

use std::collections::BTreeMap;

use bytes::Bytes;
use otaru_domain::tuf::{Metadata, Root};
use otaru_domain::uptane::{Published, PublishedImage, canonical};
use serde_json::Value;

/// The files that are the same for all of the model's vehicles.
#[derive(Debug)]
pub(crate) struct UptaneFiles {
    image_roots: BTreeMap<u64, Bytes>,
    image: BTreeMap<&'static str, Bytes>,
    director_roots: BTreeMap<u64, Bytes>,
    director: Option<Root>,
}

impl UptaneFiles {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let Published { schema_version: _, image, director } =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let PublishedImage { roots, targets, snapshot, timestamp } = image;
        let files = [("targets.json", targets), ("snapshot.json", snapshot), ("timestamp.json", timestamp)];
        let files = files.into_iter().filter_map(|(name, value)| Some(file(&value?).map(|bytes| (name, bytes))));
        let newest = director.roots.values().next_back().and_then(|root| root.get("signed")).cloned();
        let newest: Option<Metadata<Root>> =
            newest.map(serde_json::from_value).transpose().map_err(|error| error.to_string())?;
        Ok(Self {
            image_roots: all(&roots)?,
            image: files.collect::<Result<_, _>>()?,
            director_roots: all(&director.roots)?,
            director: newest.map(|root| root.body),
        })
    }

    /// The Image root `version`, 0 for the newest.
    pub(crate) fn image_root(&self, version: u64) -> Option<Bytes> {
        root(&self.image_roots, version)
    }

    pub(crate) fn image_file(&self, name: &str) -> Option<Bytes> {
        self.image.get(name).cloned()
    }

    /// The Director's root `version`, 0 for the newest.
    pub(crate) fn director_root(&self, version: u64) -> Option<Bytes> {
        root(&self.director_roots, version)
    }

    /// The Director's root in force.
    pub(crate) fn present_director(&self) -> Option<&Root> {
        self.director.as_ref()
    }
}

fn root(roots: &BTreeMap<u64, Bytes>, version: u64) -> Option<Bytes> {
    if version == 0 { roots.values().next_back().cloned() } else { roots.get(&version).cloned() }
}

fn file(value: &Value) -> Result<Bytes, String> {
    canonical(value).map(Bytes::from).map_err(|error| error.to_string())
}

fn all(roots: &BTreeMap<u64, Value>) -> Result<BTreeMap<u64, Bytes>, String> {
    roots.iter().map(|(version, value)| Ok((*version, file(value)?))).collect()
}
