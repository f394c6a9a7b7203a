//! Why a campaign does not change as it was asked to.

use otaru_domain::campaign::{CampaignState, TransitionError};
use otaru_domain::id::{CampaignId, GroupId, ModelId, ReleaseId};
use otaru_domain::review::ReviewError;
use otaru_domain::target::TargetError;
use otaru_store::StoreError;
use otaru_store::waves::Excluded;
use thiserror::Error;

use crate::manifests::ManifestError;

#[derive(Debug, Error)]
pub enum CampaignError {
    #[error("there is no campaign {0}")]
    NotFound(CampaignId),
    #[error(transparent)]
    Transition(#[from] TransitionError),
    #[error(
        "the target expression matches no vehicle in service of the release's models{}: preview it, then create a campaign with another one",
        left_out(.0)
    )]
    NoVehicles(Vec<Excluded>),
    #[error("the deadline has passed: create a campaign with a later one")]
    DeadlinePast,
    #[error("everything is stopped: lift the emergency stop first (DELETE /api/v1/emergency-stop)")]
    Stopped,
    #[error("the campaign is {0}: vehicles are tried again only while it is under way")]
    NotUnderWay(CampaignState),
    #[error("there is no release {0} that could be recalled: a draft is simply not used")]
    NoRelease(ReleaseId),
    #[error("wave {wave} of campaign {campaign} is not open, or was approved before")]
    NotApprovable { campaign: CampaignId, wave: u32 },
    #[error("the campaign is being closed: what is left of it is being withdrawn")]
    Closing,
    #[error("release {0} is not locked (any more): a campaign needs a release that vehicles may install")]
    ReleaseNotLocked(ReleaseId),
    #[error(
        "release {0} waits for an approver's signature on the targets of model {1}: GET /api/v1/models/{1}/targets/draft, \
         sign it with `otaru keys sign`, PUT it to /api/v1/models/{1}/targets"
    )]
    ReleaseNotSigned(ReleaseId, ModelId),
    #[error(
        "release {0} is being encrypted for model {1}: GET /api/v1/releases/{0}/encryption says how far it is; start the campaign \
         once that is published"
    )]
    ReleaseNotEncrypted(ReleaseId, ModelId),
    #[error(
        "release {0} was locked before model {1} had its images encrypted: draft and lock another one of the same artifacts"
    )]
    ReleasePlain(ReleaseId, ModelId),
    #[error("{pointer} {what}: correct it, or make the membership continuous if its vehicles are still to come")]
    SelectsNobody {
        /// Where the expression or list stands in a request.
        pointer: String,
        what: String,
    },
    #[error("there is no group {group}: create it first")]
    NoGroup {
        /// Where the expression that names it stands in a request.
        pointer: String,
        group: GroupId,
    },
    #[error("the target expression is not understood any more: create the campaign anew")]
    Target(#[source] TargetError),
    #[error("the type approval of release {0} is still waited for: have it recorded with the release's evidence first")]
    TypeApprovalPending(ReleaseId),
    #[error("a campaign that is {0} is not changed any more: cancel it and create another")]
    NotADraft(CampaignState),
    #[error(transparent)]
    Review(#[from] ReviewError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CampaignError {
    /// Whether this process must stop leading.
    pub(crate) fn is_fenced(&self) -> bool {
        matches!(self, Self::Store(StoreError::Fenced(_)) | Self::Manifest(ManifestError::Store(StoreError::Fenced(_))))
    }

    /// Whether it says something about the campaign that its people should read, not about the machinery.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::NotFound(_) | Self::Store(_) => false,
            Self::Manifest(error) => matches!(error, ManifestError::Publish { .. }),
            Self::Transition(_)
            | Self::NoVehicles(_)
            | Self::DeadlinePast
            | Self::Closing
            | Self::Stopped
            | Self::NotUnderWay(_)
            | Self::NoRelease(_)
            | Self::NotApprovable { .. }
            | Self::ReleaseNotLocked(_)
            | Self::ReleaseNotSigned(..)
            | Self::ReleaseNotEncrypted(..)
            | Self::ReleasePlain(..)
            | Self::NoGroup { .. }
            | Self::SelectsNobody { .. }
            | Self::Target(_)
            | Self::TypeApprovalPending(_)
            | Self::NotADraft(_)
            | Self::Review(_) => true,
        }
    }
}

/// Why those that it does match are left out.
fn left_out(excluded: &[Excluded]) -> String {
    let reasons: Vec<String> =
        excluded.iter().map(|one| format!("{} are left out: {}", one.vehicles, one.exclusion)).collect();
    if reasons.is_empty() { String::new() } else { format!(" that it could take ({})", reasons.join("; ")) }
}
