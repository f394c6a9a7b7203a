//! The dashboard's files are built into the binary; without them a page says how to build them.

use std::path::Path;
use std::{env, fs, io};

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Otaru</title>\
    <p>The dashboard is not part of this build. Build it with <code>npm ci &amp;&amp; npm run build</code> in \
    <code>web/</code>, then build Otaru again. The API is at <a href=\"/api/docs\">/api/docs</a>.</p></html>\n";

fn main() -> io::Result<()> {
    let manifest_dir = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let dist = Path::new(&manifest_dir).join("../../web/dist");
    if !dist.join("index.html").exists() {
        fs::create_dir_all(&dist)?;
        fs::write(dist.join("index.html"), PLACEHOLDER)?;
    }
    println!("cargo::rerun-if-changed={}", dist.display());
    Ok(())
}
