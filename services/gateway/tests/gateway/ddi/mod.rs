//! The device API of older fleets, call by call.

mod artifacts;
mod auth;
mod cancel;
mod confirmation;
mod polls;
mod reports;
pub mod rig;
