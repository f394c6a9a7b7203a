//! The private Postgres' life, up to the SIGKILL of the process that runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use otaru_embedded::Postgres;
use tempfile::TempDir;

/// A folder that root's Postgres, which is not root, may enter.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn sql(url: &str, statement: &str) -> String {
    let output = Command::new("psql").args([url, "-XAtqc", statement]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_second_start_finds_data_port_and_password() {
    let folder = folder();
    let first = Postgres::start(folder.path(), None).await.unwrap();
    let url = first.url().to_owned();
    sql(&url, "CREATE TABLE kept (what text); INSERT INTO kept VALUES ('Otaru 小樽')");
    assert_eq!(sql(&url, "SHOW server_encoding"), "UTF8");
    assert_eq!(sql(&url, "SHOW data_checksums"), "on");
    assert_eq!(sql(&url, "SHOW synchronous_commit"), "on");
    let password = std::fs::metadata(folder.path().join("postgres.password")).unwrap();
    assert_eq!(password.permissions().mode() & 0o777, 0o600);
    first.stop().await;

    let second = Postgres::start(folder.path(), None).await.unwrap();
    assert_eq!(second.url(), url);
    assert_eq!(sql(&url, "SELECT what FROM kept"), "Otaru 小樽");
    second.stop().await;
}

#[tokio::test]
async fn without_the_password_nobody_gets_in() {
    let folder = folder();
    let postgres = Postgres::start(folder.path(), None).await.unwrap();
    let (_, address) = postgres.url().split_once('@').unwrap();
    let output =
        Command::new("psql").args([&format!("postgres://otaru:guess@{address}"), "-c", "SELECT 1"]).output().unwrap();
    assert!(!output.status.success());
    postgres.stop().await;
}

#[tokio::test]
async fn after_a_sigkill_of_its_owner_the_server_is_taken_over() {
    let folder = folder();
    let (url, server) = killed_owner(folder.path());
    let heir = Postgres::start(folder.path(), None).await.unwrap();
    assert_eq!(heir.url(), url);
    assert_eq!(sql(&url, "SELECT what FROM kept"), "before the kill");
    assert_eq!(server_pid(folder.path()), server, "the same server, not a new one");
    heir.stop().await;
    // Empty or gone: where nobody buries orphans, a zombie stays.
    let command = std::fs::read(format!("/proc/{server}/cmdline")).unwrap_or_default();
    assert!(command.is_empty(), "an adopted server is stopped, too");
}

#[tokio::test]
async fn after_a_sigkill_of_owner_and_server_nothing_committed_is_lost() {
    let folder = folder();
    let (url, server) = killed_owner(folder.path());
    assert!(Command::new("kill").args(["-KILL", &server.to_string()]).status().unwrap().success());
    let heir = Postgres::start(folder.path(), None).await.unwrap();
    assert_eq!(sql(heir.url(), "SELECT what FROM kept"), "before the kill");
    assert!(url.starts_with("postgres://otaru:"));
    heir.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_is_started_again() {
    let folder = folder();
    let postgres = Postgres::start(folder.path(), None).await.unwrap();
    let server = server_pid(folder.path());
    assert!(Command::new("kill").args(["-KILL", &server.to_string()]).status().unwrap().success());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let output = Command::new("psql").args([postgres.url(), "-XAtqc", "SELECT 1"]).output().unwrap();
        if output.status.success() && server_pid(folder.path()) != server {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "it did not come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    postgres.stop().await;
}

#[tokio::test]
async fn two_do_not_share_a_folder() {
    let folder = folder();
    let first = Postgres::start(folder.path(), None).await.unwrap();
    let refused = format!("{:#}", Postgres::start(folder.path(), None).await.unwrap_err());
    assert!(refused.contains("in use by process"), "{refused}");
    first.stop().await;
}

#[tokio::test]
async fn in_a_folder_closed_to_others_it_starts_as_well() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let postgres = Postgres::start(folder.path(), None).await.unwrap();
    assert_eq!(sql(postgres.url(), "SELECT 1"), "1");
    postgres.stop().await;
    // Only root needs a place elsewhere.
    if let Ok(place) = std::fs::read_to_string(folder.path().join("postgres.location")) {
        std::fs::remove_dir_all(Path::new(place.trim()).parent().unwrap()).unwrap();
    }
}

fn server_pid(folder: &Path) -> u32 {
    let home = std::fs::read_to_string(folder.join("postgres.location"))
        .map_or_else(|_| folder.join("postgres"), |place| place.trim().into());
    let lock = std::fs::read_to_string(home.join("postmaster.pid")).unwrap_or_default();
    lock.lines().next().and_then(|pid| pid.parse().ok()).unwrap_or(0)
}

/// Runs an owner in a process of its own, lets it write, and kills it. Returns its URL and its server's number.
fn killed_owner(folder: &Path) -> (String, u32) {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_owner_that_is_killed", "--ignored", "--nocapture"])
        .env("OTARU_TEST_FOLDER", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let url = lines.map(Result::unwrap).find(|line| line.starts_with("postgres://")).expect("the owner says its URL");
    sql(&url, "CREATE TABLE kept (what text); INSERT INTO kept VALUES ('before the kill')");
    let server = server_pid(folder);
    owner.kill().unwrap();
    owner.wait().unwrap();
    (url, server)
}

#[tokio::test]
#[ignore = "the other process of the tests that kill an owner"]
async fn the_owner_that_is_killed() {
    let Some(folder) = std::env::var_os("OTARU_TEST_FOLDER") else { return };
    let postgres = Postgres::start(Path::new(&folder), None).await.unwrap();
    println!("\n{}", postgres.url());
    tokio::time::sleep(Duration::from_secs(120)).await;
    postgres.stop().await;
}
