//! Vehicles that speak Uptane.

mod attacks;
mod directions;
mod manifests;
mod registration;
pub mod rig;
mod storm;
