//! The saved groups that a campaign's expressions name.

use otaru_domain::rollout::WavePlan;
use otaru_domain::target::Target;
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
