use chrono::TimeDelta;
use proptest::prelude::*;

use super::now;
use crate::campaign::{
    CampaignState as S, Command as C, MAX_WAVES, PlanError, WavePlan, check_plan, share_of, wave_ends,
};

fn wave(share_ratio: f64, gate_installed_ratio: f64) -> WavePlan {
    WavePlan { share_ratio, gate_installed_ratio }
}

#[test]
fn every_state_takes_exactly_these_commands() {
    let table: [(S, &[(C, S)]); 8] = [
        (
            S::Draft,
            &[(C::Submit, S::InReview), (C::Schedule, S::Scheduled), (C::Start, S::Running), (C::Cancel, S::Cancelled)],
        ),
        (
            S::InReview,
            &[
                (C::Approve, S::InReview),
                (C::Reject, S::Draft),
                (C::Schedule, S::Scheduled),
                (C::Start, S::Running),
                (C::Cancel, S::Cancelled),
            ],
        ),
        (S::Scheduled, &[(C::Start, S::Running), (C::Cancel, S::Cancelled)]),
        (
            S::Running,
            &[(C::Pause, S::Paused), (C::Halt, S::Halted), (C::Complete, S::Completed), (C::Cancel, S::Cancelled)],
        ),
        (
            S::Paused,
            &[(C::Resume, S::Running), (C::Halt, S::Halted), (C::Complete, S::Completed), (C::Cancel, S::Cancelled)],
        ),
        (S::Halted, &[(C::Resume, S::Running), (C::Complete, S::Completed), (C::Cancel, S::Cancelled)]),
        (S::Completed, &[]),
        (S::Cancelled, &[]),
    ];
    for (state, expected) in table {
        let taken: Vec<(C, S)> = C::ALL.into_iter().filter_map(|c| state.on(c).ok().map(|next| (c, next))).collect();
        assert_eq!(taken, expected, "{state}");
        assert_eq!(state.allowed(), expected.iter().map(|(command, _)| *command).collect::<Vec<_>>());
    }
}

#[test]
fn a_refusal_says_what_is_allowed() {
    let refusal = |state: S, command| state.on(command).unwrap_err().to_string();
    assert_eq!(
        refusal(S::Running, C::Start),
        "cannot start a campaign that is running; allowed now: pause, halt, complete, cancel"
    );
    assert_eq!(refusal(S::Completed, C::Cancel), "cannot cancel a campaign that is completed; it has ended");
}

#[test]
fn a_state_is_found_by_its_name() {
    for state in S::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
    }
    assert!("done".parse::<S>().is_err());
}

#[test]
fn a_plan_is_refused_for_the_first_thing_that_is_wrong() {
    let deadline = now() + TimeDelta::days(1);
    let check = |waves: &[WavePlan]| check_plan(waves, None, deadline, now());
    assert_eq!(check(&[wave(0.05, 0.9), wave(0.95, 0.0)]), Ok(()));
    assert_eq!(check(&[wave(0.1, 0.9), wave(0.2, 1.0), wave(0.7, 0.0)]), Ok(()));
    assert_eq!(check(&[]), Err(PlanError::Count));
    assert_eq!(check(&vec![wave(0.01, 0.5); MAX_WAVES + 1]), Err(PlanError::Count));
    for share in [0.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
        assert_eq!(check(&[wave(0.5, 0.5), wave(share, 0.5)]), Err(PlanError::Share(1)), "{share}");
    }
    for gate in [-0.1, 1.1, f64::NAN] {
        assert_eq!(check(&[wave(1.0, gate)]), Err(PlanError::Gate(0)), "{gate}");
    }
    assert!(matches!(check(&[wave(0.5, 0.5), wave(0.4, 0.5)]), Err(PlanError::Sum(_))));
}

#[test]
fn a_plan_must_lie_ahead() {
    let plan = [wave(1.0, 0.0)];
    let (day, hour) = (TimeDelta::days(1), TimeDelta::hours(1));
    assert_eq!(check_plan(&plan, None, now(), now()), Err(PlanError::DeadlinePast));
    assert_eq!(check_plan(&plan, Some(now() + day), now() + day, now()), Err(PlanError::StartAfterDeadline));
    assert_eq!(check_plan(&plan, Some(now() - hour), now() + day, now()), Ok(()), "a start in the past is now");
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
        prop_assert_eq!(check_plan(&waves, None, now() + TimeDelta::days(1), now()), Ok(()));
        let ends = wave_ends(&waves, members);
        prop_assert!(ends.is_sorted());
        prop_assert_eq!(ends.last().copied(), Some(members));
        let mut share = 0.0;
        for (wave, end) in waves.iter().zip(&ends) {
            share += wave.share_ratio;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let (exact, end) = (share * members as f64, *end as f64);
            prop_assert!((end - exact).abs() <= 1.0, "{} instead of {}", end, exact);
        }
    }
}
