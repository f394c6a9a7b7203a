use std::collections::{BTreeMap, BTreeSet};

use otaru_campaign::auth::Role;
use serde_json::{Value, json};

use crate::world::{Caller, World, vin};

/// What the log says once each operation that changes something has succeeded; those without are listed with why.
const ACTIONS: [(&str, &str); 51] = [
    ("create_model", "model_created"),
    ("put_root", "root_accepted"),
    ("put_targets", "targets_signed"),
    ("put_model_review", "model_review_set"),
    ("put_model_bandwidth", "model_bandwidth_set"),
    ("put_model_ack_signatures", "model_ack_signatures_set"),
    ("put_model_encryption", "model_encryption_set"),
    ("rotate_signing_key", "signing_key_made"),
    ("revoke_signing_key", "signing_key_revoked"),
    ("create_vehicle", "vehicle_created"),
    ("import_vehicles", "vehicles_imported"),
    ("change_vehicle", "vehicle_changed"),
    ("retire_vehicle", "vehicle_retired"),
    ("erase_vehicle", "vehicle_erased"),
    ("put_ecu", "ecu_stated"),
    ("issue_credential", "credential_issued"),
    ("revoke_credential", "credential_revoked"),
    ("import_vehicle_tokens", "vehicle_tokens_imported"),
    ("revoke_vehicle_token", "vehicle_token_revoked"),
    ("create_group", "group_created"),
    ("change_group", "group_changed"),
    ("delete_group", "group_deleted"),
    ("change_group_vehicles", "group_vehicles_changed"),
    ("upload_artifact", "artifact_uploaded"),
    ("create_release", "release_created"),
    ("change_release", "release_changed"),
    ("lock_release", "release_locked"),
    ("put_release_evidence", "release_evidence_stated"),
    ("create_campaign", "campaign_created"),
    ("change_campaign", "campaign_changed"),
    ("submit_campaign", "campaign_state_changed"),
    ("approve_campaign", "campaign_approved"),
    ("reject_campaign", "campaign_state_changed"),
    ("start_campaign", "campaign_state_changed"),
    ("pause_campaign", "campaign_state_changed"),
    ("resume_campaign", "campaign_state_changed"),
    ("cancel_campaign", "campaign_state_changed"),
    ("approve_wave", "wave_approved"),
    ("prepare_undo", "undo_prepared"),
    ("prepare_steps", "steps_prepared"),
    ("retry_vehicles", "vehicles_retried"),
    ("recall_release", "release_recalled"),
    ("emergency_stop", "emergency_stopped"),
    ("lift_emergency_stop", "emergency_stop_lifted"),
    ("replay_dead_letter", "dead_letter_replayed"),
    ("request_deltas", "deltas_requested"),
    ("put_uptane_root", "uptane_root_accepted"),
    ("put_uptane_ecu", "ecu_key_put"),
    ("remove_uptane_ecu", "ecu_key_removed"),
    ("create_token", "token_issued"),
    ("revoke_token", "token_revoked"),
];
/// Changes nothing that others would see. The end of a provider's session is kept, whoever ends it: see the tests of those.
const SILENT: [&str; 6] = [
    "preview_campaign",
    "rehearse_campaign",
    "begin_session",
    "end_session",
    "end_person_session",
    "end_person_sessions",
];

#[test]
fn no_operation_that_changes_something_is_forgotten() {
    let document = serde_json::to_value(otaru_campaign::openapi()).unwrap();
    let known: BTreeSet<&str> = ACTIONS.iter().map(|(id, _)| *id).chain(SILENT).collect();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "get") {
            let id = operation["operationId"].as_str().unwrap();
            assert!(known.contains(id), "{method} {path} ({id}): say what the audit log keeps of it, and test it");
        }
    }
}

