//! What the fleet does, for whoever watches it while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters of a running fleet; shared, and always current.
        #[derive(Debug, Default)]
        pub struct Stats { $($(#[$doc])* pub $name: AtomicU64),* }

        /// The counters at one moment.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        pub struct StatsSnapshot { $($(#[$doc])* pub $name: u64),* }

        impl Stats {
            #[must_use]
            pub fn snapshot(&self) -> StatsSnapshot {
                StatsSnapshot { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }
    };
}

stats! {
    /// Vehicles that are online now.
    online,
    /// Vehicles that go off- and online.
    roaming,
    /// How often one of them went offline.
    went_offline,
    /// Streams that are open now.
    streams,
    polls,
    /// Attempts that were offered, verified and begun.
    offered,
    /// Vehicles that are downloading now.
    downloading,
    downloaded_bytes,
    installed,
    failed,
    declined,
    /// Reports sent, repeated ones and second tries included.
    acks_sent,
    /// Different reports that were answered 202.
    acks_accepted,
    inventories,
    /// Requests that failed, and updates that were not verified.
    errors,
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A gauge that is one higher for as long as this lives.
pub(super) struct Gauge<'a>(&'a AtomicU64);

impl<'a> Gauge<'a> {
    pub(super) fn hold(gauge: &'a AtomicU64) -> Self {
        count(gauge);
        Self(gauge)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
