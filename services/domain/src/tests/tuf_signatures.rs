use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::tuf_fixture::key;
use crate::tuf::{Key, PublicKey, SignError, VerifyError, add_signatures, canonical, sign, verify};

fn ring(keys: &[&Key]) -> BTreeMap<String, PublicKey> {
    keys.iter().map(|key| (key.id().to_owned(), key.public().clone())).collect()
}

fn ids(keys: &[&Key]) -> Vec<String> {
    keys.iter().map(|key| key.id().to_owned()).collect()
}

fn file() -> Value {
    json!({"_type": "targets", "version": 3})
}

fn checked(bytes: &[u8], keys: &[&Key], threshold: u32) -> Result<Value, VerifyError> {
    verify(bytes, &ring(keys), &ids(keys), threshold)
}

#[test]
fn a_key_id_is_the_hash_of_the_canonical_key() {
    let public = key(1).public().clone();
    let canonical =
        format!(r#"{{"keytype":"ed25519","keyval":{{"public":"{}"}},"scheme":"ed25519"}}"#, public.keyval.public);
    assert_eq!(key(1).id(), hex::encode(<sha2::Sha256 as sha2::Digest>::digest(canonical)));
    // RFC 8032, section 7.1, test 1.
    let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let rfc = Key::from_seed(&seed.try_into().unwrap());
    assert_eq!(rfc.public().keyval.public, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
}

#[test]
fn a_key_survives_its_pem_and_debug_shows_no_secret() {
    let pem = key(1).to_pem().unwrap();
    assert_eq!(Key::from_pem(&pem).unwrap().id(), key(1).id());
    assert!(Key::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").is_err());
    assert_eq!(format!("{:?}", key(1)), format!("Key({})", key(1).id()));
}

#[test]
fn generated_keys_differ() {
    assert_ne!(Key::generate().unwrap().id(), Key::generate().unwrap().id());
}

#[test]
fn a_signed_file_is_verified() {
    let bytes = sign(&file(), &[&key(1)]).unwrap();
    assert_eq!(checked(&bytes, &[&key(1)], 1), Ok(file()));
}

#[test]
fn a_changed_file_is_not_verified() {
    let bytes = String::from_utf8(sign(&file(), &[&key(1)]).unwrap()).unwrap();
    let changed = bytes.replace("\"version\":3", "\"version\":4");
    assert_ne!(bytes, changed);
    assert_eq!(checked(changed.as_bytes(), &[&key(1)], 1), Err(VerifyError::Threshold { got: 0, threshold: 1 }));
}

#[test]
fn the_order_and_spacing_of_json_do_not_matter_but_its_content_does() {
    let bytes = sign(&file(), &[&key(1)]).unwrap();
    let parsed: Value = serde_json::from_slice(&bytes).unwrap();
    assert!(checked(serde_json::to_string_pretty(&parsed).unwrap().as_bytes(), &[&key(1)], 1).is_ok());
}

#[test]
fn one_key_counts_once_however_often_it_signs() {
    let twice = sign(&file(), &[&key(1), &key(1)]).unwrap();
    let keys = [&key(1), &key(2)];
    assert_eq!(checked(&twice, &keys, 2), Err(VerifyError::Threshold { got: 1, threshold: 2 }));
    assert!(checked(&sign(&file(), &keys).unwrap(), &keys, 2).is_ok());
}

#[test]
fn one_key_under_two_ids_counts_once() {
    let bytes = String::from_utf8(sign(&file(), &[&key(1)]).unwrap()).unwrap();
    let mut envelope: Value = serde_json::from_str(&bytes).unwrap();
    let mut alias = envelope["signatures"][0].clone();
    alias["keyid"] = json!("alias");
    envelope["signatures"].as_array_mut().unwrap().push(alias);
    let mut keys = ring(&[&key(1)]);
    keys.insert("alias".into(), key(1).public().clone());
    let keyids = vec![key(1).id().to_owned(), "alias".to_owned()];
    let result = verify::<Value>(envelope.to_string().as_bytes(), &keys, &keyids, 2);
    assert_eq!(result, Err(VerifyError::Threshold { got: 1, threshold: 2 }));
}

#[test]
fn a_threshold_of_zero_verifies_nothing() {
    let bytes = sign(&file(), &[&key(1)]).unwrap();
    assert!(checked(&bytes, &[&key(1)], 0).is_err());
}

#[test]
fn a_foreign_or_malformed_signature_is_ignored_beside_a_good_one() {
    let bytes = sign(&file(), &[&key(1), &key(9)]).unwrap();
    let mut envelope: Value = serde_json::from_slice(&bytes).unwrap();
    envelope["signatures"].as_array_mut().unwrap().push(json!({"keyid": key(2).id(), "sig": "not hex"}));
    let bytes = envelope.to_string();
    assert!(checked(bytes.as_bytes(), &[&key(1), &key(2)], 1).is_ok());
    assert!(checked(bytes.as_bytes(), &[&key(1), &key(2)], 2).is_err());
}

#[test]
fn a_key_of_another_kind_never_verifies() {
    let bytes = sign(&file(), &[&key(1)]).unwrap();
    let mut keys = ring(&[&key(1)]);
    keys.get_mut(key(1).id()).unwrap().scheme = "rsassa-pss-sha256".into();
    assert!(verify::<Value>(&bytes, &keys, &ids(&[&key(1)]), 1).is_err());
}

#[test]
fn people_sign_one_after_the_other_and_again() {
    let keys = [&key(1), &key(2)];
    let bare = serde_json::to_vec(&file()).unwrap();
    let once = add_signatures(&bare, &[&key(1)]).unwrap();
    let again = add_signatures(&once, &[&key(1)]).unwrap();
    assert_eq!(again, once);
    assert!(checked(&again, &keys, 2).is_err());
    assert!(checked(&add_signatures(&again, &[&key(2)]).unwrap(), &keys, 2).is_ok());
    assert!(add_signatures(b"not json", &[&key(1)]).is_err());
}

#[test]
fn the_canonical_form_sorts_keys_and_escapes_only_quotes_and_backslashes() {
    let bytes = canonical(&json!({"b": [1, -2, true, null], "a": "x\"\\\n/"})).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), "{\"a\":\"x\\\"\\\\\n/\",\"b\":[1,-2,true,null]}");
}

#[test]
fn a_fraction_has_no_canonical_form() {
    assert!(matches!(canonical(&json!({"ratio": 0.5})), Err(SignError::NotCanonical(_))));
    assert!(matches!(sign(&json!({"ratio": 0.5}), &[&key(1)]), Err(SignError::NotCanonical(_))));
}

#[test]
fn what_is_not_ascii_is_not_signed() {
    assert_eq!(sign(&json!({"name": "é"}), &[&key(1)]), Err(SignError::NotAscii));
}
