//! Rollout plans: how waves are cut, and what is refused.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::now;
use crate::rollout::{
    Gate, HaltPolicy, MAX_WAVES, Outcomes, Policy, Ramp, Sequential, Threshold, ThresholdOf, WavePlan, check_plan,
    failures_until_halt, halts, share_of, wave_ends,
};

fn wave(share_ratio: f64, gate_installed_ratio: f64) -> WavePlan {
    WavePlan::share(share_ratio, gate_installed_ratio)
}

fn count(count: u64) -> WavePlan {
    WavePlan { count: Some(count), ..WavePlan::default() }
}

fn listed(expression: &str) -> WavePlan {
    WavePlan { expression: Some(expression.to_owned()), ..WavePlan::default() }
}

fn rest() -> WavePlan {
    WavePlan::default()
}

/// The pointer that a plan is refused at; empty when it is taken.
fn refused(waves: &[WavePlan], policy: &Policy) -> String {
    match check_plan(waves, policy, None, now() + TimeDelta::days(1), now()) {
        Ok(()) => String::new(),
        Err(error) => error.pointer,
    }
}

#[test]
fn a_plan_is_refused_for_the_first_thing_that_is_wrong() {
    let check = |waves: &[WavePlan]| refused(waves, &Policy::default());
    assert_eq!(check(&[wave(0.05, 0.9), wave(0.95, 0.0)]), "");
    assert_eq!(check(&[wave(0.1, 0.9), wave(0.2, 1.0), wave(0.7, 0.0)]), "");
    assert_eq!(check(&[]), "/waves");
    assert_eq!(check(&vec![wave(0.01, 0.5); MAX_WAVES + 1]), "/waves");
    for share in [0.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
        assert_eq!(check(&[wave(0.5, 0.5), wave(share, 0.5)]), "/waves/1/share_ratio", "{share}");
    }
    for gate in [-0.1, 1.1, f64::NAN] {
        assert_eq!(check(&[wave(1.0, gate)]), "/waves/0/gate_installed_ratio", "{gate}");
    }
    assert_eq!(check(&[wave(0.5, 0.5), wave(0.4, 0.5)]), "/waves");
}

#[test]
fn a_plan_must_lie_ahead() {
    let plan = [wave(1.0, 0.0)];
    let (day, hour) = (TimeDelta::days(1), TimeDelta::hours(1));
    assert_eq!(check_plan(&plan, &Policy::default(), None, now(), now()).unwrap_err().pointer, "/deadline");
    assert_eq!(
        check_plan(&plan, &Policy::default(), Some(now() + day), now() + day, now()).unwrap_err().pointer,
        "/start_at"
    );
    assert_eq!(
        check_plan(&plan, &Policy::default(), Some(now() - hour), now() + day, now()),
        Ok(()),
        "a start in the past is now"
    );
}

#[test]
fn shares_are_rounded_up_but_not_by_how_floats_add() {
    assert_eq!(share_of(0.1 + 0.2, 10), 3);
    assert_eq!(share_of(0.05, 10), 1);
    assert_eq!(share_of(0.9, 10), 9);
    assert_eq!(share_of(1.0, 10_000_000), 10_000_000);
    assert_eq!(share_of(0.0, 10), 0);
    assert_eq!(share_of(0.5, 0), 0);
}

#[test]
fn a_small_campaign_has_empty_waves_and_a_vehicle_in_the_first() {
    let plan = [wave(0.05, 0.9), wave(0.05, 0.9), wave(0.9, 0.0)];
    assert_eq!(wave_ends(&plan, 0), [0, 0, 0]);
    assert_eq!(wave_ends(&plan, 1), [1, 1, 1]);
    assert_eq!(wave_ends(&plan, 3), [1, 1, 3]);
    assert_eq!(wave_ends(&plan, 100), [5, 10, 100]);
}

