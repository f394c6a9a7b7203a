//! Software versions as fleets have them: `2.3.0`, `1.16.2-1+deb12u1`, `R42b`. They compare by meaning
//! (2.10 is newer than 2.9), in Rust and in SQL alike: both compare [`sort_key`], which orders bytewise.

use std::cmp::Ordering;

/// The longest version, in bytes.
pub const MAX_VERSION_BYTES: usize = 64;

/// A key whose bytewise order is the order of versions: runs of digits compare as numbers, runs of
/// letters as text, and a pre-release sorts before its release as in Semantic Versioning 2.0.0, clause 11.
/// Build metadata (`+…`) does not count, as in its clause 10.
///
/// Each part becomes a tag and its value: `0` a pre-release follows, `1` the end, `2` text, `3` a
/// number (its count of digits, then the digits, so that longer numbers sort later). Within a
/// pre-release a number sorts before text (clause 11.4.3), so there the last two tags change places.
#[must_use]
pub fn sort_key(version: &str) -> String {
    let version = version.split_once('+').map_or(version, |(core, _build)| core);
    let (core, pre_release) = version.split_once('-').map_or((version, None), |(core, pre)| (core, Some(pre)));
    let mut key = String::with_capacity(version.len() * 2 + 8);
    push_parts(&mut key, core, true);
    if let Some(pre) = pre_release {
        key.push('0');
        push_parts(&mut key, pre, false);
    }
    key.push('1');
    key
}

/// Which of two versions is newer.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    sort_key(a).cmp(&sort_key(b))
}

fn push_parts(key: &mut String, text: &str, core: bool) {
    let (text_tag, number_tag) = if core { ('2', '3') } else { ('3', '2') };
    let mut parts: Vec<&str> = Vec::new();
    for dotted in text.split(['.', '_', '-', '~']) {
        let mut rest = dotted;
        while let Some(first) = rest.chars().next() {
            let digit = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != digit).unwrap_or(rest.len());
            parts.push(&rest[..end]);
            rest = &rest[end..];
        }
    }
    // 2.3 and 2.3.0 are the same version.
    while core && parts.len() > 1 && parts.last().is_some_and(|part| part.bytes().all(|b| b == b'0')) {
        parts.pop();
    }
    for part in parts {
        if part.as_bytes()[0].is_ascii_digit() {
            let digits = part.trim_start_matches('0');
            key.push_str(&format!("{number_tag}{:02}{digits}", digits.len()));
        } else {
            // The separator keeps "a" before "ab".
            key.push(text_tag);
            key.push_str(part);
            key.push(' ');
        }
    }
}
