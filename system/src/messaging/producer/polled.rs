//! A producer with a thread of its own, which serves its deliveries and sleeps while there are none to come.
//!
//! The crate's threaded producer polls for 100 ms, again and again, whether anything is under way or not, and rdkafka
//! 0.39 cuts what is left of a poll to whole milliseconds: it spins through the last one. That is a hundredth of a core
//! for each producer, for nothing, and one copy of the whole system has two dozen of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};

/// How long a poll takes while something is under way. Deliveries are told as they come, in the middle of it.
const POLL: Duration = Duration::from_secs(1);
/// How often it is looked whether librdkafka has something to tell by itself, for its log.
const LOOK: Duration = Duration::from_secs(1);

/// A producer whose deliveries are told to its context. What it still holds when it is dropped is given up.
pub(super) struct Polled<C: ProducerContext + 'static> {
    producer: Arc<BaseProducer<C>>,
    stopped: Arc<AtomicBool>,
    thread: Thread,
}

impl<C: ProducerContext + 'static> Polled<C> {
    /// Errors where librdkafka refuses the settings, or there is no thread to be had.
    pub(super) fn new(config: &ClientConfig, context: C) -> Result<Self, KafkaError> {
        let producer: Arc<BaseProducer<C>> = Arc::new(config.create_with_context(context)?);
        let stopped = Arc::new(AtomicBool::new(false));
        let (polled, told) = (Arc::clone(&producer), Arc::clone(&stopped));
        let thread = std::thread::Builder::new()
            .name("deliveries".to_owned())
            .spawn(move || serve(&polled, &told))
            .map_err(|error| KafkaError::ClientCreation(format!("cannot start its thread: {error}")))?;
        // Nobody waits for the thread: it ends by itself, and the producer with it.
        Ok(Self { producer, stopped, thread: thread.thread().clone() })
    }

    /// Puts a record into the queue, or says why not, and gives back what its delivery was to be told with.
    pub(super) fn send(
        &self,
        record: BaseRecord<'_, [u8], [u8], C::DeliveryOpaque>,
    ) -> Result<(), (KafkaError, C::DeliveryOpaque)> {
        self.producer.send(record).map_err(|(error, refused)| (error, refused.delivery_opaque))?;
        self.thread.unpark();
        Ok(())
    }

    /// The producer, for what does not hand records over.
    pub(super) fn base(&self) -> &BaseProducer<C> {
        &self.producer
    }
}

impl<C: ProducerContext + 'static> Drop for Polled<C> {
    fn drop(&mut self) {
        // At once: what goes out from now on would overtake what its successor sends.
        self.producer.purge(PurgeConfig::default().queue().inflight());
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.unpark();
    }
}

fn serve<C: ProducerContext>(producer: &BaseProducer<C>, stopped: &AtomicBool) {
    while !stopped.load(Ordering::Relaxed) {
        // Counts deliveries and messages for the log that wait to be told, too.
        if producer.in_flight_count() == 0 {
            std::thread::park_timeout(LOOK);
        } else {
            producer.poll(POLL);
        }
    }
}
