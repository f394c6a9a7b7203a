//! The vehicle's side: the reference agent, and a simulator that runs thousands of vehicles at once.
//!
//! It is a client like any other and knows only HTTP and TUF: what the gateway answers is a hint, what
//! `tough` has verified is the truth. Whoever builds an agent of their own reads here what one has to do.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod agent;
mod backoff;
mod download;
mod error;
pub mod fleet;
mod gateway;
mod images;
mod offer;
mod repository;
pub mod tuf;
