//! Conditional requests (RFC 9110, section 13), as far as content with an entity tag needs them.

use axum::http::{HeaderMap, HeaderName, header};

/// Whether `If-None-Match` names `etag` (weak comparison, section 8.8.3.2): the client has it already.
pub(crate) fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let wanted = opaque(etag);
    lists(headers, &header::IF_NONE_MATCH).any(|tag| tag.trim() == "*" || opaque(tag) == wanted)
}

/// Whether `If-Match` is there and does not name `etag` (strong comparison, section 13.1.1): the client means another file.
pub(crate) fn is_another(headers: &HeaderMap, etag: &str) -> bool {
    headers.contains_key(header::IF_MATCH)
        && !lists(headers, &header::IF_MATCH).any(|tag| tag.trim() == "*" || tag.trim() == etag)
}

fn lists<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    // Our tags have no commas, so a comma always separates.
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_tag_is_found_among_any_others_and_only_there(
            before in "[^,\"*\\p{C}]{0,20}", tag in "[a-z0-9-]{1,20}", weak in "(W/)?", after in "[^,\"*\\p{C}]{0,20}",
        ) {
            let etag = format!("{weak}\"{tag}\"");
            let named = axum::http::HeaderValue::from_bytes(format!("{before}, {etag} ,{after}").as_bytes()).unwrap();
            assert!(named.to_str().is_err() || has_already(&HeaderMap::from_iter([(header::IF_NONE_MATCH, named)]), &etag));
            let others = axum::http::HeaderValue::from_bytes(format!("{before}, \"{tag}-2\",{after}").as_bytes()).unwrap();
            assert!(!has_already(&HeaderMap::from_iter([(header::IF_NONE_MATCH, others)]), &etag));
        }
    }

    fn with(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::IF_NONE_MATCH, value.parse().unwrap())])
    }

    #[test]
    fn a_file_is_another_unless_its_strong_tag_is_among_those_given() {
        let with = |value: &str| HeaderMap::from_iter([(header::IF_MATCH, value.parse().unwrap())]);
        for value in ["\"a\"", "\"b\", \"a\"", "*"] {
            assert!(!is_another(&with(value), "\"a\""), "{value}");
        }
        for value in ["\"b\"", "W/\"a\"", "a", ""] {
            assert!(is_another(&with(value), "\"a\""), "{value}");
        }
        assert!(!is_another(&HeaderMap::new(), "\"a\""));
    }

    #[test]
    fn a_tag_is_found_in_a_list_weak_or_strong() {
        for value in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*", " W/\"b\",W/\"a\" "] {
            assert!(has_already(&with(value), "\"a\""), "{value}");
            assert!(has_already(&with(value), "W/\"a\""), "{value}");
        }
        for value in ["\"b\"", "a", "", "\"a", "\"aa\""] {
            assert!(!has_already(&with(value), "\"a\""), "{value}");
        }
        assert!(!has_already(&HeaderMap::new(), "\"a\""));
    }
}
