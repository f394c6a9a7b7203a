//! The vehicles of a simulated fleet, from a file with a line each.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, bail};
use otaru_domain::id::{HardwareId, ModelId, Vin};
use serde::Deserialize;

/// One vehicle with its token.
#[derive(Debug, Clone)]
pub struct SimulatedVehicle {
    pub vin: Vin,
    pub model: ModelId,
    pub token: String,
    /// What its ECUs run, for the inventory it sends after an installation.
    pub ecus: BTreeMap<HardwareId, String>,
}

/// The vehicles, and the first root of each of their models.
#[derive(Debug, Clone, Default)]
pub struct FleetVehicles {
    pub vehicles: Vec<SimulatedVehicle>,
    /// The bytes of `1.root.json`.
    pub roots: BTreeMap<ModelId, Vec<u8>>,
}

#[derive(Deserialize)]
struct Line {
    vin: Vin,
    model: ModelId,
    token: String,
    /// May be missing where an earlier line of the model has it.
    root: Option<serde_json::Value>,
    #[serde(default)]
    ecus: BTreeMap<HardwareId, String>,
}

/// Reads NDJSON, a vehicle each line: `{"vin","model","token","root","ecus"?}`; `root` is `1.root.json` as an object,
/// needed once per model; `ecus` maps hardware ids to versions.
///
/// # Errors
/// The line that is wrong, by its number.
pub fn read_credentials(path: &Path) -> anyhow::Result<FleetVehicles> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut fleet = FleetVehicles::default();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let at = || format!("{}, line {}", path.display(), index + 1);
        let line = line.with_context(at)?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_str(&line).with_context(at)?;
        if let Some(root) = line.root {
            let root = serde_json::to_vec(&root)?;
            match fleet.roots.entry(line.model.clone()) {
                Entry::Vacant(entry) => drop(entry.insert(root)),
                Entry::Occupied(known) if *known.get() != root => {
                    bail!("{}: another root for {} than in an earlier line", at(), line.model)
                }
                Entry::Occupied(_) => {}
            }
        } else if !fleet.roots.contains_key(&line.model) {
            bail!("{}: no line up to here has the root of {}", at(), line.model);
        }
        fleet.vehicles.push(SimulatedVehicle { vin: line.vin, model: line.model, token: line.token, ecus: line.ecus });
    }
    Ok(fleet)
}
