//! Edits that make of something sound what nobody should send, the same ones in every run.

use std::ops::Range;

use rand::RngExt as _;
use rand::rngs::SmallRng;

const NUMBERS: [&str; 9] =
    ["-1", "0", "1e999", "0.5", "99999999999999999999", "9223372036854775807", "4294967296", "\"\"", "null"];
const BYTES: &[u8] = b"\0\t\n\r \"%&'*+,-./09:;<=>?@[\\]_{}\x7f\x80\xc3\xff";

fn range(rng: &mut SmallRng, bytes: &[u8]) -> Range<usize> {
    let start = rng.random_range(0..=bytes.len());
    let most = (bytes.len() - start).min(24);
    start..start + rng.random_range(0..=most)
}

/// Where a number stands, if there is one.
fn number(rng: &mut SmallRng, bytes: &[u8]) -> Option<Range<usize>> {
    let from = rng.random_range(0..=bytes.len());
    let start = from + bytes[from..].iter().position(u8::is_ascii_digit)?;
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some(start..start + length)
}

/// Changes `bytes` somewhere; a part of `other` may get into it.
pub fn edit(rng: &mut SmallRng, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = range(rng, bytes);
    let byte = BYTES[rng.random_range(0..BYTES.len())];
    match rng.random_range(0..7) {
        0 => bytes.splice(at, [byte]).for_each(drop),
        1 => bytes.insert(at.start, byte),
        2 => bytes.drain(at).for_each(drop),
        3 => {
            let again = bytes[at.clone()].repeat(rng.random_range(2..40));
            bytes.splice(at, again).for_each(drop);
        }
        4 => {
            let from = range(rng, other);
            bytes.splice(at, other[from].iter().copied()).for_each(drop);
        }
        5 => {
            if let Some(at) = number(rng, bytes) {
                let new = NUMBERS[rng.random_range(0..NUMBERS.len())];
                bytes.splice(at, new.bytes()).for_each(drop);
            }
        }
        _ => bytes.truncate(at.start),
    }
}
