//! From many runs to what people ask: when it ends, what it costs, and what happens if the release is bad.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::course::Course;
use super::fleet::{FleetModel, FleetSource};
use super::group::Grain;
use super::run::{Ending, MILESTONES, Played, Run};

/// Runs of a forecast, and of a rehearsal that asks for no other number.
pub const DEFAULT_RUNS: u32 = 200;
pub const MAX_RUNS: u32 = 1000;
/// The fewest that say something of a tenth of them.
pub const MIN_RUNS: u32 = 20;
/// Runs that take longer than this together, some seconds, are left at the fewest: a campaign of a hundred waves whose vehicles fail
/// over and over keeps nobody else waiting.
const MAX_WORK: u64 = 30_000_000;
/// Groups of vehicles per run.
const GROUPS: u64 = 2000;
/// The most points of a load.
const MAX_POINTS: usize = 336;

/// Where the ends of eight runs in ten lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FinishBand {
    /// One run in ten has ended by then.
    pub p10_at: DateTime<Utc>,
    pub p50_at: DateTime<Utc>,
    /// One run in ten ends later.
    pub p90_at: DateTime<Utc>,
}

/// When a share of the vehicles has reached an end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Milestone {
    /// 0 to 1.
    pub share: f64,
    /// Of the runs that got there; null when none did.
    #[schema(required = true)]
    pub band: Option<FinishBand>,
    /// The share of the runs that did not get there.
    pub missed_ratio: f64,
}

/// When a campaign ends, as its vehicles behave.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Forecast {
    /// From when on it was played.
    pub from: DateTime<Utc>,
    /// Runs that it is drawn from: as many as were asked for, or fewer where each takes long.
    pub runs: u32,
    /// When it completes, the deadline included, of the runs that did not halt; null when all did.
    #[schema(required = true)]
    pub finish: Option<FinishBand>,
    /// When 10, 25, 50, 75, 90 and 99 % of its vehicles have reached an end: what never comes counts for the finish, and not here.
    pub milestones: Vec<Milestone>,
    /// The share of the runs whose deadline came before all vehicles had ended.
    pub late_ratio: f64,
    /// The share that halted by itself although the release is as good as past ones.
    pub false_halt_ratio: f64,
}

/// A count over runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Spread {
    pub p10: u64,
    pub p50: u64,
    pub p90: u64,
}

/// What happens when the release is bad.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Exposure {
    /// The share of updates that fail.
    pub failure_ratio: f64,
    /// The share of the runs that halted by themselves.
    pub halted_ratio: f64,
    /// Vehicles that had the update or were getting it when the campaign halted, or at its end when it did not.
    pub exposed: Spread,
    /// Vehicles on which it failed.
    pub failed: Spread,
    /// From the beginning to the halt, in the middle of the runs that halted.
    #[schema(required = true)]
    pub halted_after_secs: Option<u64>,
}

/// What gateways and CDN have to carry in a span of time: in the middle of the runs, and in all but the busiest tenth. Polls
/// that find nothing are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LoadSpan {
    /// The beginning of the span.
    pub at: DateTime<Utc>,
    pub offers_p50: u64,
    pub offers_p90: u64,
    /// At the gateways: offers, and the acknowledgements that follow.
    pub requests_p50: u64,
    pub requests_p90: u64,
    /// Bytes of images.
    pub cdn_bytes_p50: u64,
    pub cdn_bytes_p90: u64,
}

/// A campaign played against a simulated fleet.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Rehearsal {
    /// Gives the same answer again, while campaign and history are the same.
    pub seed: u64,
    /// Vehicles that were simulated.
    pub vehicles: u64,
    pub measured_from: FleetSource,
    #[serde(flatten)]
    pub forecast: Forecast,
    pub exposure: Exposure,
    /// The span of a point of `load`: an hour, or as many as make at most 336 points.
    pub load_span_secs: u64,
    /// In the order of time, until nothing more happens in nine runs of ten.
    pub load: Vec<LoadSpan>,
}

