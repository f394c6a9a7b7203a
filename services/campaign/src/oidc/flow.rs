//! A sign-in under way. All of it is in a sealed cookie of the browser that began it, so strangers who begin
//! sign-ins fill no table; what makes it single-use is that the session names its flow.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::OidcConfig;

/// How long a person may take at the provider.
pub(crate) const LIFE: TimeDelta = TimeDelta::minutes(10);
const MAX_PATH_BYTES: usize = 1024;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Flow {
    pub(crate) id: Uuid,
    pub(crate) state: String,
    pub(crate) nonce: String,
    /// PKCE's.
    pub(crate) verifier: String,
    /// Where in the dashboard the person wanted to go.
    pub(crate) to: String,
    pub(crate) until: DateTime<Utc>,
}

impl Flow {
    /// As text for a cookie, which only this installation can read or make.
    pub(crate) fn seal(&self, config: &OidcConfig) -> Result<String, Unspecified> {
        let mut sealed = serde_json::to_vec(self).map_err(|_| Unspecified)?;
        let nonce = key(config)?.seal_in_place_append_tag(Aad::from(&config.issuer), &mut sealed)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat()))
    }

    /// The flow that was sealed, unless its time is over.
    pub(crate) fn open(text: &str, config: &OidcConfig, now: DateTime<Utc>) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = sealed.to_vec();
        let opened = key(config).ok()?.open_in_place(nonce, Aad::from(&config.issuer), &mut body).ok()?;
        serde_json::from_slice::<Self>(opened).ok().filter(|flow| now < flow.until)
    }
}

fn key(config: &OidcConfig) -> Result<RandomizedNonceKey, Unspecified> {
    let mut key = [0_u8; 32];
    let info = [config.client_id.as_bytes()];
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"otaru oidc flow").extract(config.client_secret.as_bytes());
    extracted.expand(&info, &AES_256_GCM)?.fill(&mut key)?;
    RandomizedNonceKey::new(&AES_256_GCM, &key)
}

/// A path of the dashboard; anything else a browser could take for another site becomes the start page.
pub(crate) fn local_path(to: Option<&str>) -> String {
    let local = |path: &&str| {
        let mut bytes = path.bytes();
        bytes.next() == Some(b'/')
            && !matches!(bytes.next(), Some(b'/' | b'\\'))
            && path.len() <= MAX_PATH_BYTES
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
            && !path.starts_with("/api/")
    };
    to.filter(local).unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use otaru_domain::clock;

    fn config(secret: &str) -> OidcConfig {
        OidcConfig {
            issuer: "https://id.example".into(),
            client_id: "otaru".into(),
            client_secret: secret.into(),
            scopes: Vec::new(),
            groups_claim: "groups".into(),
            roles: Vec::new(),
            public_url: "https://ota.example".into(),
            label: "Example".into(),
            session_life: TimeDelta::hours(1),
        }
    }

    #[test]
    fn a_flow_opens_until_its_end_under_its_own_key_and_unchanged() {
        let now = clock::now();
        let text = |name: &str| name.to_owned();
        let (state, nonce, verifier) = (text("state"), text("nonce"), text("verifier"));
        let flow = Flow { id: Uuid::nil(), state, nonce, verifier, to: text("/"), until: now + LIFE };
        let mine = config("0123456789abcdef");
        let sealed = flow.seal(&mine).unwrap();
        assert_eq!(Flow::open(&sealed, &mine, now).unwrap().verifier, "verifier");
        assert!(Flow::open(&sealed, &mine, now + LIFE).is_none());
        assert!(Flow::open(&sealed, &config("another-secret-16"), now).is_none());
        let mut bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        bytes[NONCE_LEN] ^= 1;
        assert!(Flow::open(&URL_SAFE_NO_PAD.encode(bytes), &mine, now).is_none());
        assert!(Flow::open("", &mine, now).is_none());
    }

    #[test]
    fn the_way_back_stays_in_the_dashboard() {
        for path in ["/", "/campaigns/3?tab=log", "/vehicles"] {
            assert_eq!(local_path(Some(path)), path);
        }
        for path in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "evil",
            "",
            "/a\r\nb",
            "/\t/evil",
            "/api/v1/session",
            "/ä",
        ] {
            assert_eq!(local_path(Some(path)), "/", "{path:?}");
        }
        assert_eq!(local_path(None), "/");
    }
}
