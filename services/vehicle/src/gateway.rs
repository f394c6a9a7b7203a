//! The gateway's REST API as a vehicle sees it. Everything it answers is unverified: it may say *that*
//! there is an update, never *what* to install.

use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use eventsource_stream::Eventsource as _;
use futures::{Stream, StreamExt as _};
use otaru_domain::ack::AckReport;
use otaru_domain::id::{CampaignId, ModelId, Vin};
use otaru_domain::inventory::InventoryReport;
use reqwest::header::{self, HeaderMap};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::images;

/// What a gateway calls the problem of a report whose signature does not hold.
pub(crate) const UNSIGNED: &str = "urn:otaru:problem:signature";
/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A stream that sends nothing for so long, not even a heartbeat, is dead.
const READ_TIMEOUT: Duration = Duration::from_secs(90);

/// An update that the gateway points at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Update {
    pub(crate) campaign: CampaignId,
    pub(crate) attempt: u32,
    /// The name of the campaign document among the targets of `campaigns`.
    pub(crate) document: String,
    /// The names of the images among the top-level targets.
    pub(crate) targets: Vec<String>,
}

/// What a poll brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Polled {
    Update(Update),
    Nothing,
    /// The same as the answer whose ETag was sent.
    Unchanged,
}

/// An answer to a poll, with what its headers say.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) polled: Polled,
    pub(crate) etag: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) server_time: Option<DateTime<Utc>>,
}

/// An event of the stream: what is offered now, if anything.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) update: Option<Update>,
}

/// The events of an open stream.
pub(crate) type EventStream = Pin<Box<dyn Stream<Item = Result<Event, GatewayError>> + Send + Sync>>;

/// Which reports of a batch were taken.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Receipt {
    #[serde(default)]
    pub(crate) rejected: Vec<Rejected>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Rejected {
    /// 1 for the first.
    pub(crate) line: usize,
    #[serde(default)]
    reason: String,
    pub(crate) detail: String,
}

impl Rejected {
    /// Whether it may be taken when it is signed with another key.
    pub(crate) fn is_unsigned(&self) -> bool {
        self.reason == "signature"
    }
}

#[derive(Debug, Error)]
pub(crate) enum GatewayError {
    #[error(
        "the gateway does not accept this vehicle's token: issue new credentials \
         (POST /api/v1/vehicles/{{vin}}/credentials) and give them to the vehicle"
    )]
    Unauthorized,
    #[error(
        "the gateway does not take reports without the vehicle's signature ({detail}): issue credentials with the key's \
         `ack_key` (POST /api/v1/vehicles/{{vin}}/credentials), and give the agent that key"
    )]
    Unsigned { detail: String },
    #[error("the gateway is not able to answer now ({status})")]
    Busy { status: StatusCode, retry_after: Option<Duration> },
    #[error("the gateway refused the request ({status}): {detail}")]
    Refused { status: StatusCode, detail: String },
    #[error("the gateway cannot be reached")]
    Network(#[source] reqwest::Error),
    #[error("the gateway's answer cannot be understood: {0}")]
    Malformed(String),
}

impl GatewayError {
    /// The wait that the server asked for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bearer<'a> {
    pub(crate) vin: &'a Vin,
    pub(crate) token: &'a str,
}

/// A gateway, shared by all who talk to it.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    client: reqwest::Client,
    /// For other origins: it shows no certificate.
    elsewhere: reqwest::Client,
    base: Url,
}

/// How the gateway is known, and the vehicle to it, where it speaks TLS.
#[derive(Debug, Clone, Default)]
pub struct GatewayTls {
    /// The authorities that the gateway's certificate may be from, as PEM; those of the system without it.
    pub ca: Option<Vec<u8>>,
    /// The vehicle's certificate with its chain and its key, as PEM.
    pub identity: Option<Vec<u8>>,
}

