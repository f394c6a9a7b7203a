//! How the process starts to log and learns that it should stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Log lines go to standard error; `quiet` keeps them to warnings, for a terminal that shows progress.
pub fn start_logging(format: &str, quiet: bool) {
    // The embedded broker logs as errors what it answers to its clients, such as that a topic exists already.
    let default = if quiet { "error,otaru=warn,tansu=off,tower_http=off" } else { "info,tansu=off,tower_http=off" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if format == "json" { builder.json().init() } else { builder.with_target(false).init() }
}

/// A token that is cancelled on SIGTERM or SIGINT; a second signal ends the process at once.
pub fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stop.clone();
    tokio::spawn(async move {
        for again in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if again {
                std::process::exit(130);
            }
            tracing::info!("stopping; once more to end at once");
            token.cancel();
        }
    });
    Ok(stop)
}
