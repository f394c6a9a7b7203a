//! The vehicle's own check of new software, right after the switch: a program that knows the vehicle, as an agent does not.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use otaru_domain::ack::MAX_LOG_BYTES;
use otaru_domain::id::CampaignId;
use tokio::process::{Child, Command};

use super::files::{StorageError, at};

/// A program that ends with 0 when the software in its slot is fit to stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Run with `OTARU_SLOT` (the folder of the images that run now) and `OTARU_CAMPAIGN` in its environment.
    pub program: PathBuf,
    /// How long it may take; after that it is killed, and the software counts as not healthy.
    pub patience: Duration,
}

/// What a check found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is none to ask.
    Unchecked,
    Healthy,
    Unhealthy {
        code: &'static str,
        log: String,
    },
}

impl HealthCheck {
    pub(super) async fn run(
        &self,
        state_dir: &Path,
        campaign: CampaignId,
        slot: &Path,
    ) -> Result<Verdict, StorageError> {
        let path = state_dir.join("health-check.log");
        let out = at(&path, File::create(&path))?;
        let err = at(&path, out.try_clone())?;
        let started = Command::new(&self.program)
            .env("OTARU_SLOT", slot)
            .env("OTARU_CAMPAIGN", campaign.to_string())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn();
        let unhealthy = |code, log| Ok(Verdict::Unhealthy { code, log });
        let mut child = match started {
            Ok(child) => Group(child),
            Err(error) => {
                return unhealthy("health_check_failed", format!("{} cannot run: {error}", self.program.display()));
            }
        };
        match tokio::time::timeout(self.patience, child.0.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(Verdict::Healthy),
            Ok(Ok(status)) => unhealthy("health_check_failed", said(&path, &ended(status))?),
            Ok(Err(error)) => unhealthy("health_check_failed", said(&path, &error.to_string())?),
            Err(_) => {
                child.kill();
                at(&path, child.0.wait().await)?;
                unhealthy("health_check_timeout", said(&path, &format!("no end after {:?}", self.patience))?)
            }
        }
    }
}

/// A running check with everything it started: a check that is given up must not go on beside the next one.
struct Group(Child);

impl Group {
    fn kill(&self) {
        // No id: it was waited for, and its group's number may be another's by now.
        let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok()) else { return };
        // Nothing is left to do where all of the group have ended.
        let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

fn ended(status: ExitStatus) -> String {
    format!("the health check ended with {status}")
}

/// How it ended, after the last of what the program wrote: as much as a report may carry, with room for the end.
fn said(path: &Path, end: &str) -> Result<String, StorageError> {
    let most = u64::try_from(MAX_LOG_BYTES - 1024).unwrap_or(u64::MAX);
    let mut file = at(path, File::open(path))?;
    let length = at(path, file.metadata())?.len();
    at(path, file.seek(SeekFrom::Start(length.saturating_sub(most))))?;
    let mut bytes = Vec::new();
    at(path, file.take(most).read_to_end(&mut bytes))?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_end();
    Ok(if text.is_empty() { end.to_owned() } else { format!("{text}\n{end}") })
}
