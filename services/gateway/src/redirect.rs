//! Where images come from when the gateway does not send them itself: from the object store, by a link that is signed and
//! soon over, or from a CDN. Only the image's hash goes into a link, and nothing of who asked; what comes back is verified
//! by its hash, so it does not matter who sends it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use otaru_domain::id::{ModelId, Sha256};
use otaru_http::chain;
use thiserror::Error;
use url::Url;

use crate::app::App;

/// The link is a secret for its life: no cache keeps it, a vehicle's neither.
const KEEP_NOT: HeaderValue = HeaderValue::from_static("private, no-store");
/// A template may be changed: nobody follows the old one for longer than this.
const KEEP_SHORTLY: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// Where those who ask for an image are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageLinks {
    /// To the object store, by a link that is good for so long.
    Presigned {
        life: Duration,
    },
    Cdn(CdnTemplate),
}

/// Who is sent elsewhere; nobody unless told.
#[derive(Debug, Clone, Default)]
pub struct Redirects {
    pub images: Option<ImageLinks>,
    /// Devices that speak DDI, too: not all of them follow a redirect.
    pub ddi: bool,
}

/// An address with placeholders: `{sha256}`, `{prefix}` (its first two digits, as in the object store) and `{model}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdnTemplate(String);

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    #[error("it needs {{sha256}}, or every image would have one address")]
    NoHash,
    #[error("{{{0}}} is no placeholder: there are {{sha256}}, {{prefix}} and {{model}}")]
    Unknown(String),
    #[error("a placeholder does not end: close it with }}")]
    Open,
    #[error("placeholders are for the path, not for the host")]
    Host,
    #[error("it is no https:// or http:// address without user, password and fragment")]
    Address,
}

impl FromStr for CdnTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut hash = false;
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or(TemplateError::Open)?;
            match name {
                "sha256" => hash = true,
                "prefix" | "model" => {}
                other => return Err(TemplateError::Unknown(other.to_owned())),
            }
            rest = tail;
        }
        let (_, after) = text.split_once("://").ok_or(TemplateError::Address)?;
        // Without a host the first part of the path would be taken for one.
        if after.split('/').next().is_some_and(|authority| authority.is_empty() || authority.contains('{')) {
            return Err(TemplateError::Host);
        }
        let url = Url::parse(&fill(text, &"0".repeat(64), "m")).map_err(|_| TemplateError::Address)?;
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !plain || text.contains(char::is_whitespace) {
            return Err(TemplateError::Address);
        }
        if hash { Ok(Self(text.to_owned())) } else { Err(TemplateError::NoHash) }
    }
}

impl fmt::Display for CdnTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CdnTemplate {
    fn address(&self, sha256: &Sha256, model: &ModelId) -> String {
        fill(&self.0, sha256.as_str(), model.as_str())
    }
}

fn fill(template: &str, sha256: &str, model: &str) -> String {
    template.replace("{sha256}", sha256).replace("{prefix}", &sha256[..2]).replace("{model}", model)
}

/// The answer that sends whoever asks for an image of `model` elsewhere; none where the gateway is to send it. What
/// cannot be signed just now is sent from here, too.
pub(crate) async fn elsewhere(app: &App, method: &Method, sha256: &Sha256, model: &ModelId) -> Option<Response> {
    let (address, cache) = match app.redirects.images.as_ref()? {
        // Who may have it is asked here, so that no cache answers instead.
        ImageLinks::Cdn(template) if app.private_targets => (template.address(sha256, model), KEEP_NOT),
        ImageLinks::Cdn(template) => (template.address(sha256, model), KEEP_SHORTLY),
        ImageLinks::Presigned { life } => match app.objects.signed_url(method.clone(), sha256, *life).await {
            Ok(url) => (url?.into(), KEEP_NOT),
            Err(error) => {
                tracing::error!(error = chain(&error), "a link to the object store cannot be signed");
                metrics::counter!("otaru_gateway_redirects_total", "result" => "unsigned").increment(1);
                return None;
            }
        },
    };
    let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
    response.headers_mut().insert(header::LOCATION, HeaderValue::try_from(address).ok()?);
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    metrics::counter!("otaru_gateway_redirects_total", "result" => "sent").increment(1);
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_with_hash_prefix_and_model() {
        let template: CdnTemplate = "https://cdn.example/{model}/sha256/{prefix}/{sha256}?v=1".parse().unwrap();
        let sha256 = Sha256::parse(&"ab12".repeat(16)).unwrap();
        let address = template.address(&sha256, &ModelId::parse("harbour").unwrap());
        assert_eq!(address, format!("https://cdn.example/harbour/sha256/ab/{sha256}?v=1"));
    }

    #[test]
    fn what_is_no_template_is_refused_at_start() {
        use TemplateError as E;
        for (text, error) in [
            ("https://cdn.example/images", E::NoHash),
            ("https://cdn.example/{sha256}/{vin}", E::Unknown("vin".to_owned())),
            ("https://cdn.example/{sha256", E::Open),
            ("https://{model}.cdn.example/{sha256}", E::Host),
            ("cdn.example/{sha256}", E::Address),
            ("ftp://cdn.example/{sha256}", E::Address),
            ("https://user:secret@cdn.example/{sha256}", E::Address),
            ("https://cdn.example/{sha256}#x", E::Address),
            ("https://cdn.example/a b/{sha256}", E::Address),
            ("https:///{sha256}", E::Host),
        ] {
            assert_eq!(text.parse::<CdnTemplate>(), Err(error), "{text}");
        }
    }
}
