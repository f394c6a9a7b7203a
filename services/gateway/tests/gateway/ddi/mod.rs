//! The device API of older fleets, call by call, and with a client that nobody on this project wrote.

mod artifacts;
mod auth;
mod cancel;
mod confirmation;
mod hawkbit;
mod polls;
mod reports;
mod rig;
