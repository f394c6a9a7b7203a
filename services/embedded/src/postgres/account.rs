//! Postgres refuses to run as root, so root runs it as another user, and in a folder that this user can reach.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

const ROOT: u32 = 0;
/// Where root's Postgres lives when the data folder is closed to others.
const ELSEWHERE: &str = "/var/lib/otaru";

/// Who the server runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// Whoever we are.
    Own,
    Other {
        uid: u32,
        gid: u32,
    },
}

impl Account {
    /// Ours, or for root, which Postgres refuses, the first there is of `postgres` and `nobody`.
    pub fn choose() -> anyhow::Result<Self> {
        let me = fs::metadata("/proc/self").context("/proc does not show this process")?.uid();
        if me != ROOT {
            return Ok(Self::Own);
        }
        let users = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        match ["postgres", "nobody"].into_iter().find_map(|name| ids(&users, name)) {
            Some((uid, gid)) => Ok(Self::Other { uid, gid }),
            None => bail!(
                "Postgres does not run as root, and there is no user 'postgres' or 'nobody' to run it as: create one, \
                 or start as another user"
            ),
        }
    }

    /// A program of the server's, run as this account, in a group of its own: Ctrl-C in a terminal is not for it.
    pub fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).process_group(0).env("LC_ALL", "C.UTF-8");
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Makes `folder` this account's, closed to others.
    pub fn create(self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        self.give(folder)
    }

    pub fn give(self, path: &Path) -> anyhow::Result<()> {
        if let Self::Other { uid, gid } = self {
            chown(path, Some(uid), Some(gid)).with_context(|| format!("cannot give {} away", path.display()))?;
        }
        Ok(())
    }

    /// Where the cluster of `data_dir` lives: in it, or, where this account cannot get there, in a folder of its own
    /// to which a file in `data_dir` points.
    pub fn home(self, data_dir: &Path) -> anyhow::Result<PathBuf> {
        let inside = data_dir.join("postgres");
        let pointer = data_dir.join("postgres.location");
        if let Ok(place) = fs::read_to_string(&pointer) {
            return Ok(PathBuf::from(place.trim()));
        }
        if self.reaches(data_dir)? {
            return Ok(inside);
        }
        let name = hex::encode(Sha256::digest(data_dir.as_os_str().as_encoded_bytes()));
        let elsewhere = Path::new(ELSEWHERE).join(&name[..16]);
        fs::create_dir_all(&elsewhere).with_context(|| format!("cannot create {}", elsewhere.display()))?;
        for folder in [Path::new(ELSEWHERE), &elsewhere] {
            // Root's umask may have closed them.
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        }
        let place = elsewhere.join("postgres");
        fs::write(&pointer, format!("{}\n", place.display()))?;
        tracing::info!(place = %place.display(), pointer = %pointer.display(),
            "only root may enter the data folder, so Postgres keeps its files elsewhere");
        Ok(place)
    }

    /// Whether each folder on the way to `folder` lets this account through.
    fn reaches(self, folder: &Path) -> anyhow::Result<bool> {
        let Self::Other { uid, gid } = self else { return Ok(true) };
        let real = fs::canonicalize(folder).with_context(|| format!("cannot find {}", folder.display()))?;
        for step in real.ancestors() {
            if !enters(&fs::metadata(step)?, uid, gid) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The execute bit that counts: the owner's, the group's or everybody's.
fn enters(folder: &Metadata, uid: u32, gid: u32) -> bool {
    let bit = if folder.uid() == uid {
        0o100
    } else if folder.gid() == gid {
        0o010
    } else {
        0o001
    };
    folder.mode() & bit != 0
}

/// The user and group numbers of `name` in the text of `/etc/passwd`.
fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_user_are_found_by_its_whole_name() {
        let users = "postgresql:x:5:6::/:/bin/false\npostgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(ids(users, "postgres"), Some((101, 104)));
        assert_eq!(ids(users, "nobody"), None);
    }

    #[test]
    fn a_folder_under_a_closed_one_is_not_reached() {
        let top = tempfile::tempdir().unwrap();
        let below = top.path().join("below");
        fs::create_dir(&below).unwrap();
        let stranger = Account::Other { uid: 65_533, gid: 65_533 };
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!stranger.reaches(&below).unwrap());
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o711)).unwrap();
        assert!(stranger.reaches(&below).unwrap());
        assert!(Account::Own.reaches(&below).unwrap());
    }
}
