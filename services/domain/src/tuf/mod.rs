//! A vehicle model's TUF 1.0 repository: the metadata that says which firmware exists and which
//! campaigns run, signed so that any TUF client can verify it without knowing Otaru.
//!
//! We sign and publish with serde structs of our own; what a *client* does is `tough`'s, in `vehicle`.
//! Specification: <https://theupdateframework.github.io/specification/v1.0.31/>.

mod cosign;
mod documents;
mod key;
mod metadata;
mod publish_error;
mod repository;
mod root;
mod sign;
mod writing;

pub use cosign::Pending;
pub use documents::DocumentFile;
pub use key::{Key, KeyError, PublicKey, Signer};
pub use metadata::{
    DelegatedRole, Delegations, FileMeta, Hashes, Metadata, Role, RoleKeys, Root, Snapshot, Target, TargetCustom,
    TargetDelta, TargetEncryption, Targets, Timestamp,
};
pub use publish_error::PublishError;
pub use repository::{Change, Publication, Repository, SignedFile};
pub use root::OnlineKeys;
pub use sign::{
    SignError, VerifyError, add_signatures, canonical, countersign, is_signed_by, parse_unverified, sign, verify,
};
