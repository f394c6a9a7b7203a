//! The agent's TUF client as a command, with the arguments of the public suite that tests such clients
//! (theupdateframework/tuf-conformance).

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use otaru_domain::clock;
use otaru_vehicle::tuf;
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub struct TufArgs {
    /// Where trusted metadata is kept, a file per role.
    #[arg(long)]
    metadata_dir: PathBuf,
    /// The repository's metadata.
    #[arg(long)]
    metadata_url: Option<Url>,
    /// The target to download.
    #[arg(long)]
    target_name: Option<String>,
    /// The repository's targets.
    #[arg(long)]
    target_base_url: Option<Url>,
    /// Where the target is saved, under its name with `%XX` for what is no letter, digit or one of `_.-~`.
    #[arg(long)]
    target_dir: Option<PathBuf>,
    #[command(subcommand)]
    step: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    /// Trust a root.
    Init {
        /// The file of the root.
        root: PathBuf,
    },
    /// Fetch and verify the metadata of all top-level roles.
    Refresh,
    /// Refresh, then find a target, download and verify it.
    Download,
}

impl TufArgs {
    /// Ends with 0 when everything was verified; else says on standard error what was not.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let client = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build()?;
        let now = clock::now();
        let metadata = self.metadata_url.context("--metadata-url is missing");
        match self.step {
            Step::Init { root } => {
                let bytes = std::fs::read(&root).with_context(|| format!("cannot read {}", root.display()))?;
                tuf::init(&self.metadata_dir, &bytes)?;
            }
            Step::Refresh => tuf::refresh(client, &self.metadata_dir, metadata?, now).await?,
            Step::Download => {
                let name = self.target_name.context("--target-name is missing")?;
                let targets = self.target_base_url.context("--target-base-url is missing")?;
                let into = self.target_dir.context("--target-dir is missing")?;
                let path = tuf::download(client, &self.metadata_dir, metadata?, (targets, &name, &into), now).await?;
                println!("{}", path.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
