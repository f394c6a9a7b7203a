//! Encryption in the age format.

use std::io::{BufReader, Cursor, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::age::{AgeError, Decryptor, Encryptor, Identity, KeyError, Recipient};
use crate::tuf::{TargetCustom, TargetEncryption};

/// A test vector of the standard (C2SP, CCTV); those of passphrases and of the text form are left out, which nobody here reads.
#[derive(Deserialize)]
struct Vector {
    name: String,
    expect: String,
    identities: Vec<String>,
    /// The SHA-256 of what is decrypted, also where an error follows it.
    payload: Option<String>,
    file: String,
}

fn identity(seed: u8) -> Identity {
    Identity::new(&[seed; 32]).unwrap()
}

fn encrypt(bytes: &[u8], recipients: &[Recipient], piece: usize) -> Vec<u8> {
    let (mut encryptor, mut file) = Encryptor::new(recipients).unwrap();
    for piece in bytes.chunks(piece) {
        file.extend(encryptor.push(piece).unwrap());
    }
    file.extend(encryptor.finish().unwrap());
    file
}

fn decrypt(file: &[u8], identities: &[Identity]) -> Result<Vec<u8>, AgeError> {
    let mut bytes = Vec::new();
    let mut reader = Decryptor::open(Cursor::new(file), identities)?;
    reader.read_to_end(&mut bytes).map_err(AgeError::Read)?;
    Ok(bytes)
}

#[test]
fn the_vectors_of_the_standard_end_as_it_says() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("age_vectors.json")).unwrap();
    assert_eq!(vectors.len(), 49);
    for vector in vectors {
        let identities: Vec<_> = vector.identities.iter().filter_map(|text| Identity::parse(text)).collect();
        let file = STANDARD.decode(&vector.file).unwrap();
        let mut payload = Vec::new();
        let ended = match Decryptor::open(BufReader::with_capacity(7, file.as_slice()), &identities) {
            Ok(mut reader) => reader.read_to_end(&mut payload).map(|_| ()).map_err(AgeError::Read),
            Err(error) => Err(error),
        };
        let found = match &ended {
            Ok(()) => "success",
            Err(AgeError::NoMatch) => "no match",
            Err(AgeError::Mac) => "HMAC failure",
            Err(AgeError::Read(_)) => "payload failure",
            Err(AgeError::Header(_) | AgeError::Library) => "header failure",
        };
        assert_eq!(found, vector.expect, "{}: {ended:?}", vector.name);
        if let Some(expected) = vector.payload {
            assert_eq!(hex::encode(Sha256::digest(&payload)), expected, "{}", vector.name);
        }
    }
}

#[test]
fn what_is_encrypted_for_several_each_of_them_reads_and_nobody_else() {
    let recipients = [identity(1).recipient(), identity(2).recipient()];
    // Around the ends of chunks, in pieces that end elsewhere.
    for length in [0, 1, 65_535, 65_536, 65_537, 200_000] {
        let bytes: Vec<u8> = (0..length).map(|at: u32| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
        let file = encrypt(&bytes, &recipients, 10_000);
        for seed in [1, 2] {
            assert_eq!(decrypt(&file, &[identity(9), identity(seed)]).unwrap(), bytes, "{length} bytes");
        }
        assert!(matches!(decrypt(&file, &[identity(3)]), Err(AgeError::NoMatch)), "{length} bytes");
        assert!(decrypt(&file[..file.len() - 1], &[identity(1)]).is_err(), "cut short");
    }
    assert_ne!(encrypt(b"a", &recipients, 1), encrypt(b"a", &recipients, 1), "another key each time");
}

#[test]
fn a_recipient_that_is_none_is_told_from_one_that_must_not_be_given_away() {
    // BIP 173 and the format's own examples.
    let known = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    let secret = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
    assert_eq!(Identity::parse(secret).unwrap().recipient().to_string(), known);
    assert_eq!(Recipient::parse(&known.to_uppercase()).unwrap().to_string(), known);
    for (text, error) in [
        (known.replace('t', "q").as_str(), KeyError::NoRecipient),
        (&format!("{known}a"), KeyError::NoRecipient),
        (&format!("A{}", &known[1..]), KeyError::NoRecipient),
        ("ssh-ed25519 AAAA", KeyError::NoRecipient),
        ("", KeyError::NoRecipient),
        (secret, KeyError::Private),
        ("age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z", KeyError::Weak),
    ] {
        assert_eq!(Recipient::parse(text), Err(error), "{text}");
    }
}

#[test]
fn an_identity_file_may_have_several_keys_and_says_which_line_is_none() {
    let secret = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
    let file = format!("# created: 2026\n{secret}\r\n\n{secret}\n");
    assert_eq!(Identity::parse_file(&file).unwrap().len(), 2);
    assert!(matches!(Identity::parse_file(&format!("# x\n{secret}A\n")), Err(KeyError::NoIdentity(2))));
    assert!(matches!(Identity::parse_file("# nothing\n"), Err(KeyError::Empty)));
    let shown = format!("{:?}", Identity::parse(secret).unwrap());
    assert!(!shown.to_uppercase().contains("SECRET"), "{shown}");
}

#[test]
fn who_knows_no_encryption_takes_a_ciphertext_for_an_image_of_no_ecu() {
    let custom = TargetCustom {
        hardware_ids: Vec::new(),
        release_counter: 4,
        version: "2.3.0".to_owned(),
        release: 4,
        requires: Vec::new(),
        delta: None,
        encryption: Some(TargetEncryption {
            scheme: "age".to_owned(),
            sha256: "0".repeat(64),
            length: 7,
            hardware_ids: vec!["BCM".parse().unwrap()],
        }),
    };
    assert_eq!(custom.installs_on().len(), 1);
    let mut written = serde_json::to_value(&custom).unwrap();
    assert_eq!(written["encryption"]["hardwareIds"], serde_json::json!(["BCM"]));
    written.as_object_mut().unwrap().remove("encryption");
    let before: TargetCustom = serde_json::from_value(written).unwrap();
    assert!(before.installs_on().is_empty(), "read by one of before, it is nobody's");
}
