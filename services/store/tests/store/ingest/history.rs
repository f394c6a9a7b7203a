//! Histories as fleets make them, from a seed: in order, and as the network may deliver them.

use std::collections::HashMap;

use otaru_domain::ack::{Ack, Origin};
use otaru_domain::assignment::AssignmentState as S;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use super::support::{ack, by};

/// What one vehicle and the servers say of one campaign, in the order of events.
fn of_vehicle(rng: &mut StdRng, vehicle: usize, campaign: i64) -> Vec<Ack> {
    let mut acks = attempt(rng, vehicle, campaign, 1);
    if rng.random_ratio(1, 5) {
        acks.push(by(Origin::Engine, vehicle, campaign, 2, S::Assigned, 500));
        acks.extend(attempt(rng, vehicle, campaign, 2));
    }
    acks
}

fn attempt(rng: &mut StdRng, vehicle: usize, campaign: i64, attempt: u32) -> Vec<Ack> {
    let mut sequence = 0;
    let mut next = |state| {
        sequence += 1;
        ack(vehicle, campaign, attempt, sequence, state)
    };
    let mut acks = vec![by(Origin::Gateway, vehicle, campaign, attempt, S::Offered, 0)];
    let steps = [S::Accepted, S::Downloading, S::Downloading, S::Downloaded, S::Installing];
    let reached = if rng.random_ratio(2, 3) { steps.len() } else { rng.random_range(0..steps.len()) };
    for step in &steps[..reached] {
        let mut one = next(*step);
        one.progress_percent = rng.random_bool(0.5).then(|| rng.random_range(0..=100));
        acks.push(one);
    }
    let endings: &[&[S]] = &[
        &[S::Installed],
        &[S::Installed],
        &[S::Installed, S::RolledBack],
        &[S::Failed],
        &[S::Failed, S::Installed],
        &[S::RolledBack],
        &[S::Declined],
        &[],
    ];
    for state in *endings.choose(rng).unwrap() {
        let mut one = next(*state);
        if *state != S::Installed {
            one.error_code = Some(format!("E{}", rng.random_range(0..3)));
            one.log = Some(format!("line {}", rng.random_range(0..3)));
        }
        acks.push(one);
    }
    for state in [S::TimedOut, S::Cancelled, S::Superseded] {
        if rng.random_ratio(1, 8) {
            let at = rng.random_range(0..=acks.len());
            acks.insert(at, by(Origin::Engine, vehicle, campaign, attempt, state, 400));
        }
    }
    acks
}

/// A fleet's history in order, about `per_vehicle` messages for each vehicle and campaign.
pub fn in_order(seed: u64, vehicles: usize, campaigns: i64) -> Vec<Ack> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut acks = Vec::new();
    for vehicle in 0..vehicles {
        for campaign in 1..=campaigns {
            acks.extend(of_vehicle(&mut rng, vehicle, campaign));
        }
    }
    acks
}

/// The same, one message in five twice, shuffled across and within vehicles. Only the engine's word that a
/// new attempt begins stays before what is said of that attempt: nobody can know of it earlier.
pub fn shuffled(seed: u64, acks: &[Ack]) -> Vec<Ack> {
    let mut rng = StdRng::seed_from_u64(!seed);
    let mut acks = acks.to_vec();
    let repeated: Vec<Ack> = acks.sample(&mut rng, acks.len() / 5).cloned().collect();
    acks.extend(repeated);
    acks.shuffle(&mut rng);
    let mut first_of: HashMap<(String, i64, u32), usize> = HashMap::new();
    for index in 0..acks.len() {
        if acks[index].attempt == 1 {
            continue;
        }
        let key = (acks[index].vin.to_string(), acks[index].campaign, acks[index].attempt);
        let first = *first_of.entry(key).or_insert(index);
        if acks[index].state == S::Assigned && acks[first].state != S::Assigned {
            acks.swap(first, index);
        }
    }
    acks
}
