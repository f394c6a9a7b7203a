//! A real file system that is really full: a tmpfs of a few MiB, which root may mount.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use uuid::Uuid;

/// A file system of its own, unmounted with this.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of `mib` MiB. `None` where this process may not, which is said on standard error.
    ///
    /// # Errors
    /// When there is no place to mount it on.
    pub fn mount(mib: u32) -> io::Result<Option<Self>> {
        let path = std::env::temp_dir().join(format!("otaru-disk-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&path)?;
        let options = format!("size={mib}m,mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "otaru-test"]).arg(&path).output();
        let why = match mounted {
            Ok(output) if output.status.success() => return Ok(Some(Self { path })),
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        std::fs::remove_dir(&path)?;
        // Not by a macro: those the harness keeps to itself while the test passes.
        writeln!(io::stderr(), "\nSKIPPED: a test of a full disk needs to mount a tmpfs, as root can: {why}")?;
        Ok(None)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    /// Takes all the room there is.
    ///
    /// # Errors
    /// When the file that takes it cannot be made.
    pub fn fill(&self) -> io::Result<()> {
        let mut filler = File::create(self.filler())?;
        for block in [vec![7; 1 << 20], vec![7; 4 << 10]] {
            loop {
                match filler.write_all(&block) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Gives it back.
    ///
    /// # Errors
    /// When nothing was taken.
    pub fn make_room(&self) -> io::Result<()> {
        std::fs::remove_file(self.filler())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: after a failure, somebody may still be in it.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.path).status();
        if unmounted.is_ok_and(|status| status.success()) {
            drop(std::fs::remove_dir(&self.path));
        }
    }
}
