//! Deltas of releases: against which images they are made, the queue of what is to be built, and what came of it. Only the
//! engine's leader builds, so a row that says `building` while its leader begins anew is one that was broken off.

mod plan;
mod publish;
mod queue;

pub use plan::{Candidate, Pair, candidates, known, known_sources, plan, plan_again, request, unplanned};
pub use publish::{Listed, built_of, hold_back, listed, publish_due, set_published, withdraw};
pub use queue::{Job, Made, built, claim, failed, not_worth_it, put_back, retry, same_pair};

use chrono::{DateTime, Utc};
use otaru_domain::delta::{Algorithm, DeltaState};
use otaru_domain::id::{HardwareId, ReleaseId, Sha256};
use sqlx::FromRow;

use crate::campaigns::unsigned;
use crate::{Store, StoreError};

/// A way to an image of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    pub hardware_id: HardwareId,
    /// None for the compressed whole.
    pub source_sha256: Option<Sha256>,
    pub source_version: Option<String>,
    pub state: DeltaState,
    pub attempts: u32,
    pub algorithm: Option<Algorithm>,
    pub length_bytes: Option<u64>,
    pub sha256: Option<Sha256>,
    pub image_bytes: u64,
    pub build_ms: Option<u64>,
    pub error: Option<String>,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub published_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    hardware_id: String,
    source_sha256: Option<String>,
    source_version: Option<String>,
    state: String,
    attempts: i32,
    algorithm: Option<String>,
    length_bytes: Option<i64>,
    sha256: Option<String>,
    image_bytes: i64,
    build_ms: Option<i64>,
    error: Option<String>,
    requested_by: String,
    requested_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
}

const TABLE: &str = "release_deltas";

fn hardware_id(text: &str) -> Result<HardwareId, StoreError> {
    HardwareId::parse(text).map_err(|error| StoreError::inconsistent(TABLE, error))
}

fn sha256(text: Option<&str>) -> Result<Option<Sha256>, StoreError> {
    text.map(Sha256::parse).transpose().map_err(|error| StoreError::inconsistent(TABLE, error))
}

fn algorithm(text: &str) -> Result<Algorithm, StoreError> {
    Algorithm::parse(text).ok_or_else(|| StoreError::inconsistent(TABLE, format!("algorithm {text:?}")))
}

fn count(number: Option<i64>) -> Result<Option<u64>, StoreError> {
    number.map(|number| unsigned(TABLE, number)).transpose()
}

fn column(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|error| StoreError::inconsistent(TABLE, error))
}

impl TryFrom<Row> for Delta {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = DeltaState::parse(&row.state);
        Ok(Self {
            hardware_id: hardware_id(&row.hardware_id)?,
            source_sha256: sha256(row.source_sha256.as_deref())?,
            source_version: row.source_version,
            state: state.ok_or_else(|| StoreError::inconsistent(TABLE, format!("state {:?}", row.state)))?,
            attempts: u32::try_from(row.attempts).map_err(|error| StoreError::inconsistent(TABLE, error))?,
            algorithm: row.algorithm.as_deref().map(algorithm).transpose()?,
            length_bytes: count(row.length_bytes)?,
            sha256: sha256(row.sha256.as_deref())?,
            image_bytes: unsigned("artifacts", row.image_bytes)?,
            build_ms: count(row.build_ms)?,
            error: row.error,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            finished_at: row.finished_at,
            published_at: row.published_at,
        })
    }
}

/// The deltas of a release, by hardware id and in the order in which they are built; and whether those that the fleet needs
/// were decided on.
///
/// # Errors
/// [`StoreError`].
pub async fn of_release(store: &Store, release: ReleaseId) -> Result<(Vec<Delta>, bool), StoreError> {
    // Asked first: what was decided on is there with the decision.
    let planned: Option<bool> = sqlx::query_scalar("SELECT deltas_planned_at IS NOT NULL FROM releases WHERE id = $1")
        .bind(release)
        .fetch_optional(store.pool())
        .await?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT d.hardware_id, d.source_sha256, d.source_version, d.state, d.attempts, d.algorithm, d.length_bytes, d.sha256,
                a.length_bytes AS image_bytes, d.build_ms, d.error, d.requested_by, d.requested_at, d.finished_at,
                d.published_at
           FROM release_deltas d
           JOIN release_images i USING (release_id, hardware_id)
           JOIN artifacts a ON a.sha256 = i.sha256
          WHERE d.release_id = $1 ORDER BY d.hardware_id, d.id",
    )
    .bind(release)
    .fetch_all(store.pool())
    .await?;
    let deltas = rows.into_iter().map(Delta::try_from).collect::<Result<_, _>>()?;
    Ok((deltas, planned.unwrap_or(false)))
}
