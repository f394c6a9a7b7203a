use proptest::prelude::*;
use uuid::Uuid;

use super::{now, vin};
use crate::ack::{Ack, Origin};
use crate::assignment::{AssignmentState as S, Impossible, Track};

fn ack(origin: Origin, attempt: u32, sequence: u64, state: S, progress: Option<u8>) -> Ack {
    let mut ack = Ack::by_server(origin, vin("WVWZZZ1KZAW000001"), 12, attempt, state, now());
    ack.sequence = sequence;
    ack.progress_percent = progress;
    ack.id = Uuid::new_v5(&ack.id, &sequence.to_be_bytes());
    ack
}

fn says(sequence: u64, state: S) -> Ack {
    ack(Origin::Vehicle, 1, sequence, state, None)
}

fn engine(attempt: u32, state: S) -> Ack {
    ack(Origin::Engine, attempt, 0, state, None)
}

fn gateway(attempt: u32, state: S) -> Ack {
    ack(Origin::Gateway, attempt, 0, state, None)
}

fn merged(acks: &[Ack]) -> Track {
    let mut track = Track::assigned(1);
    for ack in acks {
        track.merge(ack).unwrap();
    }
    track
}

/// The state after `acks`, which must be the same in reverse.
fn state_either_way(acks: &[Ack]) -> S {
    let reversed: Vec<Ack> = acks.iter().rev().cloned().collect();
    assert_eq!(merged(acks), merged(&reversed), "{acks:#?}");
    merged(acks).state()
}

#[test]
fn an_update_goes_through_its_steps() {
    let mut track = Track::assigned(1);
    assert_eq!(track.state(), S::Assigned);
    assert_eq!(track.merge(&gateway(1, S::Offered)), Ok(true));
    assert_eq!(track.state(), S::Offered);
    let steps = [S::Accepted, S::Downloading, S::Downloaded, S::Installing, S::Installed];
    for (sequence, state) in (1..).zip(steps) {
        assert_eq!(track.merge(&says(sequence, state)), Ok(true));
        assert_eq!(track.state(), state);
    }
}

#[test]
fn installed_then_rolled_back_is_rolled_back() {
    assert_eq!(state_either_way(&[says(5, S::Installed), says(6, S::RolledBack)]), S::RolledBack);
}

#[test]
fn rolled_back_before_installed_is_final() {
    assert_eq!(state_either_way(&[says(4, S::RolledBack), says(5, S::Installed)]), S::RolledBack);
}

#[test]
fn failed_then_installed_stays_failed() {
    assert_eq!(state_either_way(&[says(5, S::Failed), says(6, S::Installed)]), S::Failed);
}

#[test]
fn failed_then_rolled_back_stays_failed() {
    assert_eq!(state_either_way(&[says(5, S::Failed), says(6, S::RolledBack)]), S::Failed);
}

#[test]
fn installed_then_failed_stays_installed_also_when_a_roll_back_follows() {
    assert_eq!(state_either_way(&[says(5, S::Installed), says(6, S::Failed)]), S::Installed);
    let all = [says(5, S::Installed), says(6, S::Failed), says(7, S::RolledBack)];
    assert_eq!(state_either_way(&all), S::RolledBack);
}

#[test]
fn what_a_vehicle_reports_replaces_what_the_server_withdrew() {
    for withdrawn in [S::TimedOut, S::Cancelled, S::Superseded] {
        for exit in [S::Installed, S::Failed, S::Declined, S::RolledBack] {
            assert_eq!(state_either_way(&[engine(1, withdrawn), says(5, exit)]), exit);
        }
    }
}

#[test]
fn a_step_does_not_bring_a_withdrawn_assignment_back() {
    assert_eq!(state_either_way(&[engine(1, S::TimedOut), says(3, S::Downloading)]), S::TimedOut);
}

