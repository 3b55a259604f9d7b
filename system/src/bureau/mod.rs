//! The credit bureau: an external party that takes its time and always gives the same answer for the same application.

pub(crate) mod latency;
mod score;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::bureau::BureauSettings;
use crate::http::health::Readiness;
use crate::http::{metrics, server};
use latency::Latency;

/// What the bureau answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Score {
    pub(crate) application: Uuid,
    /// From 300 to 850.
    pub(crate) score: u16,
}

/// Serves scores until the process is told to stop.
pub(crate) async fn run(settings: BureauSettings) -> anyhow::Result<()> {
    let metrics = metrics::install()?;
    let readiness = Readiness::default();
    readiness.set(true);
    let routes = Router::new().route("/v1/scores/{application}", get(score)).with_state(Arc::new(settings.latency));
    let router = server::with_operations(routes, readiness.clone(), metrics);
    server::serve(&settings.server, router, readiness).await?;
    Ok(())
}

async fn score(State(latency): State<Arc<Latency>>, Path(application): Path<Uuid>) -> Json<Score> {
    let wait = latency.sample(&mut rand::rng());
    tokio::time::sleep(wait).await;
    Json(Score { application, score: score::of(application) })
}
