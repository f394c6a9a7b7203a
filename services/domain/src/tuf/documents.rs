//! The campaign documents of a repository: the targets of its delegated role.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::metadata::{Hashes, Role, Target};
use super::publish_error::PublishError;
use super::repository::{Publication, Repository};
use crate::document::CampaignDocument;
use crate::id::CampaignId;

/// A campaign document that is, or until lately was, among the targets of `campaigns`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFile {
    /// `campaign-<id>.json`.
    pub name: String,
    pub sha256: String,
    pub bytes: Vec<u8>,
    /// The version of `campaigns` that no longer has it.
    pub dropped_in: Option<u64>,
}

impl DocumentFile {
    /// The name it is published under.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.sha256, self.name)
    }
}

impl Repository {
    pub(super) fn put_documents(
        &mut self,
        changes: BTreeMap<CampaignId, Option<CampaignDocument>>,
        publication: &mut Publication,
    ) -> Result<(), PublishError> {
        let version = self.files.get(&Role::Campaigns).map_or(0, |file| file.version) + 1;
        for (campaign, document) in changes {
            let name = CampaignDocument::name_of(campaign);
            let new = document
                .map(|document| ascii_json(&document))
                .transpose()?
                .map(|bytes| (hex::encode(Sha256::digest(&bytes)), bytes));
            let current = self.documents.iter_mut().find(|known| known.name == name && known.dropped_in.is_none());
            if let Some(current) = current {
                if new.as_ref().is_some_and(|(sha256, _)| *sha256 == current.sha256) {
                    continue;
                }
                current.dropped_in = Some(version);
            }
            if let Some((sha256, bytes)) = new {
                // A document that returns to an earlier content is that file again.
                self.documents.retain(|known| known.name != name || known.sha256 != sha256);
                let file = DocumentFile { name, sha256, bytes, dropped_in: None };
                publication.files.push((file.file_name(), Some(file.bytes.clone())));
                self.documents.push(file);
            }
        }
        Ok(())
    }
}

pub(super) fn document_target(document: &DocumentFile) -> Target {
    Target { length: document.bytes.len() as u64, hashes: Hashes { sha256: document.sha256.clone() }, custom: None }
}

/// JSON with everything beyond ASCII escaped.
fn ascii_json(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut ascii = String::new();
    for c in serde_json::to_string(value)?.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Ok(ascii.into_bytes())
}
