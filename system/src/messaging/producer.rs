//! A producer that knows what became of each record: acknowledged, never handed over, or unknown.
//!
//! It stands on the base producer with a callback per record, because the crate's future producer sleeps 100 ms whenever
//! the queue is full, which is when nobody has 100 ms to spare, and on a thread of its own ([`polled`]), because the
//! crate's spins.

mod polled;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientContext, Message};
use thiserror::Error;
use tokio::sync::{oneshot, watch};
use tracing::{error, warn};

use crate::config::kafka::KafkaSettings;
use crate::telemetry::span::Span;
use crate::telemetry::{self, traceparent};
use polled::Polled;

/// How often a producer is asked whether it failed for good.
const FATAL_LOOK: Duration = Duration::from_millis(200);
/// How much longer than the message time-out a flush waits: for the last outcome to be reported.
const FLUSH_MARGIN: Duration = Duration::from_secs(1);

/// Why a record is not known to be in the log.
#[derive(Debug, Error)]
pub(crate) enum PublishError {
    /// It was never handed over; it is certainly not in the log.
    #[error("cannot hand a record for {topic} to the producer")]
    NotAttempted {
        topic: String,
        #[source]
        source: KafkaError,
    },
    /// It was handed over and not acknowledged; it may be in the log.
    #[error("a record for {topic} was not acknowledged")]
    Unconfirmed {
        topic: String,
        #[source]
        source: KafkaError,
    },
}

/// A record for the log.
#[derive(Debug, Clone)]
pub(crate) struct Record<'a> {
    pub(crate) topic: &'a str,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: OwnedHeaders,
    pub(crate) trace: Trace<'a>,
}

/// What the log is told of the trace that a record belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trace<'a> {
    /// What the record's own headers say: it is a record that was there before.
    AsItWas,
    /// That it was appended as a step after this one, or as the first of a trace.
    After(Option<&'a str>),
}

impl<'a> Record<'a> {
    /// An event's record, which follows from what `traceparent` names.
    pub(crate) fn of(topic: &'a str, key: &'a str, value: &'a str, traceparent: Option<&'a str>) -> Self {
        let (headers, trace) = (OwnedHeaders::new_with_capacity(1), Trace::After(traceparent));
        Self { topic, key: Some(key.as_bytes()), value: Some(value.as_bytes()), headers, trace }
    }
}

type Outcome = Result<(), KafkaError>;

/// Who waits for a record's outcome, and the step of its trace that ends with it.
struct Handed {
    outcome: oneshot::Sender<Outcome>,
    step: Option<Span>,
}

/// A record that was handed over; waiting for it tells what became of it.
pub(crate) struct Pending {
    topic: String,
    started: Instant,
    outcome: oneshot::Receiver<Outcome>,
}

impl Pending {
    /// Waits for the acknowledgement, at most for the message time-out.
    pub(crate) async fn acknowledged(self) -> Result<(), PublishError> {
        // A lost callback means that the producer was dropped and its queue purged.
        let outcome = self.outcome.await.unwrap_or(Err(KafkaError::Canceled));
        let result = if outcome.is_ok() { "acknowledged" } else { "unconfirmed" };
        metrics::histogram!("lending_kafka_publish_duration_seconds", "topic" => self.topic.clone(), "result" => result)
            .record(self.started.elapsed().as_secs_f64());
        outcome.map_err(|source| PublishError::Unconfirmed { topic: self.topic, source })
    }
}

struct Deliveries;

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Handed>;

    fn delivery(&self, result: &DeliveryResult<'_>, handed: Self::DeliveryOpaque) {
        let Handed { outcome, mut step } = *handed;
        if let Some(step) = &mut step {
            match result {
                Ok(record) => telemetry::messaging::appended(step, record.partition(), record.offset()),
                Err((error, _)) => step.failed("unconfirmed", error),
            }
        }
        drop(step);
        let told = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        // Nobody waits any more: the request was given up.
        let _ = outcome.send(told);
    }
}

type Inner = Arc<Polled<Deliveries>>;

/// Publishes records; cheap to clone.
///
/// An idempotent producer can fail for good, where going on would break its promise (brokers forgot its state, or
/// refuse it one): it refuses every record from then on, and only another producer takes them again.
#[derive(Clone)]
pub(crate) struct LogProducer {
    settings: Arc<KafkaSettings>,
    inner: Arc<watch::Sender<Inner>>,
}

