//! `POST /vehicle/v1/{vin}/acks`: a vehicle reports steps. 202 means that the broker has them for good; the
//! ids of reports make it safe to send a whole batch again after any other answer.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use otaru_bus::Message;
use otaru_domain::ack::{Ack, AckReport};
use otaru_domain::token::Claims;
use otaru_domain::{clock, topic};
use otaru_http::{Json, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shared::{BodyProblems, VehicleProblems, invalid, whole};
use crate::admission::Vehicle;
use crate::app::App;
use crate::offers::message;
use crate::{problems, signatures};

/// The most lines of a batch.
const MAX_LINES: usize = 1000;
/// A longer bad line is cut for the dead letters: nobody can mend it anyway.
const MAX_DEAD_LETTER_BYTES: usize = 64 * 1024;
/// The longest explanation of a bad line.
const MAX_DETAIL_CHARS: usize = 200;

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Receipt {
    /// Reports that are written. Whether they change anything is seen later: a report may be late.
    pub(crate) accepted: usize,
    /// Lines that were not taken. Sent again as they are, they are refused again.
    pub(crate) rejected: Vec<RejectedLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RejectedLine {
    /// 1 for the first.
    pub(crate) line: usize,
    pub(crate) reason: RejectReason,
    pub(crate) detail: String,
}

/// Why a line is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RejectReason {
    /// It is no report, and will never be one. It is among the dead letters.
    Unparsable,
    /// Its signature is missing or does not hold. Signed with another key it may be taken, so it stays with its sender.
    Signature,
}

/// Reports steps of an update.
///
/// One report as `application/json`, or up to 1,000 as `application/x-ndjson`, one a line. The vehicle is the
/// token's: nobody reports for another. Where the vehicle's model asks for it, each report is signed by the vehicle's key.
#[utoipa::path(
    post, path = "/vehicle/v1/{vin}/acks", tag = "vehicle", operation_id = "postAcks",
    params(("vin" = String, Path, description = "The vehicle's own VIN", pattern = "^[A-HJ-NPR-Z0-9]{17}$")),
    request_body(content((AckReport = "application/json"), (String = "application/x-ndjson"))),
    responses(
        (status = 202, description = "Written for good", body = Receipt),
        BodyProblems, VehicleProblems,
    ),
    security(("vehicle_token" = [])),
)]
pub(super) async fn post_acks(
    State(app): State<App>,
    Vehicle(claims): Vehicle,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or("?"));
    let form = Form::of(kind)?;
    let receipt = take(&app, &claims, form, &whole(body)?, clock::now()).await?;
    Ok((StatusCode::ACCEPTED, Json(receipt)).into_response())
}

/// Takes what a vehicle reports, however it came here. What is returned is written for good.
///
/// # Errors
/// The problem that the vehicle is to be told. With 503 nothing counts as taken, and the same may go well later.
pub(crate) async fn take(
    app: &App,
    claims: &Claims,
    form: Form,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Receipt, Problem> {
    let batch = match form {
        Form::One => Batch::one(body)?,
        Form::Lines => Batch::lines(body)?,
    };
    write(app, claims, batch, now).await
}

/// How reports are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    One,
    Lines,
}

impl Form {
    /// By their content type; without one they are a single report.
    pub(crate) fn of(kind: Option<&str>) -> Result<Self, Problem> {
        let kind = kind.unwrap_or("application/json");
        match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/json" => Ok(Self::One),
            "application/x-ndjson" | "application/ndjson" => Ok(Self::Lines),
            _ => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "send one report as application/json, or one a line as application/x-ndjson",
            )),
        }
    }
}

#[derive(Default)]
struct Batch<'a> {
    /// Whether it came alone: what is wrong with it is then the answer.
    alone: bool,
    /// With the line of each.
    reports: Vec<(usize, AckReport)>,
    bad: Vec<BadLine<'a>>,
}

struct BadLine<'a> {
    line: usize,
    bytes: &'a [u8],
    detail: String,
}

