//! What a vehicle is offered. Two things must agree: Postgres, where the assignment is, and the signed
//! document in memory, which the vehicle will check in turn; so a gateway that lags behind either of them
//! offers too little, never too much.

use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use otaru_bus::Message;
use otaru_domain::ack::{Ack, Origin, SCHEMA_VERSION};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::document::{CampaignDocument, NotForVehicle};
use otaru_domain::id::{CampaignId, HardwareId, ModelId, ReleaseId, Vin};
use otaru_domain::rollout::Consent;
use otaru_domain::token::Claims;
use otaru_domain::topic;
use otaru_http::Problem;
use otaru_store::offers::{self, OpenAssignment};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::heard::Attempt;
use crate::mirror::{Document, View};
use crate::problems;

/// An update that a vehicle may install. It only points at the signed files, which alone say what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Update {
    /// Version of this answer's schema; 1.
    pub(crate) schema_version: u32,
    pub(crate) campaign: CampaignId,
    /// To be given back in every report.
    pub(crate) attempt: u32,
    pub(crate) model: ModelId,
    pub(crate) release: ReleaseId,
    /// The name of the campaign's document among the model's targets.
    #[schema(example = "campaign-12.json")]
    pub(crate) document: String,
    /// The names of the images among the model's targets.
    #[schema(example = json!(["BCM-2.3.0-r4.bin"]))]
    pub(crate) targets: Vec<String>,
    /// Where the server believes the vehicle to be.
    pub(crate) state: AssignmentState,
}

/// What there is for a vehicle now.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Offer {
        update: Box<Update>,
        /// Changes with campaign, attempt and document, not with the vehicle's progress: therefore weak.
        etag: String,
    },
    Nothing {
        /// Something is on its way: ask again in a moment.
        soon: bool,
    },
}

impl Outcome {
    const NOTHING: Self = Self::Nothing { soon: false };

    pub(crate) fn etag(&self) -> Option<&str> {
        match self {
            Self::Offer { etag, .. } => Some(etag),
            Self::Nothing { .. } => None,
        }
    }
}

/// What a client is able to do with an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client<'a> {
    /// Reads the signed document and acts on it.
    Native,
    /// Speaks DDI, and sees nothing of the document.
    Ddi,
    /// Speaks Uptane, with ECUs of these kinds: sees nothing of the document, and has no way to ask anybody.
    Uptane(&'a [HardwareId]),
}

impl Client<'_> {
    /// Whether it can keep to all that the document asks. Preconditions are evaluated by the vehicle
    /// alone, unless a person waived that.
    pub(crate) fn can_take(self, document: &CampaignDocument) -> bool {
        self == Self::Native || document.precondition.is_none() || document.precondition_waived
    }

    /// Whether it may begin now, as far as somebody else has to see to it than the client.
    fn may_begin(self, document: &CampaignDocument, now: DateTime<Utc>) -> bool {
        let Self::Uptane(hardware) = self else { return true };
        document.targets.iter().all(|target| hardware.contains(&target.hardware_id))
            && !document.consent.as_ref().is_some_and(Consent::must_ask)
            && window_is_open(document, now)
    }
}

/// Whether the campaign's windows are open at `now`, where the installation believes the vehicle to be.
pub(crate) fn window_is_open(document: &CampaignDocument, now: DateTime<Utc>) -> bool {
    let windows = &document.windows;
    windows.is_empty() || windows.opens(now, windows.zone(None)).is_some_and(|at| at <= now)
}

/// Attempts that were announced here, so that `offered` is not said with every poll until it is applied.
#[derive(Debug)]
pub(crate) struct Announced(Cache<Attempt, ()>);

impl Default for Announced {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(500_000).time_to_live(Duration::from_secs(60)).build())
    }
}

/// What there is for the vehicle now. An offer that is returned is already on `otaru.acks`.
///
/// # Errors
/// 503 while Postgres or the broker is away and would be needed, or nothing is known yet.
pub(crate) async fn evaluate(
    app: &App,
    claims: &Claims,
    client: Client<'_>,
    now: DateTime<Utc>,
) -> Result<Outcome, Problem> {
    if !app.mirror.is_complete() {
        return Err(problems::starting());
    }
    let Some(view) = app.mirror.get(&claims.model).and_then(|repository| repository.view()) else {
        return Ok(Outcome::NOTHING);
    };
    // From memory, nearly always: no campaign runs, or the vehicle's wave is closed in all that do.
    if !view.allows_any(&claims.model, &claims.vin, now) {
        return Ok(Outcome::NOTHING);
    }
    let open = offers::lookup(&app.store, claims.vehicle, &claims.vin).await;
    let open = open.map_err(|error| problems::not_read(app, &error))?;
    app.database.answered();
    let (mut found, mut soon) = candidates(app, claims, client, &view, &open, now);
    if !found.is_empty() {
        // Postgres may be behind what was reported.
        app.heard.settle().await?;
        (found, soon) = candidates(app, claims, client, &view, &open, now);
    }
    for (assignment, document) in found {
        let first = assignment.state == AssignmentState::Assigned;
        // A campaign that may offer no more for now keeps nobody from the next one.
        if first && !announce(app, claims, assignment, now).await? {
            soon = true;
            continue;
        }
        let state = if first { AssignmentState::Offered } else { assignment.state };
        return Ok(offer(claims, assignment, document, state));
    }
    Ok(Outcome::Nothing { soon })
}

