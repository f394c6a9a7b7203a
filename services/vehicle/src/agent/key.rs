//! The key by which the vehicle signs what it reports. It is made on the vehicle and never leaves it; the fleet's service
//! gets the public one, with which the vehicle's credentials are issued.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use otaru_domain::tuf::Key;

/// Makes a key in a new file that only its owner may read; the public key in hex.
///
/// # Errors
/// When there is such a file, or it cannot be written.
pub fn make_key(path: &Path) -> anyhow::Result<String> {
    let key = Key::generate()?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot make {}: a key is never written over", path.display()))?;
    file.write_all(key.to_pem()?.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(public_key(&key))
}

/// Reads a key that only its owner may read.
///
/// # Errors
/// When it cannot be read, or others can.
pub fn read_key(path: &Path) -> anyhow::Result<Key> {
    Key::from_pem(&read_secret(path)?)
        .with_context(|| format!("{} is no key: make one with `otaru vehicle make-key`", path.display()))
}

/// Reads a file that only its owner may read.
pub(super) fn read_secret(path: &Path) -> anyhow::Result<String> {
    let read = || format!("cannot read {}", path.display());
    let secret = std::fs::read_to_string(path).with_context(read)?;
    let mode = std::fs::metadata(path).with_context(read)?.permissions().mode() & 0o777;
    ensure!(mode & 0o077 == 0, "{} can be read by others than its owner: chmod 600 {0}", path.display());
    Ok(secret)
}

/// The public key as it is given to the fleet's service.
#[must_use]
pub fn public_key(key: &Key) -> String {
    key.public().keyval.public.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_owners_and_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ack.pem");
        let public = make_key(&path).unwrap();
        assert_eq!(public_key(&read_key(&path).unwrap()), public);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(make_key(&path).unwrap_err().to_string().contains("never written over"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_key(&path).unwrap_err().to_string().contains("chmod 600"));
    }
}
