//! The way to a release over others that it requires: which releases, in which order, a vehicle has to install first.
//! Planning is put to a dependency solver. Per step there is a package for the release that is installed and one for
//! what each ECU runs afterwards, and what an image requires are their dependencies; the fewest steps that can be
//! resolved are the way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pubgrub::{OfflineDependencyProvider, Ranges, resolve};

use crate::id::{HardwareId, ReleaseId};
use crate::requirement::Requirement;

/// The most releases on a way, the last included.
pub const MAX_STEPS: usize = 6;
/// The most releases that are looked at.
pub const MAX_RELEASES: usize = 200;

/// A release as a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub release: ReleaseId,
    /// A vehicle refuses a lower one than it has.
    pub release_counter: u64,
    pub images: Vec<StepImage>,
}

/// What a step brings to an ECU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepImage {
    pub hardware_id: HardwareId,
    pub version: String,
    pub requires: Vec<Requirement>,
}

impl Step {
    fn brings(&self, ecu: &HardwareId) -> Option<&str> {
        self.images.iter().find(|image| image.hardware_id == *ecu).map(|image| image.version.as_str())
    }
}

/// The releases that bring a vehicle, which runs these versions, to `target`, in order and with `target` at the end: as
/// few as possible, and of several ways that are as short always the same one. `None` when there is no way of at most
/// [`MAX_STEPS`]. Of `others` only those count that were locked before the target and, by their counters, do not lead
/// back from what the vehicle runs.
#[must_use]
pub fn way(running: &BTreeMap<HardwareId, String>, target: &Step, others: &[Step]) -> Option<Vec<ReleaseId>> {
    let had = |image: &StepImage| counter(running, &image.hardware_id, others);
    let forward =
        |step: &&Step| step.images.iter().all(|image| had(image).is_none_or(|had| had <= step.release_counter));
    if !forward(&target) {
        return None;
    }
    let earlier = |step: &&Step| step.release_counter < target.release_counter;
    let mut steps: Vec<&Step> = others.iter().filter(earlier).filter(forward).collect();
    steps.sort_by_key(|step| step.release_counter);
    let surplus = steps.len().saturating_sub(MAX_RELEASES);
    steps.drain(..surplus);
    steps.push(target);
    let problem = Problem { running, steps, ecus: ecus(running, target, others) };
    (1..=MAX_STEPS.min(problem.steps.len())).find_map(|length| problem.solve(length))
}

/// The counter that the ECU has at least, by what it runs: the lowest of the releases that bring it.
fn counter(running: &BTreeMap<HardwareId, String>, ecu: &HardwareId, others: &[Step]) -> Option<u64> {
    let version = running.get(ecu)?;
    others.iter().filter(|step| step.brings(ecu) == Some(version)).map(|step| step.release_counter).min()
}

/// Every ECU that plays a role.
fn ecus(running: &BTreeMap<HardwareId, String>, target: &Step, others: &[Step]) -> BTreeSet<HardwareId> {
    let images = others.iter().chain([target]).flat_map(|step| &step.images);
    let named = images.flat_map(|image| {
        image.requires.iter().map(|requirement| &requirement.hardware_id).chain([&image.hardware_id])
    });
    named.chain(running.keys()).cloned().collect()
}

/// What has one value in a solution.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Package {
    /// Which release the step installs: its place among the steps.
    Installs(usize),
    /// What the ECU runs after the step: a place among its versions, twice, and 1 more where the step left it alone.
    Runs(usize, HardwareId),
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installs(step) => write!(f, "the release of step {step}"),
            Self::Runs(step, ecu) => write!(f, "{ecu} after step {step}"),
        }
    }
}

type Values = Ranges<u32>;
type Provider = OfflineDependencyProvider<Package, Values>;

struct Problem<'a> {
    running: &'a BTreeMap<HardwareId, String>,
    /// The target last.
    steps: Vec<&'a Step>,
    ecus: BTreeSet<HardwareId>,
}

