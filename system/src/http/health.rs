//! Liveness and readiness, which mean different things: `live` says that the process answers, `ready` that it can do
//! its work. A service that stops is live and not ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

/// Whether the service can do its work, shared by those who know and the one who answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether the service is ready from now on.
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    fn status(&self) -> (StatusCode, &'static str) {
        match self.0.load(Ordering::Acquire) {
            true => (StatusCode::OK, "ready\n"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        }
    }
}

/// The routes `/health/live` and `/health/ready`.
pub(crate) fn routes(readiness: Readiness) -> Router {
    Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(|State(readiness): State<Readiness>| async move { readiness.status() }))
        .with_state(readiness)
}
