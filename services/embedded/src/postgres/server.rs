//! The running server: started as a child, or found running after a parent that was killed.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::cluster::Cluster;
use super::{run, tail};

/// After a crash it replays its log first: up to `max_wal_size`, some minutes on a slow disk.
const START: Duration = Duration::from_secs(300);
const STOP_SECS: &str = "30";
const POLL: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Server {
    pid: u32,
    port: u16,
    /// Unless it was adopted.
    child: Option<Child>,
}

impl Server {
    /// Adopts the server that still runs on this cluster, or starts one.
    pub fn up(cluster: &Cluster, port: Option<u16>) -> anyhow::Result<Self> {
        if let Some(orphan) = Lock::read(&cluster.home).filter(|lock| is_postgres_of(lock.pid, &cluster.home)) {
            let wanted = port.is_none_or(|port| port == orphan.port);
            if wanted && orphan.await_ready(&cluster.home) {
                tracing::info!(pid = orphan.pid, port = orphan.port, "private Postgres still up; taking it over");
                remember(cluster, orphan.port)?;
                return Ok(Self { pid: orphan.pid, port: orphan.port, child: None });
            }
            tracing::info!(pid = orphan.pid, "stopping what is left of the private Postgres");
            stop(cluster);
        }
        clear_stale_lock(&cluster.home)?;
        let port = match port {
            Some(port) => port,
            None => free_port(remembered(cluster))?,
        };
        let server = Self::start(cluster, port)?;
        remember(cluster, port)?;
        tracing::info!(pid = server.pid, port, home = %cluster.home.display(), "private Postgres up");
        Ok(server)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn lives(&mut self, cluster: &Cluster) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => is_postgres_of(self.pid, &cluster.home),
        }
    }

    pub fn down(mut self, cluster: &Cluster) {
        if self.lives(cluster) {
            stop(cluster);
        }
        if let Some(mut child) = self.child
            && let Err(error) = child.wait()
        {
            tracing::debug!(%error, "waiting for postgres");
        }
    }

    fn start(cluster: &Cluster, port: u16) -> anyhow::Result<Self> {
        let log_path = cluster.data_dir.join("postgres.log");
        let log = fresh_log(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
        let mut command = cluster.account.command(&cluster.installation.program("postgres"), &cluster.home);
        command.arg("-D").arg(&cluster.home);
        for setting in settings(port) {
            command.arg("-c").arg(setting);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", cluster.installation.program("postgres").display()))?;
        let pid = child.id();
        let begun = Instant::now();
        let mut told = begun;
        loop {
            if Lock::read(&cluster.home).is_some_and(|lock| lock.pid == pid && lock.ready) {
                return Ok(Self { pid, port, child: Some(child) });
            }
            if let Some(status) = child.try_wait()? {
                bail!("the private Postgres ended ({status}): {}", tail(&log_path));
            }
            if begun.elapsed() > START {
                stop(cluster);
                bail!("the private Postgres is not up after five minutes: {}", tail(&log_path));
            }
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                tracing::info!("the private Postgres is still starting; after a crash it replays its log");
            }
            sleep(POLL);
        }
    }
}

/// The log of one run; that of the run before is kept beside it.
fn fresh_log(path: &Path) -> std::io::Result<File> {
    if path.exists() {
        fs::rename(path, path.with_extension("log.old"))?;
    }
    let log = File::create(path)?;
    // Statements that failed are in it.
    log.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(log)
}

/// On the command line, so that an upgrade of ours changes them without touching the cluster's files.
fn settings(port: u16) -> Vec<String> {
    let mut settings: Vec<String> = [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "shared_buffers=256MB",
        "max_connections=200",
        "max_wal_size=2GB",
        "synchronous_commit=on",
        "wal_compression=on",
        // Every five minutes otherwise, of no interest to anybody.
        "log_checkpoints=off",
    ]
    .map(str::to_owned)
    .to_vec();
    settings.push(format!("port={port}"));
    settings
}

/// What a server writes into its folder while it runs.
struct Lock {
    pid: u32,
    port: u16,
    ready: bool,
}

impl Lock {
    fn read(home: &Path) -> Option<Self> {
        let text = fs::read_to_string(home.join("postmaster.pid")).ok()?;
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            port: lines.get(3)?.parse().ok()?,
            ready: lines.get(7) == Some(&"ready"),
        })
    }

    /// Whether it is ready, or becomes so while it replays its log.
    fn await_ready(&self, home: &Path) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            match Self::read(home) {
                Some(lock) if lock.pid == self.pid && lock.ready => return true,
                Some(lock) if lock.pid == self.pid && is_postgres_of(lock.pid, home) => sleep(POLL),
                _ => return false,
            }
        }
        false
    }
}

/// Whether process `pid` is a server on `home`, and not another that got its number.
fn is_postgres_of(pid: u32, home: &Path) -> bool {
    let Ok(command) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
    let mut words = command.split(|byte| *byte == 0);
    words.next().is_some_and(|program| program.ends_with(b"/postgres"))
        && words.any(|word| word == home.as_os_str().as_encoded_bytes())
}

/// Removes the lock of a dead server whose number another process has, or a zombie that nobody buried: Postgres takes
/// either for a running server. Only when no process of that server is left: they share its memory.
fn clear_stale_lock(home: &Path) -> anyhow::Result<()> {
    let path = home.join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let holder: Option<u32> = text.lines().next().and_then(|pid| pid.trim().parse().ok());
    let Some(pid) = holder.filter(|pid| Path::new("/proc").join(pid.to_string()).exists()) else { return Ok(()) };
    let begun = Instant::now();
    while let Some(left) = working_in(home) {
        if begun.elapsed() > Duration::from_secs(30) {
            bail!("process {left} of a former Postgres still works in {}: end it first", home.display());
        }
        sleep(POLL);
    }
    tracing::info!(pid, "the private Postgres was killed; its lock is removed");
    fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
}

/// A process whose working directory is `home`: each process of a server is in its data directory.
fn working_in(home: &Path) -> Option<String> {
    let home = fs::canonicalize(home).ok()?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let ours = processes
        .map(|entry| entry.path())
        .find(|process| fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == home))?;
    Some(ours.file_name()?.to_string_lossy().into_owned())
}

/// Ends all sessions and waits; what does not end that way is ended as by a crash, which loses nothing either.
fn stop(cluster: &Cluster) {
    for mode in ["fast", "immediate"] {
        let mut command = cluster.account.command(&cluster.installation.program("pg_ctl"), &cluster.home);
        command.arg("stop").arg("-D").arg(&cluster.home).args(["-m", mode, "-w", "-t", STOP_SECS]);
        match run(&mut command) {
            Ok(()) => return,
            Err(error) => tracing::warn!(error = format!("{error:#}"), mode, "stopping the private Postgres"),
        }
    }
}

/// The port of last time if it is free, else any that is.
fn free_port(last: Option<u16>) -> anyhow::Result<u16> {
    if let Some(port) = last
        && TcpListener::bind(("127.0.0.1", port)).is_ok()
    {
        return Ok(port);
    }
    Ok(TcpListener::bind(("127.0.0.1", 0)).context("no free port")?.local_addr()?.port())
}

fn remembered(cluster: &Cluster) -> Option<u16> {
    fs::read_to_string(cluster.data_dir.join("postgres.port")).ok()?.trim().parse().ok()
}

fn remember(cluster: &Cluster, port: u16) -> anyhow::Result<()> {
    let path = cluster.data_dir.join("postgres.port");
    fs::write(&path, format!("{port}\n")).with_context(|| format!("cannot write {}", path.display()))
}
