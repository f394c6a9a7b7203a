use otaru_store::vehicle_tokens;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::world::{World, vin};

#[tokio::test]
async fn tokens_of_an_existing_fleet_are_imported_as_hashes_and_revoked() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let model = world.model(&caller).await;
    let (known, stranger) = (vin(), vin());
    caller.post("/vehicles", &json!({"vin": known, "model": model})).await.is(201);
    let token = format!("opaque-{known}");
    let tokens = json!({"tokens": [{"vin": known, "token": token}, {"vin": stranger, "token": "x".repeat(32)}]});
    let report = caller.post("/vehicles/tokens", &tokens).await.is(200);
    assert_eq!((&report["imported"], &report["failed"]), (&json!(1), &json!(1)));
    assert!(report["tokens"][1]["detail"].as_str().unwrap().contains(stranger.as_str()), "{report}");
    assert!(!report.to_string().contains(&token), "a token is not said again");
    let again = json!({"tokens": [{"vin": known, "token": token}]});
    assert_eq!(caller.post("/vehicles/tokens", &again).await.is(200)["unchanged"], 1);
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    assert_eq!(vehicle_tokens::holder(world.store(), &hash).await.unwrap().unwrap().vin, known);

    let page = caller.get(&format!("/vehicles/{known}/tokens")).await.is(200);
    let id = page["items"][0]["id"].as_str().unwrap();
    caller.delete(&format!("/vehicles/{known}/tokens/{id}")).await.is(204);
    assert_eq!(vehicle_tokens::holder(world.store(), &hash).await.unwrap(), None);
    caller.delete(&format!("/vehicles/{known}/tokens/{}", uuid::Uuid::new_v4())).await.problem(404, "not-found");
    assert_eq!(caller.post("/vehicles/tokens", &again).await.is(200)["failed"], 1, "a revoked token stays revoked");
    let log = caller.get("/audit?limit=3").await.is(200);
    let actions = [&log["items"][0]["action"], &log["items"][1]["action"]];
    assert_eq!(actions, ["vehicle_token_revoked", "vehicle_tokens_imported"]);
    assert_eq!(log["items"][1]["details"]["tokens"], json!([id]), "and nothing of tokens that were not imported");
}

#[tokio::test]
async fn a_token_that_could_be_guessed_or_is_listed_twice_is_refused() {
    let world = World::start().await;
    let caller = world.engineer().await;
    let vin = vin();
    for (token, at) in [("short", 0), ("with blanks in between them", 0), ("täglich-ein-neues-token", 0)] {
        let body = json!({"tokens": [{"vin": vin, "token": token}]});
        let (_, pointer) = caller.post("/vehicles/tokens", &body).await.problem_at(422, "invalid");
        assert_eq!(pointer, format!("/tokens/{at}/token"));
    }
    let twice = json!({"vin": vin, "token": "0123456789abcdef"});
    let (_, pointer) =
        caller.post("/vehicles/tokens", &json!({"tokens": [twice, twice]})).await.problem_at(422, "invalid");
    assert_eq!(pointer, "/tokens/1/token");
    caller.post("/vehicles/tokens", &json!({"tokens": []})).await.problem(422, "invalid");
}
