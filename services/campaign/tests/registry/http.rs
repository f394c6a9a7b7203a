use otaru_campaign::auth::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// An operation of the API, with its path filled in.
struct Operation {
    id: String,
    method: Method,
    /// Below `/api/v1`.
    path: String,
    /// The role that its security names; none for a call without a token.
    role: Option<Role>,
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(otaru_campaign::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let mut path = path.strip_prefix("/api/v1").unwrap().to_owned();
            for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "path")
            {
                let name = parameter["name"].as_str().unwrap();
                path = path.replace(&format!("{{{name}}}"), sample(name, &parameter["schema"]));
            }
            assert!(!path.contains('{'), "{path} has a part that is not described");
            let role = operation["security"][0]["token"][0].as_str().map(|role| Role::parse(role).unwrap());
            let open = operation["security"].as_array().is_some_and(|ways| ways.iter().all(|way| way == &json!({})));
            assert!(role.is_some() || open, "{method} {path} says nothing of who may call it");
            operations.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method,
                path,
                role,
            });
        }
    }
    operations
}

fn sample(name: &str, schema: &Value) -> &'static str {
    match (name, schema["format"].as_str(), schema["type"].as_str()) {
        (_, Some("uuid"), _) => "018f4f3e-0000-7000-8000-000000000000",
        (_, _, Some("integer")) => "1",
        ("vin", ..) => "WVWZZZ1KZAW000001",
        ("sha256" | "key", ..) => "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ("model" | "group", ..) => "none",
        ("hardware_id" | "serial", ..) => "BCM",
        ("repository", ..) => "director",
        ("rxswin", ..) => "R1",
        other => panic!("what would be a {other:?}?"),
    }
}

#[tokio::test]
async fn every_operation_needs_the_role_that_it_says_and_no_more() {
    let world = World::start().await;
    let roles = [Role::Viewer, Role::Engineer, Role::Approver, Role::Admin];
    let mut callers = Vec::new();
    for role in roles {
        callers.push((role, world.caller(role).await));
    }
    let operations = operations();
    assert!(operations.len() > 55, "only {} operations were found", operations.len());
    for Operation { id, method, path, role } in operations {
        let Some(needed) = role else { continue };
        let bare = Answer::of(world.request(method.clone(), &format!("/api/v1{path}"))).await;
        assert_eq!(bare.status, 401, "{id} without a token");
        bare.problem(401, "unauthorized");
        for (role, caller) in &callers {
            let request = caller.request(method.clone(), &path).json(&json!({}));
            if *role < needed {
                let answer = Answer::of(request).await;
                assert_eq!(
                    answer.status,
                    403,
                    "{id} by a {}, and it needs the role {}",
                    role.as_str(),
                    needed.as_str()
                );
                answer.problem(403, "forbidden");
            } else {
                // Not read to its end: a stream has none.
                let status = request.send().await.unwrap().status().as_u16();
                assert!(status != 401 && status != 403, "{id} by a {}: {status}", role.as_str());
            }
        }
    }
}

#[test]
fn what_only_some_may_do_is_listed_here() {
    let mut higher: Vec<(String, Role)> = operations()
        .into_iter()
        .filter(|one| one.role.is_some_and(|role| role > Role::Engineer))
        .map(|one| (one.id, one.role.unwrap()))
        .collect();
    higher.sort();
    let expected = [
        ("approve_campaign", Role::Approver),
        ("approve_wave", Role::Approver),
        ("create_token", Role::Admin),
        ("end_person_session", Role::Admin),
        ("end_person_sessions", Role::Admin),
        ("erase_vehicle", Role::Admin),
        ("lift_emergency_stop", Role::Admin),
        ("list_tokens", Role::Admin),
        ("put_model_ack_signatures", Role::Admin),
        ("put_model_bandwidth", Role::Admin),
        ("put_model_encryption", Role::Admin),
        ("put_model_review", Role::Admin),
        ("put_release_evidence", Role::Approver),
        ("put_root", Role::Admin),
        ("put_targets", Role::Approver),
        ("put_uptane_root", Role::Admin),
        ("reject_campaign", Role::Approver),
        ("revoke_signing_key", Role::Admin),
        ("revoke_token", Role::Admin),
        ("rotate_signing_key", Role::Admin),
    ];
    assert_eq!(higher, expected.map(|(id, role)| (id.to_owned(), role)));
    for one in operations().into_iter().filter(|one| !one.method.is_safe()) {
        assert!(one.role.is_none_or(|role| role >= Role::Engineer), "{} changes something", one.id);
    }
}

