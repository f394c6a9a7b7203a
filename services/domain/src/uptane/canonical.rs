//! The bytes that signatures cover. aktualizr writes compact JSON with sorted names and everything beyond ASCII
//! escaped; other clients write OLPC's form. For ASCII without control characters both are the same, and so are all
//! files that we sign; what vehicles write (a log with line breaks, say) may be signed in either.

use std::io;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
use thiserror::Error;

use crate::tuf;

/// How deep a signed value may be nested. Far beyond a manifest's depth, far below what a stack takes.
pub const MAX_DEPTH: usize = 64;

/// Why a value has no form that everybody agrees on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("signed JSON has whole numbers only, and at most {MAX_DEPTH} levels")]
pub struct NotCanonical;

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if c.is_ascii() {
                writer.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// aktualizr's form of `value`.
///
/// # Errors
/// [`NotCanonical`].
pub fn canonical(value: &Value) -> Result<Vec<u8>, NotCanonical> {
    check(value, MAX_DEPTH)?;
    let mut bytes = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut bytes, Ascii)).map_err(|_| NotCanonical)?;
    Ok(bytes)
}

/// The forms in which somebody may have signed `value`. No two values have a form in common, so taking either opens
/// nothing: OLPC's form never has a lone backslash, and where it has none at all, both are the same.
pub(super) fn signed_forms(value: &Value) -> Result<Vec<Vec<u8>>, NotCanonical> {
    let own = canonical(value)?;
    let olpc = tuf::canonical(value).map_err(|_| NotCanonical)?;
    Ok(if own == olpc { vec![own] } else { vec![own, olpc] })
}

fn check(value: &Value, depth: usize) -> Result<(), NotCanonical> {
    let below = depth.checked_sub(1).ok_or(NotCanonical)?;
    match value {
        Value::Number(number) if number.is_f64() => Err(NotCanonical),
        Value::Array(items) => items.iter().try_for_each(|item| check(item, below)),
        Value::Object(fields) => fields.values().try_for_each(|field| check(field, below)),
        _ => Ok(()),
    }
}
