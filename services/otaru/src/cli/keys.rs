//! Keys without a server: what a root's keeper does on a machine that has no network. What an operator does beside a
//! server is in `rotation`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use otaru_campaign::keys::KeyStore;
use otaru_domain::id::{HardwareId, ModelId};
use otaru_domain::tuf::{Key, Metadata, Role, Root, Targets, add_signatures, parse_unverified};

use super::rotation::OnlineCommand;

#[derive(Debug, Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make an ed25519 key in a new file (mode 0600) and print its public half.
    Init {
        /// The file to make; it must not exist.
        #[arg(long)]
        out: PathBuf,
    },
    /// List the keys below a folder: role or name, key id, public key.
    List {
        #[arg(long, env = "OTARU_KEYS_DIR")]
        keys_dir: PathBuf,
    },
    /// Sign targets as an approver, offline, where a model's root asks for that. The draft comes from
    /// GET /api/v1/models/MODEL/targets/draft, the result goes to PUT /api/v1/models/MODEL/targets. Shows what is signed.
    Sign {
        /// The draft.
        #[arg(long)]
        draft: PathBuf,
        /// The approver's key, made by `otaru keys init`.
        #[arg(long, required = true)]
        key: Vec<PathBuf>,
        /// Where to write the signed targets.
        #[arg(long)]
        out: PathBuf,
    },
    /// Make the keys of a model's Uptane Director, where the Director runs, and print their public halves: for the query of
    /// GET /api/v1/models/MODEL/uptane/director/root/draft. Keys that are there stay.
    Director {
        /// The folder that the gateway's --director-keys names.
        #[arg(long, env = "OTARU_DIRECTOR_KEYS")]
        director_keys: PathBuf,
        #[arg(long)]
        model: ModelId,
    },
    /// Sign a root, offline. The draft comes from GET /api/v1/models/MODEL/root/draft?root_key=PUBLIC (of Uptane from
    /// …/uptane/image/root/draft and …/uptane/director/root/draft), the result goes to PUT on the same without `draft`.
    /// Several people sign one after the other.
    SignRoot {
        /// The draft, or a root that others signed already.
        #[arg(long)]
        draft: PathBuf,
        /// A root key made by `otaru keys init`; again for more.
        #[arg(long, required = true)]
        key: Vec<PathBuf>,
        /// Where to write the signed root.
        #[arg(long)]
        out: PathBuf,
    },
    #[command(flatten)]
    Online(OnlineCommand),
}

