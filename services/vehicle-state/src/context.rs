//! What all partitions of a role share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use otaru_bus::{Bus, Producer};
use otaru_http::Health;
use otaru_store::Store;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use crate::batch::Kind;

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The offsets after the last message of each partition.
type Ends = HashMap<(String, i32), i64>;

#[derive(Clone)]
pub struct Context {
    pub store: Store,
    pub bus: Bus,
    pub producer: Producer,
    pub health: Health,
    ends: watch::Receiver<Ends>,
    /// Transactions at once: fewer than connections, so that claims and the lag are never starved.
    permits: Arc<Semaphore>,
}

impl Context {
    pub fn new(
        store: Store,
        bus: Bus,
        producer: Producer,
        health: Health,
        transactions: usize,
        stop: CancellationToken,
    ) -> Self {
        let (sender, ends) = watch::channel(Ends::new());
        tokio::spawn(watch_both(store.clone(), bus.clone(), health.clone(), sender, stop));
        Self { store, bus, producer, health, ends, permits: Arc::new(Semaphore::new(transactions.max(1))) }
    }

    /// The end of a partition, as last seen; 0 before it was seen.
    pub fn high(&self, topic: &str, partition: i32) -> i64 {
        self.ends.borrow().get(&(topic.to_owned(), partition)).copied().unwrap_or(0)
    }

    /// The semaphore is never closed, so there is always a permit in the end.
    pub async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }
}

/// Asks the broker for the ends of the partitions every other second, which also tells whether it is there, and
/// the database whether it is.
async fn watch_both(store: Store, bus: Bus, health: Health, ends: watch::Sender<Ends>, stop: CancellationToken) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => {}
        }
        match store.ping().await {
            Ok(()) => health.ready("database"),
            Err(error) => health.not_ready("database", error.to_string()),
        }
        let mut seen = Ends::new();
        let mut failed = None;
        for topic in Kind::TOPICS {
            match bus.end_offsets(topic).await {
                Ok(found) => {
                    let named = found.into_iter().map(|(partition, _, high)| ((topic.to_owned(), partition), high));
                    seen.extend(named);
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            None => health.ready("broker"),
            Some(error) => health.not_ready("broker", error.to_string()),
        }
        ends.send_modify(|known| known.extend(seen));
    }
}