/// Plays `course` `runs` times with seeds from `seed` on; less often what takes too long.
fn play(course: &Course, fleet: &FleetModel, runs: u32, seed: u64, failing: Option<f64>) -> Vec<Played> {
    let grain = Grain::of(GROUPS, course.facts.waves.len());
    let (mut played, mut work) = (Vec::new(), 0_u64);
    for run in 0..runs {
        if work > MAX_WORK && run >= MIN_RUNS {
            break;
        }
        let seed = seed.wrapping_add(u64::from(run).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let one = Run::with_grain(course, fleet, failing, seed, grain).play();
        work = work.saturating_add(one.work);
        played.push(one);
    }
    played
}

/// When `course` ends.
#[must_use]
pub fn forecast(course: &Course, fleet: &FleetModel, runs: u32, seed: u64) -> Forecast {
    of_runs(course, &play(course, fleet, runs, seed, None))
}

/// Plays `course` with the failures that `fleet` had, and with the share `failure_ratio` of them. An update takes `bytes` of images.
#[must_use]
pub fn rehearse(
    course: &Course,
    fleet: &FleetModel,
    runs: u32,
    seed: u64,
    failure_ratio: f64,
    bytes: u64,
) -> Rehearsal {
    let good = play(course, fleet, runs, seed, None);
    let bad = play(course, fleet, runs, seed, Some(failure_ratio));
    let mut hours: Vec<usize> = good.iter().map(|run| run.hours.len()).collect();
    hours.sort_unstable();
    let hours = hours.get(place(90, hours.len())).copied().unwrap_or(0);
    let span = hours.div_ceil(MAX_POINTS).max(1);
    let reports = fleet.reports_mean();
    Rehearsal {
        seed,
        vehicles: course.vehicles(),
        measured_from: fleet.source(),
        forecast: of_runs(course, &good),
        exposure: exposure(course, &bad, failure_ratio),
        load_span_secs: u64::try_from(span).unwrap_or(1) * 3600,
        load: load(course, &good, (hours, span), reports, bytes),
    }
}

fn of_runs(course: &Course, runs: &[Played]) -> Forecast {
    // The planner is asked at the next whole millisecond, which may be just after the deadline.
    let deadline = course.facts.deadline;
    let finished = runs.iter().filter(|run| run.ending != Ending::Halted).map(|run| run.at.min(deadline));
    let milestone = |(index, share): (usize, f64)| {
        let reached: Vec<_> = runs.iter().filter_map(|run| run.milestones[index]).collect();
        let missed_ratio = share_of(runs.len() - reached.len(), runs.len());
        Milestone { share, band: band(reached), missed_ratio }
    };
    let ended = |ending: Ending| runs.iter().filter(|run| run.ending == ending).count();
    Forecast {
        from: course.now,
        runs: u32::try_from(runs.len()).unwrap_or(u32::MAX),
        finish: band(finished.collect()),
        milestones: MILESTONES.into_iter().enumerate().map(milestone).collect(),
        late_ratio: share_of(ended(Ending::Deadline), runs.len()),
        false_halt_ratio: share_of(ended(Ending::Halted), runs.len()),
    }
}

fn exposure(course: &Course, runs: &[Played], failure_ratio: f64) -> Exposure {
    let halted = runs.iter().filter(|run| run.ending == Ending::Halted);
    let after: Vec<u64> = halted.map(|run| u64::try_from((run.at - course.now).num_seconds()).unwrap_or(0)).collect();
    Exposure {
        failure_ratio,
        halted_ratio: share_of(after.len(), runs.len()),
        exposed: spread(runs.iter().map(|run| run.exposed)),
        failed: spread(runs.iter().map(|run| run.failed)),
        halted_after_secs: (!after.is_empty()).then(|| spread(after.into_iter()).p50),
    }
}

/// The load of the first `hours`, in spans of `span` hours.
fn load(course: &Course, runs: &[Played], (hours, span): (usize, usize), reports: f64, bytes: u64) -> Vec<LoadSpan> {
    let point = |index: usize| {
        let within = |run: &Played| run.hours.iter().skip(index * span).take(span).copied().collect::<Vec<_>>();
        let sums: Vec<(u64, u64)> = runs
            .iter()
            .map(|run| within(run).into_iter().fold((0, 0), |sum, (offers, ends)| (sum.0 + offers, sum.1 + ends)))
            .collect();
        let offers = spread(sums.iter().map(|sum| sum.0));
        let requests = spread(sums.iter().map(|sum| sum.0 + times(sum.1, reports)));
        let beginning = TimeDelta::try_hours(i64::try_from(index * span).unwrap_or(i64::MAX));
        LoadSpan {
            at: course.now + beginning.unwrap_or_default(),
            offers_p50: offers.p50,
            offers_p90: offers.p90,
            requests_p50: requests.p50,
            requests_p90: requests.p90,
            cdn_bytes_p50: offers.p50.saturating_mul(bytes),
            cdn_bytes_p90: offers.p90.saturating_mul(bytes),
        }
    };
    (0..hours.div_ceil(span)).map(point).collect()
}

fn band(mut times: Vec<DateTime<Utc>>) -> Option<FinishBand> {
    times.sort();
    let at = |percent: usize| times.get(place(percent, times.len())).copied();
    Some(FinishBand { p10_at: at(10)?, p50_at: at(50)?, p90_at: at(90)? })
}

fn spread(counts: impl Iterator<Item = u64>) -> Spread {
    let mut counts: Vec<u64> = counts.collect();
    counts.sort_unstable();
    let at = |percent: usize| counts.get(place(percent, counts.len())).copied().unwrap_or(0);
    Spread { p10: at(10), p50: at(50), p90: at(90) }
}

/// The place of a quantile among `of` sorted values.
fn place(percent: usize, of: usize) -> usize {
    (of.saturating_sub(1) * percent + 50) / 100
}

#[expect(clippy::cast_precision_loss, reason = "runs are few")]
fn share_of(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "acknowledgements are below 2^52"
)]
fn times(vehicles: u64, each: f64) -> u64 {
    (vehicles as f64 * each).round() as u64
}
