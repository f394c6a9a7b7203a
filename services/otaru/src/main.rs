//! The `otaru` command: one binary, one role per subcommand.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

use std::process::ExitCode;

use clap::Parser as _;
use otaru::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    // ring and aws-lc-rs are both in the graph: without a choice the first TLS handshake panics.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("otaru: a TLS provider was installed before main");
        return ExitCode::FAILURE;
    }
    match Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("otaru: {error:#}");
            ExitCode::FAILURE
        }
    }
}
