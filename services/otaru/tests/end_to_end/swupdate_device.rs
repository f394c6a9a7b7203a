//! A device that runs `swupdate`: its key, its signed containers, and its process.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rand::RngExt as _;
use tempfile::TempDir;

use crate::cluster::eventually;

/// The board and revision that containers are made for.
const HARDWARE: &str = "otaru:1.0";

/// Stops with this.
pub struct Device {
    dir: TempDir,
    running: Option<Child>,
}

/// A signed `.swu`.
pub struct Container {
    pub path: PathBuf,
    /// What it installs.
    pub payload: Vec<u8>,
}

impl Container {
    /// With one byte of the payload changed: the description still is what was signed.
    pub fn corrupted(self) -> anyhow::Result<Self> {
        let mut bytes = std::fs::read(&self.path)?;
        let at = bytes.windows(64).position(|window| window == &self.payload[..64]).context("no payload")? + 1000;
        bytes[at] ^= 1;
        std::fs::write(&self.path, bytes)?;
        Ok(self)
    }

    pub fn length_bytes(&self) -> anyhow::Result<u64> {
        Ok(std::fs::metadata(&self.path)?.len())
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

impl Device {
    /// A device with a signing certificate of its own.
    pub fn new() -> anyhow::Result<Self> {
        // Its sockets are in here, and their paths are short.
        let dir = tempfile::Builder::new().prefix("otaru-swu-").tempdir()?;
        let path = dir.path();
        run(Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=otaru"])
            .args(["-addext", "extendedKeyUsage=emailProtection", "-keyout", "key.pem", "-out", "cert.pem"])
            .current_dir(path))?;
        let identify = "globals: { };\nidentify: ( { name = \"trim\"; value = \"sport\"; } );\n";
        std::fs::write(path.join("swupdate.cfg"), identify)?;
        Ok(Self { dir, running: None })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The file it installs into.
    pub fn target(&self) -> PathBuf {
        self.path("installed.bin")
    }

    /// A container of `length` random bytes for this device, signed with its key.
    pub fn container(&self, length: usize) -> anyhow::Result<Container> {
        let mut payload = vec![0; length];
        rand::rng().fill(payload.as_mut_slice());
        std::fs::write(self.path("payload.bin"), &payload)?;
        let sum = Command::new("sha256sum").arg(self.path("payload.bin")).output()?;
        let sum = String::from_utf8(sum.stdout)?;
        let description = format!(
            "software = {{\n  version = \"2.0\";\n  hardware-compatibility: [ \"1.0\" ];\n  images: ( {{ \
             filename = \"payload.bin\"; type = \"rawfile\"; installed-directly = true; path = \"{}\"; sha256 = \"{}\"; }} );\n}}\n",
            self.target().display(),
            sum.split_whitespace().next().context("no sum")?
        );
        std::fs::write(self.path("sw-description"), description)?;
        run(Command::new("openssl")
            .args(["cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", "cert.pem"])
            .args(["-inkey", "key.pem", "-outform", "DER", "-nosmimecap", "-binary"])
            .current_dir(self.dir.path()))?;
        let pack = "printf 'sw-description\\nsw-description.sig\\npayload.bin\\n' | cpio -o -H crc >container.swu";
        run(Command::new("sh").args(["-c", pack]).current_dir(self.dir.path()))?;
        Ok(Container { path: self.path("container.swu"), payload })
    }

    /// Starts `swupdate` with its hawkBit client, and what `more` says to that.
    pub fn start(&mut self, gateway: &str, vin: &str, token: &str, more: &[&str]) -> anyhow::Result<()> {
        let suricatta = format!("-t DEFAULT -u {gateway} -i {vin} -k {token} -p 1 {}", more.join(" "));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("swupdate.log"))?;
        let child = Command::new("swupdate")
            .args(["-v", "-H", HARDWARE, "-k"])
            .arg(self.path("cert.pem"))
            .arg("-f")
            .arg(self.path("swupdate.cfg"))
            .args(["-u", suricatta.trim()])
            .env("TMPDIR", self.dir.path())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // It has children of its own: all of them end together.
            .process_group(0)
            .spawn()
            .context("swupdate is missing: apt-get install swupdate")?;
        self.running = Some(child);
        Ok(())
    }

    /// As when the power goes.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.running.take() {
            Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
            child.wait()?;
        }
        for socket in ["sockinstctrl", "swupdateprog"] {
            remove(&self.path(socket))?;
        }
        Ok(())
    }

    fn log(&self) -> String {
        std::fs::read(self.path("swupdate.log"))
            .map_or_else(|_| String::new(), |log| String::from_utf8_lossy(&log).into())
    }

    /// The last of what it logged.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    pub async fn wait_for_log(&self, text: &str, patience: Duration) -> anyhow::Result<()> {
        let said = eventually(text, patience, || async { Ok(self.log().contains(text).then_some(())) }).await;
        said.with_context(|| format!("swupdate said:\n{}", self.log_tail()))
    }
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("swupdate could not be stopped: {error}");
        }
    }
}
