//! Targets: where one is fetched, and under which name it is kept. A name is signed, and still not trusted with a path.

use std::path::{Path, PathBuf};

use url::Url;

use super::roles::Target;
use super::store::{escape, quote, replace};
use super::{TufError, fetch};

/// What a relative reference of an address may have as it is (RFC 3986, section 3.3). A target's name is such a
/// reference, so a `%` that is in it stays.
const PATH_BYTES: &[u8] = b"-._~!$&'()*+,;=:@/%";

/// The address of a target; with consistent snapshots its last part begins with `hash` (TUF 1.0.31, section 5.7.3).
pub(crate) fn url(targets: &Url, name: &str, hash: Option<&str>) -> Result<Url, TufError> {
    let unsafe_name = || TufError::UnsafeName(name.to_owned());
    let is_dots = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "" | "." | "..");
    if name.split('/').any(is_dots) || name.contains(['\\', '\0']) {
        return Err(unsafe_name());
    }
    let path = match (hash, name.rsplit_once('/')) {
        (None, _) => name.to_owned(),
        (Some(hash), None) => format!("{hash}.{name}"),
        (Some(hash), Some((dir, base))) => format!("{dir}/{hash}.{base}"),
    };
    let path = escape(&path, |byte| byte.is_ascii_alphanumeric() || PATH_BYTES.contains(&byte));
    let mut base = targets.clone();
    if !base.path().ends_with('/') {
        let with_slash = format!("{}/", base.path());
        base.set_path(&with_slash);
    }
    // `./` keeps a colon in the first part from being read as a scheme.
    let url = base.join(&format!("./{path}")).map_err(|_| unsafe_name())?;
    if url.as_str().starts_with(base.as_str()) { Ok(url) } else { Err(unsafe_name()) }
}

/// Downloads a target into `dir`, or finds it there. It appears under its name only when length and hashes are right.
pub(super) async fn save(
    client: &reqwest::Client,
    targets: &Url,
    consistent: bool,
    (name, target): (&str, &Target),
    dir: &Path,
) -> Result<PathBuf, TufError> {
    let hash = target.hashes.get("sha256").or_else(|| target.hashes.get("sha512")).filter(|_| consistent);
    let hash = hash.filter(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let url = url(targets, name, hash.map(String::as_str))?;
    let path = dir.join(quote(name));
    if let Ok(kept) = std::fs::read(&path)
        && target.check(name, &kept).is_ok()
    {
        return Ok(path);
    }
    let bytes = fetch::target((client, None), url, name, target.length).await?;
    target.check(name, &bytes)?;
    replace(&path, &bytes).map_err(|source| TufError::Storage { path: path.clone(), source })?;
    Ok(path)
}

/// Downloads a small target into memory.
pub(super) async fn read(
    client: (&reqwest::Client, Option<&str>),
    targets: &Url,
    consistent: bool,
    (name, target): (&str, &Target),
) -> Result<Vec<u8>, TufError> {
    let hash = target.hashes.get("sha256").filter(|_| consistent);
    let bytes = fetch::target(client, url(targets, name, hash.map(String::as_str))?, name, target.length).await?;
    target.check(name, &bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_the_targets_address() {
        let base = Url::parse("http://localhost/t/").unwrap();
        let address = |name| url(&base, name, Some("ab")).map(String::from).ok();
        assert_eq!(address("dir/fw 1.bin").as_deref(), Some("http://localhost/t/dir/ab.fw%201.bin"));
        assert_eq!(address("a%20b?c#d").as_deref(), Some("http://localhost/t/ab.a%20b%3Fc%23d"));
        assert_eq!(address("http:x").as_deref(), Some("http://localhost/t/ab.http:x"));
        for name in ["", "..", "../x", "a/../../x", "a/%2e%2E/x", "/etc/passwd", "a//b", r"..\x"] {
            assert_eq!(address(name), None, "{name}");
        }
    }
}
