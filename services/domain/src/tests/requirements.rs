use crate::id::HardwareId;
use crate::requirement::{RangeError, Requirement, VersionRange, unmet};

fn before(id: &HardwareId) -> Option<&'static str> {
    match id.as_str() {
        "BCM" => Some("1.5"),
        "TCU" => Some("1.0"),
        "GW" => Some("7"),
        _ => None,
    }
}

fn after(id: &HardwareId) -> Option<&'static str> {
    matches!(id.as_str(), "BCM" | "TCU").then_some("2.0")
}

fn range(source: &str) -> VersionRange {
    VersionRange::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn ecu(text: &str) -> HardwareId {
    HardwareId::parse(text).unwrap()
}

#[test]
fn bounds_hold_together_and_versions_compare_by_meaning() {
    for (source, inside, outside) in [
        (">=2.1, <3", &["2.1", "2.10", "2.1.0", "2.99-rc.1"][..], &["2.0.9", "3", "3.0.0", "10", "2.1-rc.1"][..]),
        ("=2.3", &["2.3", "2.3.0", "2.3+build.9"], &["2.3.1", "2.3-rc.1"]),
        (">1.9,!=2.0", &["1.10", "2.0.1"], &["1.9", "2", "2.0.0"]),
        ("<= 1.16.2-1", &["1.16.2-1", "1.9"], &["1.16.2", "1.16.2-2"]),
        (">=R42", &["R42", "R42b", "R100"], &["R41"]),
    ] {
        let range = range(source);
        for version in inside {
            assert!(range.contains(version), "{version} is within {source}");
        }
        for version in outside {
            assert!(!range.contains(version), "{version} is not within {source}");
        }
        let json = serde_json::to_string(&range).unwrap();
        assert_eq!(serde_json::from_str::<VersionRange>(&json).unwrap(), range);
    }
}

#[test]
fn what_is_no_range_or_holds_nothing_is_refused() {
    for source in ["", "2.1", ">=", ">=2.1,", "~2", "=>2", ">=2 3", ">=2\0", "==2"] {
        assert!(matches!(VersionRange::parse(source), Err(RangeError::Bound(_))), "{source:?}");
    }
    for source in [">=3, <2", "=2, =3", ">2, <2.0", ">=2, <2", "=2.0, !=2"] {
        assert!(matches!(VersionRange::parse(source), Err(RangeError::Empty(_))), "{source:?}");
    }
    assert_eq!(VersionRange::parse(&[">1"; 9].join(",")), Err(RangeError::Count));
    assert!(VersionRange::parse(&format!(">={}", "1".repeat(65))).is_err());
    range(">=2, <=2.0");
}

#[test]
fn the_own_ecu_is_asked_before_the_update_and_the_others_after_it() {
    let needs = |id: &str, versions: &str| Requirement { hardware_id: ecu(id), versions: range(versions) };
    let unmet = |requires: &[Requirement]| unmet(requires, &ecu("BCM"), before, after).map(ToString::to_string);
    assert_eq!(unmet(&[needs("BCM", ">=1.5, <2"), needs("TCU", ">=2"), needs("GW", "=7")]), None);
    assert_eq!(unmet(&[needs("BCM", ">=2")]).as_deref(), Some("BCM >=2"), "what it brings does not help itself");
    let there = |_: &HardwareId| Some("2.0");
    let again = [needs("BCM", "<2")];
    assert_eq!(crate::requirement::unmet(&again, &ecu("BCM"), there, after), None, "it has gone that way before");
    assert_eq!(unmet(&[needs("TCU", "<2")]).as_deref(), Some("TCU <2"), "the release takes the old one away");
    assert_eq!(unmet(&[needs("GW", ">=8")]).as_deref(), Some("GW >=8"));
    assert_eq!(unmet(&[needs("ADAS", ">=0")]).as_deref(), Some("ADAS >=0"), "an ECU that is not there runs nothing");
}
