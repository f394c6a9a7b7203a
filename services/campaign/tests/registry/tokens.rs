use chrono::TimeDelta;
use otaru_campaign::auth::{Role, ensure_admin_token, hash};
use otaru_domain::clock;
use otaru_store::access::{self, NewToken};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Answer, World};

async fn with_token(world: &World, secret: &str) -> Answer {
    Answer::of(world.request(Method::GET, "/api/v1/models").bearer_auth(secret)).await
}

#[tokio::test]
async fn a_token_is_shown_once_works_and_is_revoked() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let issued = admin.post("/tokens", &json!({"name": "ci", "role": "engineer", "valid_days": 7})).await.is(201);
    let secret = issued["token"].as_str().unwrap();
    assert!(secret.starts_with("otaru_") && secret.len() == 49, "{secret}");
    with_token(&world, secret).await.is(200);
    let listed = admin.get("/tokens").await.is(200);
    let listed = listed["items"].as_array().unwrap().iter().find(|token| token["name"] == "ci").unwrap().clone();
    assert_eq!((listed["role"].clone(), listed["revoked_at"].clone()), (json!("engineer"), Value::Null));
    assert!(!listed.to_string().contains(secret));
    let path = format!("/tokens/{}", issued["id"].as_str().unwrap());
    admin.delete(&path).await.is(204);
    admin.delete(&path).await.is(204);
    assert!(with_token(&world, secret).await.problem(401, "unauthorized").contains("revoked"));
    admin.delete(&format!("/tokens/{}", Uuid::new_v4())).await.problem(404, "not-found");
}

#[tokio::test]
async fn tokens_are_an_admins_to_issue_see_and_revoke() {
    let world = World::start().await;
    for role in [Role::Engineer, Role::Approver] {
        let caller = world.caller(role).await;
        caller.get("/tokens").await.problem(403, "forbidden");
        caller.post("/tokens", &json!({"name": "mine", "role": "admin"})).await.problem(403, "forbidden");
        caller.delete(&format!("/tokens/{}", Uuid::new_v4())).await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_token_that_is_not_acceptable_is_refused_with_the_field() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let refused = async |body: Value| admin.post("/tokens", &body).await;
    admin.post("/tokens", &json!({"name": "ci", "role": "viewer"})).await.is(201);
    assert_eq!(refused(json!({"name": "ci", "role": "viewer"})).await.problem_at(409, "token-exists").1, "/name");
    assert_eq!(refused(json!({"name": "", "role": "viewer"})).await.problem_at(422, "invalid").1, "/name");
    assert_eq!(refused(json!({"name": "a", "role": "king"})).await.problem_at(422, "invalid").1, "/role");
    let never = json!({"name": "a", "role": "viewer", "valid_days": 0});
    assert_eq!(refused(never).await.problem_at(422, "invalid").1, "/valid_days");
}

#[tokio::test]
async fn a_token_that_is_unknown_or_has_expired_opens_nothing() {
    let world = World::start().await;
    let now = clock::now();
    let expired = NewToken {
        id: Uuid::now_v7(),
        name: "expired",
        secret_sha256: &hash("otaru_expired"),
        role: "admin",
        expires_at: Some(now - TimeDelta::seconds(1)),
    };
    let mut tx = world.store().begin().await.unwrap();
    access::create_token(&mut tx, &expired, now).await.unwrap();
    tx.commit().await.unwrap();
    assert!(with_token(&world, "otaru_expired").await.problem(401, "unauthorized").contains("expired"));
    let unknown = with_token(&world, "otaru_unknown").await;
    assert!(unknown.problem(401, "unauthorized").contains("not known"));
    assert_eq!(unknown.headers["www-authenticate"], "Bearer");
    let basic = world.request(Method::GET, "/api/v1/models").header("authorization", "Basic b3RhcnU6b3RhcnU=");
    Answer::of(basic).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn the_first_admin_gets_a_token_once() {
    let world = World::start().await;
    let now = clock::now();
    let secret = ensure_admin_token(world.store(), now).await.unwrap().unwrap();
    assert_eq!(ensure_admin_token(world.store(), now).await.unwrap(), None);
    Answer::of(world.request(Method::GET, "/api/v1/tokens").bearer_auth(secret)).await.is(200);
}

#[tokio::test]
async fn a_token_given_at_the_start_is_an_admins_and_stays_revoked_once_it_was() {
    let given = || Some("otaru_given-at-the-start".to_owned());
    let world = World::start_with(|config| config.initial_admin_token = given()).await;
    let call = |method, path: &str| world.request(method, &format!("/api/v1{path}")).bearer_auth(given().unwrap());
    let tokens = Answer::of(call(Method::GET, "/tokens")).await.is(200);
    let path = format!("/tokens/{}", tokens["items"][0]["id"].as_str().unwrap());
    Answer::of(call(Method::DELETE, &path)).await.is(204);
    otaru_campaign::auth::accept_admin_token(world.store(), &given().unwrap(), clock::now()).await.unwrap();
    Answer::of(call(Method::GET, "/tokens")).await.problem(401, "unauthorized");
}
