//! Rehearsals, scripted as `planner.rs` scripts rollouts: in `rehearsals/*.txt`, lines that begin with `>` are commands, `#`
//! are remarks, everything else is what the rehearsal says; `OTARU_REWRITE_SCENARIOS=1` writes it anew.
//!
//! Commands: `campaign days=N` (begins anew, until its deadline), `wave size=N [gate=RATIO] [soak=SECS]`, `sequential
//! acceptable=RATIO intolerable=RATIO` or `none`, `in-flight N`, `rate N` (per minute) or `none`, `window FROM TO`, `timeout SECS`, `fleet
//! offline_hours=MEDIAN update_minutes=MEDIAN failed=RATIO [absent=RATIO] [silent=RATIO]` (log-normal, eight past campaigns), `open wave=N
//! hours_ago=N STATE=N…`, `rehearse seed=N failing=RATIO`.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

use super::now;
use crate::campaign::CampaignState;
use crate::planner::{CampaignFacts, WaveFacts};
use crate::rehearsal::{
    Course, FinishBand, FleetModel, Observed, Outcome, Profile, Quantiles, Rehearsal, Run, coverage, forecast,
    is_covered, is_due, rehearse,
};
use crate::rollout::{Gate, HaltPolicy, Policy, Rate, Retry, Sequential, WeeklyWindow};

const RUNS: u32 = 100;
const BYTES: u64 = 1000;

#[test]
fn rehearsals_say_what_their_scripts_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/rehearsals");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "the scripts are missing");
    for file in files {
        let expected = std::fs::read_to_string(&file).unwrap();
        let mut stage = Stage::default();
        let mut played = String::new();
        for line in expected.lines().filter(|line| line.starts_with(['>', '#'])) {
            let said = line.strip_prefix("> ").map(|command| stage.obey(command)).unwrap_or_default();
            played.push_str(&format!("{line}\n{said}"));
        }
        if std::env::var_os("OTARU_REWRITE_SCENARIOS").is_some() {
            std::fs::write(&file, &played).unwrap();
            continue;
        }
        assert!(played == expected, "{} goes another way:\n{played}", file.display());
    }
}

#[derive(Default)]
struct Stage {
    facts: Option<CampaignFacts>,
    policy: Policy,
    fleet: Option<FleetModel>,
}

impl Stage {
    fn obey(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let fields: BTreeMap<&str, &str> = words.iter().filter_map(|word| word.split_once('=')).collect();
        let number = |name: &str| fields.get(name).map(|text| text.parse::<f64>().unwrap());
        let whole = |name: &str| fields.get(name).map(|text| text.parse::<u64>().unwrap());
        match words.as_slice() {
            ["campaign", ..] => {
                *self = Self { facts: Some(empty(i64::try_from(whole("days").unwrap()).unwrap())), ..Self::default() };
            }
            ["wave", ..] => {
                let facts = self.facts.as_mut().unwrap();
                facts.waves.push(WaveFacts {
                    number: u32::try_from(facts.waves.len()).unwrap() + 1,
                    size: whole("size").unwrap(),
                    gate_installed_ratio: number("gate").unwrap_or(0.0),
                    gate: Gate { soak_secs: whole("soak"), ..Gate::default() },
                    ..WaveFacts::default()
                });
            }
            ["sequential", rest @ ..] => {
                let sequential = (rest != ["none"]).then(|| Sequential {
                    acceptable_ratio: number("acceptable").unwrap(),
                    intolerable_ratio: number("intolerable").unwrap(),
                    alpha: 0.01,
                    beta: 0.01,
                });
                self.policy.halt = HaltPolicy { sequential, ..HaltPolicy::default() };
            }
            ["in-flight", most] => self.policy.max_in_flight = most.parse().ok(),
            ["rate", rate] => self.policy.rate = rate.parse().ok().map(|per_minute| Rate { per_minute, adapt: None }),
            ["timeout", secs] => self.policy.timeouts.step_secs = secs.parse().ok(),
            ["window", from, to] => {
                let window = WeeklyWindow { days: Vec::new(), from: (*from).into(), to: (*to).into() };
                self.policy.windows.weekly.push(window);
            }
            ["fleet", ..] => {
                let ratio = |name| number(name).unwrap_or(0.0);
                self.fleet = Some(fleet(
                    ratio("offline_hours") * 3600.0,
                    ratio("update_minutes") * 60.0,
                    ratio("failed"),
                    (ratio("absent"), ratio("silent")),
                ));
            }
            ["open", wave, ago, states @ ..] => {
                let hours: i64 = ago.strip_prefix("hours_ago=").unwrap().parse().unwrap();
                let place: usize = wave.strip_prefix("wave=").unwrap().parse().unwrap();
                let wave = &mut self.facts.as_mut().unwrap().waves[place - 1];
                wave.opened_at = Some(now() - TimeDelta::hours(hours));
                let count = |text: &&str| {
                    let (state, count) = text.split_once('=').unwrap();
                    (state.parse().unwrap(), count.parse().unwrap())
                };
                wave.counts = states.iter().map(count).collect();
            }
            ["rehearse", ..] => {
                let course = self.course();
                let fleet = self.fleet.as_ref().unwrap();
                let said = rehearse(&course, fleet, RUNS, whole("seed").unwrap(), number("failing").unwrap(), BYTES);
                return show(&said);
            }
            other => panic!("no such command: {other:?}"),
        }
        String::new()
    }

