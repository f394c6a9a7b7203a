//! Campaigns under review: what is reviewed, by whose work it is, and which steps were taken.

use chrono::{DateTime, Utc};
use otaru_domain::id::{CampaignId, ReleaseId};
use otaru_domain::review::{Review, Verdict};
use serde_json::Value;
use sqlx::FromRow;

use crate::{StoreError, Tx};

/// Columns of a campaign and its waves that say where it stands, not what it is. All others are reviewed, so a
/// setting that is added to the tables is under review from its first day.
const STANDING: [&str; 22] = [
    "state",
    "state_reason",
    "state_by",
    "state_at",
    "members",
    "started_at",
    "closing",
    "sweep_after",
    "swept_at",
    "ended_at",
    "created_at",
    "created_by",
    "changed_at",
    "changed_by",
    "size",
    "cutoff",
    "opened_at",
    "gate_met_at",
    "approved_at",
    "approved_by",
    "forgiven_finished",
    "forgiven_failed",
];

/// Columns of a release that do not say what it installs.
const RELEASE_STANDING: [&str; 8] = [
    "state",
    "created_at",
    "created_by",
    "locked_at",
    "recalled_at",
    "recalled_by",
    "recall_reason",
    "deltas_planned_at",
];

/// All that a campaign is: its settings, its waves, its release with the images and their hashes. What is not
/// set is left out, so that a new setting changes no content of before.
///
/// # Errors
/// [`StoreError`].
pub async fn content(tx: &mut Tx, id: CampaignId) -> Result<Value, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT jsonb_strip_nulls(jsonb_build_object(
             'campaign', to_jsonb(c) - $2::text[],
             'waves', (SELECT jsonb_agg(to_jsonb(w) - $2::text[] - 'campaign_id' ORDER BY w.number)
                       FROM campaign_waves w WHERE w.campaign_id = c.id),
             'release', to_jsonb(r) - $3::text[],
             'images', (SELECT jsonb_agg(to_jsonb(i) - 'release_id' || jsonb_build_object('length_bytes', a.length_bytes)
                                         ORDER BY i.hardware_id)
                        FROM release_images i JOIN artifacts a USING (sha256) WHERE i.release_id = r.id),
             'models', (SELECT jsonb_agg(m.model_id ORDER BY m.model_id) FROM release_models m WHERE m.release_id = r.id)))
         FROM campaigns c JOIN releases r ON r.id = c.release_id WHERE c.id = $1",
    )
    .bind(id)
    .bind(STANDING.as_slice())
    .bind(RELEASE_STANDING.as_slice())
    .fetch_one(&mut **tx)
    .await?)
}

/// Who wrote a campaign, and who last changed it.
///
/// # Errors
/// [`StoreError`].
pub async fn authors(tx: &mut Tx, id: CampaignId) -> Result<(String, Option<String>), StoreError> {
    Ok(sqlx::query_as("SELECT created_by, changed_by FROM campaigns WHERE id = $1")
        .bind(id)
        .fetch_one(&mut **tx)
        .await?)
}

/// Whether a model of the release asks for reviews.
///
/// # Errors
/// [`StoreError`].
pub async fn required(tx: &mut Tx, release: ReleaseId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM release_models r JOIN models m ON m.id = r.model_id
                        WHERE r.release_id = $1 AND m.review_required)",
    )
    .bind(release)
    .fetch_one(&mut **tx)
    .await?)
}

#[derive(FromRow)]
struct Row {
    verdict: String,
    digest: String,
    by: String,
    at: DateTime<Utc>,
    reason: Option<String>,
}

impl TryFrom<Row> for Review {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let verdict = Verdict::parse(&row.verdict)
            .ok_or_else(|| StoreError::inconsistent("campaign_reviews", format!("verdict {:?}", row.verdict)))?;
        Ok(Self { verdict, digest: row.digest, by: row.by, at: row.at, reason: row.reason })
    }
}

/// The steps taken, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn steps(tx: &mut Tx, id: CampaignId, limit: i64) -> Result<Vec<Review>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT verdict, digest, by, at, reason FROM campaign_reviews WHERE campaign_id = $1 ORDER BY id DESC LIMIT $2",
    )
    .bind(id)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Review::try_from).collect()
}

/// The newest step.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(tx: &mut Tx, id: CampaignId) -> Result<Option<Review>, StoreError> {
    Ok(steps(tx, id, 1).await?.pop())
}

/// Takes a step; the campaign is locked.
///
/// # Errors
/// [`StoreError`].
pub async fn add(tx: &mut Tx, id: CampaignId, review: &Review) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO campaign_reviews (campaign_id, verdict, digest, by, at, reason) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(id)
    .bind(review.verdict.as_str())
    .bind(&review.digest)
    .bind(&review.by)
    .bind(review.at)
    .bind(&review.reason)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Says whether campaigns for a model need a review; false when there is no such model.
///
/// # Errors
/// [`StoreError`].
pub async fn set_required(tx: &mut Tx, model: &str, required: bool) -> Result<bool, StoreError> {
    let changed = sqlx::query("UPDATE models SET review_required = $2 WHERE id = $1")
        .bind(model)
        .bind(required)
        .execute(&mut **tx)
        .await?;
    Ok(changed.rows_affected() == 1)
}
