//! A batch to its effect: tried until it is applied, taken apart where its data is refused.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::message::OwnedMessage;
use tokio::sync::watch;
use tracing::{Instrument, error, info};

use super::Handler;
use super::poison::{Poison, is_refused_data};
use crate::store::StoreError;
use crate::telemetry::span::Span;
use crate::telemetry::{self, context};

/// The first and the longest pause before something is tried again.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A pause that doubles.
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(PAUSE_MIN)
    }
}

impl Pause {
    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSE_MAX);
    }
}

/// Records as far as they are read, in their order.
pub(super) struct Batch<I> {
    inputs: Vec<I>,
    /// The record of each input.
    records: Vec<InHand>,
    /// Records that are poison at the first look, each with the reason.
    unreadable: Vec<(InHand, String)>,
}

/// A record, and the step of its trace that lasts as long as it is in hand.
struct InHand {
    record: OwnedMessage,
    step: Span,
}

impl<I> Batch<I> {
    pub(super) fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.unreadable.is_empty()
    }
}

/// What became of some inputs.
enum Fate {
    Applied,
    /// Their data is refused; it would be refused again.
    Refused(StoreError),
    /// Others have the records now.
    GivenUp,
}

pub(super) struct Effect<H> {
    pub(super) handler: Arc<H>,
    pub(super) group: &'static str,
    pub(super) poison: Poison,
    /// Whether records are believed about the trace that they belong to.
    pub(super) trace_propagation: bool,
    pub(super) stopped: watch::Receiver<bool>,
}

impl<H: Handler> Effect<H> {
    /// Reads records as inputs of the handler.
    pub(super) fn batch(&self, records: Vec<OwnedMessage>) -> Batch<H::Input> {
        let mut batch =
            Batch { inputs: Vec::with_capacity(records.len()), records: Vec::new(), unreadable: Vec::new() };
        for record in records {
            match self.handler.read(&record) {
                Ok(Some(mut input)) => {
                    let step = telemetry::messaging::process(self.group, &record);
                    if self.trace_propagation
                        && let Some(traceparent) = step.traceparent()
                    {
                        H::processed_in(&mut input, traceparent);
                    }
                    batch.inputs.push(input);
                    batch.records.push(InHand { record, step });
                }
                Ok(None) => {}
                Err(error) => {
                    let step = telemetry::messaging::process(self.group, &record);
                    batch.unreadable.push((InHand { record, step }, error.to_string()));
                }
            }
        }
        batch
    }

    /// Applies a batch, however long the database is away, and puts its poison among the dead letters. A batch that was
    /// applied although its answer was lost is recognised by the inbox. Gives up, and returns false, only where
    /// `wanted` says that others have the records now, or, of poison that nobody takes, at a stop.
    pub(super) async fn settle(&self, batch: Batch<H::Input>, wanted: impl Fn() -> bool) -> bool {
        let Batch { inputs: all, mut records, unreadable } = batch;
        for (mut poison, reason) in unreadable {
            if !self.put_aside(&mut poison, &reason, &wanted).await {
                return false;
            }
        }
        let mut parts = VecDeque::new();
        parts.push_back(0..all.len());
        while let Some(part) = parts.pop_front() {
            let inputs = &all[part.clone()];
            match self.apply(inputs, &wanted).await {
                Fate::Applied => {}
                Fate::GivenUp => return false,
                // The halves are tried one after the other, so that what is sound keeps its order.
                Fate::Refused(_) if inputs.len() > 1 => {
                    let middle = part.start + inputs.len() / 2;
                    parts.push_front(middle..part.end);
                    parts.push_front(part.start..middle);
                }
                Fate::Refused(error) => {
                    if !self.put_aside(&mut records[part.start], &error.to_string(), &wanted).await {
                        return false;
                    }
                }
            }
        }
        true
    }

    async fn apply(&self, inputs: &[H::Input], wanted: &impl Fn() -> bool) -> Fate {
        if inputs.is_empty() {
            return Fate::Applied;
        }
        let (mut pause, mut refusals) = (Pause::default(), 0);
        while wanted() {
            let started = Instant::now();
            let applied = self.handler.apply(inputs).await;
            self.measure(started, &applied);
            match applied {
                Ok(()) => {
                    let events = u64::try_from(inputs.len()).unwrap_or(u64::MAX);
                    metrics::counter!("lending_batches_applied_total", "group" => self.group).increment(1);
                    metrics::counter!("lending_records_applied_total", "group" => self.group).increment(events);
                    return Fate::Applied;
                }
                Err(error) if is_refused_data(&error) => {
                    refusals += 1;
                    // One alone is asked twice: what another transaction did at that moment is no fault of the record.
                    if inputs.len() > 1 || refusals > 1 {
                        return Fate::Refused(error);
                    }
                }
                Err(error) => {
                    error!(%error, group = self.group, events = inputs.len(), "a batch is not applied; trying again");
                    metrics::counter!("lending_batches_retried_total", "group" => self.group).increment(1);
                }
            }
            pause.wait().await;
        }
        info!(group = self.group, events = inputs.len(), "a batch was left to who has its partitions now");
        Fate::GivenUp
    }

    /// How long one try took: its transaction, whatever came of it.
    fn measure(&self, started: Instant, applied: &Result<(), StoreError>) {
        let result = match applied {
            Ok(()) => "applied",
            Err(error) if is_refused_data(error) => "refused",
            Err(_) => "failed",
        };
        metrics::histogram!("lending_batch_duration_seconds", "group" => self.group, "result" => result)
            .record(started.elapsed().as_secs_f64());
    }

    /// False where the record stays where it is.
    async fn put_aside(&self, poison: &mut InHand, reason: &str, wanted: &impl Fn() -> bool) -> bool {
        let InHand { record, step } = poison;
        step.failed("poison", &reason);
        let put = self.poison.put_aside(record, reason, || wanted() && !*self.stopped.borrow());
        put.instrument(context::of_event(record.payload().unwrap_or_default())).await
    }
}
