//! Bech32 (BIP 173) of 32 bytes: how age writes keys.

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
const CHECKSUM: usize = 6;
/// The groups of five bits that 32 bytes make.
const GROUPS: usize = 52;

fn checksum(groups: impl Iterator<Item = u8>) -> u32 {
    groups.fold(1, |sum, group| {
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(group);
        let of = |(place, generator): (usize, &u32)| if sum >> (25 + place) & 1 == 1 { *generator } else { 0 };
        GENERATOR.iter().enumerate().map(of).fold(shifted, |sum, part| sum ^ part)
    })
}

fn prefix_groups(prefix: &str) -> impl Iterator<Item = u8> {
    let (high, low) = (prefix.bytes().map(|byte| byte >> 5), prefix.bytes().map(|byte| byte & 31));
    high.chain([0]).chain(low)
}

/// The key in lower case.
pub(super) fn encode(prefix: &str, key: &[u8; 32]) -> String {
    let mut groups = Vec::with_capacity(GROUPS + CHECKSUM);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in key {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            groups.push(low(bits >> held));
        }
        bits &= (1 << held) - 1;
    }
    groups.push(low(bits << (5 - held)));
    let sum = checksum(prefix_groups(prefix).chain(groups.iter().copied()).chain([0; CHECKSUM])) ^ 1;
    groups.extend((0..CHECKSUM).rev().map(|place| low(sum >> (5 * place))));
    let text = groups.into_iter().map(|group| char::from(ALPHABET[usize::from(group)]));
    format!("{prefix}1{}", text.collect::<String>())
}

fn low(bits: u32) -> u8 {
    (bits & 31).to_le_bytes()[0]
}

/// The key in `text`, all of it in one case, with this prefix (in lower case).
pub(super) fn decode(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let is_mixed =
        text.bytes().any(|byte| byte.is_ascii_lowercase()) && text.bytes().any(|byte| byte.is_ascii_uppercase());
    let lower = text.to_ascii_lowercase();
    let letters = lower.strip_prefix(prefix)?.strip_prefix('1')?;
    if is_mixed || letters.len() != GROUPS + CHECKSUM {
        return None;
    }
    let group = |letter: u8| ALPHABET.iter().position(|known| *known == letter).and_then(|at| u8::try_from(at).ok());
    let groups: Vec<u8> = letters.bytes().map(group).collect::<Option<_>>()?;
    if checksum(prefix_groups(prefix).chain(groups.iter().copied())) != 1 {
        return None;
    }
    let (mut bits, mut held) = (0_u32, 0);
    let mut key = Vec::with_capacity(32);
    for group in &groups[..GROUPS] {
        bits = bits << 5 | u32::from(*group);
        held += 5;
        if held >= 8 {
            held -= 8;
            key.push((bits >> held).to_le_bytes()[0]);
            bits &= (1 << held) - 1;
        }
    }
    // What fills the last group up is zero, else two texts were one key.
    if bits == 0 { key.try_into().ok() } else { None }
}