proptest! {
    #[test]
    fn every_vehicle_is_in_exactly_one_wave(parts in prop::collection::vec(1..1_000_u32, 1..20), members in 0..5_000_000_u64) {
        let total = f64::from(parts.iter().sum::<u32>());
        let waves: Vec<WavePlan> = parts.iter().map(|part| wave(f64::from(*part) / total, 0.5)).collect();
        prop_assert_eq!(check_plan(&waves, &Policy::default(), None, now() + TimeDelta::days(1), now()), Ok(()));
        let ends = wave_ends(&waves, members);
        prop_assert!(ends.is_sorted());
        prop_assert_eq!(ends.last().copied(), Some(members));
        let mut share = 0.0;
        for (wave, end) in waves.iter().zip(&ends) {
            share += wave.share_ratio.unwrap();
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let (exact, end) = (share * members as f64, *end as f64);
            prop_assert!((end - exact).abs() <= 1.0, "{} instead of {}", end, exact);
        }
    }
}

#[test]
fn lists_counts_shares_and_the_rest_go_together_as_far_as_nobody_is_left_out() {
    let none = Policy::default();
    let taken: [&[WavePlan]; 5] = [
        &[listed("\"canary\" in tags"), count(10), wave(0.1, 1.0), rest()],
        &[rest(), listed("true")],
        &[wave(0.5, 1.0), listed("true"), wave(0.5, 0.0)],
        &[count(10), rest()],
        &[wave(0.2, 0.0), rest()],
    ];
    for plan in taken {
        assert_eq!(refused(plan, &none), "", "{plan:?}");
    }
    let both = WavePlan { share_ratio: Some(1.0), count: Some(3), ..WavePlan::default() };
    let nobody = WavePlan { vins: Some(Vec::new()), ..WavePlan::default() };
    let refusals: [(&[WavePlan], &str); 8] = [
        (&[listed("true")], "/waves"),
        (&[rest(), wave(0.5, 0.0)], "/waves/0"),
        (&[count(10), wave(1.0, 0.0)], "/waves/1"),
        (&[wave(0.5, 0.0), count(10)], "/waves/1"),
        (&[wave(1.0, 0.0), rest()], "/waves"),
        (&[count(0), rest()], "/waves/0/count"),
        (&[both], "/waves/0"),
        (&[nobody, rest()], "/waves/0/vins"),
    ];
    for (plan, pointer) in refusals {
        assert_eq!(refused(plan, &none), pointer, "{plan:?}");
    }
}

#[test]
fn counts_come_before_shares_of_all_that_are_ranked() {
    assert_eq!(wave_ends(&[listed("true"), count(10), wave(0.1, 1.0), rest()], 1000), [10, 110, 1000]);
    assert_eq!(wave_ends(&[count(10), count(10), rest()], 15), [10, 15, 15]);
    assert_eq!(wave_ends(&[listed("true"), rest()], 0), [0]);
}

#[test]
fn a_ramp_grows_by_its_factor_and_ends_with_everybody() {
    let gate = Gate { approval: true, ..Gate::default() };
    let ramp = Ramp { first_ratio: 0.01, factor: 3.0, gate_installed_ratio: 0.9, gate };
    let plan = ramp.waves().unwrap();
    assert_eq!(refused(&plan, &Policy::default()), "");
    assert_eq!(wave_ends(&plan, 10_000), [100, 400, 1300, 4000, 10_000]);
    assert!(plan.iter().all(|wave| wave.gate.approval));
}

