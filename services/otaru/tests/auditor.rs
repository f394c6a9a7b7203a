//! `otaru audit verify` as an auditor runs it: against a database, with the service nowhere near.

use std::process::{Command, Output};

use otaru_domain::clock;
use otaru_store::audit;
use otaru_store::testing::TestDatabase;
use serde_json::{Value, json};

fn verify(url: &str, anchors: &[String]) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otaru"));
    command.args(["audit", "verify", "--database-url", url]);
    for anchor in anchors {
        command.args(["--anchor", anchor]);
    }
    let Output { status, stdout, stderr } = command.output().unwrap();
    let line = serde_json::from_slice(&stdout);
    (status.code(), line.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr))))
}

/// As the owner of the tables, with `psql`.
fn by_force(url: &str, sql: &str) {
    let sql = format!("ALTER TABLE audit_log DISABLE TRIGGER ALL; {sql}; ALTER TABLE audit_log ENABLE TRIGGER ALL");
    let done = Command::new("psql").args([url, "-q", "-v", "ON_ERROR_STOP=1", "-c", &sql]).status().unwrap();
    assert!(done.success());
}

#[tokio::test]
async fn an_auditor_learns_whether_the_log_holds_and_where_it_does_not() {
    let database = TestDatabase::create().await;
    let url = database.config().url;
    let store = database.store();
    for token in 1..=3 {
        let mut tx = store.begin().await.unwrap();
        let object = format!("token-{token}");
        audit::record(&mut tx, "ada", "token_issued", &object, &json!({"role": "viewer"}), clock::now()).await.unwrap();
        tx.commit().await.unwrap();
    }
    let (code, found) = verify(&url, &[]);
    assert_eq!((code, &found["holds"], &found["entries"]), (Some(0), &json!(true), &json!(3)), "{found}");
    let anchor = format!("3:{}", found["digest"].as_str().unwrap());
    assert_eq!(verify(&url, std::slice::from_ref(&anchor)).0, Some(0));
    let (code, found) = verify(&url, &[format!("3:{}", "0".repeat(64))]);
    assert_eq!((code, &found["first_broken"]), (Some(1), &json!(3)), "{found}");

    by_force(&url, "UPDATE audit_log SET actor = 'eve' WHERE id = 2");
    let (code, found) = verify(&url, &[anchor]);
    assert_eq!((code, &found["holds"], &found["first_broken"]), (Some(1), &json!(false), &json!(2)), "{found}");
    assert!(found["reason"].as_str().unwrap().contains("entry 2 was changed"), "{found}");
}
