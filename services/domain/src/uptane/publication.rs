//! What gateways need of a model's Uptane repositories, as one message of the model's topic: so they change from one
//! consistent state to the next. Values are JSON, and what clients get is their canonical form, over which all hashes are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::canonical::canonical;
use super::image::{self, MAX_SMALL_BYTES};
use super::root::{RepositoryName, Uptane};
use crate::ack::SCHEMA_VERSION;
use crate::tuf::{OnlineKeys, PublishError, Repository, Role, SignError};

/// The message's key.
pub const FILE: &str = "uptane.json";

/// The message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Version of this message's schema; 1.
    pub schema_version: u32,
    pub image: PublishedImage,
    pub director: PublishedDirector,
}

/// The Image repository. Without a root that is signed it has no files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedImage {
    pub roots: BTreeMap<u64, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Value>,
}

/// The Director's roots; it signs the rest for each vehicle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedDirector {
    pub roots: BTreeMap<u64, Value>,
}

impl Repository {
    /// The message that says how the Uptane repositories are now, kept here too; none for a model without.
    pub(crate) fn publish_uptane(
        &mut self,
        keys: &OnlineKeys,
    ) -> Result<Option<(String, Option<Vec<u8>>)>, PublishError> {
        if self.uptane == Uptane::default() {
            return Ok(None);
        }
        let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes);
        let roots = |name: RepositoryName| -> Result<BTreeMap<u64, Value>, PublishError> {
            let mut all = BTreeMap::new();
            for (version, bytes) in self.uptane.roots(name) {
                let root = value(bytes)?;
                let bytes = canonical(&root).map_err(|error| SignError::NotCanonical(error.to_string()))?.len();
                if bytes > MAX_SMALL_BYTES {
                    return Err(PublishError::UptaneTooLong { role: Role::Root, bytes, limit_bytes: MAX_SMALL_BYTES });
                }
                all.insert(*version, root);
            }
            Ok(all)
        };
        let mut image = PublishedImage { roots: roots(RepositoryName::Image)?, ..PublishedImage::default() };
        if let Some(root) = self.uptane.present(RepositoryName::Image)? {
            let files = image::files(self, &keys.under(&root.body).map_err(PublishError::of_present_root)?)?;
            image.targets = Some(value(&files.targets)?);
            image.snapshot = Some(value(&files.snapshot)?);
            image.timestamp = Some(value(&files.timestamp)?);
        }
        let director = PublishedDirector { roots: roots(RepositoryName::Director)? };
        let bytes = serde_json::to_vec(&Published { schema_version: SCHEMA_VERSION, image, director })?;
        self.uptane.file = Some(bytes.clone());
        Ok(Some((FILE.to_owned(), Some(bytes))))
    }
}
