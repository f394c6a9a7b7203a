use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::id::{HardwareId, ReleaseId};
use crate::requirement::{Requirement, VersionRange, unmet};
use crate::steps::{MAX_STEPS, Step, StepImage, way};

type Running = BTreeMap<HardwareId, String>;

fn ecu(text: &str) -> HardwareId {
    HardwareId::parse(text).unwrap()
}

fn running(ecus: &[(&str, &str)]) -> Running {
    ecus.iter().map(|(id, version)| (ecu(id), (*version).to_owned())).collect()
}

fn image(id: &str, version: &str, requires: &[(&str, &str)]) -> StepImage {
    let requirement = |(id, versions): &(&str, &str)| Requirement {
        hardware_id: ecu(id),
        versions: VersionRange::parse(versions).unwrap(),
    };
    StepImage {
        hardware_id: ecu(id),
        version: version.to_owned(),
        requires: requires.iter().map(requirement).collect(),
    }
}

/// A release whose counter is its id.
fn step(release: ReleaseId, images: Vec<StepImage>) -> Step {
    Step { release, release_counter: release.unsigned_abs(), images }
}

#[test]
fn a_release_that_fits_is_its_own_way() {
    let target = step(5, vec![image("BCM", "2.0", &[("BCM", ">=1.5")])]);
    assert_eq!(way(&running(&[("BCM", "1.6")]), &target, &[]), Some(vec![5]));
}

#[test]
fn a_mandatory_release_is_installed_first_and_none_that_is_not_needed() {
    let others = [
        step(1, vec![image("BCM", "1.2", &[])]),
        step(2, vec![image("BCM", "1.5", &[("BCM", ">=1.2")])]),
        step(3, vec![image("BCM", "1.7", &[("BCM", ">=1.5")])]),
        step(9, vec![image("BCM", "1.9", &[])]),
    ];
    let target = step(5, vec![image("BCM", "2.0", &[("BCM", ">=1.5")])]);
    assert_eq!(way(&running(&[("BCM", "1.0")]), &target, &others), Some(vec![1, 2, 5]));
    assert_eq!(way(&running(&[("BCM", "1.3")]), &target, &others), Some(vec![2, 5]));
    assert_eq!(way(&running(&[("BCM", "1.5")]), &target, &others), Some(vec![5]));
    // Number 9 alone would do, but a vehicle that had it would refuse the target's lower counter.
    assert_eq!(way(&running(&[("BCM", "1.0")]), &target, &others[3..]), None);
}

#[test]
fn other_ecus_are_brought_to_what_an_image_needs_of_them() {
    let others = [
        step(1, vec![image("GW", "7", &[])]),
        step(2, vec![image("IVI", "3", &[("GW", ">=7")])]),
        step(3, vec![image("GW", "8", &[])]),
    ];
    let target = step(4, vec![image("BCM", "2", &[("IVI", ">=3"), ("GW", "<8")])]);
    let way_of = |ecus: &[(&str, &str)]| way(&running(ecus), &target, &others);
    assert_eq!(way_of(&[("BCM", "1"), ("IVI", "1"), ("GW", "1")]), Some(vec![1, 2, 4]));
    assert_eq!(way_of(&[("BCM", "1"), ("IVI", "1"), ("GW", "7")]), Some(vec![2, 4]));
    assert_eq!(way_of(&[("BCM", "1"), ("IVI", "1"), ("GW", "8")]), None, "nothing leads back from gateway 8");
    assert_eq!(way_of(&[("BCM", "1"), ("IVI", "1")]), None, "a vehicle without a gateway");
    assert_eq!(way_of(&[("IVI", "3"), ("GW", "7")]), None, "a vehicle without the ECU itself");
}

#[test]
fn a_way_is_not_longer_than_may_be() {
    let chain = |length: usize| -> Vec<Step> {
        let link = |number: usize| {
            let requires = format!("={}", number - 1);
            let id = i64::try_from(number).unwrap();
            step(id, vec![image("BCM", &number.to_string(), &[("BCM", &requires)])])
        };
        (1..=length).map(link).collect()
    };
    let at_zero = running(&[("BCM", "0")]);
    let steps = chain(MAX_STEPS);
    let found = way(&at_zero, &steps[MAX_STEPS - 1], &steps[..MAX_STEPS - 1]).unwrap();
    assert_eq!(found.len(), MAX_STEPS);
    let steps = chain(MAX_STEPS + 1);
    assert_eq!(way(&at_zero, &steps[MAX_STEPS], &steps[..MAX_STEPS]), None);
}

