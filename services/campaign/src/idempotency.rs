//! Idempotency-Key on creating calls: a client that did not hear the answer asks again and gets the same
//! one, and nothing is done twice. Some answers hold a secret that is shown once, so answers are kept
//! sealed under the caller's own token, of which the service keeps only a hash.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use otaru_domain::clock;
use otaru_http::{Problem, chain};
use otaru_store::idempotency::{self, Call, Reservation};
use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;

use crate::app::App;
use crate::auth::{self, Actor};
use crate::error::ApiError;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const MAX_KEY_BYTES: usize = 255;
const MAX_REQUEST_BYTES: usize = 1 << 20;
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// Does a call that carries a key once.
///
/// # Errors
/// 409 while the same call is being done, 422 when the key was used for another.
pub async fn answer_once(State(app): State<App>, request: Request, next: Next) -> Result<Response, ApiError> {
    let Some(key) = request.headers().get(KEY).filter(|_| request.method() == Method::POST) else {
        return Ok(next.run(request).await);
    };
    let key = key.to_str().ok().filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len())).map(str::to_owned);
    let key = key.ok_or_else(|| {
        Problem::bad_request(format!("Idempotency-Key must be 1 to {MAX_KEY_BYTES} visible ASCII characters"))
    })?;
    let (parts, body) = request.into_parts();
    let (Some(actor), Some(secret)) = (parts.extensions.get::<Actor>(), auth::secret(&parts.headers)) else {
        return Err(Problem::unauthorized("send a token: Authorization: Bearer otaru_…").into());
    };
    let too_large =
        |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is larger than this call takes");
    let body = to_bytes(body, MAX_REQUEST_BYTES).await.map_err(too_large)?;
    let call = Call { actor: actor.name.clone(), key, request_sha256: fingerprint(&parts, &body) };
    let now = clock::now();
    match idempotency::reserve(&app.store, &call, now).await? {
        Reservation::Fresh => {
            let request = Request::from_parts(parts, Body::from(body));
            let doing = do_and_keep(app, call, now, secret, request, next).in_current_span();
            // In a task of its own: a client that goes away must not leave it half-done.
            Ok(tokio::spawn(doing).await?)
        }
        Reservation::Done { status, body } => replay(status, &body, &secret, &call),
        Reservation::UnderWay => {
            Err(Problem::conflict("idempotency-key-in-use", "the same call is being done; ask again in a moment")
                .retry_after(1)
                .into())
        }
        Reservation::OtherRequest => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "this Idempotency-Key was used for another request; take a new one",
        )
        .into()),
    }
}

fn fingerprint(parts: &axum::http::request::Parts, body: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(parts.method.as_str());
    hash.update(b"\n");
    hash.update(parts.uri.to_string());
    hash.update(b"\n");
    hash.update(body);
    hash.finalize().to_vec()
}

/// Does the call. What failed is not kept: mended or not, it may be tried again under the same key.
async fn do_and_keep(
    app: App,
    call: Call,
    reserved_at: DateTime<Utc>,
    secret: String,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = next.run(request).await.into_parts();
    let Ok(body) = to_bytes(body, MAX_ANSWER_BYTES).await else {
        return Problem::internal().into_response();
    };
    let kept = if parts.status.is_success() {
        match seal(&body, &secret, &call) {
            Ok(sealed) => {
                idempotency::complete(&app.store, &call, reserved_at, parts.status.as_u16(), &sealed).await.map(|_| ())
            }
            Err(Unspecified) => idempotency::release(&app.store, &call, reserved_at).await,
        }
    } else {
        idempotency::release(&app.store, &call, reserved_at).await
    };
    if let Err(error) = kept {
        tracing::warn!(error = chain(&error), "an answer could not be kept for its Idempotency-Key");
    }
    Response::from_parts(parts, Body::from(body))
}

fn replay(status: u16, sealed: &[u8], secret: &str, call: &Call) -> Result<Response, ApiError> {
    let body = open(sealed, secret, call).map_err(|Unspecified| {
        Problem::conflict("idempotency-key-of-another-token", "the call was done with another token of this name")
    })?;
    let mut response = Body::from(body).into_response();
    *response.status_mut() = StatusCode::from_u16(status).map_err(|_| Problem::internal())?;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn sealing_key(secret: &str, call: &Call) -> Result<RandomizedNonceKey, Unspecified> {
    let mut key = [0_u8; 32];
    let info = [call.key.as_bytes()];
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"otaru idempotency").extract(secret.as_bytes());
    extracted.expand(&info, &AES_256_GCM)?.fill(&mut key)?;
    RandomizedNonceKey::new(&AES_256_GCM, &key)
}

fn seal(body: &[u8], secret: &str, call: &Call) -> Result<Vec<u8>, Unspecified> {
    let mut sealed = body.to_vec();
    let nonce = sealing_key(secret, call)?.seal_in_place_append_tag(Aad::from(&call.request_sha256), &mut sealed)?;
    Ok([nonce.as_ref().as_slice(), &sealed].concat())
}

fn open(sealed: &[u8], secret: &str, call: &Call) -> Result<Bytes, Unspecified> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce)?;
    let mut body = sealed.to_vec();
    let length = sealing_key(secret, call)?.open_in_place(nonce, Aad::from(&call.request_sha256), &mut body)?.len();
    body.truncate(length);
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_answer_opens_only_with_the_token_that_asked() {
        let call = Call { actor: "a".into(), key: "k".into(), request_sha256: vec![1] };
        let sealed = seal(b"{\"token\":\"secret\"}", "otaru_mine", &call).unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(open(&sealed, "otaru_mine", &call).unwrap().as_ref(), b"{\"token\":\"secret\"}");
        assert!(open(&sealed, "otaru_other", &call).is_err());
        assert!(open(&sealed[..5], "otaru_mine", &call).is_err());
    }
}
