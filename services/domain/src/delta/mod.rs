//! Deltas: how an image is made from the one that a vehicle runs, so that it downloads little more than what is new. Who
//! makes a delta and who applies it share what is here; applying takes no more memory and gives no more bytes than
//! what is signed allows, whatever the delta says.

mod apply;
mod bsdiff;
mod make;

pub use apply::{ApplyError, apply};
pub use make::{MakeError, make};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::Sha256;

/// The longest source that bsdiff is tried with: its suffix sort takes four bytes of memory for each byte.
pub const MAX_BSDIFF_BYTES: u64 = 32 << 20;
/// What a delta saves at least, in bytes: its entry in the signed targets, which every vehicle of the model reads, has some 600.
const LEAST_SAVED_BYTES: u64 = 4096;
/// What a delta saves at least, as a divisor of what is downloaded without it.
const LEAST_SAVED_PART: u64 = 10;
/// The window of what is compressed without a source, as a power of two: that of zstd's level 19.
const PLAIN_WINDOW_LOG: u32 = 23;
/// Zstd's bounds.
const MIN_WINDOW_LOG: u32 = 10;
const MAX_WINDOW_LOG: u32 = 31;
/// Zstd's own tables and buffers beside the window, and ours.
const OVERHEAD_BYTES: u64 = 8 << 20;

/// How an image is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// The whole image, compressed.
    Zstd,
    /// What `zstd --patch-from` writes: compressed with the source as what has gone before.
    ZstdPatchFrom,
    /// Bsdiff's controls, differences and new bytes in one stream, as Endsley's variant has them, compressed.
    BsdiffZstd,
}

impl Algorithm {
    pub const ALL: [Self; 3] = [Self::Zstd, Self::ZstdPatchFrom, Self::BsdiffZstd];

    /// The name in JSON and SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::ZstdPatchFrom => "zstd-patch-from",
            Self::BsdiffZstd => "bsdiff-zstd",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    #[must_use]
    pub fn has_source(self) -> bool {
        self != Self::Zstd
    }

    /// The most memory that applying takes.
    #[must_use]
    pub fn memory_bytes(self, source_bytes: u64, image_bytes: u64) -> u64 {
        let window: u64 = 1 << self.window_log(source_bytes, image_bytes);
        match self {
            Self::Zstd | Self::BsdiffZstd => OVERHEAD_BYTES + window,
            Self::ZstdPatchFrom => (OVERHEAD_BYTES + window).saturating_add(source_bytes),
        }
    }

    /// The window that is compressed with, and the largest that is taken when it is applied. With a source it covers the
    /// image, so that all of the source stays in reach.
    fn window_log(self, source_bytes: u64, image_bytes: u64) -> u32 {
        let longest = match self {
            Self::Zstd | Self::BsdiffZstd => return PLAIN_WINDOW_LOG,
            Self::ZstdPatchFrom => source_bytes.max(image_bytes).max(1),
        };
        longest.checked_next_power_of_two().map_or(MAX_WINDOW_LOG, u64::ilog2).clamp(MIN_WINDOW_LOG, MAX_WINDOW_LOG)
    }
}

/// Where a delta stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeltaState {
    Queued,
    Building,
    Built,
    /// It would save too little to be published.
    NotWorthIt,
    /// It is not tried again unless somebody asks for it; `error` says why.
    Failed,
}

impl DeltaState {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Building => "building",
            Self::Built => "built",
            Self::NotWorthIt => "not_worth_it",
            Self::Failed => "failed",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Queued, Self::Building, Self::Built, Self::NotWorthIt, Self::Failed];
        all.into_iter().find(|one| one.as_str() == text)
    }
}

/// Whether a delta is worth its place in the signed targets: against what a vehicle downloads without it, not against the
/// whole image, for an image that compresses well makes any delta look good. What saves less than a tenth would not
/// make up for one fallback to the whole image in ten.
#[must_use]
pub fn is_worth_it(delta_bytes: u64, without_bytes: u64) -> bool {
    let saved = without_bytes.saturating_sub(delta_bytes);
    saved >= LEAST_SAVED_BYTES && saved >= without_bytes / LEAST_SAVED_PART
}

/// The name of a delta among a model's targets.
#[must_use]
pub fn target_name(image: &str, source: Option<&Sha256>, algorithm: Algorithm) -> String {
    let from = source.map_or("nothing", |source| source.as_str().get(..16).unwrap_or_default());
    format!("{image}.from-{from}.{}", algorithm.as_str())
}
