//! Random vehicles and target expressions. Both draw their texts and versions from the same small, nasty
//! sets, so that most expressions split the fleet.

use std::collections::BTreeMap;

use otaru_domain::target::VehicleFacts;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

pub const MODELS: [&str; 3] = ["harbour", "atlas-2025", "a"];
/// Wildcards, quotes, the order of cases, code points beyond the first plane, nothing at all.
const TEXTS: [&str; 18] = [
    "EU",
    "eu",
    "UK",
    "U",
    "",
    " ",
    "%",
    "_",
    "a%b",
    "a_b",
    "O'Brien",
    "\"quoted\"",
    "back\\slash",
    "grün",
    "gruz",
    "\u{1f697}",
    "\u{ffee}",
    "$1",
];
const NAMES: [&str; 5] = ["trim", "color", "with space", "it's", "ключ"];
const TAGS: [&str; 5] = ["beta", "Beta", "fleet-7", "o'tag", "ü%"];
const HARDWARE: [&str; 3] = ["BCM", "TCU-2", "adas.main"];
const VERSIONS: [&str; 16] = [
    "2.9",
    "2.10",
    "2.10.0",
    "2.9.9",
    "2",
    "2.0",
    "10",
    "2.10.0-rc.1",
    "2.10.0-rc.2",
    "2.10-alpha",
    "2.10+build.7",
    "R42b",
    "R42",
    "1.16.2-1+deb12u1",
    "0",
    "00.0",
];

/// The dynamic group: for many vehicles unknown, so outside of it.
pub const DYNAMIC: &str = "model_year >= 2025 && !(ecu[\"BCM\"].version < \"2.10\")";

pub fn vehicle(number: usize) -> impl Strategy<Value = VehicleFacts> {
    (
        select(&MODELS[..]),
        prop::option::weighted(0.8, 2023..2028_i64),
        prop::option::weighted(0.8, select(&TEXTS[..])),
        subsequence(&TAGS[..], 0..=TAGS.len()),
        entries(&NAMES, &TEXTS),
        entries(&HARDWARE, &VERSIONS),
        any::<bool>(),
    )
        .prop_map(move |(model, model_year, region, tags, attributes, ecus, listed)| VehicleFacts {
            groups: listed.then(|| "list".to_owned()).into_iter().collect(),
            vin: format!("WVWZZZ1KZAW{number:06}"),
            model: model.to_owned(),
            model_year,
            region: region.map(str::to_owned),
            tags: tags.into_iter().map(str::to_owned).collect(),
            attributes,
            ecus,
        })
}

fn entries(names: &'static [&str], values: &'static [&str]) -> impl Strategy<Value = BTreeMap<String, String>> {
    subsequence(names, 0..=names.len()).prop_flat_map(move |names| {
        let count = names.len();
        prop::collection::vec(select(values), count).prop_map(move |values| {
            names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect()
        })
    })
}

/// A text as CEL, in one of its spellings.
fn literal(text: &'static str) -> impl Strategy<Value = String> {
    let escaped = |quote: char| -> String {
        text.chars().flat_map(|c| (c == quote || c == '\\').then_some('\\').into_iter().chain([c])).collect()
    };
    let unicode: String = text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    select(vec![
        format!("\"{}\"", escaped('"')),
        format!("'{}'", escaped('\'')),
        format!("\"{unicode}\""),
        format!("r'''{text}'''"),
    ])
}

fn text() -> impl Strategy<Value = String> {
    select(&TEXTS[..]).prop_flat_map(literal)
}

fn version_text() -> impl Strategy<Value = String> {
    select(&VERSIONS[..]).prop_flat_map(literal)
}

fn text_operand() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => Just("vin".to_owned()),
        1 => Just("model".to_owned()),
        3 => Just("region".to_owned()),
        1 => Just("attributes.trim".to_owned()),
        3 => select(&NAMES[..]).prop_flat_map(literal).prop_map(|name| format!("attributes[{name}]")),
        2 => text(),
        1 => select(&MODELS[..]).prop_flat_map(literal),
    ]
}

fn version_operand() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("ecu.BCM.version".to_owned()),
        select(&HARDWARE[..]).prop_flat_map(literal).prop_map(|id| format!("ecu[{id}].version")),
    ]
}

fn int_operand() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("model_year".to_owned()),
        3 => (2022..2029_i64).prop_map(|year| year.to_string()),
        1 => select(vec!["0", "-1", "0x7e9", "9223372036854775807", "-9223372036854775808"]).prop_map(str::to_owned),
    ]
}

fn comparison() -> impl Strategy<Value = &'static str> {
    select(vec!["==", "!=", "<", "<=", ">", ">="])
}

fn compared(
    left: impl Strategy<Value = String>,
    right: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    (left, comparison(), right).prop_map(|(left, comparison, right)| format!("{left} {comparison} {right}"))
}

fn one_of(
    operand: impl Strategy<Value = String>,
    element: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    (operand, prop::collection::vec(element, 0..4))
        .prop_map(|(operand, elements)| format!("{operand} in [{}]", elements.join(", ")))
}

fn part_of_text() -> impl Strategy<Value = String> {
    let parts = prop_oneof![text(), select(vec!["\"WVW\"", "\"1\"", "\"r\"", "\"000\""]).prop_map(str::to_owned)];
    (text_operand(), select(vec!["startsWith", "endsWith", "contains"]), parts)
        .prop_map(|(operand, function, part)| format!("{operand}.{function}({part})"))
}

fn presence() -> impl Strategy<Value = String> {
    prop_oneof![
        select(&TAGS[..]).prop_flat_map(literal).prop_map(|tag| format!("{tag} in tags")),
        select(vec!["list", "dynamic"]).prop_map(|group| format!("\"{group}\" in groups")),
        select(&NAMES[..]).prop_flat_map(literal).prop_map(|name| format!("{name} in attributes")),
        select(&HARDWARE[..]).prop_flat_map(literal).prop_map(|id| format!("{id} in ecu")),
        select(vec!["has(attributes.trim)", "has(attributes.sunroof)", "has(ecu.BCM)", "has(ecu.HUD)"])
            .prop_map(str::to_owned),
    ]
}

/// A target expression.
pub fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => compared(text_operand(), text_operand()),
        2 => one_of(text_operand(), text()),
        3 => compared(int_operand(), int_operand()),
        1 => one_of(int_operand(), (2023..2028_i64).prop_map(|year| year.to_string())),
        3 => compared(version_operand(), version_text()),
        1 => compared(version_text(), version_operand()),
        1 => compared(version_operand(), version_operand()),
        1 => one_of(version_operand(), version_text()),
        3 => part_of_text(),
        4 => presence(),
        1 => select(vec!["true", "false"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" && "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" || "))),
            inner.prop_map(|negated| format!("!({negated})")),
        ]
    })
}
