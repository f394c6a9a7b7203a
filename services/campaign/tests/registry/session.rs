use otaru_campaign::auth::Role;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::world::{Answer, World};

/// As a browser says that the dashboard's own page does it.
fn from_here(request: RequestBuilder) -> RequestBuilder {
    request.header("sec-fetch-site", "same-origin")
}

/// Signs in; the cookie as a browser would send it.
async fn sign_in(world: &World, secret: &str) -> String {
    let request = world.request(Method::POST, "/api/v1/session").json(&json!({"token": secret}));
    let answer = Answer::of(from_here(request)).await;
    answer.is(200);
    answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_token_becomes_a_cookie_that_no_script_can_read() {
    let world = World::start().await;
    let viewer = world.caller(Role::Viewer).await;
    let request = world.request(Method::POST, "/api/v1/session").json(&json!({"token": viewer.secret}));
    let answer = Answer::of(from_here(request.header("origin", "https://ota.example"))).await;
    assert_eq!(answer.is(200), json!({"name": viewer.name, "display_name": null, "role": "viewer"}));
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/api", "Secure"] {
        assert!(cookie.split("; ").any(|one| one == attribute), "{cookie}");
    }
    assert!(!cookie.contains(&viewer.secret) && !cookie.contains("Domain"), "{cookie}");
    assert_eq!(answer.headers["cache-control"], "no-store");

    let cookie = cookie.split(';').next().unwrap();
    let who = Answer::of(world.request(Method::GET, "/api/v1/session").header("cookie", cookie)).await;
    assert_eq!(who.is(200)["name"], viewer.name);
    let models = world.request(Method::GET, "/api/v1/models").header("cookie", format!("theme=dark; {cookie}"));
    Answer::of(models).await.is(200);
    let writes = from_here(world.request(Method::POST, "/api/v1/models")).header("cookie", cookie);
    Answer::of(writes.json(&json!({}))).await.problem(403, "forbidden");
    Answer::of(world.request(Method::GET, "/api/v1/session")).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_session_changes_things_from_the_dashboards_own_pages_only() {
    let world = World::start().await;
    let engineer = world.engineer().await;
    let cookie = sign_in(&world, &engineer.secret).await;
    let call = || world.request(Method::POST, "/api/v1/models").header("cookie", &cookie).json(&json!({}));
    for site in ["cross-site", "same-site", "none"] {
        let forged = call().header("sec-fetch-site", site).header("origin", "http://127.0.0.1");
        Answer::of(forged).await.problem(403, "cross-origin");
    }
    Answer::of(call().header("origin", "http://evil.example")).await.problem(403, "cross-origin");
    Answer::of(call().header("origin", "null")).await.problem(403, "cross-origin");
    Answer::of(call()).await.problem(403, "cross-origin");
    // From here on only the body is at fault.
    Answer::of(from_here(call())).await.problem(422, "invalid");
    Answer::of(call().header("host", "ota.example").header("origin", "https://ota.example"))
        .await
        .problem(422, "invalid");
    // A program's own header needs no origin, and a wrong one is not made good by a cookie.
    Answer::of(call().bearer_auth(&engineer.secret)).await.problem(422, "invalid");
    Answer::of(from_here(call()).bearer_auth("otaru_wrong")).await.problem(401, "unauthorized");
    let forged = world.request(Method::POST, "/api/v1/session").json(&json!({"token": engineer.secret}));
    Answer::of(forged.header("sec-fetch-site", "cross-site")).await.problem(403, "cross-origin");
}

#[tokio::test]
async fn a_session_ends_when_asked_and_with_its_token() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let issued = admin.post("/tokens", &json!({"name": "guest", "role": "viewer"})).await.is(201);
    let cookie = sign_in(&world, issued["token"].as_str().unwrap()).await;
    let ended = Answer::of(from_here(world.request(Method::DELETE, "/api/v1/session"))).await;
    ended.is(204);
    let forgotten = ended.headers["set-cookie"].to_str().unwrap();
    assert!(forgotten.starts_with("otaru_session=;") && forgotten.contains("Max-Age=0"), "{forgotten}");
    admin.delete(&format!("/tokens/{}", issued["id"].as_str().unwrap())).await.is(204);
    let late = world.request(Method::GET, "/api/v1/models").header("cookie", cookie);
    assert!(Answer::of(late).await.problem(401, "unauthorized").contains("revoked"));
    for token in ["otaru_unknown".to_owned(), "x".repeat(5000)] {
        let request = from_here(world.request(Method::POST, "/api/v1/session")).json(&json!({"token": token}));
        let refused = Answer::of(request).await;
        refused.problem(401, "unauthorized");
        assert!(!refused.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn a_creating_call_of_a_session_is_done_once_under_its_key() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let cookie = sign_in(&world, &admin.secret).await;
    let body = json!({"name": "once", "role": "viewer"});
    let call = || {
        let request = from_here(world.request(Method::POST, "/api/v1/tokens")).header("cookie", &cookie);
        Answer::of(request.header("idempotency-key", "k1").json(&body))
    };
    let first = call().await.is(201);
    assert_eq!(call().await.is(201), first);
}
