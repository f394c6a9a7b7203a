use serde_json::{Value, json};

use crate::precondition::{Precondition, Verdict};

fn parse(source: &str) -> Precondition {
    Precondition::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn verdict(source: &str, signals: &Value) -> Verdict {
    parse(source).evaluate(signals).unwrap()
}

fn fails(clause: &str) -> Verdict {
    Verdict::Fails { clause: clause.to_owned() }
}

fn parked() -> Value {
    json!({
        "battery": {"soc": 62.5, "cells": [1, 2, 3], "note": null},
        "gear": "P",
        "doors_open": 0,
        "ignition": false,
    })
}

#[test]
fn a_parked_and_charged_vehicle_may_install() {
    for source in [
        "battery.soc >= 40 && gear == \"P\"",
        "battery.soc >= 40.5 && doors_open == 0 && !ignition",
        "gear in [\"P\", \"N\"] || battery.soc > 90",
        "size(battery.cells) == 3 && 2 in battery.cells",
        "gear.startsWith(\"P\") && double(battery[\"soc\"]) - 2.0 > 60.0",
        "has(battery.soc) && !has(battery.voltage)",
        "ignition ? battery.soc > 90 : battery.soc > 50",
        "true",
    ] {
        assert_eq!(verdict(source, &parked()), Verdict::Holds, "{source}");
    }
}

#[test]
fn the_first_clause_that_fails_is_named_as_its_author_wrote_it() {
    let cases = [
        ("battery.soc >= 80 && gear == \"P\"", "battery.soc >= 80"),
        ("gear == \"P\" && battery.soc  >=  80 && false", "battery.soc  >=  80"),
        ("gear == \"P\" && (doors_open == 1 || ignition)", "(doors_open == 1 || ignition)"),
        ("(gear == \"P\" && (battery.soc > 50 && ignition))", "ignition"),
        ("((gear == \"D\") || (ignition)) && true", "((gear == \"D\") || (ignition))"),
        ("(((gear == \"D\") || (ignition)) && true)", "((gear == \"D\") || (ignition))"),
        ("(true && ((gear == \"D\") || (ignition)))", "((gear == \"D\") || (ignition))"),
        ("gear == \"a && b\" && true", "gear == \"a && b\""),
        ("\"é\" == \"é\" && gear == \"ü\" && true", "gear == \"ü\""),
        ("!(true && ignition) && ignition", "ignition"),
        ("true // for now && then\n && ignition // off", "ignition // off"),
        ("false", "false"),
    ];
    for (source, clause) in cases {
        assert_eq!(verdict(source, &parked()), fails(clause), "{source}");
    }
}

#[test]
fn a_missing_signal_fails_its_clause_and_is_named() {
    let cases = [
        ("gear == \"P\" && tyres.pressure > 2", "tyres.pressure > 2 (the signal tyres.pressure is missing)"),
        ("battery.voltage > 11 && true", "battery.voltage > 11 (the signal battery.voltage is missing)"),
        ("battery.soc > 50 && !charging", "!charging (the signal charging is missing)"),
        ("battery.note == \"fine\"", "battery.note == \"fine\" (the signal battery.note is missing)"),
        ("battery[\"age\"] < 9", "battery[\"age\"] < 9 (the signal battery.age is missing)"),
    ];
    for (source, clause) in cases {
        assert_eq!(verdict(source, &parked()), fails(clause), "{source}");
    }
}

#[test]
fn a_missing_signal_does_not_matter_where_the_other_side_decides() {
    assert_eq!(verdict("charging || gear == \"P\"", &parked()), Verdict::Holds);
    assert_eq!(verdict("gear == \"P\" || charging", &parked()), Verdict::Holds);
}

#[test]
fn what_cannot_be_evaluated_fails() {
    let Verdict::Fails { clause } = verdict("gear > 3", &parked()) else { panic!("a text is above no number") };
    assert!(clause.starts_with("gear > 3 (it cannot be evaluated: "), "{clause}");
    assert_eq!(verdict("battery.soc", &parked()), fails("battery.soc (it is neither true nor false)"));
    let Verdict::Fails { clause } = verdict("1 / doors_open > 0", &parked()) else { panic!("division by zero") };
    assert!(clause.contains("cannot be evaluated"), "{clause}");
}

#[test]
fn signals_are_an_object() {
    for signals in [json!(null), json!([]), json!("P"), json!(3)] {
        let error = parse("true").evaluate(&signals).unwrap_err().to_string();
        assert!(error.contains("JSON object"), "{error}");
    }
}

#[test]
fn what_no_vehicle_could_evaluate_is_refused_where_it_stands() {
    for (source, position, says) in [
        ("gear == \"P\" && charge()", 15, "the function charge is not supported"),
        ("true && gear.matches(\"P\")", 8, "the function matches is not supported"),
        ("cells.all(c, c > 3)", 0, "all, exists, map and filter"),
        ("40", 0, "this is a value, not a condition"),
        ("true && battery.soc + 1", 8, "this is a value, not a condition"),
        ("true && \"P\"", 8, "this is a value, not a condition"),
        ("gear == null", 8, "bytes and null"),
        ("{\"a\": 1} == x", 0, "not supported"),
        (".gear == \"P\"", 1, "cannot begin with a dot"),
    ] {
        let error = Precondition::parse(source).unwrap_err();
        assert!(error.message.contains(says), "{source}: {error}");
        assert_eq!(error.position, position, "{source}: {error}");
    }
}

#[test]
fn the_source_is_kept_as_it_was_written() {
    let source = "  battery.soc >= 40   &&\n gear == \"P\" ";
    assert_eq!(parse(source).source(), source);
}
