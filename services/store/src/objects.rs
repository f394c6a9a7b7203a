//! The artifacts' object store: files that never change, addressed by the SHA-256 of their bytes.
//!
//! An upload is hashed while it streams into a place of its own, and moves to its address only when
//! all of it is there: whoever finds an artifact finds all of it, and an upload that breaks off leaves nothing.

mod open;

use std::error::Error;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use md5::{Digest as _, Md5};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
pub use object_store::signer::Method;
use object_store::signer::Signer;
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt as _};
use otaru_domain::id::Sha256;
use sha1::Sha1;
use thiserror::Error;
use url::Url;
use uuid::Uuid;

use crate::StoreError;

/// What is sent to the store at once. S3 takes 10,000 parts of at least 5 MiB.
const PART_BYTES: usize = 8 << 20;
/// Where uploads under way are, beside `sha256/`.
const UPLOADS: &str = "uploads";
/// Where artifacts are that gateways and CDNs read, and where those that they do not.
const OPEN: &str = "sha256";
const WITHHELD: &str = "withheld";

/// The object store.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// What signs links, where the store can.
    signer: Option<Arc<dyn Signer>>,
    prefix: Path,
    /// The directory, when it is one.
    directory: Option<PathBuf>,
}

/// What an artifact's bytes are known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    pub sha256: Sha256,
    pub sha1: String,
    pub md5: String,
    pub length_bytes: u64,
}

/// An upload that is complete but not yet at its address: to be kept or discarded.
#[derive(Debug)]
pub struct Staged {
    path: Path,
    pub digests: Digests,
}

/// An artifact, or a part of it, on its way out.
pub struct Object {
    /// Of the whole artifact.
    pub length_bytes: u64,
    /// The bytes that `stream` yields, first included, last excluded.
    pub range: Range<u64>,
    pub stream: BoxStream<'static, Result<Bytes, StoreError>>,
}

/// Why an upload was not taken. Nothing of it is left.
#[derive(Debug, Error)]
pub enum ReceiveError {
    #[error("the upload is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: u64 },
    #[error("the upload broke off")]
    Interrupted(#[source] Box<dyn Error + Send + Sync>),
    #[error("the object store is full: free space there, or point --artifacts elsewhere")]
    Full(#[source] object_store::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<object_store::Error> for ReceiveError {
    fn from(error: object_store::Error) -> Self {
        if is_full(&error) { Self::Full(error) } else { Self::Store(StoreError::Objects(error)) }
    }
}

/// Whether a full disk (or quota) is at the bottom of `error`.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    std::iter::successors(Some(error), |error| (*error).source()).any(|error| {
        error.downcast_ref::<std::io::Error>().is_some_and(|io| matches!(io.kind(), StorageFull | QuotaExceeded))
    })
}

