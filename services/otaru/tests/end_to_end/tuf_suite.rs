//! `otaru vehicle tuf`, and with it the agent, refuses every bad repository and takes every good one.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tokio::process::Command;

/// So many cases there are at least: one that is lost is noticed.
const CASES: usize = 150;

#[derive(Debug, Deserialize)]
struct Counts {
    passed: usize,
    failed: usize,
    accept: usize,
    reject: usize,
}

/// Runs the cases with a client; the counts, and what was printed.
async fn cases(client: &[&str]) -> anyhow::Result<(Counts, String)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../target/python");
    let output = Command::new(python.join("bin/python"))
        .arg(here.join("tests/end_to_end/tuf_suite/run.py"))
        .arg(python.join("simulator"))
        .args(client)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .await
        .context("target/python is missing: ops/lib/python.sh makes it")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let counts = text.lines().last().and_then(|line| line.split_once(" cases: "));
    let (_, counts) = counts.with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((serde_json::from_str(counts)?, text))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_tuf_client_takes_the_good_and_refuses_the_bad() -> anyhow::Result<()> {
    let (counts, text) = cases(&[env!("CARGO_BIN_EXE_otaru"), "vehicle", "tuf"]).await?;
    println!("{text}");
    ensure!(counts.failed == 0, "{text}");
    ensure!(counts.passed >= CASES && counts.accept + counts.reject == counts.passed, "{counts:?}");
    Ok(())
}

/// Else the cases would prove nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_all_or_nothing_fails_the_cases() -> anyhow::Result<()> {
    let (takes_all, _) = cases(&["true"]).await?;
    ensure!(takes_all.passed == 0, "{takes_all:?}");
    let (takes_nothing, text) = cases(&["sh", "-c", "echo no >&2; exit 1", "client"]).await?;
    let refused = text.lines().filter(|line| line.starts_with("FAILED must accept")).count();
    ensure!(takes_nothing.failed >= refused && refused == takes_nothing.accept && refused >= 46, "{takes_nothing:?}");
    Ok(())
}
