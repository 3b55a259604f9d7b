//! A producer that knows what became of each record: acknowledged, never handed over, or unknown.
//!
//! It stands on the threaded producer with a callback per record, because the crate's future producer sleeps 100 ms
//! whenever the queue is full, which is when nobody has 100 ms to spare.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use thiserror::Error;
use tokio::sync::oneshot;
use tracing::warn;

use crate::config::kafka::KafkaSettings;

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

type Outcome = Result<(), KafkaError>;

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
    type DeliveryOpaque = Box<oneshot::Sender<Outcome>>;

    fn delivery(&self, result: &DeliveryResult<'_>, outcome: Self::DeliveryOpaque) {
        let told = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        // Nobody waits any more: the request was given up.
        let _ = outcome.send(told);
    }
}

/// Publishes records; cheap to clone.
#[derive(Clone)]
pub(crate) struct LogProducer {
    inner: Arc<ThreadedProducer<Deliveries>>,
}

impl LogProducer {
    /// A producer with its own queue and thread. Errors where librdkafka refuses the settings.
    pub(crate) fn new(settings: &KafkaSettings) -> Result<Self, KafkaError> {
        Ok(Self { inner: Arc::new(settings.producer().create_with_context(Deliveries)?) })
    }

    /// Hands a record over; records handed over one after the other keep their order within a partition.
    pub(crate) fn hand_over(&self, topic: &str, key: &str, value: &str) -> Result<Pending, PublishError> {
        let (sender, outcome) = oneshot::channel();
        let record = BaseRecord::with_opaque_to(topic, Box::new(sender)).key(key).payload(value);
        match self.inner.send(record) {
            Ok(()) => Ok(Pending { topic: topic.to_owned(), started: Instant::now(), outcome }),
            Err((source, _)) => Err(PublishError::NotAttempted { topic: topic.to_owned(), source }),
        }
    }

    /// Hands a record over and waits for its acknowledgement.
    pub(crate) async fn publish(&self, topic: &str, key: &str, value: &str) -> Result<(), PublishError> {
        self.hand_over(topic, key, value)?.acknowledged().await
    }

    /// Waits until every partition of `topic` has a leader. Blocks a thread of the pool in between, not the caller's.
    pub(crate) async fn wait_for_topic(&self, topic: &'static str) {
        let pause = Duration::from_millis(200);
        loop {
            let inner = Arc::clone(&self.inner);
            let asked = tokio::task::spawn_blocking(move || has_leaders(&inner, topic)).await;
            match asked {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => warn!(%error, topic, "cannot read the topic's metadata yet"),
                Err(error) => warn!(%error, topic, "the metadata request was given up"),
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits until every record handed over has its outcome, at most for `timeout`.
    pub(crate) async fn flush(&self, timeout: Duration) {
        let inner = Arc::clone(&self.inner);
        match tokio::task::spawn_blocking(move || inner.flush(timeout)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "records were still in the producer when the time-out passed"),
            Err(error) => warn!(%error, "flushing the producer was given up"),
        }
    }
}

fn has_leaders(producer: &ThreadedProducer<Deliveries>, topic: &str) -> Result<bool, KafkaError> {
    let metadata = producer.client().fetch_metadata(Some(topic), Duration::from_secs(2))?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    Ok(found.is_some_and(|found| {
        !found.partitions().is_empty() && found.partitions().iter().all(|partition| partition.leader() >= 0)
    }))
}
