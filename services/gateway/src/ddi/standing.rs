//! Where a vehicle's actions stand: what Postgres says, and what was reported and is not applied yet.

use otaru_domain::assignment::AssignmentState;
use otaru_domain::clock;
use otaru_domain::id::CampaignId;
use otaru_domain::token::Claims;
use otaru_http::Problem;
use otaru_store::ddi::{self as rows, Standing};

use super::action::ActionId;
use super::{gone, no_such_action, policy};
use crate::app::App;
use crate::heard::Said;
use crate::mirror::Document;
use crate::problems;

/// An assignment as an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    pub id: ActionId,
    /// The furthest step.
    pub step: AssignmentState,
    /// The vehicle's own exit.
    pub exit: Option<AssignmentState>,
    pub withdrawn: bool,
    cancel_closed: bool,
    cancel_rejected: bool,
}

impl Action {
    /// `None` for what DDI cannot name.
    fn of(standing: &Standing, said: Option<Said>) -> Option<Self> {
        let Some(id) = ActionId::new(standing.campaign, standing.attempt) else {
            tracing::warn!(
                campaign = standing.campaign,
                attempt = standing.attempt,
                "an assignment has no DDI action id: more campaigns or attempts than 31 bits name"
            );
            return None;
        };
        let said = said.as_ref();
        Some(Self {
            id,
            step: said.map_or(standing.step, |said| standing.step.max(said.step)),
            exit: standing.exit.or_else(|| said.and_then(|said| said.exit)),
            withdrawn: standing.withdrawn.is_some() || said.is_some_and(|said| said.withdrawn),
            cancel_closed: standing.cancel_closed || said.is_some_and(|said| said.cancel_closed),
            cancel_rejected: standing.cancel_rejected || said.is_some_and(|said| said.cancel_rejected),
        })
    }

    /// Whether nothing more is taken of it.
    pub fn is_over(&self) -> bool {
        self.exit.is_some() || self.cancel_closed
    }

    /// Whether the device is to be asked to stop: it was offered, then withdrawn, and it has not answered.
    pub fn is_to_cancel(&self) -> bool {
        self.withdrawn && !self.is_over() && !self.cancel_rejected && self.step >= AssignmentState::Offered
    }

    /// Whether the device works on it, and nobody asked it to stop or it refused to.
    pub fn is_under_way(&self) -> bool {
        !self.is_over() && self.step >= AssignmentState::Accepted && (!self.withdrawn || self.cancel_rejected)
    }
}

/// The vehicle's actions, oldest campaign first; only that of `only`, if given.
pub(super) async fn actions(app: &App, claims: &Claims, only: Option<CampaignId>) -> Result<Vec<Action>, Problem> {
    let standings = rows::standings(&app.store, claims.vehicle, &claims.vin, only).await;
    let standings = standings.map_err(|error| problems::not_read(app, &error))?;
    app.database.answered();
    let action = |standing: &Standing| {
        Action::of(standing, app.heard.of(&(claims.vin.clone(), standing.campaign, standing.attempt)))
    };
    Ok(standings.iter().rev().filter_map(action).collect())
}

/// The vehicle's action `id`, over or not.
///
/// # Errors
/// 404 when there never was one, 410 when the vehicle is at a later attempt, 503 while Postgres is away.
pub(super) async fn find(app: &App, claims: &Claims, id: ActionId) -> Result<Action, Problem> {
    let action = actions(app, claims, Some(id.campaign)).await?.pop().ok_or_else(no_such_action)?;
    match action.id.attempt.cmp(&id.attempt) {
        std::cmp::Ordering::Less => Err(no_such_action()),
        std::cmp::Ordering::Equal => Ok(action),
        std::cmp::Ordering::Greater => Err(gone()),
    }
}

/// The document of the action's campaign, as the model's repository has it now.
pub(super) fn document(app: &App, claims: &Claims, action: &Action) -> Option<Document> {
    app.mirror.get(&claims.model)?.view()?.documents.get(&action.id.campaign).cloned()
}

/// Whether the campaign lets this vehicle begin now.
pub(super) fn runs(claims: &Claims, document: &Document) -> bool {
    document.document.allows(&claims.model, &claims.vin, clock::now()).is_ok()
}

/// Whether the update waits for its user.
pub(super) async fn awaits_consent(
    app: &App,
    claims: &Claims,
    action: &Action,
    document: &Document,
) -> Result<bool, Problem> {
    if action.step >= AssignmentState::Accepted || !policy::consent_required(app.ddi.settings(), &document.document) {
        return Ok(false);
    }
    let given = rows::auto_confirm(&app.store, claims.vehicle).await;
    Ok(given.map_err(|error| problems::not_read(app, &error))?.is_none())
}
