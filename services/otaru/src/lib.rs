//! The `otaru` command as a library, so that tests start what the command starts.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod cli;
pub mod demo;
