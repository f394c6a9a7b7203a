//! Fetching images from wherever the gateway says they are. The gateway may send a vehicle to another origin, as a CDN or
//! an object store: a client of its own goes there, which has neither the vehicle's token nor its certificate, so that
//! nothing by which the vehicle is known gets to others. What comes back is verified by its signed hash.

use std::time::Duration;

use reqwest::header::{self, HeaderValue};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Response, StatusCode};
use url::Url;

use crate::download::DownloadError;
use crate::gateway::{Gateway, retry_after};

/// More redirects in a row lead nowhere.
const MAX_REDIRECTS: usize = 5;
/// Between answers that send the vehicle on, and links that are over, no more often than this.
const MAX_LINKS: usize = 2;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked<'a> {
    /// At the gateway.
    pub(crate) url: &'a Url,
    /// The vehicle's, for the gateway alone.
    pub(crate) token: Option<&'a str>,
    /// As the header has it.
    pub(crate) range: Option<String>,
    /// Of the bytes that are there, for `If-Range`.
    pub(crate) have: Option<&'a Validator>,
}

/// A strong ETag, and who gave it: it says nothing to another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Validator {
    origin: String,
    etag: String,
}

impl Validator {
    /// Of an answer that has one (RFC 9110, section 13.1.5).
    pub(crate) fn of(response: &Response) -> Option<Self> {
        let etag = response.headers().get(header::ETAG)?.to_str().ok().filter(|etag| !etag.starts_with("W/"))?;
        Some(Self { origin: origin(response.url()), etag: etag.to_owned() })
    }

    /// A line each.
    pub(crate) fn to_text(&self) -> String {
        format!("{}\n{}", self.origin, self.etag)
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let (origin, etag) = text.split_once('\n')?;
        Some(Self { origin: origin.to_owned(), etag: etag.to_owned() })
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Follows redirects within one origin and nowhere else.
pub(crate) fn at_home() -> Policy {
    Policy::custom(|attempt: Attempt<'_>| {
        let same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
        if !same {
            attempt.stop()
        } else if attempt.previous().len() > MAX_REDIRECTS {
            attempt.error("too many redirects")
        } else {
            attempt.follow()
        }
    })
}

/// Follows redirects anywhere, but never from HTTPS to HTTP.
pub(crate) fn elsewhere() -> Policy {
    Policy::custom(|attempt: Attempt<'_>| {
        let secure = attempt.previous().iter().any(|url| url.scheme() == "https");
        if attempt.previous().len() > MAX_REDIRECTS {
            attempt.error("too many redirects")
        } else if secure && attempt.url().scheme() != "https" {
            attempt.error("a redirect from HTTPS to HTTP")
        } else {
            attempt.follow()
        }
    })
}

impl Gateway {
    /// Asks for an image, and follows to where it is. A link that is over is not followed again: the gateway knows a new one.
    ///
    /// # Errors
    /// When nobody answers, or the gateway sends the vehicle where it does not go. Any final answer is for the caller.
    pub(crate) async fn image(&self, asked: &Asked<'_>) -> Result<Response, DownloadError> {
        let mut links = 0;
        loop {
            let mut request = self.client().get(asked.url.clone());
            if let Some(token) = asked.token.filter(|_| self.is_home(asked.url)) {
                request = request.bearer_auth(token);
            }
            let response = conditions(request, asked, asked.url).send().await.map_err(DownloadError::Interrupted)?;
            let Some(link) = link(&response)? else { return Ok(response) };
            let request = conditions(self.elsewhere().get(link.clone()), asked, &link);
            let response = request.send().await.map_err(DownloadError::Interrupted)?;
            links += 1;
            if links == MAX_LINKS || !is_over(response.status()) {
                return Ok(response);
            }
        }
    }
}

fn conditions(mut request: reqwest::RequestBuilder, asked: &Asked<'_>, to: &Url) -> reqwest::RequestBuilder {
    if let Some(range) = &asked.range {
        request = request.header(header::RANGE, range);
        // Without the ETag of the bytes that are there the hash alone decides.
        if let Some(have) = asked.have.filter(|have| have.origin == origin(to)) {
            request = request.header(header::IF_RANGE, &have.etag);
        }
    }
    request
}

/// What an object store answers to a signed link whose time is over.
fn is_over(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::GONE)
}

/// Where an answer sends the vehicle, if it does.
fn link(response: &Response) -> Result<Option<Url>, DownloadError> {
    let status = response.status();
    let moved = [301, 302, 303, 307, 308].contains(&status.as_u16());
    let location = response.headers().get(header::LOCATION).filter(|_| moved);
    let Some(location) = location.map(HeaderValue::to_str) else {
        return Ok(None);
    };
    let here = response.url();
    let url = location.ok().and_then(|location| here.join(location).ok());
    let url = url.filter(|url| url.scheme() == "https" || (url.scheme() == "http" && here.scheme() == "http"));
    url.map(Some).ok_or(DownloadError::Redirect)
}

/// That an answer has not what was asked for, and when to ask again.
pub(crate) fn refused(response: &Response) -> DownloadError {
    let wait: Option<Duration> = retry_after(response.headers(), None);
    DownloadError::Status { status: response.status(), retry_after: wait }
}
