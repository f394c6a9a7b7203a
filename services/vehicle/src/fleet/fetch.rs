//! Real bytes over the real way: a simulated vehicle hashes what it fetches, though it does not keep it.

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt as _;
use otaru_domain::id::Sha256 as Digest256;
use reqwest::StatusCode;
use sha2::{Digest as _, Sha256};
use std::sync::atomic::Ordering;
use tokio::sync::{Mutex, OnceCell, Semaphore};
use url::Url;

use super::stats::Gauge;
use super::{Download, Shared};
use crate::download::DownloadError;
use crate::images::{self, Asked};
use crate::offer::Image;

/// How far a vehicle is with an image; an interrupted download goes on from here.
#[derive(Default)]
pub(super) struct Received {
    hasher: Sha256,
    bytes: u64,
}

/// What the vehicles fetch, and what of it was verified once for all.
pub(super) struct Images {
    download: Download,
    permits: Semaphore,
    /// SHA-256 of the first bytes of images that were verified as a whole.
    prefixes: Mutex<HashMap<Digest256, Arc<OnceCell<String>>>>,
}

impl Images {
    pub(super) fn new(download: Download, max_downloads: usize) -> Self {
        Self { download, permits: Semaphore::new(max_downloads.max(1)), prefixes: Mutex::default() }
    }

    /// Fetches the image as the fleet's setting says, and checks what it fetched.
    pub(super) async fn fetch(
        &self,
        shared: &Shared,
        (url, token): (&Url, Option<&str>),
        image: &Image,
        received: &mut Received,
    ) -> Result<(), DownloadError> {
        let _permit = self.permits.acquire().await;
        let _downloading = Gauge::hold(&shared.stats.downloading);
        let Download::Ranges(length) = self.download else {
            return whole(shared, (url, token), image, received, None).await.map(|_| ());
        };
        let length = length.min(image.length_bytes);
        let cell = self.prefixes.lock().await.entry(image.sha256.clone()).or_default().clone();
        let verified = cell
            .get_or_try_init(|| async {
                whole(shared, (url, token), image, &mut Received::default(), Some(length)).await
            })
            .await?;
        if prefix(shared, (url, token), length).await? == *verified { Ok(()) } else { Err(DownloadError::HashMismatch) }
    }
}

/// Fetches what is missing and compares the whole with its signed length and hash. The answer is the hash
/// of the first `prefix` bytes.
async fn whole(
    shared: &Shared,
    (url, token): (&Url, Option<&str>),
    image: &Image,
    received: &mut Received,
    prefix: Option<u64>,
) -> Result<String, DownloadError> {
    let range = (received.bytes > 0).then(|| format!("bytes={}-", received.bytes));
    let response = shared.gateway.image(&Asked { url, token, range, have: None }).await?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT if received.bytes > 0 => {}
        StatusCode::OK => *received = Received::default(),
        _ => return Err(images::refused(&response)),
    }
    let mut prefix = Prefix { hasher: Sha256::new(), missing: prefix.unwrap_or(0) };
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(DownloadError::Interrupted)?;
        shared.stats.downloaded_bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        prefix.take(&chunk);
        received.hasher.update(&chunk);
        received.bytes += chunk.len() as u64;
        if received.bytes > image.length_bytes {
            return Err(DownloadError::TooLong);
        }
    }
    if received.bytes < image.length_bytes {
        return Err(DownloadError::Short);
    }
    if hex::encode(std::mem::take(received).hasher.finalize()) != image.sha256.as_str() {
        return Err(DownloadError::HashMismatch);
    }
    Ok(hex::encode(prefix.hasher.finalize()))
}

/// The hash of the first `length` bytes.
async fn prefix(shared: &Shared, (url, token): (&Url, Option<&str>), length: u64) -> Result<String, DownloadError> {
    let mut prefix = Prefix { hasher: Sha256::new(), missing: length };
    if length > 0 {
        let range = Some(format!("bytes=0-{}", length - 1));
        let response = shared.gateway.image(&Asked { url, token, range, have: None }).await?;
        if response.status() != StatusCode::PARTIAL_CONTENT {
            return Err(images::refused(&response));
        }
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(DownloadError::Interrupted)?;
            shared.stats.downloaded_bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            prefix.take(&chunk);
        }
    }
    if prefix.missing > 0 { Err(DownloadError::Short) } else { Ok(hex::encode(prefix.hasher.finalize())) }
}

struct Prefix {
    hasher: Sha256,
    missing: u64,
}

impl Prefix {
    fn take(&mut self, chunk: &[u8]) {
        let taken = usize::try_from(self.missing).unwrap_or(usize::MAX).min(chunk.len());
        self.hasher.update(&chunk[..taken]);
        self.missing -= taken as u64;
    }
}
