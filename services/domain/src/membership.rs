//! Where a vehicle stands in a campaign's order: a salted hash of its VIN, so that a preview names
//! the very vehicles of wave 1, nobody chooses who goes first, and the vehicle can check for itself
//! that it belongs to a wave that is open.

use sha2::{Digest, Sha256};

use crate::id::Vin;

/// The bits of a rank: it is exact in a JSON number and in a Postgres `bigint`.
pub const RANK_BITS: u32 = 52;

/// The vehicle's rank: the first 52 bits of SHA-256(`salt:vin`), big-endian.
/// `store` computes the same in SQL (`otaru_rank`), and a test holds them together.
#[must_use]
pub fn rank(salt: &str, vin: &Vin) -> u64 {
    let digest = Sha256::digest(format!("{salt}:{vin}").as_bytes());
    let mut first = [0_u8; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first) >> (64 - RANK_BITS)
}