    fn course(&self) -> Course {
        let facts = CampaignFacts { halt: self.policy.halt.clone(), ..self.facts.clone().unwrap() };
        Course::new(facts, self.policy.clone(), None, now())
    }
}

fn empty(days: i64) -> CampaignFacts {
    CampaignFacts {
        state: CampaignState::Running,
        start_at: None,
        deadline: now() + TimeDelta::days(days),
        closing: None,
        swept: false,
        continuous: false,
        halt: HaltPolicy::default(),
        pending_retries: 0,
        waves: Vec::new(),
    }
}

/// Eight past campaigns whose delays are log-normal around these medians, give or take a fifth.
fn fleet(offline_secs: f64, update_secs: f64, failed: f64, (absent, silent): (f64, f64)) -> FleetModel {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut past = || {
        let factor = random.random_range(0.8..1.2);
        let observed = (0..500).map(|_| {
            let mut around = |median: f64| {
                let even: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
                median * factor * (0.7 * even).exp()
            };
            let (offline, update) = (around(offline_secs), around(update_secs));
            let comes = random.random::<f64>() >= absent;
            let tells = comes && random.random::<f64>() >= silent;
            let outcome = if random.random::<f64>() < failed { Outcome::Failed } else { Outcome::Installed };
            Observed {
                offline_secs: comes.then_some(offline),
                update_secs: tells.then_some(update),
                outcome: tells.then_some(outcome),
                reports: 8,
            }
        });
        Profile::of(&observed.collect::<Vec<_>>(), false).unwrap()
    };
    FleetModel::measured((0..8).map(|_| past()).collect())
}