impl Objects {
    /// Opens `file:///directory` (made when missing), `s3://bucket/prefix`, `gs://…` or `az://…`; credentials
    /// of the clouds come from their usual environment variables.
    ///
    /// # Errors
    /// [`StoreError::Objects`] when the URL cannot be used.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let unusable = |source: Box<dyn Error + Send + Sync>| {
            StoreError::Objects(object_store::Error::Generic { store: "artifacts", source })
        };
        let url = Url::parse(url).map_err(|error| unusable(format!("{url:?} is no URL: {error}").into()))?;
        if url.scheme() == "file" {
            let directory =
                url.to_file_path().map_err(|()| unusable(format!("{url} has no absolute path in it").into()))?;
            std::fs::create_dir_all(&directory).map_err(|error| unusable(Box::new(error)))?;
            let store = LocalFileSystem::new_with_prefix(&directory).map_err(StoreError::Objects)?.with_fsync(true);
            return Ok(Self {
                store: Arc::new(store),
                signer: None,
                prefix: Path::default(),
                directory: Some(directory),
            });
        }
        let open::Remote { store, signer, prefix } = open::remote(&url).map_err(StoreError::Objects)?;
        Ok(Self { store, signer, prefix, directory: None })
    }

    /// Whether [`Self::signed_url`] has an answer.
    #[must_use]
    pub fn can_sign(&self) -> bool {
        self.signer.is_some()
    }

    /// A link by which anybody may `method` the artifact for `life`, whether or not it is there; `None` where the store
    /// knows no such links.
    ///
    /// # Errors
    /// [`StoreError::Objects`].
    pub async fn signed_url(&self, method: Method, sha256: &Sha256, life: Duration) -> Result<Option<Url>, StoreError> {
        let Some(signer) = &self.signer else { return Ok(None) };
        signer.signed_url(method, &self.address(sha256), life).await.map(Some).map_err(StoreError::Objects)
    }

    fn address(&self, sha256: &Sha256) -> Path {
        self.address_in(OPEN, sha256)
    }

    fn address_in(&self, folder: &'static str, sha256: &Sha256) -> Path {
        let (head, _) = sha256.as_str().split_at(2);
        self.prefix.clone().join(folder).join(head).join(sha256.as_str())
    }

    /// Streams an upload in, hashing it on the way; holds no more than a part of it in memory.
    ///
    /// # Errors
    /// [`ReceiveError`]; nothing is kept then.
    pub async fn receive<E>(
        &self,
        mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin + Send,
        limit_bytes: u64,
    ) -> Result<Staged, ReceiveError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let path = self.prefix.clone().join(UPLOADS).join(Uuid::new_v4().to_string());
        let mut upload = Upload { part: BytesMut::new(), parts: None, objects: self, path: &path };
        let mut hashes = Hashes::default();
        let received = async {
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(|error| ReceiveError::Interrupted(error.into()))?;
                hashes.update(&chunk);
                if hashes.length_bytes > limit_bytes {
                    return Err(ReceiveError::TooLarge { limit_bytes });
                }
                upload.push(&chunk).await?;
            }
            upload.finish().await?;
            hashes.digests().map_err(ReceiveError::from)
        }
        .await;
        match received {
            Ok(digests) => Ok(Staged { path, digests }),
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    /// Moves an upload to its address.
    ///
    /// # Errors
    /// [`ReceiveError::Full`] and [`ReceiveError::Store`].
    pub async fn keep(&self, staged: Staged) -> Result<Digests, ReceiveError> {
        self.store.rename(&staged.path, &self.address(&staged.digests.sha256)).await?;
        Ok(staged.digests)
    }

    /// Moves an upload to where artifacts are withheld.
    ///
    /// # Errors
    /// [`ReceiveError::Full`] and [`ReceiveError::Store`].
    pub async fn keep_withheld(&self, staged: Staged) -> Result<Digests, ReceiveError> {
        self.store.rename(&staged.path, &self.address_in(WITHHELD, &staged.digests.sha256)).await?;
        Ok(staged.digests)
    }

    /// Moves an artifact to where neither gateways nor CDNs read. What is there already stays.
    ///
    /// # Errors
    /// [`StoreError::Objects`].
    pub async fn withhold(&self, sha256: &Sha256) -> Result<(), StoreError> {
        self.shift(&self.address(sha256), &self.address_in(WITHHELD, sha256)).await
    }

    /// Moves an artifact that was withheld to its address. What is there already stays.
    ///
    /// # Errors
    /// [`StoreError::Objects`].
    pub async fn expose(&self, sha256: &Sha256) -> Result<(), StoreError> {
        self.shift(&self.address_in(WITHHELD, sha256), &self.address(sha256)).await
    }

    async fn shift(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        match self.store.rename(from, to).await {
            // It was moved before, or is lost: whoever reads it says so.
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StoreError::Objects(error)),
        }
    }

    /// The whole artifact, withheld or not; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Objects`].
    pub async fn get_any(&self, sha256: &Sha256) -> Result<Option<Object>, StoreError> {
        match self.get(sha256, None).await? {
            Some(object) => Ok(Some(object)),
            None => self.read(&self.address_in(WITHHELD, sha256), None).await,
        }
    }

    /// Forgets an upload.
    ///
    /// # Errors
    /// [`StoreError::Objects`].
    pub async fn discard(&self, staged: Staged) -> Result<(), StoreError> {
        self.store.delete(&staged.path).await.map_err(StoreError::Objects)
    }

    /// The artifact, or the bytes `range` of it (its end is cut to the artifact's); `None` when there is none.
    /// A range that begins past the end is the caller's to refuse, with [`Self::length`].
    ///
    /// # Errors
    /// [`StoreError::Objects`].
    pub async fn get(&self, sha256: &Sha256, range: Option<Range<u64>>) -> Result<Option<Object>, StoreError> {
        self.read(&self.address(sha256), range).await
    }

    async fn read(&self, address: &Path, range: Option<Range<u64>>) -> Result<Option<Object>, StoreError> {
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        match self.store.get_opts(address, options).await {
            Ok(result) => Ok(Some(Object {
                length_bytes: result.meta.size,
                range: result.range.clone(),
                stream: result.into_stream().map_err(StoreError::Objects).boxed(),
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(StoreError::Objects(error)),
        }
    }

    /// The artifact's length; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Objects`].
    pub async fn length(&self, sha256: &Sha256) -> Result<Option<u64>, StoreError> {
        match self.store.head(&self.address(sha256)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(StoreError::Objects(error)),
        }
    }

    /// Removes uploads that a killed process left before `before`; how many.
    ///
    /// # Errors
    /// [`StoreError::Objects`].
    pub async fn sweep_uploads(&self, before: DateTime<Utc>) -> Result<usize, StoreError> {
        if let Some(directory) = &self.directory {
            // Half-written files have names that the store itself never lists.
            let uploads = directory.join(UPLOADS);
            return tokio::task::spawn_blocking(move || sweep_directory(&uploads, before))
                .await
                .map_err(|_| StoreError::Cancelled);
        }
        let listed: Vec<_> = self
            .store
            .list(Some(&self.prefix.clone().join(UPLOADS)))
            .try_collect()
            .await
            .map_err(StoreError::Objects)?;
        let mut swept = 0;
        for meta in listed.into_iter().filter(|meta| meta.last_modified < before) {
            self.store.delete(&meta.location).await.map_err(StoreError::Objects)?;
            swept += 1;
        }
        Ok(swept)
    }
}

fn sweep_directory(uploads: &std::path::Path, before: DateTime<Utc>) -> usize {
    let Ok(entries) = std::fs::read_dir(uploads) else {
        return 0;
    };
    let old = entries.filter_map(Result::ok).filter(|entry| {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        modified.is_ok_and(|at| DateTime::<Utc>::from(at) < before)
    });
    old.filter(|entry| std::fs::remove_file(entry.path()).is_ok()).count()
}

/// Collects parts; a small upload is put in one request.
struct Upload<'a> {
    objects: &'a Objects,
    path: &'a Path,
    part: BytesMut,
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Upload<'_> {
    async fn push(&mut self, mut chunk: &[u8]) -> Result<(), ReceiveError> {
        while !chunk.is_empty() {
            let (now, rest) = chunk.split_at(chunk.len().min(PART_BYTES - self.part.len()));
            self.part.extend_from_slice(now);
            chunk = rest;
            if self.part.len() == PART_BYTES {
                self.send_part().await?;
            }
        }
        Ok(())
    }

    async fn send_part(&mut self) -> Result<(), ReceiveError> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => self.parts.insert(self.objects.store.put_multipart(self.path).await?),
        };
        parts.put_part(self.part.split().freeze().into()).await?;
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), ReceiveError> {
        if self.parts.is_none() {
            self.objects.store.put(self.path, self.part.split().freeze().into()).await?;
            return Ok(());
        }
        if !self.part.is_empty() {
            self.send_part().await?;
        }
        if let Some(parts) = &mut self.parts {
            parts.complete().await?;
        }
        Ok(())
    }

    async fn abort(&mut self) {
        if let Some(parts) = &mut self.parts {
            // What cannot be removed now is swept later.
            let _ = parts.abort().await;
        }
    }
}

#[derive(Default)]
struct Hashes {
    sha256: sha2::Sha256,
    sha1: Sha1,
    md5: Md5,
    length_bytes: u64,
}

impl Hashes {
    fn update(&mut self, chunk: &[u8]) {
        self.sha256.update(chunk);
        self.sha1.update(chunk);
        self.md5.update(chunk);
        self.length_bytes += chunk.len() as u64;
    }

    fn digests(self) -> Result<Digests, StoreError> {
        let sha256 = Sha256::parse(&hex::encode(self.sha256.finalize()))
            .map_err(|error| StoreError::inconsistent("artifacts", error))?;
        Ok(Digests {
            sha256,
            sha1: hex::encode(self.sha1.finalize()),
            md5: hex::encode(self.md5.finalize()),
            length_bytes: self.length_bytes,
        })
    }
}
