//! Origination: owns loan applications, from the log to the decision.
//!
//! - [`intake`]: events to rows, one transaction a batch; [`consumer`] brings them, [`batch`] has them in columns
//! - [`decision`]: pending rows to decisions, claimed in the table, with the [`bureau`]'s answer
//! - [`api`]: `GET /v1/loan-applications/{external_id}`
//!
//! Whatever is in memory here can be lost at any instant; the log, the table and the outbox hold all there is.

mod api;
mod batch;
mod bureau;
mod consumer;
mod decision;
mod intake;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::Router;
use axum::routing::get;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::config::origination::OriginationSettings;
use crate::http::health::Readiness;
use crate::http::{metrics, server};
use crate::messaging::producer::LogProducer;
use crate::messaging::{consumer as records, housekeeping, relay};
use crate::store::Store;
use bureau::Bureau;

/// How often an unreachable database is tried at the start.
const START_PAUSE: Duration = Duration::from_millis(250);

/// Who wakes whom inside one instance. Waking is a shortcut: everything is also found by looking.
#[derive(Default)]
pub(crate) struct Wakeups {
    /// Applications were stored.
    stored: Notify,
}

/// Serves until the process is told to stop, or until a part of it fails, which ends the process: what restarts it
/// starts all of it.
pub(crate) async fn run(settings: OriginationSettings) -> anyhow::Result<()> {
    let metrics = metrics::install()?;
    let store = Store::new(&settings.database);
    let readiness = Readiness::default();
    let routes =
        Router::new().route("/v1/loan-applications/{external_id}", get(api::read)).with_state(Arc::new(store.clone()));
    let router = server::with_operations(routes, readiness.clone(), metrics);
    let (stop, stopped) = watch::channel(false);
    let mut work = tokio::spawn(work(settings.clone(), store, readiness.clone(), stopped));
    tokio::select! {
        served = server::serve(&settings.server, router, readiness) => served?,
        ended = &mut work => {
            ended.context("the work panicked")??;
            bail!("the work ended without being told to");
        }
    }
    // The server has stopped: now the batch in hand is stored and its offsets are committed, and what is decided is
    // written, as far as the shutdown time-out allows.
    let _ = stop.send(true);
    match tokio::time::timeout(settings.server.shutdown_timeout, work).await {
        Ok(ended) => ended.context("the work panicked")??,
        Err(_) => {
            warn!("work was still in hand when the shutdown time-out passed; what has no effect yet is done again");
        }
    }
    Ok(())
}

/// Runs the parts until `stopped`, or until one of them fails.
async fn work(
    settings: OriginationSettings,
    store: Store,
    readiness: Readiness,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    wait_for_database(&store).await;
    let wakeups = Arc::new(Wakeups::default());
    let mut parts = JoinSet::new();
    let producer = LogProducer::new(&settings.messaging.kafka).context("cannot make the producer of decisions")?;
    let bureau = Bureau::new(&settings.decision)?;
    parts.spawn(decision::run(
        store.clone(),
        bureau,
        settings.decision.clone(),
        settings.messaging.publish,
        producer,
        Arc::clone(&wakeups),
        stopped.clone(),
    ));
    let messaging = settings.messaging;
    parts.spawn(relay::run(store.clone(), messaging.clone(), stopped.clone()));
    parts.spawn(housekeeping::run(store.clone(), messaging.housekeeping.clone(), stopped.clone()));
    let submissions = Arc::new(consumer::Submissions { store, dedup: messaging.dedup, wakeups });
    parts.spawn(records::run(submissions, consumer::SUBSCRIPTION, messaging, readiness, stopped.clone()));
    while let Some(ended) = parts.join_next().await {
        ended.context("a part of origination panicked")??;
        if !*stopped.borrow_and_update() {
            bail!("a part of origination ended without being told to");
        }
    }
    info!("all work is put down");
    Ok(())
}

/// Returns when the database answers and is migrated.
async fn wait_for_database(store: &Store) {
    while let Err(error) = relay::shards(store).await {
        warn!(%error, "cannot reach the database yet");
        tokio::time::sleep(START_PAUSE).await;
    }
}
