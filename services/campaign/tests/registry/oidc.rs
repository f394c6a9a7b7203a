use chrono::TimeDelta;
use otaru_campaign::auth::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::oidc_provider::{Browser, Provider, config, world};
use crate::world::{Answer, World, eventually, vin};

const NOTHING: Value = Value::Null;

#[tokio::test]
async fn a_person_signs_in_at_the_provider_and_has_a_session_here() {
    for id_token_claims in [true, false] {
        let provider = Provider::start(0, id_token_claims).await;
        let world = world(&provider.issuer).await;
        let mut browser = Browser::new(&world);
        let options = browser.get("/api/v1/session/options").await.is(200);
        assert_eq!(options, json!({"oidc": {"label": "Example AG"}}));

        let back = browser.through_the_form("grace", "/campaigns?state=running").await;
        let answer = browser.get(&back).await;
        answer.is(303);
        assert_eq!(answer.headers["location"], "/campaigns?state=running");
        let cookies: Vec<&str> = answer.headers.get_all("set-cookie").iter().map(|one| one.to_str().unwrap()).collect();
        let session = cookies.iter().find(|one| one.starts_with("otaru_session=")).unwrap();
        for attribute in ["HttpOnly", "SameSite=Strict", "Path=/api", "Secure"] {
            assert!(session.split("; ").any(|one| one == attribute), "{session}");
        }
        assert!(cookies.iter().any(|one| one.starts_with("otaru_oidc_flow=;") && one.contains("Max-Age=0")));

        let actor = format!("oidc:grace@{}", provider.issuer);
        let who = browser.call(Method::GET, "/session", &NOTHING).await.is(200);
        assert_eq!(who, json!({"name": actor, "display_name": "Grace Hopper", "role": "approver"}));
        let admin = world.caller(Role::Admin).await;
        let entries = admin.get("/audit?action=signed_in").await.is(200);
        assert_eq!(entries["items"][0]["actor"], actor);
        assert_eq!(entries["items"].as_array().unwrap().len(), 1);
        // The same browser with the same code once more.
        browser.get(&back).await.problem(403, "oidc-flow-over");
    }
}

#[tokio::test]
async fn one_sign_in_makes_one_session_whatever_the_browser_keeps() {
    let provider = Provider::start(0, true).await;
    let world = world(&provider.issuer).await;
    let mut browser = Browser::new(&world);
    let back = browser.through_the_form("ada", "//evil.example").await;
    let before = browser.cookies.clone();
    let answer = browser.get(&back).await;
    answer.is(303);
    assert_eq!(answer.headers["location"], "/", "the way back stays here");
    browser.cookies = before.clone();
    browser.get(&back).await.problem(403, "oidc-code-refused");

    // Another browser, to which somebody gave the link of their own sign-in.
    let mut mallory = Browser::new(&world);
    let back = mallory.through_the_form("ada", "/").await;
    Browser::new(&world).get(&back).await.problem(403, "oidc-flow-over");
    let mut victim = Browser::new(&world);
    victim.through_the_form("grace", "/").await;
    victim.get(&back).await.problem(403, "oidc-flow-over");
    assert!(!victim.cookies.contains_key("otaru_session"));

    let mut wrong = Browser::new(&world);
    let back = wrong.through_the_form("ada", "/").await;
    let kept = wrong.cookies.clone();
    for (from, to) in [("state=", "state=x"), ("iss=http", "iss=https"), ("state=", "other=")] {
        wrong.cookies = kept.clone();
        assert!(back.contains(from), "{back}");
        wrong.get(&back.replace(from, to)).await.problem(403, "oidc-flow-over");
    }
    wrong.cookies = kept.clone();
    wrong.cookies.get_mut("otaru_oidc_flow").unwrap().insert(5, 'x');
    wrong.get(&back).await.problem(403, "oidc-flow-over");
    wrong.cookies = kept;
    wrong.get(&back).await.is(303);
}

#[tokio::test]
async fn a_token_that_does_not_hold_signs_nobody_in() {
    let provider = Provider::start(0, true).await;
    let world = world(&provider.issuer).await;
    for forged in ["audience", "issuer", "nonce", "signature", "expired", "none"] {
        let mut browser = Browser::new(&world);
        browser.sign_in(forged).await.problem(403, "oidc-token-refused");
        assert!(!browser.cookies.contains_key("otaru_session"), "{forged}");
    }
    // Signed anew and with nothing wrong it holds: it was not the signing that was refused.
    Browser::new(&world).sign_in("resigned").await.is(303);
}

