//! Starting and stopping. The service listens at once and becomes ready when the database and the broker
//! are there: whichever is away is waited for, at the start and later alike.

use std::time::Duration;

use chrono::TimeDelta;
use otaru_domain::{clock, topic};
use otaru_http::{bind, chain, install_metrics, serve};
use otaru_store::token_keys;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::auth;
use crate::config::Config;
use crate::engine;
use crate::error::ApiError;
use crate::expiry;
use crate::live;
use crate::router::router;

/// Between two tries, and between two looks at whether things are still up.
const RETRY: Duration = Duration::from_secs(2);
/// An upload may take long; what is older than this was left by a process that was killed.
const UPLOAD_LIFE: TimeDelta = TimeDelta::days(1);

/// Runs the service on the address of `config` until `stop`.
///
/// # Errors
/// When a setting cannot be used, or the address is taken.
pub async fn run(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let listener = bind(config.listen)?;
    run_on(listener, config, stop).await
}

/// Runs the service on a listener until `stop`.
///
/// # Errors
/// When a setting cannot be used, or the HTTP server or the engine fails.
pub async fn run_on(listener: TcpListener, config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    install_metrics();
    let app = App::open(&config, stop.clone())?;
    if config.demo_root {
        tracing::warn!(keys = %config.keys_dir.display(), "root keys are kept on this machine: for demos only");
    }
    let router = router(app.clone());
    let working = tokio::spawn(work(app, config.initial_admin_token, stop.clone()));
    // If the engine ends for good, the service ends with it and its supervisor starts it again.
    let ended = stop.clone().drop_guard();
    let served = serve(listener, router, config.serving, stop).await;
    drop(ended);
    let worked = working.await?;
    served?;
    worked
}

async fn work(app: App, initial_admin_token: Option<String>, stop: CancellationToken) -> anyhow::Result<()> {
    let ended = stop.clone().drop_guard();
    // The engine needs the database alone: what it has for a broker that is away waits in the outbox.
    let topics = tokio::spawn(stop.clone().run_until_cancelled_owned(prepare_topics(app.clone())));
    if stop.clone().run_until_cancelled_owned(prepare(app.clone(), initial_admin_token)).await.is_none() {
        return Ok(());
    }
    let watching = tokio::spawn(watch(app.clone(), stop.clone()));
    let sampling = tokio::spawn(live::run(app.clone()));
    let expiring = tokio::spawn(expiry::run(app.clone(), stop.clone()));
    let result = engine::run(app, stop).await;
    drop(ended);
    watching.await?;
    sampling.await?;
    expiring.await?;
    topics.await?;
    result
}

/// Brings schema, keys and tokens to where the service needs them, however long that takes.
async fn prepare(app: App, initial_admin_token: Option<String>) {
    while let Err(error) = prepare_database(&app, initial_admin_token.as_deref()).await {
        wait_for(&app, "database", &error).await;
    }
    app.health.ready("database");
    match app.objects.sweep_uploads(clock::now() - UPLOAD_LIFE).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "removed uploads that had broken off"),
        Err(error) => tracing::warn!(error = chain(&error), "uploads that had broken off could not be removed"),
    }
}

/// Creates the topics that every installation has, however long that takes.
async fn prepare_topics(app: App) {
    while let Err(error) = app.bus.ensure_topics().await {
        wait_for(&app, "broker", &error.into()).await;
    }
    app.health.ready("broker");
}

async fn prepare_database(app: &App, initial_admin_token: Option<&str>) -> Result<(), ApiError> {
    app.store.migrate().await?;
    let now = clock::now();
    let key = app.keys.token_key()?;
    if let Some(public_key) = key.public().bytes() {
        token_keys::add(&app.store, key.id(), &public_key, now).await?;
    }
    if let Some(secret) = initial_admin_token {
        auth::accept_admin_token(&app.store, secret, now).await?;
    }
    Ok(())
}

async fn wait_for(app: &App, part: &'static str, error: &ApiError) {
    let reason = chain(error);
    tracing::warn!(part, reason, "not ready yet, trying again in {} s", RETRY.as_secs());
    app.health.not_ready(part, reason);
    tokio::time::sleep(RETRY).await;
}

/// Keeps `/readyz` true to what is up.
async fn watch(app: App, stop: CancellationToken) {
    while stop.clone().run_until_cancelled_owned(tokio::time::sleep(RETRY)).await.is_some() {
        note(&app, "database", app.store.ping().await.map_err(ApiError::from));
        note(&app, "broker", app.bus.end_offsets(topic::EVENTS).await.map(|_| ()).map_err(ApiError::from));
    }
}

fn note(app: &App, part: &'static str, result: Result<(), ApiError>) {
    match result {
        Ok(()) => app.health.ready(part),
        Err(error) => app.health.not_ready(part, error.to_string()),
    }
}
