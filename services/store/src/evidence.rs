//! What is stated of releases for type approval (UN R156 7.1.2.5), apart from them: a locked release never
//! changes, and what an authority says of it comes later.

use chrono::{DateTime, Utc};
use otaru_domain::evidence::TypeApproval;
use otaru_domain::id::ReleaseId;
use sqlx::FromRow;

use crate::{Store, StoreError, Tx};

/// What is stated of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub purpose: String,
    pub affected: String,
    pub type_approval: TypeApproval,
    pub type_approval_reference: Option<String>,
    pub verification: String,
    pub stated_by: String,
    pub stated_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    purpose: String,
    affected: String,
    type_approval: String,
    type_approval_reference: Option<String>,
    verification: String,
    stated_by: String,
    stated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Evidence {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let type_approval = TypeApproval::parse(&row.type_approval)
            .ok_or_else(|| StoreError::inconsistent("release_evidence", format!("{:?}", row.type_approval)))?;
        Ok(Self {
            purpose: row.purpose,
            affected: row.affected,
            type_approval,
            type_approval_reference: row.type_approval_reference,
            verification: row.verification,
            stated_by: row.stated_by,
            stated_at: row.stated_at,
        })
    }
}

/// What is stated of the release, if anything.
///
/// # Errors
/// [`StoreError`].
pub async fn get(store: &Store, release: ReleaseId) -> Result<Option<Evidence>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT purpose, affected, type_approval, type_approval_reference, verification, stated_by, stated_at
         FROM release_evidence WHERE release_id = $1",
    )
    .bind(release)
    .fetch_optional(store.pool())
    .await?;
    row.map(Evidence::try_from).transpose()
}

/// States it, in place of what was stated before.
///
/// # Errors
/// [`StoreError`].
pub async fn put(tx: &mut Tx, release: ReleaseId, evidence: &Evidence) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO release_evidence (release_id, purpose, affected, type_approval, type_approval_reference, verification,
                                       stated_by, stated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (release_id) DO UPDATE SET purpose = EXCLUDED.purpose, affected = EXCLUDED.affected,
             type_approval = EXCLUDED.type_approval, type_approval_reference = EXCLUDED.type_approval_reference,
             verification = EXCLUDED.verification, stated_by = EXCLUDED.stated_by, stated_at = EXCLUDED.stated_at",
    )
    .bind(release)
    .bind(&evidence.purpose)
    .bind(&evidence.affected)
    .bind(evidence.type_approval.as_str())
    .bind(&evidence.type_approval_reference)
    .bind(&evidence.verification)
    .bind(&evidence.stated_by)
    .bind(evidence.stated_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether a type approval of the release is still waited for.
///
/// # Errors
/// [`StoreError`].
pub async fn is_pending(tx: &mut Tx, release: ReleaseId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM release_evidence WHERE release_id = $1 AND type_approval = 'pending')",
    )
    .bind(release)
    .fetch_one(&mut **tx)
    .await?)
}
