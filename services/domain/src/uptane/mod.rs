//! Uptane (Standard 2.1.0) in the dialect of aktualizr, the client that is in the field: the same rules as TUF 1.0, but
//! `_type` has a capital letter, signatures are base64 and name their method, and files have no version in their names.
//! One file cannot serve both kinds of clients, so the Image repository is a second view of the model's TUF repository.
//!
//! The Director signs for one vehicle and with keys that the campaign service does not have; what it is told by vehicles
//! is held against their ECUs' keys first ([`manifest`]).

mod canonical;
mod direction;
mod envelope;
mod event;
mod image;
mod key;
pub mod manifest;
mod outcome;
mod publication;
mod root;
mod serial;

pub use canonical::{MAX_DEPTH, NotCanonical, canonical};
pub use direction::{
    Directed, DirectedEcu, DirectedImage, Direction, DirectorError, DirectorKeys, DirectorMetadata, LIFETIME,
    MAX_DIRECTOR_BYTES, Stamp,
};
pub use envelope::{Envelope, EnvelopeSignature, add_signatures, sign, verify};
pub use event::{Event, EventBody, EventStep, EventType};
pub use key::{ClientKey, ClientKeyVal, EcuKey, EcuKeyError, KeyKind};
pub use outcome::{InstallationItem, InstallationReport, InstallationResult, Outcome};
pub use publication::{FILE, Published, PublishedDirector, PublishedImage};
pub use root::{DirectorPublicKeys, RepositoryName, Uptane};
pub use serial::{EcuSerial, SerialError};