/// What may be offered as far as the signed documents say, in the order of `open`, and whether more may be in a moment:
/// Postgres is ahead of the repository in memory.
fn candidates<'a>(
    app: &App,
    claims: &Claims,
    client: Client<'_>,
    view: &'a View,
    open: &'a [OpenAssignment],
    now: DateTime<Utc>,
) -> (Vec<(&'a OpenAssignment, &'a Document)>, bool) {
    let (mut found, mut soon) = (Vec::new(), false);
    for assignment in open {
        let attempt = (claims.vin.clone(), assignment.campaign, assignment.attempt);
        if app.heard.of(&attempt).is_some_and(|said| said.is_over()) {
            continue;
        }
        let Some(document) = view.documents.get(&assignment.campaign) else {
            soon = true;
            continue;
        };
        let begun = assignment.state > AssignmentState::Offered;
        // What is encrypted would be installed as it is.
        if client != Client::Native && view.is_encrypted(&document.document) {
            continue;
        }
        if !client.can_take(&document.document) || !begun && !client.may_begin(&document.document, now) {
            continue;
        }
        match document.document.allows(&claims.model, &claims.vin, now) {
            Ok(()) => found.push((assignment, document)),
            Err(NotForVehicle::NotRunning | NotForVehicle::WaveClosed) => soon = true,
            Err(NotForVehicle::OtherModel | NotForVehicle::Expired | NotForVehicle::NotMember) => {}
        }
    }
    (found, soon)
}

/// Takes a slot and writes that the assignment was offered, before the vehicle hears of it. Gives whether it may be.
async fn announce(
    app: &App,
    claims: &Claims,
    assignment: &OpenAssignment,
    now: DateTime<Utc>,
) -> Result<bool, Problem> {
    let attempt = (claims.vin.clone(), assignment.campaign, assignment.attempt);
    if app.announced.0.contains_key(&attempt) {
        return Ok(true);
    }
    let slot = app.slots.take(&app.store, assignment.campaign).await;
    if let Err(why) = slot.map_err(|error| problems::not_read(app, &error))? {
        tracing::trace!(campaign = assignment.campaign, ?why, "no offer now");
        metrics::counter!("otaru_gateway_offers_held_back_total", "reason" => why.code()).increment(1);
        return Ok(false);
    }
    let mut ack = Ack::by_server(
        Origin::Gateway,
        claims.vin.clone(),
        assignment.campaign,
        assignment.attempt,
        AssignmentState::Offered,
        now,
    );
    ack.model = Some(claims.model.clone());
    let message = message(&claims.vin, &ack)?;
    app.producer.send(topic::ACKS, message).await.map_err(|error| problems::not_written(app, &error))?;
    app.broker.answered();
    app.announced.0.insert(attempt, ());
    metrics::counter!("otaru_gateway_offers_total").increment(1);
    Ok(true)
}

fn offer(claims: &Claims, assignment: &OpenAssignment, known: &Document, state: AssignmentState) -> Outcome {
    let document = &known.document;
    let update = Update {
        schema_version: SCHEMA_VERSION,
        campaign: assignment.campaign,
        attempt: assignment.attempt,
        model: claims.model.clone(),
        release: document.release,
        document: CampaignDocument::name_of(assignment.campaign),
        targets: document.targets.iter().map(|target| target.name.clone()).collect(),
        state,
    };
    let etag = format!("W/\"{}-{}-{}\"", assignment.campaign, assignment.attempt, known.sha256);
    Outcome::Offer { update: Box::new(update), etag }
}

/// A message of the vehicle `vin`: its partition follows from the key, so its reports stay in order.
pub(crate) fn message(vin: &Vin, value: &impl Serialize) -> Result<Message, Problem> {
    let value = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "a message cannot be written as JSON");
        Problem::internal()
    })?;
    Ok(Message { key: Some(vin.as_str().as_bytes().to_vec()), value: Some(value), headers: Vec::new() })
}
