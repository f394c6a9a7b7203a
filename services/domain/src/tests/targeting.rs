//! The SQL itself is held against CEL's interpreter on a real Postgres in `services/store/tests/targeting.rs`.

use crate::target::{Param, Target, TargetError, VehicleFacts};

fn parse(source: &str) -> Target {
    Target::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn refused(source: &str) -> TargetError {
    match Target::parse(source) {
        Ok(_) => panic!("{source} should be refused"),
        Err(error) => error,
    }
}

fn vehicle() -> VehicleFacts {
    VehicleFacts {
        vin: "WVWZZZ1KZAW000001".into(),
        model: "harbour".into(),
        model_year: Some(2025),
        region: Some("EU".into()),
        tags: vec!["beta".into(), "fleet".into()],
        groups: vec!["testers".into()],
        attributes: [("trim", "sport"), ("color", "grün")].map(|(k, v)| (k.into(), v.into())).into(),
        ecus: [("BCM", "2.10.0"), ("TCU", "1.0.0-rc.1")].map(|(k, v)| (k.into(), v.into())).into(),
    }
}

#[test]
fn the_expression_of_the_design_becomes_one_statement() {
    let target =
        parse(r#"model_year >= 2025 && region in ["EU","UK"] && "beta" in tags && ecu["BCM"].version < "2.3.0""#);
    let sql = target.to_sql(3);
    assert_eq!(
        sql.text,
        "(((v.model_year >= $3::bigint) AND (v.region = ANY ($4::text[]))) AND (($5::text = ANY (v.tags)) AND \
         ((SELECT target_ecu.version_key FROM vehicle_ecus target_ecu WHERE target_ecu.vehicle_id = v.id AND \
         target_ecu.hardware_id = $6::text) COLLATE \"C\" < $7::text)))"
    );
    let text = |text: &str| Param::Text(text.to_owned());
    assert_eq!(
        sql.params,
        [
            Param::Int(2025),
            Param::TextList(vec!["EU".into(), "UK".into()]),
            text("beta"),
            text("BCM"),
            text(&crate::version::sort_key("2.3.0"))
        ]
    );
}

#[test]
fn nothing_the_author_wrote_becomes_sql_text() {
    let nasty = ["' OR 1=1 --", "x'); DROP TABLE vehicles; --", "$1", "%_\\\\", "\\\"", "/*", "ü🚗"];
    for text in nasty {
        for source in [
            format!("region == \"{text}\""),
            format!("region in [\"{text}\"]"),
            format!("vin.startsWith(\"{text}\") || vin.endsWith(\"{text}\") || vin.contains(\"{text}\")"),
            format!("attributes[\"{text}\"] != \"{text}\" && \"{text}\" in attributes && \"{text}\" in tags"),
            format!("ecu[\"BCM\"].version == \"{text}\""),
        ] {
            let sql = parse(&source).to_sql(1);
            let plain = |c: char| c.is_ascii_alphanumeric() || " _.,$()[]:?<>=\"-".contains(c);
            assert!(sql.text.chars().all(plain), "{}", sql.text);
            assert!(!sql.text.contains("--") && !sql.text.contains("DROP"), "{}", sql.text);
        }
    }
}

#[test]
fn placeholders_count_on_from_the_callers_own() {
    let sql = parse(r#"vin.endsWith("1") && attributes["a"] == attributes["b"] && 1 in [1, 2]"#).to_sql(4);
    for (number, _) in (4..).zip(&sql.params) {
        assert!(sql.text.contains(&format!("${number}::")), "{}", sql.text);
    }
    assert!(!sql.text.contains("$3:") && !sql.text.contains(&format!("${}:", 4 + sql.params.len())));
}

#[test]
fn what_it_selects() {
    for (source, expected) in [
        ("true", true),
        ("false", false),
        ("!false", true),
        ("model == \"harbour\" && model_year == 2025", true),
        ("2025 <= model_year && 2024 < model_year && !(2026 < model_year)", true),
        ("region in [\"EU\", \"UK\"]", true),
        ("region in []", false),
        ("\"beta\" in tags && !(\"gamma\" in tags)", true),
        ("attributes.trim == \"sport\" && attributes[\"trim\"] != \"comfort\"", true),
        ("has(attributes.trim) && !has(attributes.sunroof)", true),
        ("\"trim\" in attributes && \"BCM\" in ecu && !(\"HUD\" in ecu) && has(ecu.TCU)", true),
        ("vin.startsWith(\"WVW\") && vin.endsWith(\"01\") && vin.contains(\"1KZ\")", true),
        ("ecu[\"BCM\"].version > \"2.9\" && ecu.BCM.version == \"2.10\"", true),
        ("\"2.9.0\" < ecu[\"BCM\"].version", true),
        ("ecu[\"TCU\"].version < \"1.0.0\"", true),
        ("ecu[\"BCM\"].version in [\"1.0\", \"2.10\"]", true),
        ("ecu[\"BCM\"].version > ecu[\"TCU\"].version", true),
        ("attributes.color == 'grün' && attributes.color < \"gz\"", true),
        ("attributes.color > \"gz\"", false),
    ] {
        assert_eq!(parse(source).matches(&vehicle()), expected, "{source}");
    }
}

#[test]
fn what_is_unknown_is_not_selected_and_neither_is_its_opposite() {
    let bare = VehicleFacts { region: None, model_year: None, ..vehicle() };
    for source in [
        "region == \"EU\"",
        "region != \"EU\"",
        "region in []",
        "model_year > 2000",
        "attributes.sunroof == \"yes\"",
        "ecu[\"HUD\"].version < \"9\"",
        "attributes.sunroof.contains(\"\")",
    ] {
        assert!(!parse(source).matches(&bare), "{source}");
        assert!(!parse(&format!("!({source})")).matches(&bare), "!({source})");
        assert!(parse(&format!("{source} || true")).matches(&bare), "{source} || true");
        assert!(parse(&format!("true || {source}")).matches(&bare), "true || {source}");
        assert!(parse(&format!("!({source} && false)")).matches(&bare), "!({source} && false)");
    }
}

#[test]
fn what_is_not_supported_is_refused_where_it_stands_with_what_is() {
    for (source, position, says) in [
        ("color == \"red\"", 0, "supported are vin, model"),
        ("true && engine.kind == 1", 8, "\"engine\" has no parts"),
        ("region == 1", 10, "a text cannot be compared with a whole number"),
        ("model_year == \"2025\"", 14, "a whole number cannot be compared with a text"),
        ("model_year >= 2025.5", 14, "whole numbers"),
        ("region == null", 10, "texts such as"),
        ("region", 0, "this alone is no condition"),
        ("true && \"x\"", 8, "this alone is no condition"),
        ("attributes[\"a\"]", 0, "this alone is no condition"),
        ("tags == [\"a\"]", 0, "`\"beta\" in tags`"),
        ("ecu[\"BCM\"] == \"1\"", 0, "only the version"),
        ("ecu.BCM.serial == \"1\"", 0, "cannot be compared"),
        ("ecu[\"B M\"].version == \"1\"", 0, "a hardware id is"),
        ("\"B M\" in ecu", 0, "a hardware id is"),
        ("ecu[\"BCM\"].version == 2", 22, "a version is compared with a text"),
        ("ecu[\"BCM\"].version == attributes.wanted", 22, "a version is compared with a text"),
        ("ecu[\"BCM\"].version.startsWith(\"2\")", 0, "startsWith is for texts"),
        ("region in [\"EU\", 7]", 17, "every element of this list must be a text"),
        ("region in [region]", 11, "every element of this list must be a text"),
        ("region in vin", 10, "`in` takes a list"),
        ("region in tags", 0, "written as a text"),
        ("region.matches(\"E.*\")", 0, "the function matches is not supported"),
        ("size(tags) > 2", 0, "cannot be compared"),
        ("region.startsWith(vin)", 0, "startsWith takes one text"),
        ("tags.exists(t, t == \"a\")", 0, "all, exists, map and filter are not supported"),
        ("region == \"EU\" ? true : false", 0, "the operator ?: is not supported"),
        ("model_year + 1 == 2026", 0, "cannot be compared"),
        ("has(region.x)", 4, "has() is for attributes and ECUs"),
        ("has(ecu[\"BCM\"].version)", 4, "has() is for attributes and ECUs"),
        ("vin == \"a\\u0000b\"", 7, "NUL"),
        ("1 < 2 < 3", 0, "cannot be compared"),
        (".vin == \"a\"", 1, "supported are"),
        ("region == b\"EU\"", 10, "texts such as"),
        ("foo()", 0, "the function foo is not supported"),
        ("é == 1", 0, "not a CEL expression"),
    ] {
        let error = refused(source);
        assert!(error.message.contains(says), "{source}: {error}");
        assert_eq!(error.position, position, "{source}: {error}");
    }
}

#[test]
fn has_takes_only_a_selection() {
    assert!(refused("has(region)").message.contains("has()"), "{}", refused("has(region)"));
}

#[test]
fn conditions_may_nest_only_so_deep() {
    let nested = |times: usize| format!("{}true{}", "!(".repeat(times), ")".repeat(times));
    assert!(Target::parse(&nested(30)).is_ok());
    let error = refused(&nested(40));
    assert!(error.message.contains("nest"), "{error}");
}
