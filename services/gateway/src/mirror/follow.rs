//! Keeps the mirror and the revocations as their topics are: read from the start, and stayed with.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use otaru_bus::{Bus, Follow, Followed, Follower, Record};
use otaru_domain::topic;
use uuid::Uuid;

use crate::app::{App, BROKER, MANIFESTS, REVOCATIONS};

/// Follows until the gateway stops.
pub(crate) async fn run(app: App, bus: Bus) {
    if create_topics(&app, &bus).await.is_none() {
        return;
    }
    let manifests = bus.follow(Follow::Manifests, app.stop.clone());
    let revocations = bus.follow(Follow::Topics(vec![topic::REVOCATIONS.to_owned()]), app.stop.clone());
    match (manifests, revocations) {
        (Ok(manifests), Ok(revocations)) => {
            tokio::join!(read_manifests(&app, manifests), read_revocations(&app, revocations));
        }
        (Err(error), _) | (_, Err(error)) => {
            // The settings themselves are refused; the producer with the same ones was accepted before.
            tracing::error!(%error, "the topics cannot be followed");
            app.health.not_ready(MANIFESTS, error.to_string());
        }
    }
}

/// Makes sure that there is somewhere to write acknowledgements to. `None` when told to stop first.
async fn create_topics(app: &App, bus: &Bus) -> Option<()> {
    loop {
        match app.stop.run_until_cancelled(bus.ensure_topics()).await? {
            Ok(()) => {
                app.broker.answered();
                app.health.ready(BROKER);
                return Some(());
            }
            Err(error) => {
                app.broker.failed(&error);
                app.health.not_ready(BROKER, error.to_string());
            }
        }
        app.stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await?;
    }
}

/// What of the topics that were there at start is still to be read.
#[derive(Debug, Default)]
struct Reading {
    begun: bool,
    left: BTreeSet<String>,
}

impl Reading {
    fn begin(&mut self, topics: Vec<String>) {
        self.begun = true;
        self.left = topics.into_iter().collect();
    }

    fn is_over(&self) -> bool {
        self.begun && self.left.is_empty()
    }
}

async fn read_manifests(app: &App, mut follower: Follower) {
    let mut reading = Reading::default();
    while let Some(followed) = follower.next().await {
        match followed {
            Followed::Following { topics } => reading.begin(topics),
            Followed::Record(record) => {
                apply_manifest(app, record);
                metrics::gauge!("otaru_gateway_models").set(f64::from(u32::try_from(app.mirror.count()).unwrap_or(0)));
            }
            Followed::CaughtUp { topic } => {
                reading.left.remove(&topic);
            }
            Followed::Lost { reason } => tracing::warn!(reason, "the broker is away; what was read is served on"),
            Followed::Recovered => app.broker.answered(),
        }
        if reading.is_over() && !app.mirror.is_complete() {
            app.mirror.read.store(true, Ordering::Release);
            app.health.ready(MANIFESTS);
            tracing::info!(models = app.mirror.count(), "all repositories are read");
        }
    }
}

fn apply_manifest(app: &App, record: Record) {
    let Some(model) = topic::manifests_model(&record.topic) else {
        return;
    };
    match record.key.as_deref().map(str::from_utf8) {
        Some(Ok(name)) => {
            app.mirror.get_or_await(&model).apply(name, record.value);
            app.mirror.moved.send_replace(());
        }
        _ => tracing::warn!(%model, offset = record.offset, "a message without a file's name is left aside"),
    }
}

async fn read_revocations(app: &App, mut follower: Follower) {
    let mut reading = Reading::default();
    while let Some(followed) = follower.next().await {
        match followed {
            Followed::Following { topics } => reading.begin(topics),
            Followed::Record(record) => match credential_of(&record) {
                Some(id) => app.auth.set_revoked(id, record.value.is_some()),
                None => tracing::warn!(offset = record.offset, "a revocation without a credential's id is left aside"),
            },
            Followed::CaughtUp { topic } => {
                reading.left.remove(&topic);
            }
            Followed::Lost { .. } | Followed::Recovered => {}
        }
        if reading.is_over() && !app.mirror.knows_revocations() {
            app.mirror.revocations_read.store(true, Ordering::Release);
            app.health.ready(REVOCATIONS);
        }
    }
}

fn credential_of(record: &Record) -> Option<Uuid> {
    str::from_utf8(record.key.as_deref()?).ok()?.parse().ok()
}
