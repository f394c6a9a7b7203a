//! Keys in a hardware module, by PKCS#11: they sign there and never leave it. The module is loaded once per process, since
//! a second initialisation would be refused; a session that broke is opened anew with the next signature.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use otaru_domain::tuf::{Key, PublicKey, Signer};

static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// The module and its user's PIN. `Debug` does not show the PIN.
#[derive(Clone)]
pub struct Pkcs11Config {
    /// The shared library.
    pub module: PathBuf,
    pub pin: String,
}

impl fmt::Debug for Pkcs11Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Config").field("module", &self.module).finish_non_exhaustive()
    }
}

/// A private key of a token.
struct TokenKey {
    config: Pkcs11Config,
    token: String,
    object: String,
    open: Mutex<Option<(Session, ObjectHandle)>>,
}

/// The key pair with the label `object` on the token with the label `token`.
///
/// # Errors
/// Why it cannot be used, in words.
pub(crate) fn key(config: &Pkcs11Config, token: &str, object: &str) -> Result<Key, String> {
    let session = open(config, token)?;
    let public = find(&session, ObjectClass::PUBLIC_KEY, object)?;
    let attributes = session.get_attributes(public, &[AttributeType::EcPoint]).map_err(words)?;
    let point = attributes.iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(point) => Some(point.as_slice()),
        _ => None,
    });
    // By the standard the point is wrapped as a DER octet string; some modules give it bare.
    let point = point.map(|point| point.strip_prefix(&[0x04, 0x20]).filter(|bare| bare.len() == 32).unwrap_or(point));
    let point = point.and_then(|point| <[u8; 32]>::try_from(point).ok());
    let point = point.ok_or_else(|| format!("the public key {object:?} is no ed25519 key"))?;
    let private = find(&session, ObjectClass::PRIVATE_KEY, object)?;
    let signer = TokenKey {
        config: config.clone(),
        token: token.to_owned(),
        object: object.to_owned(),
        open: Mutex::new(Some((session, private))),
    };
    Ok(Key::elsewhere(PublicKey::ed25519(&point), Arc::new(signer)))
}

impl Signer for TokenKey {
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], String> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((session, key)) = open.as_ref()
            && let Ok(signature) = sign(session, *key, message)
        {
            return Ok(signature);
        }
        let session = self::open(&self.config, &self.token)?;
        let key = find(&session, ObjectClass::PRIVATE_KEY, &self.object)?;
        let signature = sign(&session, key, message);
        *open = Some((session, key));
        signature
    }
}

fn sign(session: &Session, key: ObjectHandle, message: &[u8]) -> Result<[u8; 64], String> {
    let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
    let signature = session.sign(&mechanism, key, message).map_err(words)?;
    signature.try_into().map_err(|_| "the module's signature is none of ed25519".to_owned())
}

fn open(config: &Pkcs11Config, token: &str) -> Result<Session, String> {
    let module = module(&config.module)?;
    for slot in module.get_slots_with_token().map_err(words)? {
        let info = module.get_token_info(slot).map_err(words)?;
        if info.label().trim_end() != token {
            continue;
        }
        let session = module.open_ro_session(slot).map_err(words)?;
        return match session.login(UserType::User, Some(&AuthPin::new(config.pin.clone().into()))) {
            // One login is for all sessions of this process.
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(words(error)),
        };
    }
    Err(format!("the module has no token {token:?}"))
}

fn module(path: &Path) -> Result<Pkcs11, String> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(path).map_err(words)?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(words)?;
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}

fn find(session: &Session, class: ObjectClass, label: &str) -> Result<ObjectHandle, String> {
    let label_bytes = label.as_bytes().to_vec();
    let wanted = [Attribute::Class(class), Attribute::KeyType(KeyType::EC_EDWARDS), Attribute::Label(label_bytes)];
    match session.find_objects(&wanted).map_err(words)?[..] {
        [object] => Ok(object),
        [] => Err(format!("the token has no ed25519 {class} {label:?}")),
        _ => Err(format!("the token has several {class}s {label:?}")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn words(error: Error) -> String {
    error.to_string()
}
