//! A download that a kill, a dead spot or a new gateway only interrupts: it goes on where its file ends.
//! Length and hash are the signed ones, so it does not matter who sent which part.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use otaru_domain::id::Sha256 as Digest256;
use reqwest::{Response, StatusCode, header};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use url::Url;

use crate::gateway::Gateway;
use crate::images::{self, Asked, Validator};
use crate::offer::Image;

const READ_BYTES: usize = 128 * 1024;

type Body = Pin<Box<dyn Stream<Item = Result<Bytes, reqwest::Error>> + Send + Sync>>;

#[derive(Debug, Error)]
pub(crate) enum DownloadError {
    #[error("the file is longer than its signed length")]
    TooLong,
    #[error("the file's hash is not the signed one")]
    HashMismatch,
    #[error("the download was interrupted")]
    Interrupted(#[source] reqwest::Error),
    #[error("the download ended before the file was complete")]
    Short,
    #[error("the server does not send the file ({status})")]
    Status { status: StatusCode, retry_after: Option<Duration> },
    #[error("the gateway sends the vehicle to where it does not go: to no address, or from HTTPS to HTTP")]
    Redirect,
    #[error("{path} cannot be written or read: check its permissions and the free space")]
    Storage { path: PathBuf, source: io::Error },
}

impl DownloadError {
    /// The error code to report where the bytes themselves are wrong.
    pub(crate) fn error_code(&self) -> Option<&'static str> {
        match self {
            Self::TooLong => Some("length_exceeded"),
            Self::HashMismatch => Some("hash_mismatch"),
            _ => None,
        }
    }

    /// The wait that the server asked for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether nothing is wrong but that many ask: the server says when it is this vehicle's turn.
    pub(crate) fn is_only_a_wait(&self) -> bool {
        matches!(self, Self::Status { status, retry_after: Some(_) }
            if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(status))
    }
}

/// How a step of a download went.
#[derive(Debug)]
pub(crate) enum Advanced {
    /// So many bytes of the file are on disk.
    To(u64),
    /// The file is complete, verified and on disk.
    Complete,
}

/// The file of an image that was downloaded and verified.
pub(crate) fn complete_path(dir: &Path, sha256: &Digest256) -> PathBuf {
    dir.join(format!("{sha256}.bin"))
}

fn part_path(dir: &Path, sha256: &Digest256) -> PathBuf {
    dir.join(format!("{sha256}.part"))
}

fn etag_path(dir: &Path, sha256: &Digest256) -> PathBuf {
    dir.join(format!("{sha256}.etag"))
}

/// One image on its way into a directory.
pub(crate) struct Download<'a> {
    gateway: &'a Gateway,
    token: &'a str,
    url: Url,
    image: &'a Image,
    dir: &'a Path,
    file: File,
    hasher: Sha256,
    written: u64,
    /// Some of the bytes on disk are from an earlier run.
    resumed: bool,
    body: Option<Body>,
}