#[test]
fn a_late_lower_sequence_changes_nothing() {
    let mut track = merged(&[says(1, S::Accepted), says(4, S::Installing)]);
    for late in [says(2, S::Downloading), says(3, S::Downloaded), gateway(1, S::Offered), engine(1, S::Assigned)] {
        assert_eq!(track.merge(&late), Ok(false), "{late:?}");
    }
    assert_eq!(track.state(), S::Installing);
}

#[test]
fn a_late_duplicate_ack_changes_nothing() {
    let history = [gateway(1, S::Offered), says(1, S::Accepted), says(2, S::Installed), says(3, S::RolledBack)];
    let mut track = merged(&history);
    for again in &history {
        assert_eq!(track.merge(again), Ok(false), "{again:?}");
    }
}

#[test]
fn a_later_sequence_may_go_back_a_step() {
    // A download that had to be begun again.
    assert_eq!(state_either_way(&[says(3, S::Downloaded), says(4, S::Downloading)]), S::Downloading);
}

#[test]
fn progress_belongs_to_its_step_and_does_not_fall_at_one_sequence() {
    let downloading = |sequence, percent| ack(Origin::Vehicle, 1, sequence, S::Downloading, percent);
    let mut track = merged(&[downloading(2, Some(40))]);
    assert_eq!(track.merge(&downloading(2, Some(30))), Ok(false));
    assert_eq!(track.merge(&downloading(2, None)), Ok(false));
    assert_eq!(track.merge(&downloading(3, Some(60))), Ok(true));
    assert_eq!(track.progress_percent, Some(60));
    assert_eq!(track.merge(&says(4, S::Downloaded)), Ok(true));
    assert_eq!(track.progress_percent, None);
}

#[test]
fn a_retry_forgets_the_attempt_before() {
    let mut track = merged(&[says(5, S::Failed)]);
    assert_eq!(track.merge(&engine(2, S::Assigned)), Ok(true));
    assert_eq!(track, Track::assigned(2));
    assert_eq!(track.merge(&says(9, S::Installed)), Ok(false), "a report of attempt 1 is history");
    assert_eq!(track.state(), S::Assigned);
}

#[test]
fn an_attempt_that_was_never_begun_is_impossible() {
    let mut track = Track::assigned(1);
    let early = ack(Origin::Vehicle, 3, 1, S::Installed, None);
    assert_eq!(track.merge(&early), Err(Impossible::UnknownAttempt { got: 3, current: 1 }));
    assert_eq!(track.merge(&engine(2, S::TimedOut)), Err(Impossible::UnknownAttempt { got: 2, current: 1 }));
    assert_eq!(track, Track::assigned(1));
}

#[test]
fn words_of_another_are_impossible_and_change_nothing() {
    let mut track = Track::assigned(1);
    for stolen in [ack(Origin::Vehicle, 1, 1, S::Cancelled, None), gateway(1, S::Installed), engine(1, S::Failed)] {
        assert!(matches!(track.merge(&stolen), Err(Impossible::NotTheirs { .. })), "{stolen:?}");
    }
    assert_eq!(track, Track::assigned(1));
}

#[test]
fn every_reason_has_a_code_of_its_own() {
    let reasons = [
        Impossible::UnknownAttempt { got: 2, current: 1 },
        Impossible::NotTheirs { origin: Origin::Vehicle, state: S::Assigned },
        Impossible::FarFuture,
    ];
    assert_eq!(reasons.map(Impossible::code), ["unknown_attempt", "not_theirs", "far_future"]);
}

#[test]
fn a_state_is_found_by_its_name() {
    for state in S::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
    assert!("Installed".parse::<S>().is_err());
}

const REPORTED: [S; 8] =
    [S::Accepted, S::Downloading, S::Downloaded, S::Installing, S::Installed, S::Declined, S::Failed, S::RolledBack];

