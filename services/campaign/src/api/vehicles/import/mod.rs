//! `POST /vehicles/import`: a fleet in one call. The body is parsed while it streams in, and written in chunks;
//! every line gets an outcome of its own, and sending the same file again is always right.

mod apply;
mod csv;
mod lines;
mod ndjson;
mod numbered;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use futures::StreamExt as _;
use otaru_http::{Json, Problem};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tracing::Instrument as _;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::Actor;
use crate::error::ApiError;
use crate::extract::Query;
use apply::Import;
use lines::{ChunkReader, Line, ParseError};

const MAX_BYTES: u64 = 64 << 20;
const MAX_LINES: usize = 200_000;
const CHUNK_LINES: usize = 1_000;
/// How long an import may say nothing.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Issue a credential to each vehicle; its token is in the report and nowhere else.
    #[serde(default)]
    pub credentials: bool,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineStatus {
    Created,
    Updated,
    Failed,
}

/// A line and what became of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImportedLine {
    /// The line in the file, from 1.
    pub line: u64,
    /// As the line has it.
    pub vin: Option<String>,
    pub status: LineStatus,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The vehicle's token, if credentials were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// What became of an import.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct ImportReport {
    pub created: u64,
    pub updated: u64,
    pub failed: u64,
    /// In the order of the file.
    pub lines: Vec<ImportedLine>,
}

impl ImportReport {
    fn add(&mut self, line: ImportedLine) {
        match line.status {
            LineStatus::Created => self.created += 1,
            LineStatus::Updated => self.updated += 1,
            LineStatus::Failed => self.failed += 1,
        }
        self.lines.push(line);
    }
}

#[derive(Debug, Clone, Copy)]
enum Format {
    Csv,
    Ndjson,
}

impl Format {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim() {
            "text/csv" => Ok(Self::Csv),
            "application/x-ndjson" => Ok(Self::Ndjson),
            _ => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "send the body as text/csv or as application/x-ndjson",
            )),
        }
    }
}

/// Import vehicles
///
/// Creates vehicles, and updates those whose VIN is known in the fields that are given. A bad line does not stop the
/// others. At most 64 MiB and 200,000 lines.
///
/// CSV begins with a header: `vin`, `model`, and any of `model_year`, `region`, `tags` (separated by `;`), `rxswin`,
/// `ack_key` (the public key by which it signs, of the credential that is issued), `ecu:<hardware id>` (the version),
/// `attr:<name>`. An empty field is not given. NDJSON has a vehicle on each line, as in `POST /vehicles`.
#[utoipa::path(post, path = "/vehicles/import", tag = "vehicles", operation_id = "import_vehicles",
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"))),
    params(ImportQuery), responses((status = 200, body = ImportReport)))]
pub(super) async fn import(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ImportReport>, ApiError> {
    let format = Format::of(&headers)?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BYTES) {
        return Err(too_large(0).into());
    }
    let import = Import::new(app, actor, query.credentials)?;
    // In a task of its own: a chunk that was begun is written whether or not the client stays.
    tokio::spawn(run(import, format, body).in_current_span()).await?.map(Json)
}

async fn run(mut import: Import, format: Format, body: Body) -> Result<ImportReport, ApiError> {
    let (bytes, arriving) = mpsc::channel(4);
    let (chunks, mut parsed) = mpsc::channel::<Vec<Line>>(2);
    let overlong = Arc::new(AtomicBool::new(false));
    let feeding = tokio::spawn(feed(body.into_data_stream(), bytes, overlong.clone()));
    let parsing = tokio::task::spawn_blocking(move || {
        let reader = ChunkReader::new(arriving);
        match format {
            Format::Csv => csv::parse(reader, &chunks),
            Format::Ndjson => ndjson::parse(reader, &chunks),
        }
    });
    while let Some(chunk) = parsed.recv().await {
        import.apply(chunk).await?;
    }
    feeding.abort();
    let done = import.report.lines.len();
    match parsing.await? {
        Ok(()) => Ok(import.report),
        Err(ParseError::Header(detail)) => Err(Problem::invalid("/header", detail).into()),
        Err(ParseError::TooManyLines) => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-many-lines",
            format!("an import takes {MAX_LINES} lines; the first {done} are in, send the others by themselves"),
        )
        .into()),
        Err(ParseError::Read(_)) if overlong.load(Ordering::Acquire) => Err(too_large(done).into()),
        Err(ParseError::Read(error)) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "interrupted",
            format!("the body broke off ({error}); its first {done} lines are in, send the file again"),
        )
        .into()),
    }
}

fn too_large(done: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too-large",
        format!(
            "an import takes {} MiB; the first {done} lines are in, send the others by themselves",
            MAX_BYTES >> 20
        ),
    )
}

/// Hands the body on to the parser, as far as it may go.
async fn feed(mut body: BodyDataStream, bytes: mpsc::Sender<io::Result<Bytes>>, overlong: Arc<AtomicBool>) {
    let mut length = 0;
    loop {
        let chunk = match tokio::time::timeout(SILENCE, body.next()).await {
            Ok(None) => return,
            Ok(Some(Ok(chunk))) => Ok(chunk),
            Ok(Some(Err(error))) => Err(io::Error::other(error)),
            Err(silence) => Err(io::Error::new(io::ErrorKind::TimedOut, silence)),
        };
        length += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        let chunk = if length > MAX_BYTES {
            overlong.store(true, Ordering::Release);
            Err(io::Error::other("too large"))
        } else {
            chunk
        };
        let last = chunk.is_err();
        if bytes.send(chunk).await.is_err() || last {
            return;
        }
    }
}
