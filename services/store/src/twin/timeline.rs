//! Where an inventory belongs among those taken before and after it, in memory.
//!
//! The history of an ECU is a row per change. A late inventory that differs from what was known of its
//! time adds two rows: its own, and one at the next observation, which says again what held there; for
//! that the times of all inventories are kept, also of those that changed nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use chrono::{DateTime, Utc};
use otaru_domain::inventory::{AttributesMode, Inventory};
use uuid::Uuid;

/// What runs on an ECU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Software {
    pub version: String,
    pub serial: Option<String>,
}

/// The software, and when the newest report of it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Current {
    pub software: Software,
    pub at: DateTime<Utc>,
}

/// What is known of a vehicle, from the earliest time that the batch is about.
#[derive(Debug, Default)]
pub(super) struct Twin {
    /// When the newest inventory was taken, of all times.
    pub newest: Option<DateTime<Utc>>,
    pub inventories: BTreeMap<DateTime<Utc>, Uuid>,
    pub new_inventories: BTreeSet<DateTime<Utc>>,
    pub before: BTreeMap<String, Current>,
    pub current: BTreeMap<String, Current>,
    /// By hardware id: what ran from when on; none where the ECU was gone.
    pub history: BTreeMap<String, BTreeMap<DateTime<Utc>, Option<Software>>>,
    pub new_history: BTreeSet<(String, DateTime<Utc>)>,
}

impl Twin {
    /// Takes an inventory in. Gives whether it is a new one.
    pub fn take(&mut self, inventory: &Inventory) -> bool {
        let at = inventory.received_at;
        // It observes no ECU, so it is none of the times between which ECUs are known.
        if !inventory.tells_ecus {
            return true;
        }
        if self.inventories.get(&at).is_some_and(|known| *known >= inventory.id) {
            return false;
        }
        self.inventories.insert(at, inventory.id);
        self.new_inventories.insert(at);
        let report: BTreeMap<&str, Software> = inventory
            .ecus
            .iter()
            .map(|ecu| {
                let software = Software { version: ecu.version.clone(), serial: ecu.serial.clone() };
                (ecu.hardware_id.as_str(), software)
            })
            .collect();
        let gone: Vec<String> =
            self.history.keys().filter(|known| !report.contains_key(known.as_str())).cloned().collect();
        for hardware_id in gone {
            self.observe(&hardware_id, at, None);
        }
        for (hardware_id, software) in &report {
            self.observe(hardware_id, at, Some(software.clone()));
        }
        if self.newest.is_none_or(|newest| newest <= at) {
            self.newest = Some(at);
            self.current.retain(|hardware_id, known| known.at > at || report.contains_key(hardware_id.as_str()));
            for (hardware_id, software) in report {
                self.set_current(hardware_id, at, software);
            }
        }
        true
    }

    /// One ECU's software, as somebody says it. Always a row of the history, changed or not: unlike an
    /// inventory, nothing else tells that something was known at this time.
    pub fn set(&mut self, hardware_id: &str, at: DateTime<Utc>, software: Software) {
        self.observe(hardware_id, at, Some(software.clone()));
        self.history.entry(hardware_id.to_owned()).or_default().insert(at, Some(software.clone()));
        self.new_history.insert((hardware_id.to_owned(), at));
        if self.newest.is_none_or(|newest| newest <= at) {
            self.set_current(hardware_id, at, software);
        }
    }

    fn set_current(&mut self, hardware_id: &str, at: DateTime<Utc>, software: Software) {
        if self.current.get(hardware_id).is_none_or(|known| known.at <= at) {
            self.current.insert(hardware_id.to_owned(), Current { software, at });
        }
    }

    fn observe(&mut self, hardware_id: &str, at: DateTime<Utc>, software: Option<Software>) {
        let rows = self.history.entry(hardware_id.to_owned()).or_default();
        let held = rows.range(..=at).next_back().and_then(|(_, held)| held.clone());
        if held == software {
            return;
        }
        let next_row = rows.range((Excluded(at), Unbounded)).next().map(|(next, _)| *next);
        let next_inventory = self.inventories.range((Excluded(at), Unbounded)).next().map(|(next, _)| *next);
        rows.insert(at, software);
        self.new_history.insert((hardware_id.to_owned(), at));
        if let Some(next) = next_inventory
            && next_row.is_none_or(|row| row > next)
        {
            rows.insert(next, held);
            self.new_history.insert((hardware_id.to_owned(), next));
        }
    }
}

/// What a batch's inventories say of a vehicle's attributes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    /// From inventories that came late: only where the vehicle has no such attribute.
    pub missing: BTreeMap<String, String>,
    /// From inventories newer than any before.
    pub newer: BTreeMap<String, String>,
    /// Names that newer inventories removed.
    pub removed: BTreeSet<String>,
    /// Whether `newer` is all that the vehicle has from now on.
    pub replaces: bool,
}

impl Attributes {
    fn take(&mut self, inventory: &Inventory) {
        match inventory.attributes_mode {
            AttributesMode::Merge => self.newer.extend(said(inventory)),
            AttributesMode::Replace => {
                self.newer = said(inventory).collect();
                self.replaces = true;
            }
            AttributesMode::Remove => {
                self.newer.retain(|name, _| !inventory.attributes.contains_key(name));
                self.removed.extend(inventory.attributes.keys().cloned());
            }
        }
    }

    pub fn changes_anything(&self) -> bool {
        self.replaces || !self.missing.is_empty() || !self.newer.is_empty() || !self.removed.is_empty()
    }
}

fn said(inventory: &Inventory) -> impl Iterator<Item = (String, String)> {
    inventory.attributes.iter().map(|(name, value)| (name.clone(), value.clone()))
}

pub(super) fn attributes(newest: Option<DateTime<Utc>>, inventories: &[&Inventory]) -> Attributes {
    let mut in_order: Vec<&&Inventory> = inventories.iter().collect();
    in_order.sort_by_key(|one| (one.received_at, one.id));
    let mut attributes = Attributes::default();
    for one in in_order {
        if newest.is_none_or(|newest| one.received_at >= newest) {
            attributes.take(one);
        } else if one.attributes_mode == AttributesMode::Merge {
            attributes.missing.extend(said(one));
        }
    }
    attributes
}
