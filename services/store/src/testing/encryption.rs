//! What a killed process leaves of an encryption.

use otaru_domain::id::ReleaseId;

use crate::{Store, StoreError};

/// Has the encryption of a release be under way.
///
/// # Errors
/// [`StoreError`].
pub async fn break_encryption_off(store: &Store, release: ReleaseId) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE release_ciphertexts SET state = 'encrypting', attempts = 1, sha256 = NULL, encrypted_at = NULL,
                                        published_at = NULL
          WHERE release_id = $1",
    )
    .bind(release)
    .execute(store.pool())
    .await?;
    Ok(())
}

/// Ends the pause after a try that failed.
///
/// # Errors
/// [`StoreError`].
pub async fn end_pause_of_encryption(store: &Store, release: ReleaseId) -> Result<(), StoreError> {
    sqlx::query("UPDATE release_ciphertexts SET not_before = NULL WHERE release_id = $1")
        .bind(release)
        .execute(store.pool())
        .await?;
    Ok(())
}