impl Problem<'_> {
    fn solve(&self, length: usize) -> Option<Vec<ReleaseId>> {
        let mut provider = Provider::new();
        for ecu in &self.ecus {
            self.add_ecu(&mut provider, ecu, length);
        }
        for at in 1..=length {
            self.add_releases(&mut provider, at);
        }
        let target = number(self.steps.len() - 1);
        let solution = resolve(&provider, Package::Installs(length), target).ok()?;
        let release = |at| {
            let value = solution.get(&Package::Installs(at))?;
            self.steps.get(usize::try_from(*value).ok()?).map(|step| step.release)
        };
        (1..=length).map(release).collect()
    }

    /// The versions that the ECU may come to run, the one it runs first.
    fn versions(&self, ecu: &HardwareId) -> Vec<&str> {
        let brought = self.steps.iter().filter_map(|step| step.brings(ecu));
        let mut versions: Vec<&str> = Vec::new();
        for version in self.running.get(ecu).map(String::as_str).into_iter().chain(brought) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        versions
    }

    fn add_ecu(&self, provider: &mut Provider, ecu: &HardwareId, length: usize) {
        if self.running.contains_key(ecu) {
            provider.add_dependencies(Package::Runs(0, ecu.clone()), kept(0), []);
        }
        for at in 1..=length {
            for (version, name) in self.versions(ecu).into_iter().enumerate() {
                let runs = Package::Runs(at, ecu.clone());
                let bringing = self.places(|step| step.brings(ecu) == Some(name));
                provider.add_dependencies(runs.clone(), brought(version), [(Package::Installs(at), bringing)]);
                let leaving = self.places(|step| step.brings(ecu).is_none());
                let before = (Package::Runs(at - 1, ecu.clone()), either(version));
                provider.add_dependencies(runs, kept(version), [(Package::Installs(at), leaving), before]);
            }
        }
    }

    fn add_releases(&self, provider: &mut Provider, at: usize) {
        for (place, step) in self.steps.iter().enumerate() {
            let mut needs: BTreeMap<Package, Values> = BTreeMap::new();
            if at > 1 {
                need(
                    &mut needs,
                    Package::Installs(at - 1),
                    &self.places(|other| other.release_counter < step.release_counter),
                );
            }
            for image in &step.images {
                self.add_image(&mut needs, at, image);
            }
            provider.add_dependencies(Package::Installs(at), number(place), needs);
        }
    }

    fn add_image(&self, needs: &mut BTreeMap<Package, Values>, at: usize, image: &StepImage) {
        let own = &image.hardware_id;
        let among = |ecu: &HardwareId, fits: &dyn Fn(&str) -> bool| {
            let versions = self.versions(ecu).into_iter().enumerate().filter(|(_, version)| fits(version));
            versions.fold(Values::empty(), |values, (version, _)| values.union(&either(version)))
        };
        let before = |ecu: &HardwareId| Package::Runs(at - 1, ecu.clone());
        need(needs, Package::Runs(at, own.clone()), &among(own, &|version| version == image.version));
        // Who has no such ECU cannot have the release.
        need(needs, before(own), &among(own, &|_| true));
        for requirement in &image.requires {
            let fits = |version: &str| requirement.versions.contains(version);
            if requirement.hardware_id == *own {
                // An ECU that runs the image has met what it required.
                need(needs, before(own), &among(own, &|version| fits(version) || version == image.version));
            } else {
                let ecu = &requirement.hardware_id;
                need(needs, Package::Runs(at, ecu.clone()), &among(ecu, &fits));
            }
        }
    }

    fn places(&self, wanted: impl Fn(&Step) -> bool) -> Values {
        let wanted = self.steps.iter().enumerate().filter(|(_, step)| wanted(step));
        wanted.fold(Values::empty(), |places, (place, _)| places.union(&Values::singleton(number(place))))
    }
}

fn need(needs: &mut BTreeMap<Package, Values>, package: Package, values: &Values) {
    let known = needs.entry(package).or_insert_with(Values::full);
    *known = known.intersection(values);
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn brought(version: usize) -> u32 {
    number(version) * 2
}

fn kept(version: usize) -> u32 {
    brought(version) + 1
}

/// The version, whether the step before brought it or not.
fn either(version: usize) -> Values {
    Values::singleton(brought(version)).union(&Values::singleton(kept(version)))
}
