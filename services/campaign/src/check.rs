//! Checks of request fields that the types alone do not make.

use otaru_http::Problem;

/// A name for people: not blank, no control characters, at most `max` bytes.
///
/// # Errors
/// 422 at `pointer`.
pub fn name(pointer: &str, text: &str, max: usize) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Err(Problem::invalid(pointer, "must not be empty"));
    }
    plain(pointer, text, max)
}

/// No control characters, at most `max` bytes.
///
/// # Errors
/// 422 at `pointer`.
pub fn plain(pointer: &str, text: &str, max: usize) -> Result<(), Problem> {
    if text.len() > max {
        return Err(Problem::invalid(pointer, format!("must be at most {max} bytes long, got {}", text.len())));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(pointer, "must not contain control characters"));
    }
    Ok(())
}

/// Between `least` and `most` items.
///
/// # Errors
/// 422 at `pointer`.
pub fn count(pointer: &str, items: usize, least: usize, most: usize) -> Result<(), Problem> {
    if (least..=most).contains(&items) {
        return Ok(());
    }
    Err(Problem::invalid(pointer, format!("must have {least} to {most} entries, got {items}")))
}

/// The index of the first item whose key an earlier item has.
#[must_use]
pub fn first_repeated<'a, T, K: Ord>(items: &'a [T], key: impl Fn(&'a T) -> K) -> Option<usize> {
    let mut seen = std::collections::BTreeSet::new();
    items.iter().position(|item| !seen.insert(key(item)))
}