impl KeysArgs {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            KeysCommand::Init { out } => init(&out)?,
            KeysCommand::List { keys_dir } => list(&keys_dir)?,
            KeysCommand::Sign { draft, key, out } => sign_targets(&draft, &key, &out)?,
            KeysCommand::Director { director_keys, model } => director(&director_keys, &model)?,
            KeysCommand::SignRoot { draft, key, out } => sign_root(&draft, &key, &out)?,
            KeysCommand::Online(command) => command.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn init(out: &Path) -> anyhow::Result<()> {
    let key = Key::generate()?;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(out)
        .with_context(|| format!("cannot make {}: a key file is never overwritten", out.display()))?;
    file.write_all(key.to_pem()?.as_bytes())?;
    file.sync_all()?;
    println!("{}", key.public().keyval.public);
    eprintln!("wrote {}; keep it where no server can read it, and a copy elsewhere", out.display());
    Ok(())
}

fn director(folder: &Path, model: &ModelId) -> anyhow::Result<()> {
    let keys = KeyStore::open(folder, false)?.director_keys(model)?;
    for (role, key) in [("targets", &keys.targets), ("snapshot", &keys.snapshot), ("timestamp", &keys.timestamp)] {
        println!("{role}_key={}", key.keyval.public);
    }
    Ok(())
}

fn list(keys_dir: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    find_keys(keys_dir, &mut files)?;
    if files.is_empty() {
        bail!("no key below {}", keys_dir.display());
    }
    files.sort();
    println!("{:<40} {:<64} PUBLIC KEY", "FILE", "KEY ID");
    for path in files {
        let key = read_key(&path)?;
        let name = path.strip_prefix(keys_dir).unwrap_or(&path).display().to_string();
        println!("{name:<40} {:<64} {}", key.id(), key.public().keyval.public);
    }
    Ok(())
}

fn find_keys(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            find_keys(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "pem") {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a root is Uptane's, in whose dialect its type has a capital letter.
fn is_uptane(draft: &Path) -> anyhow::Result<bool> {
    let bytes = fs::read(draft).with_context(|| format!("cannot read {}", draft.display()))?;
    let file: serde_json::Value =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is no JSON", draft.display()))?;
    Ok(file.get("signed").unwrap_or(&file)["_type"] == "Root")
}

/// The draft with the signatures of `keys` added, as TUF or as Uptane writes them.
fn signed(draft: &Path, keys: &[PathBuf], uptane: bool) -> anyhow::Result<(Vec<u8>, Vec<Key>)> {
    let bytes = fs::read(draft).with_context(|| format!("cannot read {}", draft.display()))?;
    let keys = keys.iter().map(|path| read_key(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let add = if uptane { otaru_domain::uptane::add_signatures } else { add_signatures };
    let signed = add(&bytes, &keys.iter().collect::<Vec<_>>())
        .with_context(|| format!("{} cannot be signed", draft.display()))?;
    Ok((signed, keys))
}

fn sign_targets(draft: &Path, keys: &[PathBuf], out: &Path) -> anyhow::Result<()> {
    let (signed, _) = signed(draft, keys, false)?;
    let targets: Metadata<Targets> =
        parse_unverified(&signed).with_context(|| format!("{} is no targets metadata", draft.display()))?;
    if targets.kind != Role::Targets.as_str() {
        bail!("{} is {} metadata: roots are signed by `otaru keys sign-root`", draft.display(), targets.kind);
    }
    eprintln!("signing targets version {}, which expire {}:", targets.version, targets.expires.format("%Y-%m-%d"));
    for (name, target) in &targets.body.targets {
        let release = target.custom.as_ref().map_or_else(String::new, |custom| {
            format!(", {} {} of release {}", join(custom.installs_on()), custom.version, custom.release)
        });
        let encryption = target.custom.as_ref().and_then(|custom| custom.encryption.as_ref());
        let plain = encryption.map_or_else(String::new, |of| format!(", decrypted {}", of.sha256));
        eprintln!("  {name} ({} bytes{release})\n    sha256 {}{plain}", target.length, target.hashes.sha256);
    }
    fs::write(out, signed).with_context(|| format!("cannot write {}", out.display()))
}

fn join(ids: &[HardwareId]) -> String {
    ids.iter().map(HardwareId::as_str).collect::<Vec<_>>().join(", ")
}

fn sign_root(draft: &Path, keys: &[PathBuf], out: &Path) -> anyhow::Result<()> {
    let (signed, keys) = signed(draft, keys, is_uptane(draft)?)?;
    let root: Metadata<Root> = parse_unverified(&signed).with_context(|| format!("{} is no root", draft.display()))?;
    for key in &keys {
        if !root.body.keys.contains_key(key.id()) {
            eprintln!("note: key {} is not in this root; it counts only if the root before names it", key.id());
        }
    }
    eprintln!("signing root version {}, which expires {}:", root.version, root.expires.format("%Y-%m-%d"));
    for (role, entry) in &root.body.roles {
        eprintln!("  {role:<10} {} of {}", entry.threshold, entry.keyids.join(", "));
    }
    fs::write(out, signed).with_context(|| format!("cannot write {}", out.display()))?;
    Ok(())
}

fn read_key(path: &Path) -> anyhow::Result<Key> {
    let pem = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Key::from_pem(&pem).with_context(|| format!("{} holds no key", path.display()))
}
