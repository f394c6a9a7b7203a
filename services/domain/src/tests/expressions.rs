//! What targeting and preconditions refuse alike.

use proptest::prelude::*;

use crate::expression::{ExpressionError, MAX_SOURCE_BYTES};
use crate::precondition::Precondition;
use crate::target::Target;

fn refusals(source: &str) -> [ExpressionError; 2] {
    [Target::parse(source).unwrap_err(), Precondition::parse(source).unwrap_err()]
}

#[test]
fn what_is_no_expression_is_refused_where_it_goes_wrong() {
    for (source, position) in [
        ("vin ==", 6),
        ("vin == \"x\" &&& true", 13),
        ("(true", 5),
        ("true)", 4),
        ("true true", 5),
        ("\"unclosed", 0),
        ("true &&\n  @", 10),
        ("\"é\" == \"é\" && @", 16),
    ] {
        for error in refusals(source) {
            assert_eq!(error.position, position, "{source}: {error}");
            assert!(error.message.starts_with("not a CEL expression: "), "{source}: {error}");
        }
    }
}

#[test]
fn an_empty_source_is_told_what_always_holds() {
    for source in ["", "  \n "] {
        for error in refusals(source) {
            assert!(error.message.contains("`true`"), "{error}");
        }
    }
}

#[test]
fn a_source_may_have_4_kib_and_not_a_byte_more() {
    let padded = |bytes: usize| format!("{:<bytes$}", "true");
    assert!(Target::parse(&padded(MAX_SOURCE_BYTES)).is_ok());
    for error in refusals(&padded(MAX_SOURCE_BYTES + 1)) {
        assert!(error.message.contains("4097 bytes"), "{error}");
    }
}

#[test]
fn nul_is_refused() {
    for error in refusals("true\0") {
        assert_eq!((error.position, error.message.as_str()), (4, "NUL characters are not allowed"));
    }
}

#[test]
fn deep_nesting_is_refused_and_does_no_harm() {
    let deep = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    for source in [
        deep("(", "true", ")", 2_000),
        deep("!(", "true", ")", 1_300),
        deep("-(", "1", ")", 1_300),
        deep("[", "1", "]", 2_000),
        deep("f(", "1", ")", 1_300),
        deep("true ? true : (", "true", ")", 200),
        format!("a{}", ".a".repeat(2_000)),
        format!("a{}", "[a]".repeat(1_300)),
        format!("a{}", ".f()".repeat(1_000)),
        format!("1{}", "+1".repeat(2_000)),
        format!("1{}", "<1".repeat(2_000)),
        "(".repeat(4_000),
        "[".repeat(4_000),
        "{".repeat(4_000),
    ] {
        refusals(&source);
    }
}

#[test]
fn long_chains_of_and_are_not_deep() {
    let source = vec!["true"; 500].join(" && ");
    assert!(Target::parse(&source).is_ok());
    assert!(Precondition::parse(&source).is_ok());
}

proptest! {
    #[test]
    fn nothing_that_a_stranger_writes_does_harm(source in prop_oneof![
        "\\PC{0,60}",
        "([a-z(){}\\[\\]!<>=&|.,?:\"'0-9+*/% -]|true|vin|tags| in |ecu|has){0,40}",
    ]) {
        for error in [Target::parse(&source).err(), Precondition::parse(&source).err()].into_iter().flatten() {
            prop_assert!(error.position <= source.len(), "{} of {:?}", error.position, source);
            prop_assert!(source.is_char_boundary(error.position));
        }
    }
}
