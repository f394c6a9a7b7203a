//! Which part of a file a client asks for (RFC 9110, section 14): one range of bytes, so that a vehicle
//! goes on with a download where it broke off. Several ranges at once get the whole file, as section 14.2 allows.

use std::ops::Range;

use axum::http::{HeaderMap, header};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selected {
    Whole,
    /// Not empty, and within the file.
    Part(Range<u64>),
    /// The file ends before it: 416.
    Unsatisfiable,
}

/// What `headers` ask for of a file of `length` bytes whose strong entity tag is `etag`.
pub(crate) fn select(headers: &HeaderMap, etag: &str, length: u64) -> Selected {
    let mut ranges = headers.get_all(header::RANGE).iter();
    // Of several fields none counts: section 5.3 has no list of them.
    let (Some(range), None) = (ranges.next().and_then(|value| value.to_str().ok()), ranges.next()) else {
        return Selected::Whole;
    };
    // Section 13.1.5: anything but this very tag, a date too, means that the client has another file's beginning.
    if headers.get(header::IF_RANGE).is_some_and(|condition| condition.as_bytes() != etag.as_bytes()) {
        return Selected::Whole;
    }
    // Section 14.2: what cannot be understood is ignored.
    parse(range, length).unwrap_or(Selected::Whole)
}

fn parse(range: &str, length: u64) -> Option<Selected> {
    let (unit, set) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    if first.is_empty() {
        let suffix = number(last)?;
        return Some(part(length.saturating_sub(suffix)..length));
    }
    let first = number(first)?;
    let end = if last.is_empty() { length } else { number(last)?.saturating_add(1) };
    if end <= first && !last.is_empty() {
        return None;
    }
    Some(part(first..end.min(length)))
}

fn part(range: Range<u64>) -> Selected {
    if range.is_empty() { Selected::Unsatisfiable } else { Selected::Part(range) }
}

/// A number of any length; beyond what fits, the greatest.
fn number(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str) -> Selected {
        select(&HeaderMap::from_iter([(header::RANGE, range.parse().unwrap())]), "\"a\"", 100)
    }

    #[test]
    fn a_range_is_cut_to_the_file() {
        assert_eq!(asked("bytes=0-0"), Selected::Part(0..1));
        assert_eq!(asked("bytes=10-19"), Selected::Part(10..20));
        assert_eq!(asked("Bytes = 10-"), Selected::Part(10..100));
        assert_eq!(asked("bytes=99-200"), Selected::Part(99..100));
        assert_eq!(asked("bytes=-10"), Selected::Part(90..100));
        assert_eq!(asked("bytes=-1000"), Selected::Part(0..100));
        assert_eq!(asked("bytes=5-99999999999999999999999"), Selected::Part(5..100));
    }

    #[test]
    fn a_range_past_the_end_cannot_be_satisfied() {
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(asked(range), Selected::Unsatisfiable, "{range}");
        }
        let any = HeaderMap::from_iter([(header::RANGE, "bytes=0-".parse().unwrap())]);
        assert_eq!(select(&any, "\"a\"", 0), Selected::Unsatisfiable);
    }

    #[test]
    fn what_is_no_single_range_of_bytes_gets_the_whole_file() {
        for range in
            ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=2-1", "bytes=0-1,5-6", "lines=0-1", "bytes=+1-2"]
        {
            assert_eq!(asked(range), Selected::Whole, "{range}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_asked_a_part_is_of_the_file_and_not_empty(
            range in "(bytes[ =]*)?[-0-9,a-z ]{0,40}",
            length in 0..u64::MAX,
        ) {
            let headers = HeaderMap::from_iter([(header::RANGE, range.parse().unwrap())]);
            if let Selected::Part(part) = select(&headers, "\"a\"", length) {
                assert!(part.start < part.end && part.end <= length, "{part:?} of {length}");
            }
        }

        #[test]
        fn every_part_of_a_file_can_be_asked_for(length in 1..u64::MAX, from in 0..u64::MAX, more in 0..u64::MAX) {
            let first = from % length;
            let last = first.saturating_add(more);
            let headers = HeaderMap::from_iter([(header::RANGE, format!("bytes={first}-{last}").parse().unwrap())]);
            let end = last.saturating_add(1).min(length);
            assert_eq!(select(&headers, "\"a\"", length), Selected::Part(first..end));
        }
    }

    #[test]
    fn two_fields_are_no_range() {
        let mut headers = HeaderMap::new();
        headers.append(header::RANGE, "bytes=1-2".parse().unwrap());
        headers.append(header::RANGE, "bytes=5-6".parse().unwrap());
        assert_eq!(select(&headers, "\"a\"", 100), Selected::Whole);
    }

    #[test]
    fn a_range_counts_only_for_the_file_that_the_client_has() {
        let asked = |condition: &str| {
            let headers = HeaderMap::from_iter([
                (header::RANGE, "bytes=1-2".parse().unwrap()),
                (header::IF_RANGE, condition.parse().unwrap()),
            ]);
            select(&headers, "\"a\"", 100)
        };
        assert_eq!(asked("\"a\""), Selected::Part(1..3));
        for condition in ["\"b\"", "W/\"a\"", "a", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(asked(condition), Selected::Whole, "{condition}");
        }
    }
}
