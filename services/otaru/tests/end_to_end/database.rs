//! What Postgres says, asked with `psql`: an answer that none of our own code had a hand in.

use anyhow::{Context as _, ensure};
use tokio::process::Command;

/// The rows of a query, a line each, columns separated by `|`.
pub async fn query(url: &str, sql: &str) -> anyhow::Result<Vec<String>> {
    let output =
        Command::new("psql").args([url, "-At", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().await.context("psql")?;
    ensure!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

/// Whether the counters of a campaign equal a recount of its assignments; says where they do not.
pub async fn counters_equal_recount(url: &str, campaign: i64) -> anyhow::Result<()> {
    let counted = query(
        url,
        &format!(
            "SELECT wave, state, count(*) FROM assignments WHERE campaign_id = {campaign} GROUP BY 1, 2 ORDER BY 1, 2"
        ),
    )
    .await?;
    let kept = query(
        url,
        &format!(
            "SELECT wave, state, sum(vehicles) FROM assignment_counters WHERE campaign_id = {campaign} \
             GROUP BY 1, 2 HAVING sum(vehicles) <> 0 ORDER BY 1, 2"
        ),
    )
    .await?;
    ensure!(counted == kept, "the counters say {kept:?}, the rows {counted:?}");
    ensure!(!counted.is_empty(), "campaign {campaign} has no assignments");
    Ok(())
}
