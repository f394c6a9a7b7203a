//! The audit log's chain: each entry's digest covers the entry and the digest before it, so whoever changes,
//! removes or moves one has to write all later ones anew, and whoever kept a later digest sees it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// A SHA-256.
pub type Digest = [u8; 32];

/// A digest as 64 hexadecimal digits.
#[must_use]
pub fn write_digest(digest: &Digest) -> String {
    hex::encode(digest)
}

/// The digest that is written so.
#[must_use]
pub fn parse_digest(text: &str) -> Option<Digest> {
    hex::decode(text).ok()?.try_into().ok()
}

/// What the first entry has for the digest before it.
pub const GENESIS: Digest = [0; 32];

/// The version of the encoding that is hashed.
const ENCODING: &str = "otaru-audit-1";

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1 for the first.
    pub id: i64,
    /// Whole microseconds, as Postgres keeps them.
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub object: String,
    /// JSON, as the text that was hashed.
    pub details: String,
    pub previous: Digest,
    pub digest: Digest,
}

impl Entry {
    /// The digest that the entry must have: SHA-256 over the netstrings (`<bytes>:<text>,`) of the encoding's
    /// version, id, microseconds since 1970, actor, action, object, details, and the digest before in
    /// hexadecimal digits.
    #[must_use]
    pub fn computed(&self) -> Digest {
        let fields = [
            ENCODING,
            &self.id.to_string(),
            &self.at.timestamp_micros().to_string(),
            &self.actor,
            &self.action,
            &self.object,
            &self.details,
            &hex::encode(self.previous),
        ];
        let mut hash = Sha256::new();
        for field in fields {
            hash.update(field.len().to_string());
            hash.update(b":");
            hash.update(field);
            hash.update(b",");
        }
        hash.finalize().into()
    }
}

/// Why a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Break {
    #[error("entry {expected} is missing: entry {found} follows where it should be")]
    Missing { expected: i64, found: i64 },
    #[error("entry {0} does not follow from the one before it: one of them was replaced or moved")]
    Link(i64),
    #[error("entry {0} was changed: its content does not have its digest")]
    Content(i64),
    #[error("the log ends at entry {last}, its head says {head}: entries were cut off or put behind it")]
    Head { last: i64, head: i64 },
    #[error("entry {0} is not the one that was anchored: the log was written anew")]
    Anchor(i64),
    #[error("entry {0} was anchored and is not there")]
    AnchorMissing(i64),
}

impl Break {
    /// The first entry that is wrong.
    #[must_use]
    pub fn entry(&self) -> i64 {
        match self {
            Self::Missing { expected, .. } => *expected,
            Self::Link(id) | Self::Content(id) | Self::Anchor(id) | Self::AnchorMissing(id) => *id,
            Self::Head { last, .. } => last + 1,
        }
    }
}

/// A walk along the chain, from its first entry.
#[derive(Debug, Clone)]
pub struct Walk {
    last: i64,
    digest: Digest,
    anchors: BTreeMap<i64, Digest>,
}

impl Walk {
    /// With digests that were kept elsewhere, by entry.
    #[must_use]
    pub fn new(anchors: BTreeMap<i64, Digest>) -> Self {
        Self { last: 0, digest: GENESIS, anchors }
    }

    /// The entry that was last found to be right; 0 before the first.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.last
    }

    /// The digest of that entry.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Takes the entry that comes next in the order of ids.
    ///
    /// # Errors
    /// [`Break`].
    pub fn step(&mut self, entry: &Entry) -> Result<(), Break> {
        let expected = self.last + 1;
        if entry.id != expected {
            return Err(Break::Missing { expected, found: entry.id });
        }
        if entry.previous != self.digest {
            return Err(Break::Link(entry.id));
        }
        if entry.computed() != entry.digest {
            return Err(Break::Content(entry.id));
        }
        if self.anchors.remove(&entry.id).is_some_and(|anchored| anchored != entry.digest) {
            return Err(Break::Anchor(entry.id));
        }
        (self.last, self.digest) = (entry.id, entry.digest);
        Ok(())
    }

    /// Ends the walk behind the last entry, where the log's head must be.
    ///
    /// # Errors
    /// [`Break`].
    pub fn end(&self, head: i64, head_digest: &Digest) -> Result<(), Break> {
        if head != self.last || *head_digest != self.digest {
            return Err(Break::Head { last: self.last, head });
        }
        self.anchors.keys().next().map_or(Ok(()), |id| Err(Break::AnchorMissing(*id)))
    }
}

/// The words of `text` that are written like a VIN, in upper case, each once.
#[must_use]
pub fn vin_like(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_uppercase);
    let mut found: Vec<String> = words.filter(|word| crate::id::Vin::parse(word).is_ok()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `text` with `word`, in upper or lower case, replaced.
#[must_use]
pub fn replace_word(text: &str, word: &str, by: &str) -> String {
    let (lower, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let mut replaced = String::with_capacity(text.len());
    let mut at = 0;
    for (start, found) in lower.match_indices(&word) {
        replaced.push_str(&text[at..start]);
        replaced.push_str(by);
        at = start + found.len();
    }
    replaced.push_str(&text[at..]);
    replaced
}