#[test]
fn every_operation_says_what_it_may_answer_and_is_named_once() {
    let document = serde_json::to_value(otaru_campaign::openapi()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["security"], json!([{"token": []}]));
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(
                names.insert(operation["operationId"].as_str().unwrap().to_owned()),
                "{at}: its name is another's, too"
            );
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{at}");
            assert!(operation["summary"].is_string(), "{at} has no summary");
            assert_eq!(operation["responses"]["401"], json!({"$ref": "#/components/responses/Unauthorized"}), "{at}");
            let success =
                operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with(['2', '3']));
            assert!(success, "{at} has no answer when it succeeds");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_under_api_and_the_dashboard_elsewhere() {
    let world = World::start().await;
    let caller = world.engineer().await;
    caller.get("/no/such/thing").await.problem(404, "not-found");
    Answer::of(world.request(Method::GET, "/api/v2")).await.problem(404, "not-found");
    Answer::of(world.request(Method::POST, "/somewhere")).await.problem(404, "not-found");
    caller.delete("/models").await.problem(405, "method-not-allowed");
    assert!(caller.get("/vehicles/IOQ").await.problem(400, "bad-path").contains("17 characters"));
    caller.get("/releases/first").await.problem(400, "bad-path");
    caller.get("/models?limit=many").await.problem(400, "bad-query");
    caller.get("/models?limit=0").await.problem(400, "bad-request");
    caller.get("/models?cursor=strange").await.problem(400, "bad-request");
    for path in ["/", "/campaigns/12"] {
        let page = Answer::of(world.request(Method::GET, path)).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(page.headers["cache-control"], "no-cache");
        let again = world.request(Method::GET, path).header("if-none-match", page.headers["etag"].clone());
        assert_eq!(Answer::of(again).await.status, 304);
    }
    for gone in ["/assets/gone.js", "/assets/gone.js.br"] {
        assert_eq!(Answer::of(world.request(Method::GET, gone)).await.status, 404);
    }
    let spoken = |coding: &'static str| world.request(Method::GET, "/").header("accept-encoding", coding);
    assert!(!Answer::of(spoken("gzip, br;q=0")).await.headers.contains_key("content-encoding"));
    let page = Answer::of(spoken("gzip, br")).await;
    assert_eq!((page.status.as_u16(), &page.headers["vary"]), (200, &"accept-encoding".parse().unwrap()));
}

#[tokio::test]
async fn bodies_that_are_too_long_or_of_another_type_are_refused() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let long = json!({"id": "m", "name": "x".repeat(2 << 20), "hardware": []});
    caller.post("/models", &long).await.problem(413, "too-large");
    caller.send("/models", "text/plain", "{}").await.problem(415, "media-type");
    caller.send("/models", "application/json", "{").await.problem(400, "bad-request");
}

#[tokio::test]
async fn every_answer_carries_security_headers_and_a_request_id() {
    let world = World::start().await;
    for path in ["/", "/api/v1/models", "/api/docs/", "/api/openapi.json", "/healthz"] {
        let answer = Answer::of(world.request(Method::GET, path)).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer", "{path}");
        assert!(answer.headers.contains_key("x-request-id"), "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{path}");
    }
}

#[tokio::test]
async fn the_description_and_its_browser_are_served() {
    let world = World::start().await;
    let document = Answer::of(world.request(Method::GET, "/api/openapi.json")).await.is(200);
    assert_eq!(document, serde_json::to_value(otaru_campaign::openapi()).unwrap());
    let docs = Answer::of(world.request(Method::GET, "/api/docs/")).await;
    assert_eq!(docs.status, 200);
    assert!(String::from_utf8_lossy(&docs.bytes).contains("swagger-ui"));
}
