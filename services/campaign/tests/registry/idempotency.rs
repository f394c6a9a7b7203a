use otaru_campaign::auth::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, vin};

async fn keyed(caller: &Caller<'_>, key: &str, path: &str, body: &Value) -> Answer {
    Answer::of(caller.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

#[tokio::test]
async fn the_same_call_again_is_answered_the_same_and_done_once() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let body = json!({"name": "ci", "role": "viewer"});
    let first = keyed(&admin, "a", "/tokens", &body).await;
    let again = keyed(&admin, "a", "/tokens", &body).await;
    // The secret, too, though it is shown once: only this caller's own token opens the kept answer.
    assert_eq!(first.is(201), again.is(201));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert!(!first.headers.contains_key("idempotent-replayed"));
    keyed(&admin, "b", "/tokens", &body).await.problem(409, "token-exists");
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_caller() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    let body = |vin: &str| json!({"vin": vin, "model": model});
    let (one, two) = (vin(), vin());
    keyed(&caller, "a", "/vehicles", &body(one.as_str())).await.is(201);
    keyed(&caller, "a", "/vehicles", &body(two.as_str())).await.problem(422, "idempotency-key-reused");
    let other = world.engineer().await;
    keyed(&other, "a", "/vehicles", &body(two.as_str())).await.is(201);
    keyed(&other, &"k".repeat(256), "/vehicles", &body(two.as_str())).await.problem(400, "bad-request");
}

#[tokio::test]
async fn a_call_that_was_refused_may_be_mended_under_the_same_key() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    keyed(&caller, "a", "/vehicles", &json!({"vin": vin(), "model": "none"})).await.problem(422, "invalid");
    keyed(&caller, "a", "/vehicles", &json!({"vin": vin(), "model": model})).await.is(201);
}

#[tokio::test]
async fn of_many_calls_at_once_with_one_key_one_is_done() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let body = json!({"name": "ci", "role": "viewer"});
    let answers = futures::future::join_all((0..8).map(|_| keyed(&admin, "a", "/tokens", &body))).await;
    let fresh = |answer: &&Answer| answer.status == 201 && !answer.headers.contains_key("idempotent-replayed");
    assert_eq!(answers.iter().filter(fresh).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.problem(409, "idempotency-key-in-use");
        assert_eq!(answer.headers["retry-after"], "1");
    }
}
