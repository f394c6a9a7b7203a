//! The stage's vehicles as a simulated fleet.

use std::collections::BTreeMap;

use anyhow::Context as _;
use otaru_domain::id::{HardwareId, ModelId, Vin};
use otaru_vehicle::fleet::{Defect, Download, Failure, FleetConfig, FleetVehicles, SimulatedVehicle};

use super::stage::Stage;

/// A fleet of this size fetches every image whole; a larger one only once, and then its beginning.
const FULL_DOWNLOADS: usize = 2_000;
/// What each vehicle of a large fleet fetches of an image, in bytes.
const SAMPLE_BYTES: u64 = 64 << 10;

/// The simulator's configuration for a stage.
pub fn config(gateway: &str, stage: &Stage, seed: u64) -> anyhow::Result<FleetConfig> {
    let mut fleet = FleetVehicles::default();
    let ecus = stage.installed.iter().map(|(id, version)| Ok((HardwareId::parse(id)?, version.clone())));
    let ecus: BTreeMap<_, _> = ecus.collect::<anyhow::Result<_>>()?;
    for vehicle in &stage.vehicles {
        fleet.vehicles.push(SimulatedVehicle {
            vin: Vin::parse(&vehicle.vin)?,
            model: ModelId::parse(&vehicle.model)?,
            token: vehicle.token.clone(),
            ecus: ecus.clone(),
        });
    }
    for (model, root) in &stage.roots {
        fleet.roots.insert(ModelId::parse(model)?, serde_json::to_vec(root)?);
    }
    let url = gateway.parse().with_context(|| format!("{gateway} is no URL"))?;
    let failure = |code: &str, log: &str, weight| Failure { code: code.into(), log: log.into(), weight };
    let defect = Defect {
        hardware_id: HardwareId::parse(&stage.faulty.0)?,
        version: stage.faulty.1.clone(),
        failure_ratio: 0.7,
        failures: vec![
            failure("boot_loop", "ivi: watchdog reset 3 times in 60 s\nivi: slot B given up, back to slot A", 4),
            failure("display_init", "drm: no EDID from panel 0\nivi: display not up after 30 s", 1),
        ],
    };
    let large = fleet.vehicles.len() > FULL_DOWNLOADS;
    let mut config = FleetConfig::new(url, fleet);
    config.seed = seed;
    config.behaviour.defects.push(defect);
    if large {
        config.download = Download::Ranges(SAMPLE_BYTES);
    }
    Ok(config)
}
