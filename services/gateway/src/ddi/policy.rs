//! What a campaign asks for that DDI knows in its own way, or not at all.

use otaru_domain::document::CampaignDocument;
use otaru_domain::rollout::Consent;

use super::DdiConfig;
use crate::offers::Client;
pub(super) use crate::offers::window_is_open;

/// Whether the update waits until the vehicle's user confirms it: the campaign asks for that, or the installation does.
pub(super) fn consent_required(settings: &DdiConfig, document: &CampaignDocument) -> bool {
    settings.confirmation || document.consent.as_ref().is_some_and(Consent::must_ask)
}

/// Whether a DDI client may be given the campaign: it evaluates no preconditions, so one must be waived.
pub(super) fn may_take(document: &CampaignDocument) -> bool {
    Client::Ddi.can_take(document)
}
