//! What a vehicle will do in an attempt, drawn before it begins: no answer of the network, however late, changes
//! what is drawn next.

use std::f64::consts::TAU;
use std::time::Duration;

use otaru_domain::ack::ReportedState;
use otaru_domain::id::{CampaignId, Vin};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Behaviour, Defect, Failure};

/// A log-normal time has a long tail: nobody waits longer than so many means.
const LONGEST_MEANS: f64 = 20.0;

/// How an attempt ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Installed,
    Declined,
    Failed { code: String, log: String },
}

/// How a report is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    Never,
    AtOnce,
    /// With others, shuffled, when the attempt is over.
    Late,
}

/// A report to come.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) state: ReportedState,
    pub(super) progress_percent: Option<u8>,
    pub(super) id: Uuid,
    /// Before this step.
    pub(super) delay: Duration,
    pub(super) repeat: Repeat,
}

/// An attempt to come.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) steps: Vec<Planned>,
    pub(super) end: End,
    /// Send all reports at the end, as a batch.
    pub(super) batch: bool,
    /// For the order of late repetitions.
    pub(super) rng: SmallRng,
}

/// A generator that gives the same for the same words.
pub(super) fn seeded(words: &str) -> SmallRng {
    let mut seed = [0; 32];
    seed.copy_from_slice(&Sha256::digest(words.as_bytes()));
    SmallRng::from_seed(seed)
}

impl Plan {
    /// What the vehicle `vin` will do; `defect` is that of what it is to install.
    pub(super) fn draw(
        behaviour: &Behaviour,
        defect: Option<&Defect>,
        seed: u64,
        vin: &Vin,
        campaign: CampaignId,
        attempt: u32,
    ) -> Self {
        let mut rng = seeded(&format!("{seed}/{vin}/{campaign}/{attempt}"));
        let end = draw_end(behaviour, defect, &mut rng);
        let batch = chance(&mut rng, behaviour.batch_ratio);
        let steps = reported(&end).into_iter().map(|(state, progress_percent)| Planned {
            state,
            progress_percent,
            id: uuid::Builder::from_random_bytes(rng.random()).into_uuid(),
            delay: log_normal(&mut rng, behaviour.step_delay_mean, behaviour.step_delay_sigma),
            repeat: match chance(&mut rng, behaviour.duplicate_ratio) {
                false => Repeat::Never,
                true if rng.random() => Repeat::AtOnce,
                true => Repeat::Late,
            },
        });
        Self { steps: steps.collect(), end, batch, rng: seeded(&format!("{seed}/{vin}/{campaign}/{attempt}/late")) }
    }
}

fn reported(end: &End) -> Vec<(ReportedState, Option<u8>)> {
    use ReportedState as S;
    if *end == End::Declined {
        return vec![(S::Declined, None)];
    }
    let exit = if *end == End::Installed { S::Installed } else { S::Failed };
    vec![
        (S::Accepted, None),
        (S::Downloading, Some(0)),
        (S::Downloading, Some(50)),
        (S::Downloaded, None),
        (S::Installing, None),
        (exit, None),
    ]
}

fn draw_end(behaviour: &Behaviour, defect: Option<&Defect>, rng: &mut SmallRng) -> End {
    let (ratio, failures) = defect
        .map_or((behaviour.failure_ratio, &behaviour.failures), |defect| (defect.failure_ratio, &defect.failures));
    let declines = chance(rng, behaviour.decline_ratio);
    let fails = chance(rng, ratio);
    let failure = draw_failure(failures, rng);
    match failure {
        _ if declines => End::Declined,
        Some(failure) if fails => End::Failed { code: failure.code.clone(), log: failure.log.clone() },
        None if fails => End::Failed { code: "unknown".to_owned(), log: String::new() },
        _ => End::Installed,
    }
}

fn draw_failure<'a>(failures: &'a [Failure], rng: &mut SmallRng) -> Option<&'a Failure> {
    let total: u32 = failures.iter().map(|failure| failure.weight).sum();
    if total == 0 {
        return None;
    }
    let mut drawn = rng.random_range(0..total);
    failures.iter().find(|failure| {
        let found = drawn < failure.weight;
        drawn = drawn.saturating_sub(failure.weight);
        found
    })
}

/// True with the probability `ratio`, whatever number that is.
pub(super) fn chance(rng: &mut SmallRng, ratio: f64) -> bool {
    rng.random::<f64>() < ratio
}

/// An exponential time with this mean.
pub(super) fn exponential(rng: &mut SmallRng, mean: Duration) -> Duration {
    let uniform: f64 = rng.random();
    mean.mul_f64((-(1.0 - uniform).ln()).min(LONGEST_MEANS))
}

/// A log-normal time with this mean and this standard deviation of its logarithm.
pub(super) fn log_normal(rng: &mut SmallRng, mean: Duration, sigma: f64) -> Duration {
    // Box and Muller: one normal number of two uniform ones.
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (TAU * v).cos();
    mean.mul_f64((sigma * normal - sigma * sigma / 2.0).exp().min(LONGEST_MEANS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_times_have_the_mean_that_was_asked_for() {
        let mut rng = seeded("times");
        let mean = Duration::from_secs(10);
        let mut of = |draw: &dyn Fn(&mut SmallRng) -> Duration| {
            (0..20_000).map(|_| draw(&mut rng).as_secs_f64()).sum::<f64>() / 20_000.0
        };
        let log_normal = of(&|rng| log_normal(rng, mean, 0.8));
        let exponential = of(&|rng| exponential(rng, mean));
        assert!((9.5..10.5).contains(&log_normal), "{log_normal}");
        assert!((9.5..10.5).contains(&exponential), "{exponential}");
    }

    #[test]
    fn failures_come_as_often_as_their_ratio_and_weights_say() {
        let behaviour = Behaviour { failure_ratio: 0.5, decline_ratio: 0.0, ..Behaviour::default() };
        let vin = "WVWZZZ1KZAW000001".parse().unwrap();
        let mut by_code = std::collections::BTreeMap::<String, u32>::new();
        for campaign in 0..4_000 {
            if let End::Failed { code, .. } = Plan::draw(&behaviour, None, 1, &vin, campaign, 1).end {
                *by_code.entry(code).or_default() += 1;
            }
        }
        let of = |code: &str| by_code[code];
        // 2,000 failures in shares of 5, 3 and 2 of 10.
        assert!((900..1_100).contains(&of("flash_write_error")), "{by_code:?}");
        assert!((520..680).contains(&of("battery_low")), "{by_code:?}");
        assert!((330..470).contains(&of("ecu_timeout")), "{by_code:?}");
    }

    #[test]
    fn what_is_defective_fails_in_its_own_way() {
        let failures = vec![Failure { code: "boot_loop".into(), log: String::new(), weight: 1 }];
        let defect = Defect { hardware_id: "IVI".parse().unwrap(), version: "2".into(), failure_ratio: 1.0, failures };
        let behaviour = Behaviour { decline_ratio: 0.0, failure_ratio: 0.0, ..Behaviour::default() };
        let vin = "WVWZZZ1KZAW000001".parse().unwrap();
        let end = |defect| Plan::draw(&behaviour, defect, 1, &vin, 1, 1).end;
        assert_eq!(end(Some(&defect)), End::Failed { code: "boot_loop".into(), log: String::new() });
        assert_eq!(end(None), End::Installed);
    }
}
