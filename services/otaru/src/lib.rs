//! The `otaru` command as a library, so that tests start what the command starts.

pub mod cli;
pub mod demo;
