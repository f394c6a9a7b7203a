//! Metrics for Prometheus.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder for this process, once, with its upkeep: without that, histograms grow until
/// they are scraped (metrics-exporter-prometheus #467). Must run inside a tokio runtime.
pub fn install_metrics() {
    if HANDLE.get().is_some() {
        return;
    }
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() && HANDLE.set(handle.clone()).is_ok() {
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(5)).await;
                handle.run_upkeep();
            }
        });
    }
}

/// `GET /metrics`.
pub fn metrics_routes() -> Router {
    Router::new().route("/metrics", get(|| async { HANDLE.get().map(PrometheusHandle::render).unwrap_or_default() }))
}
