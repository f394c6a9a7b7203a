use std::cmp::Ordering;

use proptest::prelude::*;

use crate::version::{compare, sort_key};

/// Each is older than the next.
const RISING: [&[&str]; 6] = [
    &[
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
    ],
    &["2.3", "2.3.1", "2.9", "2.9.9", "2.10", "2.10.1", "2.100", "10"],
    &["0.9", "1", "1.0.1", "1.1", "1.16.2", "2"],
    &["R1", "R2", "R10", "R42a", "R42b", "S1"],
    &["2.3.0-rc1", "2.3.0-rc2", "2.3.0-rc10", "2.3.0", "2.3.0.1"],
    &["20240131", "20240201", "20250101", "100000000000000000000"],
];

#[test]
fn versions_order_by_meaning() {
    for rising in RISING {
        for (older, newer) in rising.iter().enumerate().flat_map(|(i, a)| rising[i + 1..].iter().map(move |b| (a, b))) {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} < {newer}");
            assert_eq!(compare(newer, older), Ordering::Greater, "{newer} > {older}");
        }
    }
}

#[test]
fn versions_that_mean_the_same_are_equal() {
    for (a, b) in [
        ("2.3", "2.3.0"),
        ("2.3.0", "2.3.0.0"),
        ("2.03", "2.3"),
        ("1.0+build.7", "1.0"),
        ("1.0-rc.1+x", "1.0-rc.1"),
        ("1_2", "1.2"),
    ] {
        assert_eq!(compare(a, b), Ordering::Equal, "{a} = {b}");
    }
}

#[test]
fn zero_is_a_version_and_the_oldest_one_without_text() {
    assert_eq!(compare("0", "0.0"), Ordering::Equal);
    assert_eq!(compare("0", "0.1"), Ordering::Less);
    assert_eq!(compare("0.0.0", "1"), Ordering::Less);
}

#[test]
fn a_pre_release_is_older_than_its_release_and_newer_than_the_one_before() {
    assert_eq!(compare("2.4.0-rc.1", "2.4.0"), Ordering::Less);
    assert_eq!(compare("2.4.0-rc.1", "2.4"), Ordering::Less);
    assert_eq!(compare("2.3.9", "2.4.0-rc.1"), Ordering::Less);
    assert_eq!(compare("2.4.0-rc.1", "2.4.1"), Ordering::Less);
}

/// Numeric versions compare as the lists of their numbers, without the zeros at the end.
fn numbers(version: &[u32]) -> Vec<u32> {
    let mut numbers = version.to_vec();
    while numbers.len() > 1 && numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers
}

fn dotted(version: &[u32]) -> String {
    version.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

proptest! {
    #[test]
    fn numeric_versions_compare_as_lists_of_numbers(
        a in prop::collection::vec(prop_oneof![0..3_u32, 8..12_u32, any::<u32>()], 1..5),
        b in prop::collection::vec(prop_oneof![0..3_u32, 8..12_u32, any::<u32>()], 1..5),
    ) {
        prop_assert_eq!(compare(&dotted(&a), &dotted(&b)), numbers(&a).cmp(&numbers(&b)));
    }

    #[test]
    fn any_text_has_a_key_and_build_metadata_never_counts(version in "\\PC{0,40}", build in "[0-9a-z.]{1,8}") {
        let core = version.split('+').next().unwrap();
        prop_assert_eq!(sort_key(&version), sort_key(core));
        prop_assert_eq!(sort_key(&format!("{core}+{build}")), sort_key(core));
    }

    #[test]
    fn a_release_is_newer_than_all_of_its_pre_releases(core in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}", pre in "[0-9a-z]{1,4}(\\.[0-9a-z]{1,4}){0,2}") {
        prop_assert_eq!(compare(&format!("{core}-{pre}"), &core), Ordering::Less);
    }
}
