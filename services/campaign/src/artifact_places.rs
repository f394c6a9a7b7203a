//! Where artifacts are kept. What models have encrypted only is withheld: the signed metadata tells its hash, and a CDN in front of
//! the object store would give it to whoever asks by that. Moving one is done under its row's lock, which everybody takes
//! who lists or keeps it.

use chrono::{DateTime, Utc};
use otaru_domain::id::Sha256;
use otaru_store::objects::{Digests, ReceiveError, Staged};
use otaru_store::{StoreError, Tx, artifacts};

use crate::app::App;

/// Moves an upload to where its artifact belongs. Also when the content is known: an object that was lost is there again.
///
/// # Errors
/// [`ReceiveError`].
pub(crate) async fn keep(tx: &mut Tx, app: &App, staged: Staged) -> Result<Digests, ReceiveError> {
    if artifacts::is_withheld(tx, &staged.digests.sha256).await? == Some(true) {
        return app.objects.keep_withheld(staged).await;
    }
    app.objects.keep(staged).await
}

/// Withholds an artifact, unless a model has it as it is.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn withhold(tx: &mut Tx, app: &App, sha256: &Sha256, now: DateTime<Utc>) -> Result<(), StoreError> {
    let is_open = artifacts::is_withheld(tx, sha256).await? == Some(false);
    if is_open && !artifacts::is_listed(tx, sha256).await? {
        app.objects.withhold(sha256).await?;
        artifacts::set_withheld(tx, sha256, Some(now)).await?;
    }
    Ok(())
}

/// Puts an artifact where gateways read it: a model is to have it as it is.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn expose(tx: &mut Tx, app: &App, sha256: &Sha256) -> Result<(), StoreError> {
    if artifacts::is_withheld(tx, sha256).await? == Some(true) {
        app.objects.expose(sha256).await?;
        artifacts::set_withheld(tx, sha256, None).await?;
    }
    Ok(())
}
