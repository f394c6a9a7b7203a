//! The adapting rate as a story: each line is a look.

use std::time::Duration;

use chrono::TimeDelta;

use super::now;
use crate::rollout::{Adapt, PaceReason, PaceWindow, Policy, Rate, WavePlan, adapted, check_plan};

const ADAPT: Adapt = Adapt { min_per_minute: 10, max_per_minute: 100, failed_ratio: 0.02 };

#[test]
fn it_rises_while_all_is_well_and_is_halved_at_once_when_it_is_not() {
    let mut rate = 40;
    for (finished, failed, behind_secs, expected, code) in [
        (0, 0, 0, 40, "quiet"),
        (20, 0, 0, 50, "well"),
        (25, 1, 0, 62, "well"),
        (30, 2, 0, 31, "failures"),
        (200, 2, 0, 38, "well"),
        (20, 0, 6, 19, "busy"),
        (10, 9, 60, 10, "failures"),
        (0, 0, 6, 10, "busy"),
        (5, 0, 5, 12, "well"),
    ] {
        let window = PaceWindow { finished, failed, behind: Duration::from_secs(behind_secs) };
        let (next, reason) = adapted(rate, &ADAPT, &window);
        assert_eq!((next, serde_json::to_value(&reason).unwrap()["code"].as_str().unwrap()), (expected, code));
        rate = next;
    }
    let window = PaceWindow { finished: 9, failed: 0, behind: Duration::ZERO };
    assert_eq!(adapted(99, &ADAPT, &window), (100, PaceReason::Well { finished: 9 }));
    assert_eq!(adapted(1, &ADAPT, &window).0, 10, "never below its bound");
}

#[test]
fn bounds_that_do_not_fit_are_refused() {
    let refused = |per_minute, adapt| {
        let policy = Policy { rate: Some(Rate { per_minute, adapt: Some(adapt) }), ..Policy::default() };
        let plan = check_plan(&[WavePlan::share(1.0, 0.0)], &policy, None, now() + TimeDelta::days(1), now());
        plan.err().map(|error| error.pointer)
    };
    assert_eq!(refused(50, ADAPT), None);
    assert_eq!(refused(5, ADAPT).as_deref(), Some("/policy/rate/per_minute"));
    assert_eq!(refused(101, ADAPT).as_deref(), Some("/policy/rate/per_minute"));
    let adapt = |min_per_minute, max_per_minute, failed_ratio| Adapt { min_per_minute, max_per_minute, failed_ratio };
    assert_eq!(refused(50, adapt(0, 100, 0.1)).as_deref(), Some("/policy/rate/adapt"));
    assert_eq!(refused(50, adapt(60, 40, 0.1)).as_deref(), Some("/policy/rate/adapt"));
    assert_eq!(refused(50, adapt(10, 100, 1.5)).as_deref(), Some("/policy/rate/adapt/failed_ratio"));
}