#[tokio::test]
async fn who_has_no_role_reads_so_on_the_sign_in_page() {
    let provider = Provider::start(0, true).await;
    let world = world(&provider.issuer).await;
    for login in ["guest", "nobody"] {
        let mut browser = Browser::new(&world);
        browser.sign_in(login).await.problem(403, "oidc-no-role");
        let back = browser.through_the_form(login, "/").await;
        let path = back.strip_prefix(crate::oidc_provider::PUBLIC).unwrap();
        let flow = format!("otaru_oidc_flow={}", browser.cookies["otaru_oidc_flow"]);
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let page = client.get(world.url(path)).header("cookie", flow).header("accept", "text/html,*/*");
        let answer = Answer::of(page).await;
        answer.is(303);
        assert_eq!(answer.headers["location"], "/sign-in?error=oidc-no-role");
        assert!(!answer.headers["set-cookie"].to_str().unwrap().contains("otaru_session"));
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server_and_is_in_the_log() {
    let provider = Provider::start(0, true).await;
    let world = world(&provider.issuer).await;
    let mut browser = Browser::new(&world);
    browser.sign_in("ada").await.is(303);
    let stolen = browser.cookies["otaru_session"].clone();
    let with = |method: Method, path: &str| {
        world.request(method, &format!("/api/v1{path}")).header("cookie", format!("otaru_session={stolen}"))
    };
    // As for a token's session, another site changes nothing and signs nobody out.
    let forged = with(Method::POST, "/models").header("sec-fetch-site", "cross-site").json(&json!({}));
    Answer::of(forged).await.problem(403, "cross-origin");
    Answer::of(with(Method::POST, "/models").json(&json!({}))).await.problem(403, "cross-origin");
    Answer::of(with(Method::DELETE, "/session")).await.problem(403, "cross-origin");
    browser.call(Method::POST, "/models", &json!({})).await.problem(422, "invalid");
    browser.call(Method::POST, "/tokens", &json!({"name": "x", "role": "viewer"})).await.problem(403, "forbidden");

    browser.call(Method::DELETE, "/session", &NOTHING).await.is(204);
    let late = Answer::of(with(Method::GET, "/models")).await.problem(401, "unauthorized");
    assert!(late.contains("signed out"), "{late}");
    let admin = world.caller(Role::Admin).await;
    let entries = admin.get("/audit?action=signed_out").await.is(200);
    assert_eq!(entries["items"][0]["actor"], format!("oidc:ada@{}", provider.issuer));
}

#[tokio::test]
async fn an_admin_sees_who_is_signed_in_and_ends_their_sessions() {
    let provider = Provider::start(0, true).await;
    let world = world(&provider.issuer).await;
    let (mut laptop, mut phone, mut grace) = (Browser::new(&world), Browser::new(&world), Browser::new(&world));
    for (browser, login) in [(&mut laptop, "ada"), (&mut phone, "ada"), (&mut grace, "grace")] {
        browser.sign_in(login).await.is(303);
    }
    let admin = world.caller(Role::Admin).await;
    let all = admin.get("/sessions").await.is(200)["items"].clone();
    let ada = format!("oidc:ada@{}", provider.issuer);
    let actors: Vec<&str> = all.as_array().unwrap().iter().map(|one| one["actor"].as_str().unwrap()).collect();
    assert_eq!(actors, [ada.as_str(), &ada, &format!("oidc:grace@{}", provider.issuer)]);
    let last = &all[2];
    assert_eq!((&last["display_name"], &last["role"]), (&json!("Grace Hopper"), &json!("approver")));
    assert_eq!((&last["issuer"], &last["current"]), (&json!(provider.issuer), &json!(false)));
    assert!(last["created_at"].is_string() && last["last_used_at"].is_string() && last["expires_at"].is_string());
    let paged = admin.get("/sessions?limit=2").await.is(200);
    let next = paged["next_cursor"].as_str().unwrap();
    assert_eq!(admin.get(&format!("/sessions?limit=2&cursor={next}")).await.is(200)["items"], json!([last]));

    // Everybody else sees their own, says nothing of others, and ends none.
    let own = phone.call(Method::GET, "/sessions", &NOTHING).await.is(200)["items"].clone();
    let ids = |items: &Value| items.as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&own), ids(&all)[..2]);
    assert_eq!((&own[0]["current"], &own[1]["current"]), (&json!(false), &json!(true)));
    let path = |at: usize| format!("/sessions/{}", all[at]["id"].as_str().unwrap());
    grace.call(Method::DELETE, &path(0), &NOTHING).await.problem(403, "forbidden");
    grace.call(Method::DELETE, &format!("/sessions?actor={ada}"), &NOTHING).await.problem(403, "forbidden");

    admin.delete(&path(0)).await.is(204);
    let refused = laptop.call(Method::GET, "/models", &NOTHING).await.problem(401, "unauthorized");
    assert!(refused.contains("an admin ended"), "{refused}");
    phone.call(Method::GET, "/models", &NOTHING).await.is(200);
    admin.delete(&path(0)).await.problem(404, "not-found");
    assert_eq!(admin.delete(&format!("/sessions?actor={ada}")).await.is(200), json!({"ended": 1}));
    phone.call(Method::GET, "/models", &NOTHING).await.problem(401, "unauthorized");
    assert_eq!(admin.delete(&format!("/sessions?actor={ada}")).await.is(200), json!({"ended": 0}));
    assert_eq!(ids(&admin.get("/sessions").await.is(200)["items"]), ids(&all)[2..]);
    let log = admin.get("/audit?action=session_ended").await.is(200)["items"].clone();
    assert_eq!((log.as_array().unwrap().len(), &log[0]["details"]["actor"]), (2, &json!(ada)));
    assert_eq!(log[0]["actor"], admin.name);
}

