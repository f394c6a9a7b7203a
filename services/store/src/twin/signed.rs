//! Which inventories are their vehicle's own word, judged before anything is locked; and that none of before comes again as the
//! newest. Messages of one vehicle are in one partition, which has one owner, so what is highest here is highest.

use std::collections::{BTreeMap, HashMap};

use otaru_domain::ack::{AckKey, SignatureError, SignaturePolicy};
use otaru_domain::id::VehicleId;
use otaru_domain::inventory::{self, Inventory};

use super::rows::Vehicle;
use crate::ingest::Arrived;
use crate::{StoreError, Tx, ack_keys};

/// Signatures that are verified before others have their turn: some milliseconds.
const AT_A_TIME: usize = 64;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Taken,
    /// The newest that the vehicle signed, once more.
    Known,
    /// Why, in words.
    Refused(String),
}

/// A verdict for each message, and the highest sequence that each vehicle of the batch signed.
pub(super) struct Signed {
    pub verdicts: Vec<Verdict>,
    pub highest: BTreeMap<VehicleId, i64>,
}

pub(super) async fn judge(
    tx: &mut Tx,
    arrived: &[Arrived<Inventory>],
    vehicles: &HashMap<String, Vehicle>,
) -> Result<Signed, StoreError> {
    let keys = keys(tx, arrived, vehicles).await?;
    let mut signed = Signed { verdicts: Vec::with_capacity(arrived.len()), highest: BTreeMap::new() };
    let mut verified = 0;
    for one in arrived {
        let known = one.message.as_ref().ok().and_then(|said| Some((said, vehicles.get(said.vin.as_str())?)));
        let Some((said, vehicle)) = known else {
            signed.verdicts.push(Verdict::Taken);
            continue;
        };
        let keys = keys.get(&vehicle.id).map_or(&[][..], Vec::as_slice);
        let verdict = match inventory::judge_stored(said, vehicle.policy()?, keys, one.stored_at) {
            Err(error) => Verdict::Refused(error.to_string()),
            Ok(None) => Verdict::Taken,
            Ok(Some(_)) => {
                verified += 1;
                if verified % AT_A_TIME == 0 {
                    tokio::task::yield_now().await;
                }
                signed.place(said, vehicle)
            }
        };
        signed.verdicts.push(verdict);
    }
    Ok(signed)
}

impl Signed {
    /// Holds the sequence of a signed inventory against those before.
    fn place(&mut self, said: &Inventory, vehicle: &Vehicle) -> Verdict {
        let before = self.highest.get(&vehicle.id).copied().or(vehicle.inventory_sequence);
        let sequence = said.sequence.and_then(|sequence| i64::try_from(sequence).ok());
        match sequence {
            Some(sequence) if Some(sequence) > before => {
                self.highest.insert(vehicle.id, sequence);
                Verdict::Taken
            }
            sequence if sequence.is_some() && sequence == before => Verdict::Known,
            _ => Verdict::Refused(SignatureError::Older.to_string()),
        }
    }
}

/// The keys of the vehicles that signed something; mostly nobody did.
async fn keys(
    tx: &mut Tx,
    arrived: &[Arrived<Inventory>],
    vehicles: &HashMap<String, Vehicle>,
) -> Result<HashMap<VehicleId, Vec<AckKey>>, StoreError> {
    let mut ids = Vec::new();
    for said in arrived.iter().filter_map(|one| one.message.as_ref().ok()).filter(|said| said.signature.is_some()) {
        if let Some(vehicle) = vehicles.get(said.vin.as_str())
            && vehicle.policy()? != SignaturePolicy::Off
        {
            ids.push(vehicle.id);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    let mut keys: HashMap<VehicleId, Vec<AckKey>> = HashMap::new();
    if !ids.is_empty() {
        for (vehicle, key) in ack_keys::of(&mut **tx, &ids).await? {
            keys.entry(vehicle).or_default().push(key);
        }
    }
    Ok(keys)
}
