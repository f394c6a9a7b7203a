//! Pseudonyms of vehicles whose holder's data was erased: written like a VIN, so that everything that shows or
//! reads a vehicle goes on working, and never one, because no country has the code `ER` (ISO 3780).

use crate::id::{IdError, Vin};

/// How every pseudonym begins.
pub const PREFIX: &str = "ERASED";

/// The characters of VINs.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPRSTUVWXYZ012345678";

/// The pseudonym of 55 random bits; nothing of it follows from the VIN it stands for.
///
/// # Errors
/// Never: it is a VIN by its form.
pub fn of(random: u64) -> Result<Vin, IdError> {
    let tail = (0..11).map(|place| char::from(ALPHABET[((random >> (place * 5)) & 31) as usize]));
    Vin::parse(&tail.fold(PREFIX.to_owned(), |mut text, c| {
        text.push(c);
        text
    }))
}

/// Whether this is a pseudonym.
#[must_use]
pub fn is_one(vin: &Vin) -> bool {
    vin.as_str().starts_with(PREFIX)
}
