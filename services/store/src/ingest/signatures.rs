//! Which acknowledgements are their vehicle's own word: judged before any row is locked, by the keys that its credentials
//! were issued with and by what its model asks for.

use std::collections::HashMap;

use otaru_domain::ack::{Ack, AckKey, Origin, SignaturePolicy, judge_stored};
use otaru_domain::id::VehicleId;
use uuid::Uuid;

use super::Arrived;
use super::assignments::Known;
use crate::{StoreError, Tx, ack_keys};

/// Signatures that are verified before others have their turn: some milliseconds.
const AT_A_TIME: usize = 64;

/// Whether signatures decide, or are only noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signatures {
    Decide,
    /// In a replay: what was refused is known, and what the models asked for then is not.
    Note,
}

/// For each acknowledgement the credential whose key signed it, or why it is not taken.
pub(super) type Verdicts = Vec<Result<Option<Uuid>, String>>;

pub(super) async fn verdicts(
    tx: &mut Tx,
    arrived: &[Arrived<Ack>],
    vehicles: &HashMap<String, Known>,
    signatures: Signatures,
) -> Result<Verdicts, StoreError> {
    let keys = keys(tx, arrived, vehicles, signatures).await?;
    let mut verdicts = Vec::with_capacity(arrived.len());
    let mut verified = 0;
    for one in arrived {
        let known = one.message.as_ref().ok().and_then(|ack| Some((ack, vehicles.get(ack.vin.as_str())?)));
        let Some((ack, known)) = known else {
            verdicts.push(Ok(None));
            continue;
        };
        if ack.signature.is_some() {
            verified += 1;
            if verified % AT_A_TIME == 0 {
                tokio::task::yield_now().await;
            }
        }
        let keys = keys.get(&known.id).map_or(&[][..], Vec::as_slice);
        verdicts.push(match signatures {
            Signatures::Decide => {
                judge_stored(ack, known.policy, keys, one.stored_at).map_err(|error| error.to_string())
            }
            Signatures::Note => Ok(judge_stored(ack, SignaturePolicy::Optional, keys, one.stored_at).ok().flatten()),
        });
    }
    Ok(verdicts)
}

/// The keys of the vehicles that signed something; mostly nobody did.
async fn keys(
    tx: &mut Tx,
    arrived: &[Arrived<Ack>],
    vehicles: &HashMap<String, Known>,
    signatures: Signatures,
) -> Result<HashMap<VehicleId, Vec<AckKey>>, StoreError> {
    let signed = arrived
        .iter()
        .filter_map(|one| one.message.as_ref().ok())
        .filter(|ack| ack.origin == Origin::Vehicle && ack.signature.is_some())
        .filter_map(|ack| vehicles.get(ack.vin.as_str()))
        .filter(|known| signatures == Signatures::Note || known.policy != SignaturePolicy::Off);
    let mut ids: Vec<VehicleId> = signed.map(|known| known.id).collect();
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
