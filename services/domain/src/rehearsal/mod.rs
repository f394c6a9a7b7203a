//! Rehearsal: a campaign played against a simulated fleet, by the planner that would run it, many times over. What comes
//! out is a distribution: when it ends, how often it halts by itself, who is exposed when the release is bad, what load it
//! makes. From the state a running campaign is in, the same gives its forecast, which is kept and scored later.
//!
//! Pure and seeded: the same course, fleet and seed give the same answer. What it does not know it assumes in the
//! campaign's favour: a wave that waits for a person is approved at once, installed vehicles say that they are healthy,
//! and failures carry no code, so that a retry which names codes does not happen.

mod conditions;
mod course;
mod fleet;
mod forecast;
mod group;
mod profile;
mod quantiles;
mod run;
mod schedule;
mod score;
mod trial;
mod vehicles;

pub use course::Course;
pub use fleet::{FleetModel, FleetSource};
pub use forecast::{
    DEFAULT_RUNS, Exposure, FinishBand, Forecast, LoadSpan, MAX_RUNS, MIN_RUNS, Milestone, Rehearsal, Spread, forecast,
    rehearse,
};
pub use profile::{Observed, Outcome, Profile};
pub use quantiles::Quantiles;
pub use run::{Ending, Played, Run};
pub use score::{MAX_PER_CAMPAIGN, is_covered, is_due};
pub use trial::{Coverage, coverage, one_run};
