//! The pure core of Otaru: what the words mean and which changes are allowed.
//!
//! Nothing here does I/O, waits, or reads a clock (but [`clock::now`], which the roles call at their
//! edges): every rule takes its facts and the time as arguments, so that each can be tested with
//! a table of inputs and replayed years later for an auditor.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod ack;
pub mod age;
pub mod assignment;
pub mod audit;
pub mod campaign;
pub mod clock;
pub mod delta;
pub mod document;
pub mod event;
pub mod evidence;
pub mod exclusion;
pub mod expression;
pub mod id;
pub mod inventory;
pub mod membership;
pub mod mqtt;
pub mod planner;
pub mod precondition;
pub mod pseudonym;
pub mod rehearsal;
pub mod release;
pub mod requirement;
pub mod review;
pub mod rollout;
pub mod steps;
pub mod target;
pub mod token;
pub mod topic;
pub mod triage;
pub mod tuf;
pub mod uptane;
pub mod version;
pub mod why;

#[cfg(test)]
mod tests;
