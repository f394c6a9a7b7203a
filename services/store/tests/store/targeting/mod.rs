//! Targeting means the same in Postgres as in CEL's own interpreter: random expressions over random
//! vehicles, and the cases in which two systems are most likely to part ways. `OTARU_TARGETING_CASES` raises
//! the number of expressions, `OTARU_TARGETING_SEED` (a number) chooses others.

mod generate;

use std::collections::BTreeSet;

use otaru_domain::target::{Target, VehicleFacts};
use otaru_domain::version::sort_key;
use otaru_store::{Store, groups, target_sql};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, PgPool};

const VEHICLES: usize = 300;
const CASES: usize = 400;

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn runner() -> TestRunner {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number("OTARU_TARGETING_SEED").unwrap_or(0).to_be_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

/// The vehicles are in the dynamic group as CEL's interpreter says.
fn grouped(fleet: impl IntoIterator<Item = VehicleFacts>) -> Vec<VehicleFacts> {
    let dynamic = parse(generate::DYNAMIC);
    let grouped = |mut vehicle: VehicleFacts| {
        if dynamic.matches(&vehicle) {
            vehicle.groups.push("dynamic".into());
        }
        vehicle
    };
    fleet.into_iter().map(grouped).collect()
}

async fn insert(pool: &PgPool, fleet: &[VehicleFacts]) {
    for (group, expression) in [("list", None), ("dynamic", Some(generate::DYNAMIC))] {
        sqlx::query(
            "INSERT INTO groups (id, name, expression, created_at, created_by) VALUES ($1, $1, $2, now(), 'test')",
        )
        .bind(group)
        .bind(expression)
        .execute(pool)
        .await
        .unwrap();
    }
    for model in generate::MODELS {
        sqlx::query("INSERT INTO models (id, name, created_at, created_by) VALUES ($1, $1, now(), 'test')")
            .bind(model)
            .execute(pool)
            .await
            .unwrap();
    }
    for vehicle in fleet {
        let id: i64 = sqlx::query_scalar(
            "INSERT INTO vehicles (vin, model_id, model_year, region, tags, attributes, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, now(), now()) RETURNING id",
        )
        .bind(&vehicle.vin)
        .bind(&vehicle.model)
        .bind(vehicle.model_year.map(|year| i32::try_from(year).unwrap()))
        .bind(&vehicle.region)
        .bind(&vehicle.tags)
        .bind(json!(vehicle.attributes))
        .fetch_one(pool)
        .await
        .unwrap();
        if vehicle.groups.iter().any(|group| group == "list") {
            sqlx::query("INSERT INTO group_vehicles (group_id, vehicle_id) VALUES ('list', $1)")
                .bind(id)
                .execute(pool)
                .await
                .unwrap();
        }
        for (hardware_id, version) in &vehicle.ecus {
            sqlx::query(
                "INSERT INTO vehicle_ecus (vehicle_id, hardware_id, version, version_key, reported_at)
                 VALUES ($1, $2, $3, $4, now())",
            )
            .bind(id)
            .bind(hardware_id)
            .bind(version)
            .bind(sort_key(version))
            .execute(pool)
            .await
            .unwrap();
        }
    }
}

/// The VINs that Postgres selects, by a statement with a parameter of its own before the target's.
async fn selected(pool: &PgPool, target: &Target) -> BTreeSet<String> {
    let mut arguments = PgArguments::default();
    arguments.add("retired").unwrap();
    let before = "SELECT v.vin FROM vehicles v WHERE v.retired_at IS NULL AND v.model_id <> $1 AND";
    let mut tx = Store::from_pool(pool.clone()).begin().await.unwrap();
    let mut target = target.clone();
    groups::resolve(&mut tx, &mut target).await.unwrap();
    drop(tx);
    let (sql, arguments) = target_sql::statement(before, &target, "ORDER BY v.id", arguments).unwrap();
    let vins = sqlx::query_scalar_with::<_, String, _>(sql, arguments).fetch_all(pool).await;
    vins.unwrap_or_else(|error| panic!("{}\n{}\n{error}", target.source(), target.to_sql(2).text)).into_iter().collect()
}

fn matching(fleet: &[VehicleFacts], target: &Target) -> BTreeSet<String> {
    fleet.iter().filter(|vehicle| target.matches(vehicle)).map(|vehicle| vehicle.vin.clone()).collect()
}

fn parse(source: &str) -> Target {
    Target::parse(source).unwrap_or_else(|error| panic!("{source}: {error}"))
}

/// A vehicle on which the two disagree, for the expression or its opposite, which tells false from unknown.
async fn disagreement(pool: &PgPool, fleet: &[VehicleFacts], source: &str) -> Option<String> {
    for source in [source.to_owned(), format!("!({source})")] {
        let target = parse(&source);
        let (postgres, cel) = (selected(pool, &target).await, matching(fleet, &target));
        if let Some(vin) = postgres.symmetric_difference(&cel).next() {
            let vehicle = fleet.iter().find(|vehicle| vehicle.vin == *vin);
            let by = if cel.contains(vin) { "CEL" } else { "Postgres" };
            return Some(format!("{source}\n{}\nonly {by} selects {vehicle:#?}", target.to_sql(2).text));
        }
    }
    None
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn postgres_and_cel_select_the_same_vehicles(pool: PgPool) {
    let mut runner = runner();
    let fleet = grouped((0..VEHICLES).map(|number| generate::vehicle(number).new_tree(&mut runner).unwrap().current()));
    insert(&pool, &fleet).await;
    let (cases, mut telling) = (number("OTARU_TARGETING_CASES").unwrap_or(CASES), 0);
    for _ in 0..cases {
        let mut tree = generate::expression().new_tree(&mut runner).unwrap();
        if let Some(found) = disagreement(&pool, &fleet, &tree.current()).await {
            panic!("{}", smallest(&pool, &fleet, &mut tree, found).await);
        }
        let count = matching(&fleet, &parse(&tree.current())).len();
        telling += usize::from(count > 0 && count < VEHICLES);
    }
    assert!(telling * 2 > cases, "only {telling} of {cases} expressions split the fleet: too weak a test");
}

/// Proptest's own way to a smaller counterexample.
async fn smallest(
    pool: &PgPool,
    fleet: &[VehicleFacts],
    tree: &mut impl ValueTree<Value = String>,
    mut found: String,
) -> String {
    let mut goes_on = tree.simplify();
    while goes_on {
        goes_on = match disagreement(pool, fleet, &tree.current()).await {
            Some(smaller) => {
                found = smaller;
                tree.simplify()
            }
            None => tree.complicate(),
        };
    }
    found
}

fn named(
    name: &str,
    region: Option<&str>,
    year: Option<i64>,
    attributes: &[(&str, &str)],
    ecus: &[(&str, &str)],
) -> VehicleFacts {
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    VehicleFacts {
        vin: format!("{name:0>17}"),
        model: "harbour".into(),
        model_year: year,
        region: region.map(str::to_owned),
        tags: Vec::new(),
        groups: Vec::new(),
        attributes: owned(attributes),
        ecus: owned(ecus),
    }
}

#[sqlx::test(migrator = "otaru_store::MIGRATOR")]
async fn the_cases_in_which_sql_and_cel_could_part_ways(pool: PgPool) {
    let fleet = [
        named("A", Some("EU"), Some(2025), &[("trim", "50%")], &[("BCM", "2.9")]),
        named("B", Some("eu"), Some(2026), &[("trim", "50x")], &[("BCM", "2.10")]),
        named("C", Some("O'Brien"), None, &[("trim", "")], &[("BCM", "2.10.0-rc.1")]),
        named("D", None, Some(2024), &[], &[]),
        named("E", Some("grün"), Some(-1), &[("trim", "\u{1f697}")], &[("BCM", "2.10.0"), ("TCU", "1")]),
    ];
    // A database whose own order is a dictionary's must not matter.
    sqlx::query("ALTER TABLE vehicles ALTER COLUMN region TYPE text COLLATE \"en-x-icu\"")
        .execute(&pool)
        .await
        .unwrap();
    insert(&pool, &fleet).await;
    for (source, expected) in [
        ("true", "ABCDE"),
        ("false", ""),
        ("region == \"EU\"", "A"),
        ("region != \"EU\"", "BCE"),
        ("!(region == \"EU\")", "BCE"),
        ("region in []", ""),
        ("!(region in [])", "ABCE"),
        ("region == \"EU\" || true", "ABCDE"),
        ("region == \"O'Brien\"", "C"),
        ("region < \"a\"", "AC"),
        ("region >= \"a\"", "BE"),
        ("region.startsWith(\"gr\\u00fc\") && region.endsWith(\"ün\")", "E"),
        ("attributes.trim.endsWith(\"%\")", "A"),
        ("attributes.trim.contains(\"_\")", ""),
        ("attributes.trim.contains(\"\")", "ABCE"),
        ("attributes.trim.startsWith(\"50\")", "AB"),
        ("attributes.trim == \"\"", "C"),
        ("attributes.trim > \"z\"", "E"),
        ("!has(attributes.trim)", "D"),
        ("!(attributes.sunroof == \"yes\")", ""),
        ("model_year > 0", "ABD"),
        ("model_year == -1", "E"),
        ("9223372036854775807 > model_year", "ABDE"),
        ("ecu[\"BCM\"].version < \"2.10\"", "AC"),
        ("ecu[\"BCM\"].version == \"2.10.0\"", "BE"),
        ("ecu[\"BCM\"].version >= \"2.9\" && ecu[\"BCM\"].version != \"2.10\"", "AC"),
        ("ecu[\"BCM\"].version in [\"2.9.0\", \"2.10.0-rc.1\"]", "AC"),
        ("!(ecu[\"BCM\"].version in [])", "ABCE"),
        ("ecu[\"BCM\"].version > ecu[\"TCU\"].version", "E"),
        ("!(\"TCU\" in ecu)", "ABCD"),
        ("vin.endsWith(\"A\") || vin.endsWith(\"E\")", "AE"),
        ("\"'; DROP TABLE vehicles; --\" in tags", ""),
    ] {
        let target = parse(source);
        let names = |vins: BTreeSet<String>| vins.iter().map(|vin| &vin[16..]).collect::<String>();
        assert_eq!(names(selected(&pool, &target).await), expected, "Postgres: {source}");
        assert_eq!(names(matching(&fleet, &target)), expected, "CEL: {source}");
    }
}