fn show(said: &Rehearsal) -> String {
    let hours = |at: DateTime<Utc>| format!("{:.1} h", (at - now()).as_seconds_f64() / 3600.0);
    let band = |band: &Option<FinishBand>| match band {
        Some(band) => format!("{}, {}, {}", hours(band.p10_at), hours(band.p50_at), hours(band.p90_at)),
        None => "never".to_owned(),
    };
    let forecast = &said.forecast;
    let mut text = format!("finish: {} (p10, p50, p90)\n", band(&forecast.finish));
    // The later half of them: the rest of the course is close to these.
    for milestone in forecast.milestones.iter().filter(|one| [0.5, 0.9, 0.99].contains(&one.share)) {
        let missed = if milestone.missed_ratio > 0.0 {
            format!(", not in {:.2} of the runs", milestone.missed_ratio)
        } else {
            String::new()
        };
        text += &format!("{:.0} % have ended: {}{missed}\n", milestone.share * 100.0, band(&milestone.band));
    }
    text += &format!("late: {:.2}, halted by mistake: {:.2}\n", forecast.late_ratio, forecast.false_halt_ratio);
    let exposure = &said.exposure;
    let after =
        exposure.halted_after_secs.map_or("never".to_owned(), |secs| format!("after {:.1} h", secs as f64 / 3600.0));
    text += &format!(
        "when {:.1} % fail: halts in {:.2} of the runs, {after}; {} exposed, {} failed\n",
        exposure.failure_ratio * 100.0,
        exposure.halted_ratio,
        exposure.exposed.p50,
        exposure.failed.p50
    );
    let most = |of: fn(&crate::rehearsal::LoadSpan) -> u64| said.load.iter().map(of).max().unwrap_or(0);
    text += &format!(
        "most per hour: {} offers, {} requests, {} bytes\n",
        most(|hour| hour.offers_p90),
        most(|hour| hour.requests_p90),
        most(|hour| hour.cdn_bytes_p90)
    );
    text
}

#[test]
fn eight_forecasts_in_ten_come_true_for_campaigns_they_know_nothing_of() {
    let scored = coverage(100, 20_260_301);
    assert_eq!(scored.campaigns, 100);
    assert!((0.7..=0.9).contains(&scored.at_start_ratio), "{scored:?}");
    assert!((0.7..=0.9).contains(&scored.half_way_ratio), "{scored:?}");
    assert!(scored.width_half_way_ratio < scored.width_at_start_ratio, "what is seen narrows the band: {scored:?}");
}

#[test]
fn the_same_seed_gives_the_same_rehearsal_and_another_another() {
    let mut stage = Stage::default();
    for line in ["campaign days=20", "wave size=700", "fleet offline_hours=9 update_minutes=9 failed=0.01"] {
        stage.obey(line);
    }
    let said = |seed| rehearse(&stage.course(), stage.fleet.as_ref().unwrap(), 20, seed, 0.05, 1);
    assert_eq!(said(1), said(1));
    assert_ne!(said(1).forecast, said(2).forecast);
}

#[test]
fn groups_of_vehicles_end_when_single_ones_do() {
    let mut stage = Stage::default();
    for line in ["campaign days=200", "wave size=2000 gate=0.9", "wave size=28000"] {
        stage.obey(line);
    }
    let fleet = fleet(3600.0 * 10.0, 600.0, 0.01, (0.0, 0.0));
    let course = stage.course();
    let band = forecast(&course, &fleet, 200, 1).finish.unwrap();
    let single = (0..40).map(|seed| Run::new(&course, &fleet, None, 1000 + seed).play().at);
    let held = single.filter(|at| (band.p10_at..=band.p90_at).contains(at)).count();
    assert!((26..=38).contains(&held), "{held} of 40 single runs end within {band:?}");
}

#[test]
fn a_campaign_that_takes_long_to_play_is_played_less_often() {
    let mut stage = Stage::default();
    stage.obey("campaign days=300");
    (0..100).for_each(|_| drop(stage.obey("wave size=900")));
    stage.policy.retry = Some(Retry { max_attempts: 10, backoff_secs: 60, error_codes: Vec::new(), timed_out: false });
    let fleet = fleet(3600.0, 600.0, 0.9, (0.0, 0.0));
    let said = forecast(&stage.course(), &fleet, 1000, 1);
    assert!((20..1000).contains(&said.runs), "{} runs", said.runs);
}

