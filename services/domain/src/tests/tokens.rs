use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::{model, now, vin};
use crate::token::{Claims, TokenError, issue, key_id, verify};
use crate::tuf::Key;

fn key(seed: u8) -> Key {
    Key::from_seed(&[seed; 32])
}

fn public(key: &Key) -> [u8; 32] {
    key.public().bytes().unwrap()
}

fn claims() -> Claims {
    Claims {
        vin: vin("WVWZZZ1KZAW000001"),
        vehicle: 7,
        model: model("harbour"),
        jti: Uuid::from_u128(42),
        iat: now().timestamp(),
        exp: (now() + TimeDelta::days(30)).timestamp(),
        ack_key: None,
    }
}

#[test]
fn a_token_is_verified_with_the_public_key_alone() {
    let token = issue(&claims(), &key(1)).unwrap();
    assert_eq!(verify(&token, &public(&key(1)), now()), Ok(claims()));
    assert_eq!(key_id(&token).as_deref(), Some(key(1).id()));
}

#[test]
fn a_token_ends_at_the_second_it_says() {
    let token = issue(&claims(), &key(1)).unwrap();
    let end = now() + TimeDelta::days(30);
    assert!(verify(&token, &public(&key(1)), end - TimeDelta::seconds(1)).is_ok());
    assert_eq!(verify(&token, &public(&key(1)), end), Err(TokenError::Expired));
}

#[test]
fn a_token_of_another_key_is_not_taken() {
    let token = issue(&claims(), &key(2)).unwrap();
    assert_eq!(verify(&token, &public(&key(1)), now()), Err(TokenError::Invalid));
}

#[test]
fn a_changed_token_is_not_taken() {
    let token = issue(&claims(), &key(1)).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let mut body: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    body["sub"] = json!("WVWZZZ1KZAW000002");
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(body.to_string()), parts[2]);
    assert_eq!(verify(&forged, &public(&key(1)), now()), Err(TokenError::Invalid));
    for index in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        // The last character of a signature of 64 bytes carries bits that do not count.
        if changed != token && index + 1 < token.len() {
            assert_eq!(verify(&changed, &public(&key(1)), now()), Err(TokenError::Invalid), "byte {index}");
        }
    }
}

#[test]
fn a_token_cannot_choose_another_algorithm() {
    let body = URL_SAFE_NO_PAD.encode(serde_json::to_string(&claims()).unwrap());
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let secret = jsonwebtoken::EncodingKey::from_secret(&public(&key(1)));
    let by_public_key = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims(), &secret).unwrap();
    for forged in [format!("{none}.{body}."), format!("{none}.{body}.AAAA"), by_public_key, String::new(), "..".into()]
    {
        assert_eq!(verify(&forged, &public(&key(1)), now()), Err(TokenError::Invalid), "{forged}");
    }
}

#[test]
fn a_token_with_an_impossible_vin_is_not_taken() {
    let mut body = serde_json::to_value(claims()).unwrap();
    body["sub"] = json!("../../etc/passwd");
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"JWT"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(body.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(hex::decode(key(1).sign(message.as_bytes()).unwrap()).unwrap());
    assert_eq!(verify(&format!("{message}.{signature}"), &public(&key(1)), now()), Err(TokenError::Invalid));
}

proptest::proptest! {
    #[test]
    fn no_other_text_than_the_token_itself_is_taken(at in 0..400_usize, with in "[A-Za-z0-9._-]{0,3}", cut in 0..3_usize) {
        let token = issue(&claims(), &key(1)).unwrap();
        let at = at.min(token.len());
        let end = (at + cut).min(token.len());
        let edited = format!("{}{with}{}", &token[..at], &token[end..]);
        let verified = verify(&edited, &public(&key(1)), now());
        if edited == token {
            assert_eq!(verified, Ok(claims()));
        } else {
            assert_eq!(verified, Err(TokenError::Invalid), "{edited}");
        }
    }
}
