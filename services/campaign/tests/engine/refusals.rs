use chrono::TimeDelta;
use otaru_campaign::auth::Role;
use otaru_domain::clock;
use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::world::World;

#[tokio::test]
async fn what_is_wrong_with_a_campaign_is_said_at_its_field_when_it_is_created() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let draft = fleet.draft(&[(1.0, 1.0)]);
    let wave = |share: f64, gate: f64| json!({"share_ratio": share, "gate_installed_ratio": gate});
    let past = clock::now() - TimeDelta::seconds(1);
    let cases: [(&str, Value, &str, Option<u64>); 11] = [
        ("name", json!("  "), "/name", None),
        ("release", json!(999), "/release", None),
        ("release", json!("nine"), "/release", None),
        ("target", json!(r#"region == "EU" && colour == "red""#), "/target", Some(18)),
        ("waves", json!([]), "/waves", None),
        ("waves", json!([wave(0.5, 1.0), wave(0.4, 1.0)]), "/waves", None),
        ("waves", json!([wave(0.5, 1.0), wave(0.5, 1.5)]), "/waves/1/gate_installed_ratio", None),
        ("waves", json!([wave(0.0, 1.0), wave(1.0, 1.0)]), "/waves/0/share_ratio", None),
        ("deadline", json!(past), "/deadline", None),
        ("start_at", json!(clock::now() + TimeDelta::days(2)), "/start_at", None),
        ("colour", json!("red"), "/colour", None),
    ];
    for (field, value, pointer, position) in cases {
        let mut wrong = draft.clone();
        wrong[field] = value.clone();
        let answer = fleet.engineer.post("/campaigns", &wrong).await;
        let problem = answer.is(422);
        assert_eq!(problem["type"], "urn:otaru:problem:invalid", "{field} {value}: {problem}");
        assert_eq!(problem["pointer"], pointer, "{field} {value}: {problem}");
        assert_eq!(problem.get("position").and_then(Value::as_u64), position, "{field} {value}: {problem}");
    }
    for (field, source) in [("target", r#"region == "#), ("precondition", "battery.soc >= ")] {
        let mut wrong = draft.clone();
        wrong[field] = json!(source);
        let problem = fleet.engineer.post("/campaigns", &wrong).await.is(422);
        assert_eq!(problem["pointer"], format!("/{field}"), "{problem}");
        assert!(problem["position"].as_u64().is_some_and(|at| at <= source.len() as u64), "{problem}");
    }
    assert_eq!(fleet.engineer.get("/campaigns").await.is(200)["items"], json!([]));
}

#[tokio::test]
async fn a_campaign_needs_a_locked_release() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let sha256 = fleet.engineer.upload("b.bin", b"other").await;
    let release = json!({
        "name": fleet.model, "version": "3", "models": [fleet.model],
        "images": [{"hardware_id": "BCM", "sha256": sha256, "version": "3"}],
    });
    let release = fleet.engineer.post("/releases", &release).await.is(201)["id"].clone();
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["release"] = release;
    let (detail, pointer) = fleet.engineer.post("/campaigns", &draft).await.problem_at(422, "invalid");
    assert!(detail.contains("lock it first"), "{detail}");
    assert_eq!(pointer, "/release");
}

#[tokio::test]
async fn a_start_that_matches_no_vehicle_is_refused_and_the_draft_stays_one() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let mut draft = fleet.draft(&[(1.0, 1.0)]);
    draft["target"] = json!(r#"region == "EU""#);
    let id = fleet.create(&draft).await;
    for vin in &fleet.vins {
        fleet.engineer.post(&format!("/vehicles/{vin}/retire"), &json!({})).await.is(200);
    }
    let detail = fleet.engineer.post(&format!("/campaigns/{id}/start"), &json!({})).await.problem(409, "no-vehicles");
    assert!(detail.contains("matches no vehicle"), "{detail}");
    let campaign = fleet.campaign(id).await;
    assert_eq!((&campaign["state"], &campaign["members"]), (&json!("draft"), &Value::Null));
    assert_eq!(fleet.document(id).await, None);
}

#[tokio::test]
async fn a_plan_that_selects_nobody_is_refused_where_it_is_written() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 2).await;
    let ada = &fleet.engineer;
    let [one, two] = [0, 1].map(|at| fleet.vins[at].as_str());
    let with = |field: &str, value: Value| {
        let mut draft = fleet.draft(&[(1.0, 1.0)]);
        draft[field] = value;
        draft
    };
    let refused = async |draft: &Value| ada.post("/campaigns", draft).await.problem_at(422, "invalid").1;
    let nobody = with("target", json!(r#"region == "US""#));
    assert_eq!(refused(&nobody).await, "/target");
    let waves = |first: Value, second: Value| with("waves", json!([first, second, {}]));
    let (all, none) = (json!({"expression": r#"region == "EU""#}), json!({"expression": r#"region == "US""#}));
    assert_eq!(refused(&waves(none.clone(), all.clone())).await, "/waves/0/expression");
    assert_eq!(refused(&waves(all.clone(), json!({"vins": [one]}))).await, "/waves/1/vins", "wave 1 has it already");
    let twice = waves(json!({"vins": [one]}), json!({"vins": [two, one]}));
    assert_eq!(refused(&twice).await, "/waves/1/vins/1");
    // Some of a wave may be in an earlier one: it has the others.
    fleet.create(&waves(json!({"vins": [one]}), all)).await;

    let mut later = nobody.clone();
    later["policy"] = json!({"membership": "continuous"});
    let id = fleet.create(&later).await;
    let path = format!("/campaigns/{id}");
    ada.patch(&path, &json!({"name": "Renamed"})).await.is(200);
    let id = fleet.create(&with("target", json!(format!("vin == \"{one}\"")))).await;
    let path = format!("/campaigns/{id}");
    let target = json!({"target": nobody["target"]});
    assert_eq!(ada.patch(&path, &target).await.problem_at(422, "invalid").1, "/target");
    ada.post(&format!("/vehicles/{one}/retire"), &json!({})).await.is(200);
    ada.patch(&path, &json!({"name": "Renamed"})).await.is(200);
}

#[tokio::test]
async fn a_command_that_does_not_fit_is_refused_with_those_that_do() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let path = |command: &str| format!("/campaigns/{id}/{command}");
    let detail = fleet.engineer.post(&path("resume"), &json!({})).await.problem(409, "campaign-state");
    assert!(detail.contains("allowed now: submit, schedule, start, cancel"), "{detail}");
    fleet.engineer.post("/campaigns/999/start", &json!({})).await.problem(404, "not-found");
    let long = json!({"reason": "x".repeat(1001)});
    assert_eq!(fleet.engineer.post(&path("start"), &long).await.problem_at(422, "invalid").1, "/reason");
    fleet.engineer.send(&path("start"), "application/json", "{").await.problem(400, "bad-request");
}

#[tokio::test]
async fn a_viewer_sees_everything_and_changes_nothing() {
    let world = World::start().await;
    let fleet = Fleet::new(&world, 1).await;
    let id = fleet.create(&fleet.draft(&[(1.0, 1.0)])).await;
    let viewer = world.caller(Role::Viewer).await;
    for path in ["", "/waves", "/progress", "/assignments"] {
        viewer.get(&format!("/campaigns/{id}{path}")).await.is(200);
    }
    viewer.get("/fleet").await.is(200);
    viewer.get("/dead-letters").await.is(200);
    viewer.get(&format!("/vehicles/{}/assignments", fleet.vins[0])).await.is(200);
    viewer.post("/campaigns", &fleet.draft(&[(1.0, 1.0)])).await.problem(403, "forbidden");
    for command in ["start", "pause", "resume", "cancel"] {
        viewer.post(&format!("/campaigns/{id}/{command}"), &json!({})).await.problem(403, "forbidden");
    }
    viewer.post("/dead-letters/1/replay", &json!({})).await.problem(403, "forbidden");
}
