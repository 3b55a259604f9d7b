//! The gateway: accepts commands over HTTP, answers when the log has them, and keeps no state of its own.
//!
//! - [`routes`]: every route, in two tables; [`openapi`]: the document about them
//! - [`accept`]: the way of every command; [`read`]: the way of every read, answered by an [`owner`]
//! - [`token`]: who asks, and whether they may
//! - [`strict`]: bodies, of which [`body`] has the types; [`asked`]: what becomes of a request; [`append`]: to the log
//! - [`idempotency`]: repeats of a request; [`answer`]: what is remembered of it
//! - [`redis`]: the shared memory, with a [`circuit`] that keeps a dead one from costing time
//! - [`admission`]: the limit of requests in work
//! - [`intake`]: what comes before the log: nothing, unless the gateway was told to ask the database first
//! - [`generations`]: a bounded memory

mod accept;
mod admission;
mod answer;
mod append;
mod asked;
mod body;

mod generations;
mod idempotency;
mod intake;
mod openapi;
mod owner;
mod read;
mod redis;
mod routes;
mod strict;
#[cfg(test)]
mod tests;
mod token;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header;
use axum::routing::{MethodFilter, get, on};
use metrics_exporter_prometheus::PrometheusHandle;
use rdkafka::error::KafkaError;
use tokio::net::TcpListener;
use tracing::info;

use crate::config::gateway::{CommandIds, GatewaySettings, Keying};
use crate::http::health::{Need, Readiness};
use crate::http::{metrics, server};
use crate::messaging::producer::LogProducer;
use crate::messaging::topic;
#[cfg(test)]
pub(crate) use openapi::assert_told;

use admission::Admission;
use idempotency::Idempotency;
use intake::Intake;
use owner::Owner;
use redis::Redis;
use token::Tokens;

/// Pause after a producer that failed for good was replaced.
const REPLACE_PAUSE: Duration = Duration::from_secs(1);
/// Where commands go.
const TOPICS: [&str; 3] = [topic::CUSTOMERS_COMMANDS, topic::ORIGINATION_COMMANDS, topic::SERVICING_COMMANDS];

/// What the handlers share.
struct Gateway {
    producer: LogProducer,
    idempotency: Idempotency,
    tokens: Tokens,
    admission: Admission,
    intake: Intake,
    command_ids: CommandIds,
    trace_propagation: bool,
    keying: Keying,
    customers: Owner,
    origination: Owner,
    servicing: Owner,
    request_timeout: Duration,
}

impl Gateway {
    fn new(settings: &GatewaySettings) -> anyhow::Result<Self> {
        let redis = Redis::new(&settings.redis).context("cannot make the Redis client")?;
        Ok(Self {
            producer: LogProducer::new(&settings.kafka).context("cannot make the producer")?,
            idempotency: Idempotency::new(&settings.idempotency, redis.clone()),
            tokens: Tokens::new(&settings.tokens, redis)?,
            admission: Admission::new(settings.in_flight_max),
            intake: Intake::new(&settings.intake),
            command_ids: settings.command_ids,
            trace_propagation: settings.kafka.trace_propagation,
            keying: settings.keying,
            customers: Owner::new("customers", settings.customers.clone())?,
            origination: Owner::new("origination", settings.origination.clone())?,
            servicing: Owner::new("servicing", settings.servicing.clone())?,
            request_timeout: settings.request_timeout,
        })
    }
}

/// Serves until the process is told to stop; then finishes what is in flight and flushes the producer.
pub(crate) async fn run(settings: GatewaySettings) -> anyhow::Result<()> {
    let metrics = metrics::install()?;
    let stop = server::stop_signal();
    let listener = server::listen(&settings.server).await?;
    serve_until(stop, listener, &settings, metrics).await
}

async fn serve_until(
    stop: impl Future<Output = ()> + Send + 'static,
    listener: TcpListener,
    settings: &GatewaySettings,
    metrics: PrometheusHandle,
) -> anyhow::Result<()> {
    let gateway = Arc::new(Gateway::new(settings)?);
    let readiness = Readiness::default();
    let working = readiness.needs("the keys of tokens and the log");
    let router = server::with_operations(router(&gateway, settings.body_max)?, readiness.clone(), metrics);
    tokio::select! {
        served = server::serve_until(stop, listener, &settings.server, router, readiness) => served?,
        error = attend(&gateway, &working) => return Err(error).context("cannot replace the producer"),
    }
    gateway.producer.flush().await;
    Ok(())
}

/// The routes of the tables, and the document about them.
fn router(gateway: &Arc<Gateway>, body_max: usize) -> anyhow::Result<Router> {
    let mut router = Router::new();
    for command in &routes::COMMANDS {
        let filter = MethodFilter::try_from(command.method.clone())
            .with_context(|| format!("cannot route the method {}", command.method))?;
        let gateway = Arc::clone(gateway);
        let accept = move |request: Request| accept::accept(Arc::clone(&gateway), command, request);
        router = router.route(command.path, on(filter, accept));
    }
    for read in &routes::READS {
        let gateway = Arc::clone(gateway);
        router = router.route(read.path, get(move |request: Request| read::read(Arc::clone(&gateway), read, request)));
    }
    let document = openapi::document().to_json().context("cannot write the OpenAPI document")?;
    let document = axum::body::Bytes::from(document);
    let tell = || async move { ([(header::CONTENT_TYPE, "application/json")], document) };
    Ok(router.route(routes::DOCUMENT, get(tell)).layer(DefaultBodyLimit::max(body_max)))
}

/// Ready is who can verify tokens, knows the leaders, because before that every request would wait for them, and whose
/// producer has not failed for good. One that has is replaced; returns only where librdkafka refuses to make another.
async fn attend(gateway: &Gateway, working: &Need) -> KafkaError {
    gateway.tokens.wait_for_keys().await;
    loop {
        for topic in TOPICS {
            gateway.producer.wait_for_topic(topic).await;
        }
        working.set(true);
        info!("ready");
        gateway.producer.failed_for_good().await;
        working.set(false);
        if let Err(error) = gateway.producer.replace() {
            return error;
        }
        // Whatever made it fail may not be over: not ready for as long, and no faster round than this.
        tokio::time::sleep(REPLACE_PAUSE).await;
    }
}
