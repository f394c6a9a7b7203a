//! Why a change of a model's repository is not published.

use thiserror::Error;

use super::metadata::Role;
use super::sign::{SignError, VerifyError};

#[derive(Debug, Error)]
pub enum PublishError {
    #[error("the model has no signed root yet: sign one with `otaru keys sign-root`")]
    AwaitingRoot,
    #[error("the root is version {got}, the next is {expected}")]
    RootVersion { got: u64, expected: u64 },
    #[error("the root does not let this model's {0} key alone sign for that role")]
    RootKeys(Role),
    #[error(
        "the key that vehicles expect of the role {0} is not here: restore the keys directory, or put a root without it"
    )]
    KeyMissing(Role),
    #[error("the root has expired or expires in less than a day")]
    RootExpired,
    #[error("the root must have consistent_snapshot true")]
    RootConsistentSnapshot,
    #[error("the root is not signed as it and its predecessor demand")]
    RootSignature(#[source] VerifyError),
    #[error("the repository's own file cannot be read")]
    Stored(#[source] VerifyError),
    #[error("the targets role asks for {threshold} signatures, and its keys cannot give as many beside ours")]
    RootThreshold { threshold: u32 },
    #[error("no targets of this model wait for a signature")]
    NothingToSign,
    #[error(
        "the targets that wait are not signed as the root demands: sign the present draft, with a key that the root names"
    )]
    TargetsSignature(#[source] VerifyError),
    #[error("the root that the targets wait with expires in less than a day: put another one")]
    PendingRootExpired,
    #[error("the metadata cannot be signed")]
    Sign(#[from] SignError),
    #[error("the document cannot be written")]
    Document(#[from] serde_json::Error),
    #[error(
        "a model whose targets need an approver's signature has no Uptane Image repository: nobody signs its view of them"
    )]
    UptaneCosigned,
    #[error("the {role} of the Uptane Image repository would have {bytes} bytes, and aktualizr reads {limit_bytes}")]
    UptaneTooLong { role: Role, bytes: usize, limit_bytes: usize },
}

impl PublishError {
    /// What is wrong with a root that is put is said to whoever puts it; under the present one a key of ours is lost.
    pub(crate) fn of_present_root(self) -> Self {
        match self {
            Self::RootKeys(role) => Self::KeyMissing(role),
            other => other,
        }
    }
}
