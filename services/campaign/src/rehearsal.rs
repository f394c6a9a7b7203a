//! What rehearsals and forecasts are made from, and where they are computed: on threads of their own, a few at once, so that no
//! number of people who ask keeps the service from its work.

use chrono::{DateTime, Utc};
use otaru_domain::rehearsal::{Course, FleetModel};
use otaru_domain::target::Target;
use otaru_store::campaigns::Standing;
use otaru_store::waves::Prospect;
use otaru_store::{StoreError, behaviour, waves};
use tokio::task::JoinError;

use crate::app::App;

/// Rehearsals that are computed at once; the next ones wait.
pub(crate) const AT_ONCE: usize = 2;

/// A campaign and the fleet to play it against.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) course: Course,
    pub(crate) fleet: FleetModel,
}

/// The campaign from `now` on. The waves of one that has not started are as large as they would be now.
pub(crate) async fn stage(app: &App, standing: &Standing, now: DateTime<Utc>) -> Result<Stage, StoreError> {
    let campaign = &standing.campaign;
    let mut facts = standing.facts();
    // Who will join a continuous one is not known: it is played with those that there are.
    facts.continuous = false;
    if campaign.members.is_none() {
        let target = Target::parse(&campaign.target)
            .map_err(|error| StoreError::inconsistent("campaigns", format!("target: {}", error.message)))?;
        let plan: Vec<_> = standing.waves.iter().map(|wave| wave.plan.clone()).collect();
        let prospect = Prospect {
            release: campaign.release,
            salt: &campaign.salt,
            target: &target,
            plan: &plan,
            membership: campaign.policy.membership,
            needs: campaign.needs(),
        };
        let preview = waves::preview(&app.store, prospect, 0, now).await?;
        facts.waves.iter_mut().zip(preview.waves).for_each(|(wave, expected)| wave.size = expected.size);
    }
    let per_minute = standing.pace.as_ref().map(|pace| pace.per_minute);
    let fleet = behaviour::measure(&app.store, campaign.release).await?;
    Ok(Stage { course: Course::new(facts, campaign.policy.clone(), per_minute, now), fleet })
}

/// Runs `compute` when its turn comes, on a thread that may be busy.
///
/// # Errors
/// When it panics.
pub(crate) async fn computed<T: Send + 'static>(
    app: &App,
    compute: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    // The semaphore is never closed.
    let turn = app.rehearsals.clone().acquire_owned().await.ok();
    tokio::task::spawn_blocking(move || {
        let computed = compute();
        drop(turn);
        computed
    })
    .await
}
