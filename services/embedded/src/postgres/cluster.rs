//! The cluster on disk: created once, whole or not at all, with a password nobody chose.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};

use super::account::Account;
use super::install::Installation;
use super::run;

const USER: &str = "otaru";
const DATABASE: &str = "otaru";

/// A data folder with a cluster in it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub data_dir: PathBuf,
    /// What Postgres calls its data directory.
    pub home: PathBuf,
    pub account: Account,
    pub installation: Installation,
    password: String,
}

impl Cluster {
    /// Opens the cluster of `data_dir`, and makes it first if there is none.
    pub fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let account = Account::choose()?;
        let home = account.home(data_dir)?;
        let version = fs::read_to_string(home.join("PG_VERSION")).ok();
        let installation = Installation::find(version.as_deref().map(str::trim))?;
        let password = password(&data_dir.join("postgres.password"))?;
        let cluster = Self { data_dir: data_dir.to_owned(), home, account, installation, password };
        if version.is_none() {
            cluster.create()?;
        }
        Ok(cluster)
    }

    pub fn url(&self, port: u16) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{port}/{DATABASE}", self.password)
    }

    /// Makes the cluster beside its place and moves it there when it is whole: a kill in the middle leaves nothing
    /// that a second start takes for a cluster.
    fn create(&self) -> anyhow::Result<()> {
        tracing::info!(home = %self.home.display(), version = self.installation.major, "creating the private database");
        let draft = self.home.with_extension("new");
        if draft.exists() {
            fs::remove_dir_all(&draft).with_context(|| format!("cannot remove {}", draft.display()))?;
        }
        self.account.create(&draft)?;
        let secret = self.home.with_extension("secret");
        write_closed(&secret, &self.password)?;
        self.account.give(&secret)?;
        let made = self.initdb(&draft, &secret, "C.UTF-8").or_else(|first| {
            // Systems without that locale have plain C, which sorts the same.
            tracing::debug!(error = format!("{first:#}"), "initdb with C.UTF-8");
            self.initdb(&draft, &secret, "C")
        });
        fs::remove_file(&secret)?;
        made?;
        self.create_database(&draft)?;
        fs::rename(&draft, &self.home).with_context(|| format!("cannot create {}", self.home.display()))
    }

    fn initdb(&self, draft: &Path, secret: &Path, locale: &str) -> anyhow::Result<()> {
        let mut command = self.account.command(&self.installation.program("initdb"), draft);
        command
            .arg("--pgdata")
            .arg(draft)
            .arg("--pwfile")
            .arg(secret)
            .args(["--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--data-checksums"])
            .args(["--locale", locale]);
        run(&mut command)
    }

    /// In single-user mode: no server, no port, no client.
    fn create_database(&self, draft: &Path) -> anyhow::Result<()> {
        let mut child = self
            .account
            .command(&self.installation.program("postgres"), draft)
            .args(["--single", "-j", "-D"])
            .arg(draft)
            .arg("postgres")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run postgres")?;
        let mut statements = child.stdin.take().context("no way to speak to postgres")?;
        statements.write_all(format!("CREATE DATABASE {DATABASE};\n\n").as_bytes())?;
        drop(statements);
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && !said.contains("ERROR"), "the database was not created: {}", said.trim());
        Ok(())
    }
}

/// The password of the cluster, made up on first use.
fn password(path: &Path) -> anyhow::Result<String> {
    if let Ok(known) = fs::read_to_string(path)
        && !known.trim().is_empty()
    {
        return Ok(known.trim().to_owned());
    }
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).context("the operating system gave no randomness")?;
    let fresh = hex::encode(bytes);
    write_closed(path, &fresh)?;
    Ok(fresh)
}

fn write_closed(path: &Path, text: &str) -> anyhow::Result<()> {
    // A leftover may have wider permissions: they are set at creation only.
    if path.exists() {
        fs::remove_file(path)?;
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(())
}
