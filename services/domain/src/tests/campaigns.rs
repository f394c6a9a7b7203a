use crate::campaign::{CampaignState as S, Command as C};

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