fn history_of(attempt: u32) -> impl Strategy<Value = Vec<Ack>> {
    let report = (1..10_u64, prop::sample::select(&REPORTED), prop::option::of(0..=100_u8))
        .prop_map(move |(sequence, state, progress)| ack(Origin::Vehicle, attempt, sequence, state, progress));
    let offer = prop::sample::select(&[S::Offered, S::Cancelled]).prop_map(move |state| gateway(attempt, state));
    let withdrawal =
        prop::sample::select(&[S::TimedOut, S::Cancelled, S::Superseded]).prop_map(move |state| engine(attempt, state));
    prop::collection::vec(prop_oneof![8 => report, 1 => offer, 1 => withdrawal], 0..10).prop_map(move |mut acks| {
        if attempt > 1 {
            acks.insert(0, engine(attempt, S::Assigned));
        }
        acks
    })
}

/// A history in order, and the same messages shuffled, some of them twice.
fn histories() -> impl Strategy<Value = (Vec<Ack>, Vec<Ack>)> {
    (1..=3_u32)
        .prop_flat_map(|attempts| (1..=attempts).map(history_of).collect::<Vec<_>>())
        .prop_map(|attempts| attempts.concat())
        .prop_flat_map(|acks| {
            let again = prop::sample::subsequence(acks.clone(), 0..=acks.len());
            (Just(acks), again)
        })
        .prop_flat_map(|(acks, again)| {
            let all = [acks.clone(), again].concat();
            (Just(acks), Just(all).prop_shuffle())
        })
}

/// The order in which they are applied when an attempt's messages wait for its beginning.
fn with_attempts_begun(shuffled: Vec<Ack>, assigned_first: bool) -> Vec<Ack> {
    let begins = |ack: &Ack| ack.origin == Origin::Engine && ack.state == S::Assigned;
    if assigned_first {
        let (first, rest): (Vec<Ack>, Vec<Ack>) = shuffled.into_iter().partition(begins);
        return [first, rest].concat();
    }
    let (mut applied, mut waiting, mut attempt): (Vec<Ack>, Vec<Ack>, u32) = (Vec::new(), shuffled, 1);
    while !waiting.is_empty() {
        let next = waiting.iter().position(|ack| ack.attempt <= attempt || begins(ack)).unwrap();
        let next = waiting.remove(next);
        attempt = attempt.max(next.attempt);
        applied.push(next);
    }
    applied
}

/// The same rules once more, over reports that are sorted already.
fn state_by_the_book(acks: &[Ack]) -> S {
    let last = acks.iter().map(|ack| ack.attempt).max().unwrap_or(1);
    let mut ours: Vec<&Ack> = acks.iter().filter(|ack| ack.attempt == last).collect();
    ours.sort_by_key(|ack| (ack.sequence, ack.state));
    let (mut step, mut exit): (S, Option<(S, u64)>) = (S::Assigned, None);
    for ack in ours.iter().filter(|ack| !ack.state.is_withdrawal()) {
        match exit {
            None if ack.state.is_terminal() => exit = Some((ack.state, ack.sequence)),
            Some((S::Installed, at)) if ack.state == S::RolledBack && ack.sequence > at => {
                exit = Some((S::RolledBack, ack.sequence));
            }
            _ if !ack.state.is_terminal() => step = ack.state,
            _ => {}
        }
    }
    let withdrawn = ours.iter().map(|ack| ack.state).filter(|state| state.is_withdrawal()).min();
    exit.map(|(state, _)| state).or(withdrawn).unwrap_or(step)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_order_of_arrival_ends_in_the_same_track((mut acks, shuffled) in histories(), assigned_first: bool) {
        acks.sort_by_key(|ack| (ack.attempt, ack.origin != Origin::Engine || ack.state != S::Assigned, ack.sequence));
        let expected = merged(&acks);
        prop_assert_eq!(merged(&with_attempts_begun(shuffled, assigned_first)), expected);
        prop_assert_eq!(expected.state(), state_by_the_book(&acks));
    }

    #[test]
    fn sent_again_in_any_order_nothing_changes((acks, shuffled) in histories()) {
        let mut track = merged(&with_attempts_begun(acks, true));
        for again in &shuffled {
            prop_assert_eq!(track.merge(again), Ok(false));
        }
    }
}
