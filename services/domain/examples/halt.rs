//! How often, and how soon, a campaign halts itself: the production planner over seeded campaigns whose vehicles fail
//! at a known rate. `ops/bench halt` runs it. Prints a table of three rules; the last line is one JSON object.
//!
//! Vehicles finish one after the other, `MAX_IN_FLIGHT` of them under way at a time, each for an exponential time that
//! does not depend on how it ends; in the second table failures take twice as long to show.

use std::collections::{BTreeMap, BinaryHeap};

use chrono::{DateTime, TimeDelta, Utc};
use otaru_domain::assignment::AssignmentState;
use otaru_domain::campaign::CampaignState;
use otaru_domain::planner::{Action, CampaignFacts, WaveFacts, plan};
use otaru_domain::rollout::{HaltPolicy, Sequential, Threshold, ThresholdOf};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

const RUNS: u64 = 10_000;
const WAVE: u64 = 2_000;
const MAX_IN_FLIGHT: usize = 200;
const ACCEPTABLE: f64 = 0.01;
const INTOLERABLE: f64 = 0.05;

/// A vehicle under way: when it ends, in microseconds, and whether it fails. The earliest is the greatest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Ending(std::cmp::Reverse<u64>, bool);

/// What one campaign came to.
struct Outcome {
    halted: bool,
    finished: u64,
    under_way: usize,
}

fn campaign(halt: &HaltPolicy, at: DateTime<Utc>) -> CampaignFacts {
    let wave = WaveFacts { number: 1, size: WAVE, opened_at: Some(at), ..WaveFacts::default() };
    CampaignFacts {
        state: CampaignState::Running,
        start_at: None,
        deadline: at + TimeDelta::days(365),
        closing: None,
        swept: false,
        continuous: false,
        halt: halt.clone(),
        pending_retries: 0,
        waves: vec![wave],
    }
}

fn run(halt: &HaltPolicy, failing: f64, late: f64, seed: u64, at: DateTime<Utc>) -> Outcome {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut facts = campaign(halt, at);
    let mut under_way = BinaryHeap::new();
    let mut begun = 0;
    let mut begin = |under_way: &mut BinaryHeap<Ending>, now: u64| {
        if begun < WAVE {
            begun += 1;
            let fails = random.random::<f64>() < failing;
            let factor = if fails { late } else { 1.0 };
            let takes = -(1.0 - random.random::<f64>()).ln() * factor * 1e6;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "some seconds in microseconds"
            )]
            under_way.push(Ending(std::cmp::Reverse(now + takes as u64), fails));
        }
    };
    (0..MAX_IN_FLIGHT).for_each(|_| begin(&mut under_way, 0));
    let mut finished = 0;
    while let Some(Ending(std::cmp::Reverse(now), fails)) = under_way.pop() {
        finished += 1;
        let state = if fails { AssignmentState::Failed } else { AssignmentState::Installed };
        *facts.waves[0].counts.entry(state).or_insert(0) += 1;
        if matches!(plan(&facts, at).actions.first(), Some(Action::Halt { .. })) {
            return Outcome { halted: true, finished, under_way: under_way.len() };
        }
        begin(&mut under_way, now);
    }
    Outcome { halted: false, finished, under_way: 0 }
}

/// Shares and means over all runs: halted, finished, under way at the halt.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
fn over_all(halt: &HaltPolicy, failing: f64, late: f64, at: DateTime<Utc>) -> (f64, f64, f64) {
    let outcomes: Vec<Outcome> = (0..RUNS).map(|seed| run(halt, failing, late, seed, at)).collect();
    let mean = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / RUNS as f64;
    (
        mean(|outcome| if outcome.halted { 1.0 } else { 0.0 }),
        mean(|outcome| outcome.finished as f64),
        mean(|outcome| outcome.under_way as f64),
    )
}

fn main() {
    let at: DateTime<Utc> = DateTime::UNIX_EPOCH;
    let sequential =
        Sequential { acceptable_ratio: ACCEPTABLE, intolerable_ratio: INTOLERABLE, alpha: 0.01, beta: 0.01 };
    let threshold = |failed_ratio, of, min_finished| HaltPolicy {
        thresholds: vec![Threshold { failed_ratio, of, min_finished }],
        ..HaltPolicy::default()
    };
    let rules: BTreeMap<&str, HaltPolicy> = BTreeMap::from([
        ("1 sequential test", HaltPolicy { sequential: Some(sequential), ..HaltPolicy::default() }),
        ("2 share of finished > 3 %, from 200 on", threshold(0.03, ThresholdOf::Finished, 200)),
        ("3 share of wave > 2 %", threshold(0.02, ThresholdOf::Wave, 0)),
    ]);
    println!("{RUNS} seeded campaigns each, a wave of {WAVE}, {MAX_IN_FLIGHT} under way at a time");
    println!("{:<42}{:>14}{:>12}{:>14}{:>12}", "rule", "false halts", "halts", "finished", "under way");
    let mut result = None;
    for (late, title) in [(1.0, "failures show when successes do"), (2.0, "failures take twice as long")] {
        println!("{title}");
        for (name, halt) in &rules {
            let (false_halts, ..) = over_all(halt, ACCEPTABLE, late, at);
            let (halts, finished, under_way) = over_all(halt, INTOLERABLE, late, at);
            println!(
                "  {:<40}{:>12.2} %{:>10.1} %{finished:>14.0}{under_way:>12.0}",
                &name[2..],
                false_halts * 100.0,
                halts * 100.0
            );
            result.get_or_insert((false_halts, finished, under_way));
        }
    }
    let (false_halts, exposed_mean, under_way_mean) = result.unwrap_or_default();
    println!(
        "{{\"false_halts\": {false_halts:.4}, \"exposed_mean\": {exposed_mean:.1}, \"under_way_mean\": {under_way_mean:.1}}}"
    );
}
