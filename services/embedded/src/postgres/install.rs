//! Finding the server's binaries: distributions keep them out of `PATH`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

/// A folder with `initdb`, `postgres` and `pg_ctl` of one major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installation {
    pub bin: PathBuf,
    pub major: u32,
}

impl Installation {
    /// The newest there is, or the one that made `version` (the content of a cluster's `PG_VERSION`).
    pub fn find(version: Option<&str>) -> anyhow::Result<Self> {
        let mut found: Vec<Self> = candidates().into_iter().filter_map(Self::at).collect();
        found.sort_by_key(|installation| installation.major);
        let Some(version) = version else {
            let Some(newest) = found.pop() else {
                bail!(
                    "no Postgres server is installed: run 'apt-get install postgresql' as root, or point --database-url \
                     at one that runs elsewhere"
                );
            };
            return Ok(newest);
        };
        match found.into_iter().find(|installation| installation.major.to_string() == version) {
            Some(same) => Ok(same),
            None => bail!(
                "the database in the data folder was made by Postgres {version}, which is not installed: run 'apt-get \
                 install postgresql-{version}' as root, or upgrade the database with pg_upgrade"
            ),
        }
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    fn at(bin: PathBuf) -> Option<Self> {
        if !["initdb", "postgres", "pg_ctl"].iter().all(|program| bin.join(program).is_file()) {
            return None;
        }
        let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
        let major = major(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { bin, major })
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    // Debian and Ubuntu; Red Hat's packages of the project; a build from source.
    for versions in [Path::new("/usr/lib/postgresql"), Path::new("/usr")] {
        let Ok(entries) = std::fs::read_dir(versions) else { continue };
        folders.extend(entries.flatten().map(|entry| entry.path()).filter(|path| {
            versions.ends_with("postgresql")
                || path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("pgsql-"))
        }));
    }
    let mut bins: Vec<PathBuf> = folders.into_iter().map(|folder| folder.join("bin")).collect();
    bins.push(PathBuf::from("/usr/local/pgsql/bin"));
    if let Some(path) = std::env::var_os("PATH") {
        bins.extend(std::env::split_paths(&path));
    }
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        bins.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    bins
}

/// `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)`.
fn major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_packagers_print() {
        assert_eq!(major("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major("something else"), None);
    }

    #[test]
    fn a_version_that_is_not_installed_is_named_with_what_to_install() {
        let refused = Installation::find(Some("9")).unwrap_err().to_string();
        assert!(refused.contains("apt-get install postgresql-9"), "{refused}");
    }
}