impl<'a> Download<'a> {
    /// Takes up what an earlier run left.
    pub(crate) async fn open(
        gateway: &'a Gateway,
        token: &'a str,
        url: Url,
        image: &'a Image,
        dir: &'a Path,
    ) -> Result<Self, DownloadError> {
        let path = part_path(dir, &image.sha256);
        let opened = async {
            tokio::fs::create_dir_all(dir).await?;
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).await
        };
        let file = opened.await.map_err(|source| DownloadError::Storage { path, source })?;
        let mut download = Self {
            gateway,
            token,
            url,
            image,
            dir,
            file,
            hasher: Sha256::new(),
            written: 0,
            resumed: false,
            body: None,
        };
        download.take_up().await?;
        Ok(download)
    }

    /// Bytes on disk.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Does one step: a request, a piece of the body, or the end.
    pub(crate) async fn advance(&mut self) -> Result<Advanced, DownloadError> {
        // What a server sends after the last byte is not even waited for.
        if self.written == self.image.length_bytes {
            return self.finish().await;
        }
        if self.body.is_none() {
            self.request().await?;
        }
        let Some(body) = self.body.as_mut() else {
            return Err(DownloadError::Short);
        };
        match body.next().await {
            Some(Ok(chunk)) => {
                // Endless data: not a byte beyond the signed length is kept.
                if self.written + chunk.len() as u64 > self.image.length_bytes {
                    self.discard().await?;
                    return Err(DownloadError::TooLong);
                }
                let written = self.file.write_all(&chunk).await;
                self.stored(written)?;
                self.hasher.update(&chunk);
                self.written += chunk.len() as u64;
                Ok(Advanced::To(self.written))
            }
            Some(Err(error)) => {
                self.pause().await?;
                Err(DownloadError::Interrupted(error))
            }
            None => {
                self.pause().await?;
                Err(DownloadError::Short)
            }
        }
    }

    /// Hashes the bytes that are there; a file that is too long is none of ours.
    async fn take_up(&mut self) -> Result<(), DownloadError> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let read = self.file.read(&mut buffer).await;
            let read = self.stored(read)?;
            if read == 0 {
                break;
            }
            self.hasher.update(&buffer[..read]);
            self.written += read as u64;
            if self.written > self.image.length_bytes {
                return self.restart().await;
            }
        }
        self.resumed = self.written > 0;
        Ok(())
    }

    async fn request(&mut self) -> Result<(), DownloadError> {
        let kept = match self.written {
            0 => None,
            _ => tokio::fs::read_to_string(etag_path(self.dir, &self.image.sha256)).await.ok(),
        };
        let have = kept.as_deref().and_then(Validator::from_text);
        let range = (self.written > 0).then(|| format!("bytes={}-", self.written));
        let asked = Asked { url: &self.url, token: Some(self.token), range, have: have.as_ref() };
        let response = self.gateway.image(&asked).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(&response, self.written) => {}
            StatusCode::OK if self.written == 0 => {}
            // Another file, a server without ranges, or one that begins elsewhere: from the start.
            StatusCode::OK => self.restart().await?,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                self.restart().await?;
                return Err(DownloadError::Short);
            }
            _ => return Err(images::refused(&response)),
        }
        self.remember_etag(&response).await?;
        self.body = Some(Box::pin(response.bytes_stream()));
        Ok(())
    }

    /// A strong ETag is kept for `If-Range`.
    async fn remember_etag(&self, response: &Response) -> Result<(), DownloadError> {
        let path = etag_path(self.dir, &self.image.sha256);
        let kept = match Validator::of(response) {
            Some(validator) => tokio::fs::write(&path, validator.to_text()).await,
            None => remove(&path).await,
        };
        kept.map_err(|source| DownloadError::Storage { path, source })
    }

    async fn finish(&mut self) -> Result<Advanced, DownloadError> {
        self.body = None;
        if hex::encode(self.hasher.clone().finalize()) != self.image.sha256.as_str() {
            if self.resumed {
                // A power cut may have left holes in what an earlier run wrote: that is nobody's attack.
                self.restart().await?;
                return Ok(Advanced::To(0));
            }
            self.discard().await?;
            return Err(DownloadError::HashMismatch);
        }
        let part = part_path(self.dir, &self.image.sha256);
        let kept = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            tokio::fs::rename(&part, complete_path(self.dir, &self.image.sha256)).await?;
            remove(&etag_path(self.dir, &self.image.sha256)).await?;
            File::open(self.dir).await?.sync_all().await
        };
        let kept = kept.await;
        self.stored(kept)?;
        Ok(Advanced::Complete)
    }

    /// Empties the file.
    async fn restart(&mut self) -> Result<(), DownloadError> {
        let emptied = async {
            self.file.set_len(0).await?;
            self.file.rewind().await
        };
        let emptied = emptied.await;
        self.stored(emptied)?;
        self.hasher = Sha256::new();
        self.written = 0;
        self.resumed = false;
        self.body = None;
        Ok(())
    }

    async fn pause(&mut self) -> Result<(), DownloadError> {
        self.body = None;
        let flushed = self.file.flush().await;
        self.stored(flushed)
    }

    async fn discard(&mut self) -> Result<(), DownloadError> {
        self.restart().await?;
        let removed = async {
            remove(&part_path(self.dir, &self.image.sha256)).await?;
            remove(&etag_path(self.dir, &self.image.sha256)).await
        };
        let removed = removed.await;
        self.stored(removed)
    }

    fn stored<T>(&self, result: io::Result<T>) -> Result<T, DownloadError> {
        result.map_err(|source| DownloadError::Storage { path: part_path(self.dir, &self.image.sha256), source })
    }
}

async fn remove(path: &Path) -> io::Result<()> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether a 206 begins where it was asked to: `Content-Range: bytes 500-999/1000`.
fn begins_at(response: &Response, offset: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let first = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok());
    first == Some(offset)
}
