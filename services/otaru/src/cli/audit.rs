//! The audit log's chain, walked from its first entry by whoever can read the database; the service has no hand in it.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use otaru_domain::audit::Digest;
use otaru_store::{Store, audit};

use super::options::DatabaseOptions;

#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Walk the whole log. Prints one JSON object; 0 when it holds, 1 with the first entry that does not.
    Verify {
        #[command(flatten)]
        database: DatabaseOptions,
        /// An entry and its digest that were kept elsewhere, as ID:DIGEST from GET /api/v1/audit/head; again for more.
        /// Without one, a log that was written anew from its beginning is not noticed.
        #[arg(long, value_parser = parse_anchor)]
        anchor: Vec<(i64, Digest)>,
    },
}

fn parse_anchor(text: &str) -> Result<(i64, Digest), String> {
    let (id, digest) = text.split_once(':').ok_or("an anchor is written ID:DIGEST")?;
    let id = id.parse().ok().filter(|id| *id >= 1).ok_or("an entry's id is a whole number from 1")?;
    let digest = otaru_domain::audit::parse_digest(digest).ok_or("a digest is 64 hexadecimal digits")?;
    Ok((id, digest))
}

impl AuditArgs {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let AuditCommand::Verify { database, anchor } = self.command;
        let store = Store::open(&database.config())?;
        let anchors: BTreeMap<i64, Digest> = anchor.into_iter().collect();
        let verified = audit::verify(&store, anchors).await.context("the audit log cannot be read")?;
        if let Some(broken) = &verified.broken {
            eprintln!("the audit log does not hold: {broken}");
        }
        let summary = serde_json::json!({
            "holds": verified.broken.is_none(),
            "entries": verified.last,
            "digest": otaru_domain::audit::write_digest(&verified.digest),
            "first_broken": verified.broken.as_ref().map(otaru_domain::audit::Break::entry),
            "reason": verified.broken.as_ref().map(ToString::to_string),
        });
        println!("{summary}");
        Ok(if verified.broken.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
