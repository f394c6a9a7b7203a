//! Whether a plan selects anybody: asked while it is being written, so that a typo is not found at the start.

use otaru_domain::id::ReleaseId;
use otaru_domain::rollout::WavePlan;
use otaru_domain::target::Target;

use super::candidates;
use crate::{StoreError, Tx, groups, target_sql};

/// What of a plan selects nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    Target,
    /// A wave by expression or list, counted from 0: none of the target's vehicles, or only those of earlier waves.
    Wave(usize),
}

/// What of the plan selects no vehicle in service of the release's models, if anything. Whom the campaign would leave out
/// counts as selected: that may change. While the models have no vehicle yet, no expression is to blame.
///
/// # Errors
/// [`StoreError`].
pub async fn empty(
    tx: &mut Tx,
    release: ReleaseId,
    target: &Target,
    plan: &[WavePlan],
) -> Result<Option<Empty>, StoreError> {
    if !any(tx, release, target).await? {
        let everyone = Target::parse("true").map_err(|error| StoreError::inconsistent("targets", error))?;
        return Ok(any(tx, release, &everyone).await?.then_some(Empty::Target));
    }
    if !plan.iter().any(|wave| wave.selector().is_listed()) {
        return Ok(None);
    }
    candidates::rank(tx, release, "", target, None).await?;
    candidates::list(tx, plan).await?;
    let taken = candidates::listed(tx).await?;
    candidates::drop(tx).await?;
    let listed = plan.iter().enumerate().filter(|(_, wave)| wave.selector().is_listed());
    let empty = listed.map(|(at, _)| at).find(|at| !taken.contains(at));
    Ok(empty.map(Empty::Wave))
}

/// Stops at the first vehicle.
async fn any(tx: &mut Tx, release: ReleaseId, target: &Target) -> Result<bool, StoreError> {
    let mut arguments = sqlx::postgres::PgArguments::default();
    candidates::encode(&mut arguments, release)?;
    let mut target = target.clone();
    groups::resolve(tx, &mut target).await?;
    let before = "SELECT v.id FROM vehicles v JOIN release_models m ON m.model_id = v.model_id AND m.release_id = $1
                   WHERE v.retired_at IS NULL AND ";
    let (statement, arguments) = target_sql::statement(before, &target, "LIMIT 1", arguments)?;
    let found: Option<i64> =
        sqlx::query_scalar_with(statement, arguments).persistent(false).fetch_optional(&mut **tx).await?;
    Ok(found.is_some())
}
