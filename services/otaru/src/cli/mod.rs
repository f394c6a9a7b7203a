//! The command line: what can be said, and which role it starts. Every flag has an environment variable.

mod audit;
mod delivery;
mod embedded;
mod fleet;
mod keys;
mod mqtt;
mod oidc;
mod options;
mod roles;
mod rotation;
mod serving;
mod signals;
mod tuf;
mod up;
mod vehicle;
mod vehicle_links;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Over-the-air updates for vehicle fleets, on Kafka and Postgres.
#[derive(Debug, Parser)]
#[command(name = "otaru", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Log lines as `text` or `json`; what is logged: the variable RUST_LOG.
    #[arg(long, global = true, env = "OTARU_LOG_FORMAT", default_value = "text", value_parser = ["text", "json"])]
    log_format: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all roles in one process, and a demo fleet; broker and Postgres are embedded unless given.
    Up(Box<up::Up>),
    /// Run the campaign service: REST, rollout engine, signing, outbox relay, dashboard.
    Campaign(Box<roles::CampaignArgs>),
    /// Run a gateway: what vehicles talk to.
    Gateway(Box<roles::GatewayArgs>),
    /// Run the ingest: acknowledgements and inventories into Postgres.
    VehicleState(Box<roles::VehicleStateArgs>),
    /// Failures to clusters, by what vehicles wrote: beside vehicle-state, and nothing waits for it.
    Triage(roles::TriageArgs),
    /// Run the reference vehicle agent.
    Vehicle(Box<vehicle::VehicleArgs>),
    /// Simulate a fleet against a gateway.
    Fleet(Box<fleet::FleetArgs>),
    /// Make and list signing keys, and sign roots offline.
    Keys(keys::KeysArgs),
    /// Verify the audit log.
    Audit(audit::AuditArgs),
    /// Run only the embedded broker or Postgres, and print where they listen as one JSON object.
    Embedded(embedded::EmbeddedArgs),
}

impl Cli {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        signals::start_logging(&self.log_format, matches!(self.command, Command::Up(_)));
        match self.command {
            Command::Up(up) => up.run().await,
            Command::Campaign(args) => args.run().await,
            Command::Gateway(args) => args.run().await,
            Command::VehicleState(args) => args.run().await,
            Command::Triage(args) => args.run().await,
            Command::Vehicle(args) => args.run().await,
            Command::Fleet(args) => args.run().await,
            Command::Keys(args) => args.run().await,
            Command::Audit(args) => args.run().await,
            Command::Embedded(args) => args.run().await,
        }
    }
}