impl Gateway {
    /// `max_idle` connections are kept open between requests.
    pub(crate) fn new(mut base: Url, max_idle: usize, tls: &GatewayTls) -> Result<Self, GatewayError> {
        if base.cannot_be_a_base() || !matches!(base.scheme(), "http" | "https") {
            return Err(GatewayError::Malformed(format!("{base} is no address of a gateway: use http:// or https://")));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let wrong =
            |what: &str, error: reqwest::Error| GatewayError::Malformed(format!("{what} cannot be used: {error}"));
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("otaru-vehicle/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(READ_TIMEOUT)
                .pool_max_idle_per_host(max_idle)
        };
        let mut home = builder().redirect(images::at_home());
        let mut elsewhere = builder().redirect(images::elsewhere()).referer(false);
        if let Some(ca) = &tls.ca {
            let authorities =
                reqwest::Certificate::from_pem_bundle(ca).map_err(|error| wrong("the authority", error))?;
            home = home.tls_certs_only(authorities.clone());
            // Others have certificates of their own; what they send is verified by its hash.
            elsewhere = elsewhere.tls_certs_merge(authorities);
        }
        if let Some(identity) = &tls.identity {
            let identity = reqwest::Identity::from_pem(identity);
            home = home.identity(identity.map_err(|error| wrong("the vehicle's certificate", error))?);
        }
        let client = home.build().map_err(GatewayError::Network)?;
        let elsewhere = elsewhere.build().map_err(GatewayError::Network)?;
        Ok(Self { client, elsewhere, base })
    }

    /// What fetches from other origins than the gateway's.
    pub(crate) fn elsewhere(&self) -> &reqwest::Client {
        &self.elsewhere
    }

    /// Whether an address is the gateway's.
    pub(crate) fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// An address below the gateway's own; `path` has no leading slash.
    pub(crate) fn url(&self, path: &str) -> Result<Url, GatewayError> {
        self.base.join(path).map_err(|error| GatewayError::Malformed(format!("{path}: {error}")))
    }

    /// Where the model's metadata is.
    pub(crate) fn metadata_url(&self, model: &ModelId) -> Result<Url, GatewayError> {
        self.url(&format!("tuf/{model}/metadata/"))
    }

    /// Where the model's targets are.
    pub(crate) fn targets_url(&self, model: &ModelId) -> Result<Url, GatewayError> {
        self.url(&format!("tuf/{model}/targets/"))
    }

    /// Asks for an update.
    pub(crate) async fn update(&self, who: Bearer<'_>, etag: Option<&str>) -> Result<Answer, GatewayError> {
        let mut request = self.request(reqwest::Method::GET, who, "update")?.timeout(REQUEST_TIMEOUT);
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let response = send(request, &[StatusCode::OK, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED]).await?;
        let headers = response.headers();
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let etag = text(header::ETAG).map(str::to_owned);
        let server_time = text(header::DATE)
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
            .map(|date| date.with_timezone(&Utc));
        let retry_after = retry_after(headers, server_time);
        let polled = match response.status() {
            StatusCode::NO_CONTENT => Polled::Nothing,
            StatusCode::NOT_MODIFIED => Polled::Unchanged,
            _ => Polled::Update(parse(&read(response).await?)?),
        };
        Ok(Answer { polled, etag, retry_after, server_time })
    }

    /// Opens the stream of offers.
    pub(crate) async fn events(
        &self,
        who: Bearer<'_>,
        last_event_id: Option<&str>,
    ) -> Result<EventStream, GatewayError> {
        let mut request =
            self.request(reqwest::Method::GET, who, "stream")?.header(header::ACCEPT, "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        // No time limit on the whole, but the gateway must begin to answer.
        let response = tokio::time::timeout(REQUEST_TIMEOUT, send(request, &[StatusCode::OK]))
            .await
            .map_err(|_| GatewayError::Busy { status: StatusCode::GATEWAY_TIMEOUT, retry_after: None })??;
        let events = response.bytes_stream().eventsource().filter_map(|event| async move {
            match event {
                Ok(event) if event.event == "update" => {
                    Some(parse(event.data.as_bytes()).map(|update| Event { id: event.id, update: Some(update) }))
                }
                Ok(event) if event.event == "none" => Some(Ok(Event { id: event.id, update: None })),
                Ok(_) => None,
                Err(error) => Some(Err(GatewayError::Malformed(error.to_string()))),
            }
        });
        Ok(Box::pin(events))
    }

    /// Sends one report. Returns only when the gateway has it for good.
    pub(crate) async fn send_ack(&self, who: Bearer<'_>, ack: &AckReport) -> Result<Receipt, GatewayError> {
        let request = self.request(reqwest::Method::POST, who, "acks")?.timeout(REQUEST_TIMEOUT).json(ack);
        receipt(send(request, &[StatusCode::ACCEPTED]).await?).await
    }

    /// Sends a batch of reports, a line each.
    pub(crate) async fn send_acks(&self, who: Bearer<'_>, acks: &[AckReport]) -> Result<Receipt, GatewayError> {
        let mut body = Vec::new();
        for ack in acks {
            serde_json::to_writer(&mut body, ack).map_err(|error| GatewayError::Malformed(error.to_string()))?;
            body.push(b'\n');
        }
        let request = self
            .request(reqwest::Method::POST, who, "acks")?
            .timeout(REQUEST_TIMEOUT)
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .body(body);
        receipt(send(request, &[StatusCode::ACCEPTED]).await?).await
    }

    /// Says what the vehicle runs.
    pub(crate) async fn put_inventory(&self, who: Bearer<'_>, report: &InventoryReport) -> Result<(), GatewayError> {
        let request = self.request(reqwest::Method::PUT, who, "inventory")?.timeout(REQUEST_TIMEOUT).json(report);
        send(request, &[StatusCode::ACCEPTED]).await.map(|_| ())
    }

    /// The model's `timestamp.json` as it is served now: not verified.
    pub(crate) async fn timestamp(&self, model: &ModelId) -> Result<Vec<u8>, GatewayError> {
        let url = self.url(&format!("tuf/{model}/metadata/timestamp.json"))?;
        read(send(self.client.get(url).timeout(REQUEST_TIMEOUT), &[StatusCode::OK]).await?).await
    }

    fn request(&self, method: reqwest::Method, who: Bearer<'_>, call: &str) -> Result<RequestBuilder, GatewayError> {
        let url = self.url(&format!("vehicle/v1/{}/{call}", who.vin))?;
        Ok(self.client.request(method, url).bearer_auth(who.token))
    }
}

/// Sends and sorts the answers that are not among `expected`.
async fn send(request: RequestBuilder, expected: &[StatusCode]) -> Result<Response, GatewayError> {
    let response = request.send().await.map_err(GatewayError::Network)?;
    let status = response.status();
    if expected.contains(&status) {
        return Ok(response);
    }
    let busy = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY);
    if status == StatusCode::UNAUTHORIZED {
        Err(GatewayError::Unauthorized)
    } else if busy {
        Err(GatewayError::Busy { status, retry_after: retry_after(response.headers(), None) })
    } else {
        let body = read(response).await.unwrap_or_default();
        let detail = detail_of(&body);
        let problem: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
        match problem.is_some_and(|problem| problem["type"] == UNSIGNED) {
            true => Err(GatewayError::Unsigned { detail }),
            false => Err(GatewayError::Refused { status, detail }),
        }
    }
}

async fn receipt(response: Response) -> Result<Receipt, GatewayError> {
    let body = read(response).await?;
    if body.is_empty() { Ok(Receipt::default()) } else { parse(&body) }
}

async fn read(response: Response) -> Result<Vec<u8>, GatewayError> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        body.extend_from_slice(&chunk.map_err(GatewayError::Network)?);
        if body.len() > MAX_ANSWER_BYTES {
            return Err(GatewayError::Malformed(format!("it is longer than {MAX_ANSWER_BYTES} bytes")));
        }
    }
    Ok(body)
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, GatewayError> {
    serde_json::from_slice(body).map_err(|error| GatewayError::Malformed(error.to_string()))
}

/// The `detail` of a problem (RFC 9457), or the beginning of whatever came instead.
fn detail_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let problem: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str()).unwrap_or(&text);
    detail.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date against the server's own clock.
pub(crate) fn retry_after(headers: &HeaderMap, server_time: Option<DateTime<Utc>>) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
    (at - server_time?).to_std().ok()
}
