//! vehicle-state: acknowledgements and inventories to Postgres.
//!
//! The one writer of what happens to assignments. It reads `otaru.acks`, `otaru.inventories` and, for what
//! the gateway put aside without a database, `otaru.dead-letters`; positions are kept in Postgres, moved in
//! the transaction that applies the messages, so each counts exactly once through kills on either side.
//!
//! Nothing poisons the stream: a message that cannot be read or applied is written to the table
//! `dead_letters` in the transaction that passes over it, and sent to `otaru.dead-letters` before that
//! transaction commits. So it may stand on the topic twice, under the same origin, and is in the table once.

#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod batch;
mod consume;
mod context;
mod letters;
mod message;
mod metrics;
mod rebuild;
mod triage;
mod worker;

use std::net::SocketAddr;
use std::time::Duration;

use otaru_bus::{Bus, BusConfig};
use otaru_http::{Health, Serving, bind, health_routes, install_metrics, metrics_routes, serve};
use otaru_store::Store;
use tokio_util::sync::CancellationToken;

pub use rebuild::{RebuildReport, rebuild};
pub use triage::run_triage;

use context::Context;

const RETRY: Duration = Duration::from_secs(1);

/// What the role needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where health and metrics are served.
    pub listen: SocketAddr,
    pub database: otaru_store::Config,
    pub bus: BusConfig,
}

/// Runs the role until `stop`.
///
/// # Errors
/// When its port is taken, or a setting of Kafka's client is not accepted. A database or a broker that is
/// away is waited for.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    install_metrics();
    let health = Health::new(&["database", "broker"]);
    let listener = bind(config.listen)?;
    let router = health_routes(health.clone()).merge(metrics_routes());
    let server = tokio::spawn(serve(listener, router, Serving::default(), stop.clone()));
    let store = Store::open(&config.database)?;
    let bus = Bus::new(config.bus.clone());
    let producer = bus.producer()?;
    let ready = async {
        // Both at once: each says for itself what is waited for.
        tokio::join!(
            until_done("database", &health, || store.migrate()),
            until_done("broker", &health, || bus.ensure_topics()),
        );
    };
    tokio::select! {
        () = ready => {
            // One connection stays free for claims and the lag.
            let transactions = usize::try_from(config.database.max_connections.saturating_sub(1))?;
            let context = Context::new(store, bus, producer, health, transactions, stop.clone());
            consume::run(context, stop).await?;
        }
        () = stop.cancelled() => {}
    }
    Ok(server.await??)
}

/// Tries until it works: a role starts before what it depends on.
async fn until_done<E, F>(part: &'static str, health: &Health, mut attempt: impl FnMut() -> F)
where
    E: std::error::Error + Send + Sync + 'static,
    F: Future<Output = Result<(), E>>,
{
    loop {
        match attempt().await {
            Ok(()) => return health.ready(part),
            Err(error) => {
                health.not_ready(part, error.to_string());
                tracing::warn!(
                    part,
                    reason = format!("{:#}", anyhow::Error::new(error)),
                    "not ready yet, trying again"
                );
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
