//! Vehicles on an MQTT broker: a real mosquitto, and a vehicle's client beside the gateway's.

mod notices;
mod outages;
mod reports;
pub mod rig;
mod tls;