/// What runs after the step, if the vehicle can take it.
fn install(running: &Running, step: &Step) -> Option<Running> {
    for image in &step.images {
        running.get(&image.hardware_id)?;
        let before = |id: &HardwareId| running.get(id).map(String::as_str);
        let after = |id: &HardwareId| step.images.iter().find(|one| one.hardware_id == *id).map(|one| &*one.version);
        if unmet(&image.requires, &image.hardware_id, before, after).is_some() {
            return None;
        }
    }
    let mut after = running.clone();
    after.extend(step.images.iter().map(|image| (image.hardware_id.clone(), image.version.clone())));
    Some(after)
}

/// The fewest steps there are, by trying all orders.
fn tried(running: &Running, target: &Step, others: &[Step]) -> Option<usize> {
    let had = |id: &HardwareId| {
        let bring =
            others.iter().filter(|one| one.images.iter().any(|i| i.hardware_id == *id && running[id] == i.version));
        bring.map(|one| one.release_counter).min().unwrap_or(0)
    };
    let back = |one: &&Step| one.images.iter().any(|image| had(&image.hardware_id) > one.release_counter);
    let others: Vec<&Step> = others.iter().filter(|one| !back(one)).collect();
    if back(&target) {
        return None;
    }
    let mut queue = VecDeque::from([(running.clone(), 0, 1)]);
    let mut seen = BTreeSet::new();
    while let Some((running, counter, length)) = queue.pop_front() {
        if install(&running, target).is_some() {
            return Some(length);
        }
        for other in others
            .iter()
            .copied()
            .filter(|other| (counter + 1..target.release_counter).contains(&other.release_counter))
        {
            if let Some(after) = install(&running, other).filter(|_| length < MAX_STEPS)
                && seen.insert((after.clone(), other.release_counter))
            {
                queue.push_back((after, other.release_counter, length + 1));
            }
        }
    }
    None
}

/// A step of one or two images that asks for this and that.
fn drawn(rng: &mut StdRng, release: ReleaseId) -> Step {
    const ECUS: [&str; 3] = ["BCM", "GW", "IVI"];
    let count = rng.random_range(1..=2);
    let images = ECUS.sample(rng, count).map(|id| {
        let version = rng.random_range(2..6_u32).to_string();
        let of = if rng.random_bool(0.6) { *id } else { ECUS.choose(rng).unwrap() };
        let bound = format!("{}{}", [">=", "<", "=", "!="].choose(rng).unwrap(), rng.random_range(1..6_u32));
        let requires = if rng.random_bool(0.7) { vec![(of, bound.as_str())] } else { Vec::new() };
        image(id, &version, &requires)
    });
    step(release, images.collect())
}

#[test]
fn the_way_is_one_and_as_short_as_trying_all_orders_finds() {
    let mut lengths = BTreeMap::new();
    for seed in 0..600 {
        let mut rng = StdRng::seed_from_u64(seed);
        let others: Vec<Step> = (1..=7).map(|release| drawn(&mut rng, release)).collect();
        let target = drawn(&mut rng, 8);
        let mut first = |id: &str| (ecu(id), rng.random_range(1..4_u32).to_string());
        let start: Running = ["BCM", "GW", "IVI"].map(&mut first).into();
        let found = way(&start, &target, &others);
        assert_eq!(
            found.as_ref().map(Vec::len),
            tried(&start, &target, &others),
            "seed {seed}: {target:#?} {others:#?}"
        );
        if let Some(found) = &found {
            let step = |id: &ReleaseId| others.iter().chain([&target]).find(|one| one.release == *id).unwrap();
            let end = found.iter().try_fold(start, |running, id| install(&running, step(id)));
            assert!(end.is_some() && found.last() == Some(&8), "seed {seed}: {found:?} cannot be gone");
        }
        *lengths.entry(found.map_or(0, |found| found.len())).or_insert(0) += 1;
    }
    assert!(lengths.len() >= 4, "the draws are too easy to say anything: {lengths:?}");
}
