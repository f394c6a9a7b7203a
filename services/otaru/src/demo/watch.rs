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

/// Shows the campaign until it ends, and says when the other one has halted; `None` when stopped before.
pub async fn until_ended(
    api: &Api,
    campaign: i64,
    faulty: i64,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Summary>> {
    let started = Instant::now();
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{prefix:.bold} {bar:30.green/dim} {pos:>6} of {len} installed  {elapsed}\n  {wide_msg}",
    )?);
    bar.set_prefix(format!("campaign {campaign}"));
    let good = async {
        let ended = until(
            api,
            campaign,
            |state| matches!(state, "completed" | "cancelled"),
            |seen| match seen {
                Ok(progress) => show(&bar, progress),
                Err(error) => bar.set_message(format!("waiting for the campaign service: {error}")),
            },
        );
        ended.await?;
        bar.finish();
        summary(api, campaign, started).await
    };
    let halted = async {
        until(api, faulty, |state| state == "halted", |_| {}).await?;
        let says = told(&api.get(&format!("/campaigns/{faulty}")).await?);
        // A bar prints nothing where there is no terminal.
        if bar.is_hidden() {
            println!("{says}");
        } else {
            bar.println(says);
        }
        anyhow::Ok(())
    };
    tokio::select! {
        both = async { tokio::try_join!(good, halted) } => both.map(|(summary, ())| Some(summary)),
        () = stop.cancelled() => {
            bar.abandon();
            Ok(None)
        }
    }
}

/// Asks for a campaign's progress until its state is such a one.
async fn until(
    api: &Api,
    campaign: i64,
    reached: impl Fn(&str) -> bool,
    mut seen: impl FnMut(Result<&Value, &anyhow::Error>),
) -> anyhow::Result<Value> {
    let mut answered = Instant::now();
    loop {
        match api.get(&format!("/campaigns/{campaign}/progress")).await {
            Ok(progress) => {
                answered = Instant::now();
                seen(Ok(&progress));
                if progress["state"].as_str().is_some_and(&reached) {
                    return Ok(progress);
                }
            }
            Err(error) if answered.elapsed() > PATIENCE => return Err(error),
            Err(error) => seen(Err(&error)),
        }
        sleep(REFRESH).await;
    }
}

/// What is to be known of a campaign that halted.
fn told(campaign: &Value) -> String {
    let counters = campaign["counters"].as_object().into_iter().flatten();
    let reached: u64 = counters.filter(|(state, _)| *state != "assigned").filter_map(|(_, count)| count.as_u64()).sum();
    let members = campaign["members"].as_u64().unwrap_or(0);
    let why = campaign["state_reason"].as_str().unwrap_or("too many failed");
    format!(
        "campaign {}, the faulty one, has halted itself: {why}. {reached} of {members} vehicles were offered it.",
        campaign["id"]
    )
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