impl<'a> Batch<'a> {
    fn one(body: &[u8]) -> Result<Self, Problem> {
        let Json(report) = Json::<AckReport>::parse(body)?;
        report.check().map_err(|error| invalid(&error))?;
        Ok(Self { alone: true, reports: vec![(1, report)], bad: Vec::new() })
    }

    fn lines(body: &'a [u8]) -> Result<Self, Problem> {
        let mut batch = Self::default();
        for (index, bytes) in body.split(|byte| *byte == b'\n').enumerate() {
            let bytes = bytes.trim_ascii();
            if bytes.is_empty() {
                continue;
            }
            if batch.reports.len() + batch.bad.len() == MAX_LINES {
                let detail = format!("send at most {MAX_LINES} reports at a time");
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-lines", detail));
            }
            match parse_line(bytes) {
                Ok(report) => batch.reports.push((index + 1, report)),
                Err(detail) => batch.bad.push(BadLine { line: index + 1, bytes, detail }),
            }
        }
        Ok(batch)
    }
}

fn parse_line(bytes: &[u8]) -> Result<AckReport, String> {
    let explain = |text: String| text.chars().filter(|c| !c.is_control()).take(MAX_DETAIL_CHARS).collect::<String>();
    let report: AckReport = serde_json::from_slice(bytes).map_err(|error| explain(error.to_string()))?;
    report.check().map_err(|error| explain(error.to_string()))?;
    Ok(report)
}

/// Writes the reports, then the bad lines: were it the other way round, a batch sent again because the reports
/// could not be written would leave its bad lines among the dead letters twice.
async fn write(app: &App, claims: &Claims, batch: Batch<'_>, now: DateTime<Utc>) -> Result<Receipt, Problem> {
    let mut rejected = Vec::new();
    let mut acks: Vec<Ack> = Vec::with_capacity(batch.reports.len());
    for (line, report) in batch.reports {
        let ack = report.into_ack(claims.vin.clone(), Some(claims.model.clone()), now);
        match signatures::check(app, claims, &ack).await {
            Ok(()) => acks.push(ack),
            Err(problem) if batch.alone || problem.status().is_server_error() => return Err(problem),
            Err(problem) => {
                let detail = problem.body().detail.clone();
                rejected.push(RejectedLine { line, reason: RejectReason::Signature, detail });
            }
        }
    }
    let messages = acks.iter().map(|ack| message(&claims.vin, ack)).collect::<Result<Vec<_>, _>>()?;
    send(app, topic::ACKS, messages).await?;
    for ack in &acks {
        metrics::counter!("otaru_gateway_acks_total", "state" => ack.state.as_str()).increment(1);
    }
    let letters = batch.bad.iter().map(|bad| dead_letter(claims, bad)).collect();
    send(app, topic::DEAD_LETTERS, letters).await?;
    metrics::counter!("otaru_gateway_acks_rejected_total").increment(batch.bad.len() as u64);
    let unparsable =
        |bad: BadLine<'_>| RejectedLine { line: bad.line, reason: RejectReason::Unparsable, detail: bad.detail };
    rejected.extend(batch.bad.into_iter().map(unparsable));
    rejected.sort_unstable_by_key(|one| one.line);
    Ok(Receipt { accepted: acks.len(), rejected })
}

async fn send(app: &App, topic: &str, messages: Vec<Message>) -> Result<(), Problem> {
    if messages.is_empty() {
        return Ok(());
    }
    app.producer.send_all(topic, messages).await.map_err(|error| problems::not_written(app, &error))?;
    app.broker.answered();
    Ok(())
}

fn dead_letter(claims: &Claims, bad: &BadLine<'_>) -> Message {
    let value = &bad.bytes[..bad.bytes.len().min(MAX_DEAD_LETTER_BYTES)];
    let headers = [
        ("origin-topic", "gateway".to_owned()),
        ("reason", "unparsable".to_owned()),
        ("detail", bad.detail.clone()),
        ("schema", "ack-report".to_owned()),
        ("vin", claims.vin.to_string()),
        ("line", bad.line.to_string()),
    ];
    Message {
        key: Some(claims.vin.as_str().as_bytes().to_vec()),
        value: Some(value.to_vec()),
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect(),
    }
}
