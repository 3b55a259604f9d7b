//! Spans to a collector: OTLP as protobuf over HTTP, in batches, beside the work that they tell about.
//!
//! The queue is bounded. What finds no place in it is dropped and counted, and so is a batch that the collector does not
//! take: it is not tried again, for what is behind it is newer. A stop waits for the last batches, and not for long.

use std::time::Duration;

use anyhow::{Context as _, bail};
use opentelemetry::trace::TracerProvider;
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor};
use prost::Message;
use reqwest::{Client, header};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::span;
use crate::config::telemetry::TelemetrySettings;
use crate::http;

/// Spans that wait for the collector; about a kilobyte each.
const QUEUE_MAX: usize = 8_192;
/// Spans in one call.
const BATCH_MAX: usize = 512;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_millis(500);
/// How long a connection to the collector may take to be made, and a whole call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a stop waits for what is in the queue.
const STOP_MAX: Duration = Duration::from_secs(2);

/// What exports spans as long as the process lives; nothing where nobody is to have them.
pub(crate) struct Exporter(Option<Running>);

struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

/// Makes the spans of this process, and exports them; does nothing without settings. Errors where no HTTP client can be
/// made, or where spans are made already.
pub(crate) fn start(settings: Option<TelemetrySettings>) -> anyhow::Result<Exporter> {
    let Some(settings) = settings else { return Ok(Exporter(None)) };
    let client = http::client(CONNECT_TIMEOUT, CALL_TIMEOUT, None).context("cannot make the exporter's HTTP client")?;
    let resource = Resource::builder_empty()
        .with_service_name(settings.service)
        .with_attribute(KeyValue::new("service.instance.id", settings.instance))
        .build();
    let (queue, queued) = mpsc::channel(QUEUE_MAX);
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sampling))))
        .with_span_processor(Queue(queue))
        .with_resource(resource.clone())
        .build();
    if !span::make_with(provider.tracer("lending")) {
        bail!("spans are exported already");
    }
    let collector =
        Collector { client, url: format!("{}/v1/traces", settings.endpoint), resource: (&resource).into(), well: true };
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(collector.feed(queued, stopped));
    Ok(Exporter(Some(Running { stop, ended })))
}

impl Exporter {
    /// Exports what is in the queue, as far as that takes no longer than a short while. Spans that end later are lost.
    pub(crate) async fn stop(self) {
        let Self(Some(Running { stop, mut ended })) = self else { return };
        let _ = stop.send(());
        if tokio::time::timeout(STOP_MAX, &mut ended).await.is_err() {
            ended.abort();
            warn!("spans were still to be exported when the time for it had passed");
        }
    }
}

/// Where spans go when they end; whoever ends one never waits.
#[derive(Debug)]
pub(super) struct Queue(pub(super) mpsc::Sender<SpanData>);

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.0.try_send(span).is_err() {
            dropped("queue", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Who takes the spans.
struct Collector {
    client: Client,
    url: String,
    resource: ResourceAttributesWithSchema,
    /// Whether it took the last batch: a change is told once, not with every batch.
    well: bool,
}

impl Collector {
    /// Exports what is queued, batch by batch, until `stopped` and then to the end of the queue.
    async fn feed(mut self, mut queued: mpsc::Receiver<SpanData>, mut stopped: oneshot::Receiver<()>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut open = true;
        loop {
            tokio::select! {
                received = queued.recv_many(&mut batch, BATCH_MAX) => if received == 0 { return },
                _ = &mut stopped, if open => {
                    open = false;
                    queued.close();
                    continue;
                }
            }
            if open && batch.len() < BATCH_MAX {
                tokio::select! {
                    () = fill(&mut queued, &mut batch) => {}
                    _ = &mut stopped => {
                        open = false;
                        queued.close();
                    }
                }
            }
            self.take(std::mem::replace(&mut batch, Vec::with_capacity(BATCH_MAX))).await;
        }
    }

    async fn take(&mut self, batch: Vec<SpanData>) {
        let number = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let refused = self.call(ExportTraceServiceRequest { resource_spans }.encode_to_vec()).await;
        let lost = refused.as_ref().map_or(number, |refused| *refused);
        metrics::counter!("lending_spans_exported_total").increment(number.saturating_sub(lost));
        dropped("collector", lost);
        match &refused {
            Ok(_) if !self.well => info!(url = self.url, "the collector takes spans again"),
            Err(error) if self.well => warn!(%error, url = self.url, "the collector takes no spans; dropping them"),
            _ => {}
        }
        self.well = refused.is_ok();
    }

    /// How many of the spans the collector did not want.
    async fn call(&self, body: Vec<u8>) -> reqwest::Result<u64> {
        let request = self.client.post(&self.url).header(header::CONTENT_TYPE, "application/x-protobuf").body(body);
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        let partial = ExportTraceServiceResponse::decode(answer).ok().and_then(|answer| answer.partial_success);
        Ok(partial.and_then(|partial| u64::try_from(partial.rejected_spans).ok()).unwrap_or(0))
    }
}

/// Waits for a whole batch, or until the linger has passed.
async fn fill(queued: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>) {
    let until = tokio::time::Instant::now() + LINGER;
    while batch.len() < BATCH_MAX {
        let room = BATCH_MAX - batch.len();
        match tokio::time::timeout_at(until, queued.recv_many(batch, room)).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn dropped(reason: &'static str, number: u64) {
    metrics::counter!("lending_spans_dropped_total", "reason" => reason).increment(number);
}
