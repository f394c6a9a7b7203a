//! What a vehicle shall install now, by the rules of every offer.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use otaru_domain::document::CampaignDocument;
use otaru_domain::token::Claims;
use otaru_domain::uptane::{DirectedImage, Direction};
use otaru_http::Problem;
use otaru_store::uptane::{self as rows, Ecu};

use super::registration::not_registered;
use crate::app::App;
use crate::mirror::View;
use crate::offers::{self, Client, Outcome, Update};
use crate::{problems, signatures};

/// An offer that it holds is already on `otaru.acks`.
pub(super) async fn of(app: &App, claims: &Claims, now: DateTime<Utc>) -> Result<Direction, Problem> {
    let ecus = rows::ecus(&app.store, claims.vehicle).await.map_err(|error| problems::not_read(app, &error))?;
    app.database.answered();
    if ecus.is_empty() {
        return Err(not_registered());
    }
    let hardware: Vec<_> = ecus.iter().map(|ecu| ecu.inventoried.hardware_id.clone()).collect();
    let nothing = Direction::nothing(claims.vin.clone());
    if signatures::are_required(app, &claims.model).await {
        // What it would report of an update could not be taken.
        return Ok(nothing);
    }
    let update = match offers::evaluate(app, claims, Client::Uptane(&hardware), now).await? {
        Outcome::Nothing { .. } => return Ok(nothing),
        Outcome::Offer { update, .. } => update,
    };
    let not_yet = || Problem::unavailable("the update is being published; ask again", 5);
    let view = app.mirror.get(&claims.model).and_then(|repository| repository.view()).ok_or_else(not_yet)?;
    let document = view.documents.get(&update.campaign).ok_or_else(not_yet)?;
    images(&view, &document.document, &ecus).map(|images| direction(claims, &update, images)).ok_or_else(not_yet)
}

fn direction(claims: &Claims, update: &Update, images: Vec<DirectedImage>) -> Direction {
    Direction { vin: claims.vin.clone(), attempt: Some((update.campaign, update.attempt)), images }
}

/// The images of the campaign with the vehicle's ECUs for each: all ECUs of a hardware id get its image.
fn images(view: &View, document: &CampaignDocument, ecus: &[Ecu]) -> Option<Vec<DirectedImage>> {
    let image = |wanted: &otaru_domain::document::DocumentTarget| {
        let target = view.targets.get(&wanted.name)?;
        let of_kind = ecus.iter().filter(|ecu| ecu.inventoried.hardware_id == wanted.hardware_id);
        let ecus: BTreeMap<_, _> =
            of_kind.map(|ecu| (ecu.inventoried.serial.clone(), wanted.hardware_id.clone())).collect();
        Some(DirectedImage {
            name: wanted.name.clone(),
            length: target.length,
            sha256: target.hashes.sha256.clone(),
            release_counter: target.custom.as_ref()?.release_counter,
            ecus,
        })
    };
    document.targets.iter().map(image).collect()
}
