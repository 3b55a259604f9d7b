//! The gateway: accepts commands over HTTP, answers when the log has them, and keeps no state of its own.
//!
//! - [`submit`]: `POST /v1/loan-applications`
//! - [`read`]: `GET /v1/loan-applications/{external_id}`, answered by the owner of the state
//! - [`idempotency`]: repeats of a request, remembered in Redis; [`circuit`] keeps a dead Redis from costing time
//! - [`admission`]: the limit of requests in work
//! - [`intake`]: what comes before the log: nothing, unless the gateway was told to ask the database first
//! - [`owner`]: origination's instances

mod admission;
mod circuit;
mod idempotency;
mod intake;
mod owner;
mod read;
mod submit;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use rdkafka::error::KafkaError;
use tracing::info;

use crate::config::gateway::GatewaySettings;
use crate::http::health::Readiness;
use crate::http::{metrics, server};
use crate::messaging::producer::LogProducer;
use crate::messaging::topic;
use admission::Admission;
use idempotency::Idempotency;
use intake::Intake;
use owner::Owner;

/// Pause after a producer that failed for good was replaced.
const REPLACE_PAUSE: Duration = Duration::from_secs(1);

/// What the handlers share.
struct Gateway {
    producer: LogProducer,
    idempotency: Idempotency,
    admission: Admission,
    intake: Intake,
    owner: Owner,
}

/// Serves until the process is told to stop; then finishes what is in flight and flushes the producer.
pub(crate) async fn run(settings: GatewaySettings) -> anyhow::Result<()> {
    let metrics = metrics::install()?;
    let producer = LogProducer::new(&settings.kafka).context("cannot make the producer")?;
    let gateway = Arc::new(Gateway {
        producer: producer.clone(),
        idempotency: Idempotency::new(&settings.idempotency).context("cannot make the Redis client")?,
        admission: Admission::new(settings.in_flight_max),
        intake: Intake::new(&settings.intake),
        owner: Owner::new(settings.origination, settings.origination_timeout)?,
    });
    let readiness = Readiness::default();
    let routes = Router::new()
        .route("/v1/loan-applications", post(submit::submit))
        .route("/v1/loan-applications/{external_id}", get(read::read))
        .layer(DefaultBodyLimit::max(settings.body_max))
        .with_state(gateway);
    let router = server::with_operations(routes, readiness.clone(), metrics);
    let attendance = attend(&producer, &readiness);
    tokio::select! {
        served = server::serve(&settings.server, router, readiness.clone()) => served?,
        error = attendance => return Err(error).context("cannot replace the producer"),
    }
    producer.flush().await;
    Ok(())
}

/// Ready is who knows the leaders, because before that every request would wait for them, and whose producer has not
/// failed for good. One that has is replaced; returns only where librdkafka refuses to make another.
async fn attend(producer: &LogProducer, readiness: &Readiness) -> KafkaError {
    loop {
        producer.wait_for_topic(topic::ORIGINATION_COMMANDS).await;
        readiness.set(true);
        info!("ready");
        producer.failed_for_good().await;
        readiness.set(false);
        if let Err(error) = producer.replace() {
            return error;
        }
        // Whatever made it fail may not be over: not ready for as long, and no faster round than this.
        tokio::time::sleep(REPLACE_PAUSE).await;
    }
}