#[tokio::test]
async fn a_session_ends_with_its_time_and_is_no_bearer_token() {
    use base64::Engine as _;
    let provider = Provider::start(0, true).await;
    let mut lasting = config(&provider.issuer);
    lasting.session_life = TimeDelta::seconds(2);
    let world = World::start_with(|world| world.oidc = Some(lasting)).await;
    let mut browser = Browser::new(&world);
    browser.sign_in("ada").await.is(303);
    let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&browser.cookies["otaru_session"]).unwrap();
    let secret = String::from_utf8(secret).unwrap();
    world.caller_with("ada", &secret).get("/models").await.problem(401, "unauthorized");
    let request = world.request(Method::POST, "/api/v1/session").json(&json!({"token": secret}));
    Answer::of(request.header("sec-fetch-site", "same-origin")).await.problem(401, "unauthorized");
    eventually("the session is over", async || {
        let answer = browser.call(Method::GET, "/session", &NOTHING).await;
        (answer.status == 401).then(|| assert!(answer.problem(401, "unauthorized").contains("over")))
    })
    .await;
}

#[tokio::test]
async fn nobody_approves_their_own_campaign_in_another_session_or_by_a_token_called_like_them() {
    let provider = Provider::start(0, true).await;
    let world = world(&provider.issuer).await;
    let admin = world.caller(Role::Admin).await;
    let model = world.model(&admin).await;
    let sha256 = admin.upload("i.bin", b"image").await;
    let images = json!([{"hardware_id": "BCM", "sha256": sha256, "version": "1"}]);
    let release = json!({"name": "R", "version": "1", "models": [model], "images": images});
    let release = admin.post("/releases", &release).await.is(201)["id"].clone();
    admin.post(&format!("/releases/{release}/lock"), &json!({})).await.is(200);

    let (mut first, mut second, mut joan) = (Browser::new(&world), Browser::new(&world), Browser::new(&world));
    first.sign_in("grace").await.is(303);
    second.sign_in("grace").await.is(303);
    joan.sign_in("joan").await.is(303);
    assert_ne!(first.cookies["otaru_session"], second.cookies["otaru_session"]);
    admin.post("/vehicles", &json!({"vin": vin(), "model": model})).await.is(201);
    let deadline = "2100-01-01T00:00:00Z";
    let draft = json!({"name": "C", "release": release, "target": "true", "waves": [{}], "deadline": deadline});
    let id = first.call(Method::POST, "/campaigns", &draft).await.is(201)["id"].clone();
    first.call(Method::POST, &format!("/campaigns/{id}/submit"), &json!({})).await.is(200);
    let review = second.call(Method::GET, &format!("/campaigns/{id}/review"), &NOTHING).await.is(200);
    let actor = format!("oidc:grace@{}", provider.issuer);
    assert_eq!(review["authors"], json!([actor]));
    let approval = json!({"digest": review["digest"]});
    let approve = format!("/campaigns/{id}/approve");
    assert!(second.call(Method::POST, &approve, &approval).await.problem(403, "forbidden").contains(&actor));
    joan.call(Method::POST, &approve, &approval).await.is(200);

    for name in [actor.as_str(), "oidc:x", " OIDC:x"] {
        let refused = admin.post("/tokens", &json!({"name": name, "role": "approver"})).await;
        assert_eq!(refused.problem_at(422, "invalid").1, "/name", "{name}");
    }
}

#[tokio::test]
async fn the_provider_may_come_later_and_change_its_keys() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let issuer = format!("http://127.0.0.1:{port}");
    let world = world(&issuer).await;
    let away = Browser::new(&world).get("/api/v1/session/oidc").await;
    assert!(away.problem(503, "oidc-provider-away").contains("sign in with a token"));
    assert!(away.headers.contains_key("retry-after"));
    for _ in 0..2 {
        // Each has a key of its own.
        let provider = Provider::start(port, true).await;
        Browser::new(&world).sign_in("ada").await.is(303);
        provider.stop().await;
    }
}

#[tokio::test]
async fn without_a_provider_there_is_none_to_sign_in_by() {
    let world = World::start().await;
    let mut browser = Browser::new(&world);
    assert_eq!(browser.get("/api/v1/session/options").await.is(200), json!({"oidc": null}));
    browser.get("/api/v1/session/oidc").await.problem(404, "not-found");
    browser.get("/api/v1/session/oidc/callback?code=x&state=y").await.problem(404, "not-found");
}
