//! What is acceptable as a vehicle's fields, whether they come one by one or in an import.

use std::collections::BTreeMap;

use otaru_domain::id::Vin;
use otaru_domain::inventory::{MAX_ATTRIBUTE_BYTES, MAX_ENTRIES};
use otaru_domain::version::MAX_VERSION_BYTES;
use otaru_http::Problem;
use otaru_store::models::Model;
use otaru_store::vehicles::{Details, ImportEcu};

use crate::check;

const MAX_TAGS: usize = 64;
const MAX_TAG_BYTES: usize = 64;
const MODEL_YEARS: std::ops::RangeInclusive<i32> = 1886..=2200;

/// Checks what people say of a vehicle.
///
/// # Errors
/// 422 naming the field.
pub(super) fn details(details: &Details) -> Result<(), Problem> {
    if let Some(year) = details.model_year.filter(|year| !MODEL_YEARS.contains(year)) {
        return Err(Problem::invalid("/model_year", format!("{year} is no model year")));
    }
    if let Some(region) = &details.region {
        check::name("/region", region, MAX_TAG_BYTES)?;
    }
    if let Some(rxswin) = &details.rxswin {
        check::name("/rxswin", rxswin, MAX_VERSION_BYTES)?;
    }
    check::count("/tags", details.tags.len(), 0, MAX_TAGS)?;
    for (at, tag) in details.tags.iter().enumerate() {
        check::name(&format!("/tags/{at}"), tag, MAX_TAG_BYTES)?;
    }
    if let Some(at) = check::first_repeated(&details.tags, |tag| tag) {
        return Err(Problem::invalid(format!("/tags/{at}"), "an earlier entry is the same"));
    }
    attributes(&details.attributes)
}

fn attributes(attributes: &BTreeMap<String, String>) -> Result<(), Problem> {
    check::count("/attributes", attributes.len(), 0, MAX_ENTRIES)?;
    for (name, value) in attributes {
        check::name("/attributes", name, MAX_ATTRIBUTE_BYTES)?;
        let pointer = format!("/attributes/{}", name.replace('~', "~0").replace('/', "~1"));
        check::plain(&pointer, value, MAX_ATTRIBUTE_BYTES)?;
    }
    Ok(())
}

/// Checks a vehicle against its model.
///
/// # Errors
/// 422 naming the field.
pub(super) fn against_model(model: &Model, vin: &Vin, ecus: &[ImportEcu]) -> Result<(), Problem> {
    if model.retired_at.is_some() {
        return Err(Problem::invalid("/model", format!("model {} is retired", model.id)));
    }
    if model.vin_check_digit && !vin.check_digit_holds() {
        let detail = format!("position 9 of {vin} is not its check digit, which model {} demands", model.id);
        return Err(Problem::invalid("/vin", detail));
    }
    check::count("/ecus", ecus.len(), 0, MAX_ENTRIES)?;
    for (at, said) in ecus.iter().enumerate() {
        ecu(&format!("/ecus/{at}"), model, said)?;
    }
    match check::first_repeated(ecus, |ecu| ecu.hardware_id.clone()) {
        Some(at) => Err(Problem::invalid(format!("/ecus/{at}/hardware_id"), "an earlier entry has it, too")),
        None => Ok(()),
    }
}

/// Checks an ECU against its vehicle's model.
///
/// # Errors
/// 422 naming the field.
pub(super) fn ecu(pointer: &str, model: &Model, ecu: &ImportEcu) -> Result<(), Problem> {
    if !model.has_hardware(&ecu.hardware_id) {
        let detail = format!("model {} has no hardware {}", model.id, ecu.hardware_id);
        return Err(Problem::invalid(format!("{pointer}/hardware_id"), detail));
    }
    check::name(&format!("{pointer}/version"), &ecu.version, MAX_VERSION_BYTES)?;
    match &ecu.serial {
        Some(serial) => check::plain(&format!("{pointer}/serial"), serial, MAX_ATTRIBUTE_BYTES),
        None => Ok(()),
    }
}