#[test]
fn gates_and_policies_that_cannot_mean_anything_are_refused() {
    let gated = |gate: Gate| vec![WavePlan { gate, ..wave(0.5, 0.0) }, wave(0.5, 0.0)];
    let none = Policy::default();
    assert_eq!(
        refused(&gated(Gate { success_ratio: Some(1.1), ..Gate::default() }), &none),
        "/waves/0/gate/success_ratio"
    );
    assert_eq!(
        refused(&gated(Gate { reported_ratio: Some(0.5), ..Gate::default() }), &none),
        "/waves/0/gate/reported_ratio"
    );
    // A soak of two days in a campaign of one: the second wave could never open.
    assert_eq!(refused(&gated(Gate { soak_secs: Some(172_800), ..Gate::default() }), &none), "/waves/0/gate/soak_secs");
    let halting = |halt: HaltPolicy| Policy { halt, ..Policy::default() };
    let test = |acceptable_ratio, intolerable_ratio| {
        let sequential = Some(Sequential { acceptable_ratio, intolerable_ratio, alpha: 0.01, beta: 0.01 });
        halting(HaltPolicy { sequential, ..HaltPolicy::default() })
    };
    let plan = [wave(1.0, 0.0)];
    assert_eq!(refused(&plan, &test(0.01, 0.05)), "");
    for (good, bad) in [(0.0, 0.05), (0.05, 0.05), (0.05, 0.01), (0.5, 1.0)] {
        assert_eq!(refused(&plan, &test(good, bad)), "/policy/halt/sequential", "{good} {bad}");
    }
    assert_eq!(refused(&plan, &Policy { max_in_flight: Some(0), ..Policy::default() }), "/policy/max_in_flight");
    let capped = |cap| Policy { max_bytes_per_sec: Some(cap), ..Policy::default() };
    for (cap, pointer) in [(16_384, ""), (16_383, "/policy/max_bytes_per_sec"), (u64::MAX, "/policy/max_bytes_per_sec")]
    {
        assert_eq!(refused(&plan, &capped(cap)), pointer, "{cap}");
    }
}

fn outcomes(failed: u64, finished: u64) -> Outcomes {
    Outcomes { size: 2000, finished, failed }
}

#[test]
fn a_sequential_test_halts_on_what_is_much_likelier_under_the_bad_rate() {
    let sequential = Some(Sequential { acceptable_ratio: 0.01, intolerable_ratio: 0.05, alpha: 0.01, beta: 0.01 });
    let policy = HaltPolicy { sequential, ..HaltPolicy::default() };
    // By hand: ln(0.99 / 0.01) = 4.595; a failure adds ln 5 = 1.609, a success takes 0.0412.
    assert!(halts(&policy, 1, 1, &outcomes(3, 3)).is_some(), "4.83");
    assert!(halts(&policy, 1, 1, &outcomes(3, 8)).is_some(), "4.62");
    assert!(halts(&policy, 1, 1, &outcomes(3, 9)).is_none(), "4.58");
    assert!(halts(&policy, 1, 1, &outcomes(20, 2000)).is_none());
    assert!(halts(&policy, 1, 1, &outcomes(0, 0)).is_none());
    // Shared among five waves the bound is ln(0.99 / 0.002) = 6.205.
    assert!(halts(&policy, 1, 5, &outcomes(3, 3)).is_none());
    assert!(halts(&policy, 1, 5, &outcomes(4, 4)).is_some());
    assert_eq!(failures_until_halt(&policy, 1, 1, &outcomes(0, 0)), Some(3));
    assert_eq!(failures_until_halt(&policy, 1, 1, &outcomes(1, 100)), Some(5));
    assert_eq!(failures_until_halt(&HaltPolicy::default(), 1, 1, &outcomes(1, 100)), None);
}

#[test]
fn a_threshold_counts_from_its_minimum_on_and_what_it_is_told_to() {
    let of = |of, min_finished| HaltPolicy {
        thresholds: vec![Threshold { failed_ratio: 0.03, of, min_finished }],
        ..HaltPolicy::default()
    };
    assert!(halts(&of(ThresholdOf::Wave, 0), 1, 1, &outcomes(60, 100)).is_none(), "3 % of 2,000 are not more than 3 %");
    assert!(halts(&of(ThresholdOf::Wave, 0), 1, 1, &outcomes(61, 100)).is_some());
    assert!(halts(&of(ThresholdOf::Finished, 200), 1, 1, &outcomes(61, 199)).is_none());
    assert!(halts(&of(ThresholdOf::Finished, 200), 1, 1, &outcomes(7, 200)).is_some());
}