#[test]
fn every_vehicle_of_a_run_is_somewhere_at_its_end() {
    let mut stage = Stage::default();
    for line in ["campaign days=40", "wave size=40 gate=0.5", "wave size=960", "in-flight 30", "rate 20"] {
        stage.obey(line);
    }
    let fleet = fleet(3600.0 * 5.0, 600.0, 0.02, (0.01, 0.01));
    let course = stage.course();
    for seed in 0..5 {
        let mut run = Run::new(&course, &fleet, None, seed);
        let played = loop {
            let under_way: u64 = run
                .facts()
                .waves
                .iter()
                .flat_map(|wave| &wave.counts)
                .filter(|(state, _)| **state == crate::assignment::AssignmentState::Offered)
                .map(|(_, n)| n)
                .sum();
            assert!(under_way <= 30, "{under_way} under way");
            if let Some(played) = run.step() {
                break played;
            }
        };
        for wave in &run.facts().waves {
            assert_eq!(wave.counts.values().sum::<u64>(), wave.size, "seed {seed}");
        }
        assert!(played.installed + played.failed <= 1000 && played.exposed >= played.installed);
    }
}

#[test]
fn a_distribution_is_the_inverse_of_its_shares_and_goes_on_beyond_its_samples() {
    let known = Quantiles::of((1..=100).map(f64::from)).unwrap();
    for at in [0.0, 0.1, 0.35, 0.5, 0.98, 0.995, 0.999] {
        let secs = known.at(at);
        assert!((known.below(secs) - at).abs() < 1e-6, "{at}: {secs} s, below it {}", known.below(secs));
    }
    assert!(known.at(0.9999) > 100.0 && known.at(1.0).is_finite());
    assert_eq!(known.below(0.5), 0.0);
    assert_eq!(Quantiles::of([f64::NAN, -1.0]), None);
    let one = Quantiles::of([0.0]).unwrap();
    assert_eq!((one.at(0.0), one.at(1.0)), (0.0, 0.0));
}

#[test]
fn campaigns_whose_pace_was_limited_count_only_where_there_are_no_others() {
    let profile = |paced| {
        let observed = Observed {
            offline_secs: Some(60.0),
            update_secs: Some(6.0),
            outcome: Some(Outcome::Installed),
            reports: 3,
        };
        Profile::of(&[observed], paced).unwrap()
    };
    let source = |past: Vec<Profile>| {
        let source = FleetModel::measured(past).source();
        (source.campaigns, source.assignments, source.paced)
    };
    assert_eq!(source(vec![profile(true), profile(false), profile(true)]), (1, 1, false));
    assert_eq!(source(vec![profile(true), profile(true)]), (2, 2, true));
    assert_eq!(source(Vec::new()), (0, 0, false));
    assert_eq!(Profile::of(&[Observed::default()], false), None, "nothing to draw from");
}

#[test]
fn a_forecast_is_due_when_a_wave_opens_and_after_a_while() {
    let (start, deadline) = (now(), now() + TimeDelta::days(1));
    let minutes = |n| start + TimeDelta::minutes(n);
    assert!(is_due(None, None, start, deadline, start));
    assert!(!is_due(Some(start), Some(start), start, deadline, minutes(14)));
    assert!(is_due(Some(start), Some(start), start, deadline, minutes(15)));
    assert!(is_due(Some(start), Some(minutes(2)), start, deadline, minutes(2)));
    let long = start + TimeDelta::days(200);
    assert!(!is_due(Some(start), None, start, long, minutes(23 * 60)));
    assert!(is_due(Some(start), None, start, long, minutes(24 * 60)));
}

#[test]
fn a_campaign_that_ends_with_its_deadline_ended_when_it_was_forecast_to() {
    let deadline = now();
    let hours = |n| deadline - TimeDelta::hours(n);
    let band = |p10_at, p90_at| FinishBand { p10_at, p50_at: p10_at, p90_at };
    assert!(is_covered(&band(hours(2), deadline), deadline + TimeDelta::seconds(9), deadline));
    assert!(is_covered(&band(hours(2), hours(1)), hours(1), deadline));
    assert!(!is_covered(&band(hours(2), hours(1)), hours(3), deadline));
    assert!(!is_covered(&band(hours(2), hours(1)), deadline, deadline));
}
