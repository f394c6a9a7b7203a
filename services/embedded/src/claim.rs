//! One process per data folder: a second one would share the broker's tables and take the first one's Postgres
//! for an orphan.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Holds a data folder until it is dropped. A holder that was killed leaves a file that the next one sees through.
#[derive(Debug)]
pub(crate) struct Claim {
    path: PathBuf,
}

impl Claim {
    /// Takes `<folder>/<name>.owner`.
    pub fn take(folder: &Path, name: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create the data folder {}", folder.display()))?;
        let path = folder.join(format!("{name}.owner"));
        let me = identity(std::process::id()).context("/proc does not show this process")?;
        // Twice at most: once against what a killed process left behind.
        for _ in 0..2 {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Self::sign(file, &me, path),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::see_through(&path, folder)?,
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot write to the data folder {}", folder.display()));
                }
            }
        }
        bail!("another process is starting on the data folder {}", folder.display())
    }

    fn sign(mut file: File, me: &str, path: PathBuf) -> anyhow::Result<Self> {
        file.write_all(me.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path })
    }

    /// Removes a claim whose holder is dead; an error if it lives.
    fn see_through(path: &Path, folder: &Path) -> anyhow::Result<()> {
        let holder = fs::read_to_string(path).unwrap_or_default();
        let pid: Option<u32> = holder.split_whitespace().next().and_then(|pid| pid.parse().ok());
        if let Some(pid) = pid
            && identity(pid).as_deref() == Some(holder.as_str())
        {
            bail!(
                "the data folder {} is in use by process {pid}: stop that one, or choose another --data-dir",
                folder.display()
            );
        }
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, path = %self.path.display(), "the claim was gone already");
        }
    }
}

/// A process, told from others that had or will have its number by when it began.
fn identity(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command in parentheses and may hold anything; the start time is the 22nd.
    let began = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{pid} {began}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Claim::take(folder.path(), "broker").unwrap();
        let refused = Claim::take(folder.path(), "broker").unwrap_err().to_string();
        assert!(refused.contains("in use by process"), "{refused}");
        drop(first);
        Claim::take(folder.path(), "broker").unwrap();
    }

    #[test]
    fn what_a_killed_owner_left_is_seen_through() {
        let folder = tempfile::tempdir().unwrap();
        // The same number, another life: pid 1 did not begin at tick 1.
        fs::write(folder.path().join("broker.owner"), "1 1").unwrap();
        Claim::take(folder.path(), "broker").unwrap();
    }
}
