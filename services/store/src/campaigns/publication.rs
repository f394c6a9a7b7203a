//! What a campaign's document is made of, and in which models' repositories it is.

use chrono::{DateTime, Utc};
use otaru_domain::document::CampaignDocument;
use otaru_domain::id::{CampaignId, HardwareId, ModelId, ReleaseId};
use otaru_domain::release::{Installation, ReleaseState};
use sqlx::FromRow;

use crate::{Store, StoreError, Tx};

/// A campaign's release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignRelease {
    pub id: ReleaseId,
    pub name: String,
    pub version: String,
    pub state: ReleaseState,
    pub installation: Installation,
}

/// An image of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignImage {
    pub hardware_id: HardwareId,
    pub target_name: String,
    pub version: String,
}

#[derive(FromRow)]
struct ReleaseRow {
    id: i64,
    name: String,
    version: String,
    state: String,
    installation: String,
}

/// The release, which stays as it is until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub async fn release(tx: &mut Tx, id: ReleaseId) -> Result<Option<CampaignRelease>, StoreError> {
    let row: Option<ReleaseRow> =
        sqlx::query_as("SELECT id, name, version, state, installation FROM releases WHERE id = $1 FOR SHARE")
            .bind(id)
            .fetch_optional(&mut **tx)
            .await?;
    row.map(|row| {
        let state = ReleaseState::parse(&row.state)
            .ok_or_else(|| StoreError::inconsistent("releases", format!("state {:?}", row.state)))?;
        let installation = Installation::parse(&row.installation)
            .ok_or_else(|| StoreError::inconsistent("releases", format!("installation {:?}", row.installation)))?;
        Ok(CampaignRelease { id: row.id, name: row.name, version: row.version, state, installation })
    })
    .transpose()
}

/// The release's images for the hardware that `model` has, in their order.
///
/// # Errors
/// [`StoreError`].
pub async fn images(tx: &mut Tx, release: ReleaseId, model: &ModelId) -> Result<Vec<CampaignImage>, StoreError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT i.hardware_id, i.target_name, i.version FROM release_images i
         JOIN model_hardware h ON h.hardware_id = i.hardware_id AND h.model_id = $2
         WHERE i.release_id = $1 ORDER BY i.position, i.hardware_id",
    )
    .bind(release)
    .bind(model.as_str())
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter()
        .map(|(hardware_id, target_name, version)| {
            let hardware_id =
                HardwareId::parse(&hardware_id).map_err(|error| StoreError::inconsistent("release_images", error))?;
            Ok(CampaignImage { hardware_id, target_name, version })
        })
        .collect()
}

/// How many bytes of images a vehicle of the release takes that has all of its hardware.
///
/// # Errors
/// [`StoreError`].
pub async fn image_bytes(store: &Store, release: ReleaseId) -> Result<u64, StoreError> {
    let bytes: i64 = sqlx::query_scalar(
        "SELECT coalesce(sum(a.length_bytes), 0)::bigint FROM release_images i JOIN artifacts a USING (sha256)
          WHERE i.release_id = $1",
    )
    .bind(release)
    .fetch_one(store.pool())
    .await?;
    super::unsigned("artifacts", bytes)
}

/// The models that a release is for.
///
/// # Errors
/// [`StoreError`].
pub async fn models(tx: &mut Tx, release: ReleaseId) -> Result<Vec<ModelId>, StoreError> {
    let models: Vec<String> =
        sqlx::query_scalar("SELECT model_id FROM release_models WHERE release_id = $1 ORDER BY model_id")
            .bind(release)
            .fetch_all(&mut **tx)
            .await?;
    parse_models(&models)
}

/// The models whose repositories have the campaign's document.
///
/// # Errors
/// [`StoreError`].
pub async fn published_models(tx: &mut Tx, id: CampaignId) -> Result<Vec<ModelId>, StoreError> {
    let models: Vec<String> = sqlx::query_scalar(
        "SELECT model_id FROM manifest_documents
         WHERE name = $1 AND dropped_in IS NULL ORDER BY model_id",
    )
    .bind(CampaignDocument::name_of(id))
    .fetch_all(&mut **tx)
    .await?;
    parse_models(&models)
}

/// The campaigns that ended before `before`, with nothing left to withdraw, whose documents are still in
/// repositories, by model.
///
/// # Errors
/// [`StoreError`].
pub async fn ended_documents(
    tx: &mut Tx,
    before: DateTime<Utc>,
) -> Result<Vec<(ModelId, Vec<CampaignId>)>, StoreError> {
    let rows: Vec<(String, Vec<i64>)> = sqlx::query_as(
        "SELECT d.model_id, array_agg(c.id ORDER BY c.id) FROM campaigns c
         JOIN manifest_documents d ON d.name = 'campaign-' || c.id || '.json' AND d.dropped_in IS NULL
         WHERE c.ended_at < $1 AND (c.closing IS NULL OR c.swept_at IS NOT NULL)
         GROUP BY d.model_id ORDER BY d.model_id",
    )
    .bind(before)
    .fetch_all(&mut **tx)
    .await?;
    let models: Vec<String> = rows.iter().map(|(model, _)| model.clone()).collect();
    Ok(parse_models(&models)?.into_iter().zip(rows.into_iter().map(|(_, campaigns)| campaigns)).collect())
}

/// The campaigns of a release that have not ended.
///
/// # Errors
/// [`StoreError`].
pub async fn of_release(store: &Store, release: ReleaseId) -> Result<Vec<CampaignId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM campaigns WHERE release_id = $1 AND state NOT IN ('completed', 'cancelled') ORDER BY id",
    )
    .bind(release)
    .fetch_all(store.pool())
    .await?)
}

pub(crate) fn parse_models(models: &[String]) -> Result<Vec<ModelId>, StoreError> {
    let parse = |model: &String| ModelId::parse(model).map_err(|error| StoreError::inconsistent("models", error));
    models.iter().map(parse).collect()
}
