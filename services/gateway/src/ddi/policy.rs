//! What a campaign asks for that DDI knows in its own way, or not at all.

use otaru_domain::document::CampaignDocument;

use super::DdiConfig;
use crate::offers::Client;

/// Whether the update waits until the vehicle's user confirms it. Campaign documents ask for no consent of their
/// own, so the installation's setting alone decides.
pub(super) fn consent_required(settings: &DdiConfig, _document: &CampaignDocument) -> bool {
    settings.confirmation
}

/// Whether a DDI client may be given the campaign: it evaluates no preconditions.
pub(super) fn may_take(document: &CampaignDocument) -> bool {
    Client::Ddi.can_take(document)
}
