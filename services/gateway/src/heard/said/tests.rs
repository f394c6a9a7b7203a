use otaru_domain::{clock, topic};

use super::*;

fn record(offset: i64, origin: Origin, state: AssignmentState) -> Record {
    let vin = Vin::parse("WVWZZZ1KZAW000001").unwrap();
    let ack = Ack::by_server(origin, vin, 7, 1, state, clock::now());
    Record {
        topic: topic::ACKS.into(),
        partition: 0,
        offset,
        timestamp_ms: None,
        stored_ms: None,
        key: None,
        value: Some(serde_json::to_vec(&ack).unwrap()),
        headers: Vec::new(),
    }
}

fn attempt() -> Attempt {
    (Vin::parse("WVWZZZ1KZAW000001").unwrap(), 7, 1)
}

#[test]
fn an_end_is_known_until_all_of_the_attempt_is_applied() {
    let mut state = State::default();
    state.take(&record(4, Origin::Vehicle, AssignmentState::Installing));
    assert!(!state.of(&attempt()).unwrap().is_over());
    state.take(&record(5, Origin::Vehicle, AssignmentState::Installed));
    assert!(state.of(&attempt()).unwrap().is_over());
    state.forget(&HashMap::from([(0, 5)]));
    assert!(state.of(&attempt()).is_some(), "its end is not applied");
    state.forget(&HashMap::from([(1, 9)]));
    assert!(state.of(&attempt()).is_some(), "another partition was applied");
    state.forget(&HashMap::from([(0, 6)]));
    assert!(state.vehicles.is_empty());
}

#[test]
fn what_a_writer_may_not_say_ends_nothing() {
    let mut state = State::default();
    state.take(&record(0, Origin::Vehicle, AssignmentState::Cancelled));
    state.take(&record(1, Origin::Engine, AssignmentState::Installed));
    assert!(state.vehicles.is_empty());
    assert_eq!(state.read[&0], 2, "read all the same");
}

#[test]
fn a_vehicle_that_makes_reports_up_fills_no_memory() {
    let mut state = State::default();
    for campaign in 0..1000 {
        let mut made_up = record(campaign, Origin::Vehicle, AssignmentState::Installed);
        let mut ack: Ack = serde_json::from_slice(made_up.value.as_deref().unwrap()).unwrap();
        ack.campaign = 8 + campaign;
        made_up.value = Some(serde_json::to_vec(&ack).unwrap());
        state.take(&made_up);
    }
    assert_eq!(state.vehicles.values().map(Vec::len).sum::<usize>(), MAX_ATTEMPTS);
    assert_eq!(state.read[&0], 1000);
}

#[test]
fn only_a_gateway_says_that_the_vehicle_stopped() {
    let mut state = State::default();
    state.take(&record(0, Origin::Engine, AssignmentState::Cancelled));
    assert!(!state.of(&attempt()).unwrap().cancel_closed);
    state.take(&record(1, Origin::Gateway, AssignmentState::Cancelled));
    assert!(state.of(&attempt()).unwrap().cancel_closed);
}

#[test]
fn a_partition_is_read_when_nothing_below_its_end_is_missing() {
    let mut state = State { begun: HashMap::from([(0, 3), (1, 5), (2, 9)]), ..State::default() };
    assert!(state.has_read(0, 0, 3), "nothing came since");
    assert!(!state.has_read(1, 0, 6), "one came since");
    assert!(!state.has_read(2, 0, 4), "the topic was made anew, and is read from its start");
    assert!(state.has_read(3, 0, 0) && !state.has_read(3, 0, 1));
    state.take(&record(3, Origin::Vehicle, AssignmentState::Installing));
    assert!(state.has_read(0, 0, 4) && !state.has_read(0, 0, 5));
}
