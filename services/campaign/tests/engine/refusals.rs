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
    draft["target"] = json!(r#"region == "US""#);
    let id = fleet.create(&draft).await;
    let detail = fleet.engineer.post(&format!("/campaigns/{id}/start"), &json!({})).await.problem(409, "no-vehicles");
    assert!(detail.contains("matches no vehicle"), "{detail}");
    let campaign = fleet.campaign(id).await;
    assert_eq!((&campaign["state"], &campaign["members"]), (&json!("draft"), &Value::Null));
    assert_eq!(fleet.document(id).await, None);
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