impl LogProducer {
    /// A producer with its own queue and thread. Errors where librdkafka refuses the settings.
    pub(crate) fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        let inner = watch::Sender::new(make(settings)?);
        Ok(Self { settings: Arc::new(settings.clone()), inner: Arc::new(inner) })
    }

    fn inner(&self) -> Inner {
        Arc::clone(&self.inner.borrow())
    }

    /// Waits until the producer has failed for good: it refuses every record until it is replaced.
    pub(crate) async fn failed_for_good(&self) {
        while !self.has_failed() {
            tokio::time::sleep(FATAL_LOOK).await;
        }
    }

    fn has_failed(&self) -> bool {
        let Some((code, reason)) = self.inner().base().client().fatal_error() else { return false };
        error!(%code, reason, "the producer failed for good");
        true
    }

    /// Replaces a producer that has failed for good; where librdkafka refuses another, that is logged.
    pub(crate) fn replace_if_failed(&self) {
        if self.has_failed()
            && let Err(error) = self.replace()
        {
            error!(%error, "the producer is not replaced");
        }
    }

    /// Goes on with a new producer. What the old one has in hand is given up and its fate unknown, so order is lost;
    /// who needs it begins again behind the last record that was acknowledged. Errors where librdkafka refuses.
    pub(crate) fn replace(&self) -> Result<(), KafkaError> {
        self.inner.send_replace(make(&self.settings)?);
        warn!("the producer was replaced");
        metrics::counter!("lending_producers_replaced_total").increment(1);
        Ok(())
    }

    /// Hands a record over; records handed over one after the other keep their order within a partition.
    pub(crate) fn hand_over(&self, record: Record<'_>) -> Result<Pending, PublishError> {
        let (sender, outcome) = oneshot::channel();
        let Record { topic, key, value, mut headers, trace } = record;
        let step = match trace {
            Trace::AsItWas => None,
            Trace::After(parent) => Some(telemetry::messaging::append(topic, key, parent)),
        };
        if self.settings.trace_propagation
            && let Some(trace) = step.as_ref().and_then(Span::traceparent)
        {
            headers = headers.insert(Header { key: traceparent::HEADER, value: Some(&trace) });
        }
        let handed = Box::new(Handed { outcome: sender, step });
        let mut record = BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, handed);
        record.key = key;
        record.payload = value;
        record.headers = Some(headers);
        match self.inner().send(record) {
            Ok(()) => Ok(Pending { topic: topic.to_owned(), started: Instant::now(), outcome }),
            Err((source, mut handed)) => {
                if let Some(step) = &mut handed.step {
                    step.failed("not-attempted", &source);
                }
                Err(PublishError::NotAttempted { topic: topic.to_owned(), source })
            }
        }
    }

    /// Hands a record over and waits for its acknowledgement.
    pub(crate) async fn publish(&self, record: Record<'_>) -> Result<(), PublishError> {
        self.hand_over(record)?.acknowledged().await
    }

    /// Waits until every partition of `topic` has a leader. Blocks a thread of the pool in between, not the caller's.
    pub(crate) async fn wait_for_topic(&self, topic: &'static str) {
        let pause = Duration::from_millis(200);
        loop {
            let inner = self.inner();
            let asked = tokio::task::spawn_blocking(move || has_leaders(inner.base(), topic)).await;
            match asked {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => warn!(%error, topic, "cannot read the topic's metadata yet"),
                Err(error) => warn!(%error, topic, "the metadata request was given up"),
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits until every record handed over has its outcome, which is not longer than the message time-out.
    pub(crate) async fn flush(&self) {
        let inner = self.inner();
        let timeout = self.settings.message_timeout + FLUSH_MARGIN;
        match tokio::task::spawn_blocking(move || inner.base().flush(timeout)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "records were still in the producer when the time-out passed"),
            Err(error) => warn!(%error, "flushing the producer was given up"),
        }
    }
}

fn make(settings: &KafkaSettings) -> Result<Inner, KafkaError> {
    Ok(Arc::new(Polled::new(&settings.producer(), Deliveries)?))
}

fn has_leaders(producer: &BaseProducer<Deliveries>, topic: &str) -> Result<bool, KafkaError> {
    let metadata = producer.client().fetch_metadata(Some(topic), Duration::from_secs(2))?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    Ok(found.is_some_and(|found| {
        !found.partitions().is_empty() && found.partitions().iter().all(|partition| partition.leader() >= 0)
    }))
}

#[cfg(test)]
pub(crate) mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::config::kafka::Acks;

    const BOUND: Duration = Duration::from_secs(15);

    pub(crate) fn settings(brokers: String) -> KafkaSettings {
        KafkaSettings {
            brokers: vec![brokers],
            client_id: "test".to_owned(),
            acks: Acks::All,
            idempotence: true,
            request_timeout: Duration::from_secs(3),
            message_timeout: Duration::from_secs(20),
            socket_timeout: Duration::from_secs(3),
            metadata_refresh: Duration::from_secs(2),
            linger: Duration::from_millis(2),
            in_flight: 1,
            queue_max: 100,
            trace_propagation: true,
        }
    }

    #[tokio::test]
    async fn a_producer_that_failed_for_good_says_so_and_its_replacement_publishes() {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        cluster.create_topic("t", 1, 1).expect("a topic");
        // A broker that refuses the producer its id is one of the errors that an idempotent producer never gets over.
        let refusal = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED];
        cluster.request_errors(RDKafkaApiKey::InitProducerId, &refusal);
        let producer = LogProducer::new(&settings(cluster.bootstrap_servers())).expect("a producer");

        // The first record makes the producer connect and ask for its id.
        let lost = producer.publish(Record::of("t", "key", "value", None)).await;
        assert!(matches!(lost, Err(PublishError::Unconfirmed { .. })), "{lost:?}");
        tokio::time::timeout(BOUND, producer.failed_for_good()).await.expect("the failure is told");
        let refused = producer.publish(Record::of("t", "key", "value", None)).await;
        assert!(matches!(refused, Err(PublishError::NotAttempted { .. })), "{refused:?}");

        cluster.clear_request_errors(RDKafkaApiKey::InitProducerId);
        let clone = producer.clone();
        producer.replace().expect("a new producer");
        clone.publish(Record::of("t", "key", "value", None)).await.expect("the replacement publishes, for every clone");
    }

    #[tokio::test]
    async fn what_a_dropped_producer_still_holds_is_given_up_at_once() {
        // Port 1 of the loopback refuses; nothing listens there.
        let producer = LogProducer::new(&settings("127.0.0.1:1".to_owned())).expect("a producer");
        let pending = producer.hand_over(Record::of("t", "key", "value", None)).expect("there is room in the queue");
        drop(producer);
        let lost = tokio::time::timeout(BOUND, pending.acknowledged()).await.expect("long before its time-out");
        assert!(matches!(lost, Err(PublishError::Unconfirmed { .. })), "{lost:?}");
    }
}
