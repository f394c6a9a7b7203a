//! Following the demo campaign in the terminal, and the one line that says how it ended.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::api::Api;

/// How often the terminal is brought up to date.
const REFRESH: Duration = Duration::from_millis(500);
/// How long the server may be silent before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How the demo campaign ended; the last line of `otaru up --once`.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub campaign: i64,
    pub state: String,
    /// Rows per state, counted.
    pub assignments: Value,
    /// The same from the counters that the ingest keeps.
    pub counters: Value,
    /// Acknowledgements in the history.
    pub acks: u64,
    pub dead_letters: u64,
    pub seconds: f64,
}

impl Summary {
    /// Complete, counted right, and every vehicle at an end.
    pub fn is_good(&self) -> bool {
        self.state == "completed" && self.assignments == self.counters
    }
}

/// Shows the campaign until it ends; `None` when stopped before.
pub async fn until_ended(api: &Api, campaign: i64, stop: &CancellationToken) -> anyhow::Result<Option<Summary>> {
    let started = Instant::now();
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{prefix:.bold} {bar:30.green/dim} {pos:>6} of {len} installed  {elapsed}\n  {wide_msg}",
    )?);
    bar.set_prefix(format!("campaign {campaign}"));
    let mut answered = Instant::now();
    loop {
        match api.get(&format!("/campaigns/{campaign}/progress")).await {
            Ok(progress) => {
                answered = Instant::now();
                show(&bar, &progress);
                if matches!(progress["state"].as_str(), Some("completed" | "cancelled")) {
                    bar.finish();
                    return summary(api, campaign, started).await.map(Some);
                }
            }
            Err(error) if answered.elapsed() > PATIENCE => return Err(error),
            Err(error) => bar.set_message(format!("waiting for the campaign service: {error}")),
        }
        tokio::select! {
            () = stop.cancelled() => {
                bar.abandon();
                return Ok(None);
            }
            () = sleep(REFRESH) => {}
        }
    }
}

fn show(bar: &ProgressBar, progress: &Value) {
    let count = |state: &str| progress["counters"][state].as_u64().unwrap_or(0);
    bar.set_length(progress["members"].as_u64().unwrap_or(0));
    bar.set_position(count("installed"));
    let under_way: u64 = ["offered", "accepted", "downloading", "downloaded", "installing"].map(count).iter().sum();
    let ended = count("failed") + count("rolled_back") + count("declined") + count("timed_out");
    let text = progress["waiting_on"]["text"].as_str().unwrap_or_default();
    bar.set_message(format!("{under_way} under way, {ended} ended otherwise · {text}"));
}

async fn summary(api: &Api, campaign: i64, started: Instant) -> anyhow::Result<Summary> {
    let progress = api.get(&format!("/campaigns/{campaign}/progress?recount=true")).await?;
    Ok(Summary {
        campaign,
        state: progress["state"].as_str().unwrap_or_default().to_owned(),
        assignments: progress["recount"]["counters"].clone(),
        counters: progress["counters"].clone(),
        acks: progress["recount"]["acks"].as_u64().unwrap_or(0),
        dead_letters: api.get("/fleet").await?["dead_letters"].as_u64().unwrap_or(0),
        seconds: (started.elapsed().as_secs_f64() * 10.0).round() / 10.0,
    })
}
