//! This gateway's shares of the caps: which caps there are is read every few seconds, and the share of each that is in use
//! is leased anew every second. While Postgres is away everything goes on as it was, for images are served without it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use otaru_store::StoreError;
use otaru_store::bandwidth::{self as rows, Scope};

use super::{Bandwidth, Downloads};
use crate::app::{App, BANDWIDTH};

/// How often shares are leased anew.
const EVERY: Duration = Duration::from_secs(1);
/// How often the caps are read: a new one holds after this at the latest.
const READ_EVERY: Duration = Duration::from_secs(5);
/// The part of a cap that a gateway takes which cannot ask for its share, and never had one.
const UNASKED: u64 = 10;

/// Keeps caps and shares fresh until the gateway stops.
pub(crate) async fn keep(app: App) {
    let mut read: Option<Instant> = None;
    while !app.stop.is_cancelled() {
        match refresh(&app, &mut read).await {
            Ok(()) => {
                app.database.answered();
                app.bandwidth.alone.store(false, Ordering::Relaxed);
                app.health.ready(BANDWIDTH);
            }
            Err(error) => {
                app.database.failed(&error);
                if read.is_none() {
                    app.health.not_ready(BANDWIDTH, error.to_string());
                }
                app.bandwidth.go_on_alone();
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = app.bandwidth.wake.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn refresh(app: &App, read: &mut Option<Instant>) -> Result<(), StoreError> {
    if read.is_none_or(|at| at.elapsed() >= READ_EVERY) {
        let caps = rows::caps(&app.store).await?;
        app.bandwidth.scopes().caps = caps.into_iter().collect();
        *read = Some(Instant::now());
    }
    for (scope, downloads) in app.bandwidth.shared() {
        let count = downloads.count.load(Ordering::Relaxed);
        downloads.bucket.set_rate(rows::lease(&app.store, app.bandwidth.gateway, &scope, count).await?);
    }
    Ok(())
}

impl Bandwidth {
    /// The scopes in use that have a cap or had one a moment ago. What is not in use any more is forgotten after its share
    /// was given back.
    fn shared(&self) -> Vec<(Scope, Arc<Downloads>)> {
        let mut scopes = self.scopes();
        let scopes = &mut *scopes;
        scopes.in_use.retain(|_, downloads| {
            downloads.count.load(Ordering::Relaxed) > 0 || downloads.bucket.rate().is_some_and(|rate| rate > 0)
        });
        let shared = scopes
            .in_use
            .iter()
            .filter(|(scope, downloads)| scopes.caps.contains_key(scope) || downloads.bucket.rate().is_some());
        shared.map(|(scope, downloads)| (scope.clone(), Arc::clone(downloads))).collect()
    }

    /// What a scope with this cap begins with, before Postgres was asked for a share.
    pub(super) fn share_unasked(&self, cap: u64) -> u64 {
        if self.alone.load(Ordering::Relaxed) { (cap / UNASKED).max(1) } else { 0 }
    }

    /// Without a share, slowly is better than not at all.
    fn go_on_alone(&self) {
        self.alone.store(true, Ordering::Relaxed);
        for (scope, downloads) in self.shared() {
            let cap = self.scopes().caps.get(&scope).copied();
            if let Some(cap) = cap.filter(|_| downloads.bucket.rate().is_none_or(|rate| rate == 0)) {
                downloads.bucket.set_rate(Some(self.share_unasked(cap)));
            }
        }
    }
}
