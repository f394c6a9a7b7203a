//! What a campaign's expressions select: saved groups that exist, and vehicles.

use otaru_domain::id::ReleaseId;
use otaru_domain::rollout::{Membership, WavePlan};
use otaru_domain::target::Target;
use otaru_store::campaigns::Settings;
use otaru_store::waves::{self, Empty};
use otaru_store::{Tx, groups};

use super::CampaignError;

/// Refuses a target, or a wave's expression, that names a group which is none. Those that are stay until `tx` ends.
pub(crate) async fn require(tx: &mut Tx, target: &str, waves: &[WavePlan]) -> Result<(), CampaignError> {
    let waves = waves.iter().enumerate();
    let waves = waves.filter_map(|(at, wave)| Some((format!("/waves/{at}/expression"), wave.expression.as_deref()?)));
    for (pointer, source) in std::iter::once(("/target".to_owned(), target)).chain(waves) {
        let named = Target::parse(source).map_err(CampaignError::Target)?.groups();
        if let Some(group) = groups::missing(tx, named).await?.pop_first() {
            return Err(CampaignError::NoGroup { pointer, group });
        }
    }
    Ok(())
}

/// Refuses a target, or a listed wave, that selects none of the vehicles there are. A continuous campaign's may come later.
pub(crate) async fn require_vehicles(
    tx: &mut Tx,
    release: ReleaseId,
    settings: &Settings,
) -> Result<(), CampaignError> {
    if settings.policy.membership == Membership::Continuous {
        return Ok(());
    }
    let target = Target::parse(&settings.target).map_err(CampaignError::Target)?;
    let Some(empty) = waves::empty(tx, release, &target, &settings.waves).await? else { return Ok(()) };
    let (pointer, what) = match empty {
        Empty::Target => ("/target".to_owned(), "selects no vehicle in service of the release's models".to_owned()),
        Empty::Wave(at) => {
            let field =
                if settings.waves.get(at).is_some_and(|wave| wave.vins.is_some()) { "vins" } else { "expression" };
            let what = "selects none of the target's vehicles that is in no earlier wave".to_owned();
            (format!("/waves/{at}/{field}"), what)
        }
    };
    Err(CampaignError::SelectsNobody { pointer, what })
}
