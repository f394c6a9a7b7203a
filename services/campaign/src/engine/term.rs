//! One term of leadership: what a leader does, for as long as it is one.

use std::time::Duration;

use otaru_http::chain;
use otaru_store::StoreError;
use otaru_store::leadership::{self, Epoch, LEASE};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::relay::{self, Wake};
use super::{attempts, ciphertexts, deltas, forecast, join, pace, reconcile, upkeep};
use crate::app::App;

/// How long what is under way may take to end when the term does.
const GRACE: Duration = Duration::from_secs(4);

/// Leads until `stop`, or until another process does. When this one gives up, others need not wait.
pub(super) async fn serve(app: App, epoch: Epoch, wake: Wake, stop: CancellationToken) {
    let term = stop.child_token();
    let mut tasks = JoinSet::new();
    tasks.spawn(relay::run(app.clone(), epoch, wake, term.clone()));
    tasks.spawn(reconcile::run(app.clone(), epoch, term.clone()));
    tasks.spawn(attempts::run(app.clone(), epoch, term.clone()));
    tasks.spawn(pace::run(app.clone(), epoch, term.clone()));
    tasks.spawn(join::run(app.clone(), epoch, term.clone()));
    tasks.spawn(forecast::run(app.clone(), epoch, term.clone()));
    tasks.spawn(ciphertexts::run(app.clone(), epoch, term.clone()));
    tasks.spawn(deltas::run(app.clone(), epoch, term.clone()));
    tasks.spawn(upkeep::run(app.clone(), epoch, term.clone()));
    tokio::select! {
        () = keep(app.clone(), epoch, term.clone()) => {}
        Some(ended) = tasks.join_next() => match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = chain(&error), "a part of the engine ended"),
            Err(error) => tracing::error!(error = chain(&error), "a part of the engine broke"),
        },
    }
    term.cancel();
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        tracing::warn!("what was under way is given up; its transactions roll back");
    }
    tasks.shutdown().await;
    if let Err(error) = leadership::release(&app.store, epoch).await {
        tracing::warn!(error = chain(&error), "the lead could not be handed over; its lease ends by itself");
    }
}

/// Renews the lease until the term ends or another process leads.
async fn keep(app: App, epoch: Epoch, term: CancellationToken) {
    while term.run_until_cancelled(tokio::time::sleep(LEASE / 5)).await.is_some() {
        match leadership::renew(&app.store, epoch, LEASE).await {
            Ok(()) => app.health.ready("engine"),
            Err(error @ StoreError::Fenced(_)) => {
                tracing::warn!(error = chain(&error), "the lead was lost");
                return;
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "the lead could not be renewed");
                app.health.not_ready("engine", error.to_string());
            }
        }
    }
}