async fn log(caller: &Caller<'_>, query: &str) -> Vec<Value> {
    caller.get(&format!("/audit?limit=1000{query}")).await.is(200)["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn who_did_what_is_in_the_log_in_the_same_transaction() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let approver = world.caller(Role::Approver).await;
    let ada = world.engineer().await;
    let model = world.model(&ada).await;
    let vin = vin();
    let line = json!({"vin": vin, "model": model}).to_string();
    ada.send("/vehicles/import", "application/x-ndjson", line).await.is(200);
    ada.patch(&format!("/vehicles/{vin}"), &json!({"attributes": {"owner": "Grace Hopper"}})).await.is(200);
    ada.put(&format!("/vehicles/{vin}/ecus/BCM"), &json!({"version": "2.2"})).await.is(200);
    let credential = ada.post(&format!("/vehicles/{vin}/credentials"), &json!({})).await.is(201);
    let path = format!("/vehicles/{vin}/credentials/{}", credential["id"].as_str().unwrap());
    ada.delete(&path).await.is(204);
    let sha256 = ada.upload("bcm.bin", b"firmware of the log").await;
    let images = json!([{"hardware_id": "BCM", "sha256": sha256, "version": "2"}]);
    let mut body = json!({"name": model, "version": "2", "models": [model], "images": images});
    let release = ada.post("/releases", &body).await.is(201)["id"].clone();
    body["rxswin"] = json!("R2");
    ada.put(&format!("/releases/{release}"), &body).await.is(200);
    let stated = json!({"purpose": "p", "affected": "a", "type_approval": "not_affected", "verification": "v"});
    approver.put(&format!("/releases/{release}/evidence"), &stated).await.is(200);
    ada.post(&format!("/releases/{release}/lock"), &json!({})).await.is(200);
    admin.put(&format!("/models/{model}/review"), &json!({"required": true})).await.is(200);
    let signing = json!({"ack_signatures": "optional"});
    admin.put(&format!("/models/{model}/ack-signatures"), &signing).await.is(200);
    admin.put(&format!("/models/{model}/encryption"), &json!({"recipients": []})).await.is(200);
    let issued = admin.post("/tokens", &json!({"name": "ci", "role": "viewer"})).await.is(201);
    admin.delete(&format!("/tokens/{}", issued["id"].as_str().unwrap())).await.is(204);
    ada.post(&format!("/vehicles/{vin}/retire"), &json!({})).await.is(200);
    // What is refused is no action.
    ada.post("/models", &json!({"id": model, "name": "n", "hardware": [{"hardware_id": "A", "name": "a"}]}))
        .await
        .is(409);

    let entries = log(&admin, "").await;
    let mut actions: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &entries {
        *actions.entry(entry["action"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    for action in [
        "model_created",
        "vehicles_imported",
        "vehicle_changed",
        "vehicle_retired",
        "ecu_stated",
        "credential_issued",
        "credential_revoked",
        "artifact_uploaded",
        "release_created",
        "release_changed",
        "release_locked",
        "release_evidence_stated",
        "model_review_set",
        "model_ack_signatures_set",
        "model_encryption_set",
        "token_issued",
        "token_revoked",
    ] {
        assert_eq!(actions.get(action), Some(&1), "{action} in {actions:?}");
    }
    let text = json!(entries).to_string();
    for secret in [issued["token"].as_str().unwrap(), credential["token"].as_str().unwrap(), &admin.secret] {
        assert!(!text.contains(secret), "a secret is in the log");
    }
    assert!(!text.contains(vin.as_str()) && !text.contains("Grace"), "the log names a vehicle by its row: {text}");
}

#[tokio::test]
async fn the_log_is_filtered_paged_and_anchored() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let ada = world.engineer().await;
    let model = world.model(&ada).await;
    let (one, two) = (vin(), vin());
    for vin in [&one, &two] {
        ada.post("/vehicles", &json!({"vin": vin, "model": model})).await.is(201);
    }
    ada.post(&format!("/vehicles/{one}/retire"), &json!({})).await.is(200);
    let names = |entries: &[Value]| entries.iter().map(|entry| entry["action"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&log(&admin, &format!("&vin={one}")).await), ["vehicle_retired", "vehicle_created"]);
    assert_eq!(log(&admin, &format!("&object=model-{model}")).await.len(), 2);
    assert_eq!(log(&admin, "&action=vehicle_created").await.len(), 2);
    assert_eq!(log(&admin, &format!("&actor={}&action=vehicle_retired", ada.name)).await.len(), 1);
    assert!(log(&admin, "&actor=nobody").await.is_empty());
    assert!(log(&admin, "&until=2020-01-01T00:00:00Z").await.is_empty());
    assert_eq!(log(&admin, "&since=2020-01-01T00:00:00Z").await, log(&admin, "").await);
    admin.get(&format!("/audit?vin={one}&object=x")).await.problem(400, "bad-request");

    let all = log(&admin, "").await;
    let first = admin.get("/audit?limit=2").await.is(200);
    let second = admin.get(&format!("/audit?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).await.is(200);
    assert_eq!((&first["items"][1], &second["items"][0]), (&all[1], &all[2]));
    let head = admin.get("/audit/head").await.is(200);
    assert_eq!((&head["id"], &head["digest"]), (&all[0]["id"], &all[0]["digest"]));
    let verified = otaru_store::audit::verify(world.store(), BTreeMap::new()).await.unwrap();
    assert_eq!((verified.broken, json!(verified.last)), (None, head["id"].clone()));
}

#[tokio::test]
async fn the_log_is_exported_as_it_is_listed_and_its_chain_is_walked() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let ada = world.engineer().await;
    let model = world.model(&ada).await;
    ada.post("/vehicles", &json!({"vin": vin(), "model": model})).await.is(201);
    let exported = async |query: &str| {
        let answer = admin.get(&format!("/audit/export{query}")).await;
        assert_eq!(answer.headers["content-type"], "application/x-ndjson");
        let lines = std::str::from_utf8(&answer.bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect::<Vec<Value>>()
    };
    assert_eq!(exported("").await, log(&admin, "").await);
    assert_eq!(exported("?action=vehicle_created").await, log(&admin, "&action=vehicle_created").await);
    assert!(exported("?actor=nobody").await.is_empty());
    admin.get("/audit/export?vin=short").await.problem(400, "bad-query");

    let head = admin.get("/audit/head").await.is(200);
    let (id, digest) = (head["id"].as_i64().unwrap(), head["digest"].as_str().unwrap());
    let verified = admin.get(&format!("/audit/verification?anchor={id}:{digest}")).await.is(200);
    let right = json!({"holds": true, "entries": id, "digest": digest, "first_broken": null, "reason": null});
    assert_eq!(verified, right);
    let other = admin.get(&format!("/audit/verification?anchor={id}:{}", "0".repeat(64))).await.is(200);
    assert_eq!((&other["holds"], &other["first_broken"]), (&json!(false), &json!(id)));
    admin.get("/audit/verification?anchor=7").await.problem(400, "bad-request");
}

#[tokio::test]
async fn actions_at_once_make_one_chain() {
    let world = World::start().await;
    let admin = world.caller(Role::Admin).await;
    let model = world.model(&admin).await;
    let calls = (0..24).map(|_| {
        let (admin, model) = (&admin, &model);
        async move { admin.post("/vehicles", &json!({"vin": vin(), "model": model})).await.is(201) }
    });
    futures::future::join_all(calls).await;
    let verified = otaru_store::audit::verify(world.store(), BTreeMap::new()).await.unwrap();
    assert_eq!(verified.broken, None);
    assert_eq!(log(&admin, "&action=vehicle_created").await.len(), 24);
}
