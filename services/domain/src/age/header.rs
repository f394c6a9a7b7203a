//! The header: the file's key, wrapped for each recipient, and a MAC over all of that.

use std::io::{BufRead, Read as _};

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::key::{derive, wrap_for};
use super::{AgeError, Identity, Recipient};

const VERSION: &str = "age-encryption.org/v1";
const X25519: &str = "X25519";
const END: &str = "---";
/// A line of a stanza's body; the last one is shorter.
const COLUMNS: usize = 64;
/// The longest header that is read.
const MAX_BYTES: u64 = 64 << 10;
/// A file's key.
pub(super) type FileKey = [u8; 16];

pub(super) fn aead(key: &[u8; 32]) -> Result<LessSafeKey, AgeError> {
    Ok(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key)?))
}

fn mac_key(file_key: &FileKey) -> Result<hmac::Key, AgeError> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &derive(&[], file_key, "header")?))
}

/// The header of a file with `file_key` for `recipients`.
pub(super) fn write(file_key: &FileKey, recipients: &[Recipient]) -> Result<Vec<u8>, AgeError> {
    let mut header = format!("{VERSION}\n");
    for recipient in recipients {
        let (share, key) = wrap_for(recipient)?;
        let mut wrapped = file_key.to_vec();
        // A key of its own each time, so the nonce may be the same.
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        aead(&key)?.seal_in_place_append_tag(nonce, Aad::empty(), &mut wrapped)?;
        let (share, wrapped) = (STANDARD_NO_PAD.encode(share), STANDARD_NO_PAD.encode(wrapped));
        header.push_str(&format!("-> {X25519} {share}\n{wrapped}\n"));
    }
    header.push_str(END);
    let mac = hmac::sign(&mac_key(file_key)?, header.as_bytes());
    header.push_str(&format!(" {}\n", STANDARD_NO_PAD.encode(mac)));
    Ok(header.into_bytes())
}

struct Stanza {
    arguments: Vec<String>,
    body: Vec<u8>,
}

/// Reads the header of `file`; the key that one of `identities` unwraps.
pub(super) fn read(file: &mut impl BufRead, identities: &[Identity]) -> Result<FileKey, AgeError> {
    let mut lines = Lines { file: file.take(MAX_BYTES), read: Vec::new() };
    if lines.next()? != VERSION {
        return Err(AgeError::Header("it is of another version, or none"));
    }
    let mut stanzas: Vec<Stanza> = Vec::new();
    let mac = loop {
        let line = lines.next()?;
        if let Some(mac) = line.strip_prefix(END) {
            break mac.to_owned();
        }
        stanzas.push(stanza(&line, &mut lines)?);
    };
    // A passphrase stands alone, or who knows it could have made the file.
    if stanzas.len() > 1 && stanzas.iter().any(|stanza| stanza.arguments[0] == "scrypt") {
        return Err(AgeError::Header("a passphrase beside other recipients"));
    }
    let mac = mac.strip_prefix(' ').and_then(|mac| STANDARD_NO_PAD.decode(mac).ok());
    let mac = mac.filter(|mac| mac.len() == 32).ok_or(AgeError::Header("its MAC cannot be read"))?;
    let file_key = unwrap(&stanzas, identities)?.ok_or(AgeError::NoMatch)?;
    let end = lines.read.len() - STANDARD_NO_PAD.encode(&mac).len() - " \n".len();
    hmac::verify(&mac_key(&file_key)?, &lines.read[..end], &mac).map_err(|_| AgeError::Mac)?;
    Ok(file_key)
}

fn stanza<R: BufRead>(line: &str, lines: &mut Lines<R>) -> Result<Stanza, AgeError> {
    let wrong = AgeError::Header("a recipient's stanza is malformed");
    let Some(arguments) = line.strip_prefix("-> ") else { return Err(wrong) };
    let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
    if arguments.iter().any(|argument| argument.is_empty() || !argument.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err(wrong);
    }
    let mut body = Vec::new();
    loop {
        let line = lines.next()?;
        match STANDARD_NO_PAD.decode(&line) {
            Ok(bytes) if line.len() <= COLUMNS => body.extend(bytes),
            _ => return Err(wrong),
        }
        if line.len() < COLUMNS {
            return Ok(Stanza { arguments, body });
        }
    }
}

fn unwrap(stanzas: &[Stanza], identities: &[Identity]) -> Result<Option<FileKey>, AgeError> {
    for stanza in stanzas.iter().filter(|stanza| stanza.arguments[0] == X25519) {
        let [_, share] = stanza.arguments.as_slice() else {
            return Err(AgeError::Header("a stanza of X25519 has other arguments than its share"));
        };
        let share = STANDARD_NO_PAD.decode(share).ok().and_then(|share| <[u8; 32]>::try_from(share).ok());
        let share = share.ok_or(AgeError::Header("a share of X25519 has not 32 bytes"))?;
        if stanza.body.len() != size_of::<FileKey>() + CHACHA20_POLY1305.tag_len() {
            return Err(AgeError::Header("a wrapped key has not 16 bytes"));
        }
        for identity in identities {
            let key = aead(&identity.unwrapping_key(&share)?)?;
            let mut wrapped = stanza.body.clone();
            // It is another's, as long as it cannot be unwrapped.
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            let Ok(opened) = key.open_in_place(nonce, Aad::empty(), &mut wrapped) else { continue };
            return Ok((*opened).try_into().ok());
        }
    }
    Ok(None)
}

/// The lines of a header, and all that was read of it.
struct Lines<R> {
    file: R,
    read: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<String, AgeError> {
        let begin = self.read.len();
        self.file.read_until(b'\n', &mut self.read).map_err(AgeError::Read)?;
        let line = self.read[begin..].strip_suffix(b"\n").ok_or(AgeError::Header("it does not end, or is too long"))?;
        let line = std::str::from_utf8(line).map_err(|_| AgeError::Header("it is not ASCII"))?;
        Ok(line.to_owned())
    }
}
