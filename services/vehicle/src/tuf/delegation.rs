//! Delegations: which roles may speak of a target, and in which order they are asked (TUF 1.0.31, sections 4.5 and 5.6.7).

use std::collections::BTreeSet;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::keys::{Keys, Signers};

/// Files on disk and in the snapshot have these names already.
const TOP_LEVEL: [&str; 4] = ["root", "timestamp", "snapshot", "targets"];
const MAX_BIT_LENGTH: u32 = 32;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Delegations {
    pub(super) keys: Keys,
    roles: Option<Vec<DelegatedRole>>,
    succinct_roles: Option<SuccinctRoles>,
}

#[derive(Debug, Clone, Deserialize)]
struct DelegatedRole {
    name: String,
    #[serde(flatten)]
    signers: Signers,
    #[serde(default)]
    terminating: bool,
    paths: Option<Vec<String>>,
    path_hash_prefixes: Option<Vec<String>>,
}

/// TAP 15: bins by the first bits of a name's hash.
#[derive(Debug, Clone, Deserialize)]
struct SuccinctRoles {
    #[serde(flatten)]
    signers: Signers,
    bit_length: u32,
    name_prefix: String,
}

impl Delegations {
    /// What is wrong with it, if anything.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        match (&self.roles, &self.succinct_roles) {
            (Some(roles), None) => check_roles(roles),
            (None, Some(bins)) if !(1..=MAX_BIT_LENGTH).contains(&bins.bit_length) => Err("bit_length is not 1 to 32"),
            (None, Some(bins)) if bins.name_prefix.is_empty() || !bins.signers.is_valid() => {
                Err("succinct_roles lack a prefix or list a key twice")
            }
            (None, Some(_)) => Ok(()),
            _ => Err("delegations have either roles or succinct_roles"),
        }
    }

    /// Who signs for the role.
    pub(super) fn signers(&self, role: &str) -> Option<&Signers> {
        match (&self.roles, &self.succinct_roles) {
            (Some(roles), _) => roles.iter().find(|delegated| delegated.name == role).map(|found| &found.signers),
            (None, Some(bins)) => Some(&bins.signers),
            (None, None) => None,
        }
    }

    /// Whether this delegator lets the role of this name speak of the target.
    pub(super) fn allows(&self, role: &str, target: &str) -> bool {
        self.roles_for(target).iter().any(|(name, _)| name == role)
    }

    /// The roles that may speak of the target, in order, and whether the search ends with them.
    pub(super) fn roles_for(&self, target: &str) -> Vec<(String, bool)> {
        if let Some(bins) = &self.succinct_roles {
            return vec![(bins.bin(target), true)];
        }
        let roles = self.roles.iter().flatten();
        roles.filter(|role| role.matches(target)).map(|role| (role.name.clone(), role.terminating)).collect()
    }
}

fn check_roles(roles: &[DelegatedRole]) -> Result<(), &'static str> {
    let mut names = BTreeSet::new();
    for role in roles {
        if role.name.is_empty() || TOP_LEVEL.contains(&role.name.as_str()) {
            return Err("a delegated role is nameless or has the name of a top-level role");
        }
        if !names.insert(&role.name) {
            return Err("two delegated roles have one name");
        }
        if role.paths.is_some() == role.path_hash_prefixes.is_some() {
            return Err("a delegated role has either paths or path_hash_prefixes");
        }
        if !role.signers.is_valid() {
            return Err("a delegated role lists a key twice");
        }
    }
    Ok(())
}

impl DelegatedRole {
    fn matches(&self, target: &str) -> bool {
        let hash = hex::encode(Sha256::digest(target));
        self.paths.iter().flatten().any(|pattern| matches_path(pattern, target))
            || self.path_hash_prefixes.iter().flatten().any(|prefix| hash.starts_with(prefix.as_str()))
    }
}

impl SuccinctRoles {
    fn bin(&self, target: &str) -> String {
        let hash = Sha256::digest(target);
        let first = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        let bin = first >> (MAX_BIT_LENGTH - self.bit_length);
        let digits = format!("{:x}", (1_u64 << self.bit_length) - 1).len();
        format!("{}-{bin:0digits$x}", self.name_prefix)
    }
}

/// `*` and `?` stand for anything but a slash.
fn matches_path(pattern: &str, path: &str) -> bool {
    let (patterns, parts): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    patterns.len() == parts.len() && patterns.iter().zip(parts).all(|(pattern, part)| matches_part(pattern, part))
}

/// Goes back to the last `*` only, so that no pattern costs more than the product of both lengths.
fn matches_part(pattern: &str, part: &str) -> bool {
    let (pattern, part): (Vec<char>, Vec<char>) = (pattern.chars().collect(), part.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star = None;
    while read < part.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(c) if *c == '?' || *c == part[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                read = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_its_directory() {
        assert!(matches_path("campaign-*.json", "campaign-7.json"));
        assert!(matches_path("*/*.bin", "bcm/1.0.bin"));
        assert!(matches_path("a?c*", "abc"));
        assert!(matches_path("*a*b", "xaxbab"));
        assert!(!matches_path("*", "bcm/1.0.bin"));
        assert!(!matches_path("a?c", "ac"));
        assert!(!matches_path("*a*b", "xaxbac"));
        assert!(!matches_path("campaign-*.json", "campaign-7.json.bin"));
    }
}
