//! The thread that reads `customers.changed`: all partitions, from the beginning, and on from where it was when its
//! client has to be made again. It belongs to no group and commits nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::MetadataTopic;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::Directory;
use crate::config::kafka::KafkaSettings;
use crate::domain::customer::CustomerId;
use crate::messaging::contract::customers::CustomerChanged;
use crate::messaging::event::Event;
use crate::messaging::topic;
use crate::telemetry::context;

/// How long one poll waits for a record.
const POLL: Duration = Duration::from_millis(100);
/// How long brokers may take to say which partitions there are.
const METADATA: Duration = Duration::from_secs(2);
/// Pause before partitions are asked for again that nobody could name, and before a failed client is made again.
const PAUSE: Duration = Duration::from_millis(250);
/// How often partitions are looked for that were added.
const LOOK: Duration = Duration::from_secs(10);
/// How often the copy is measured.
const MEASURE: Duration = Duration::from_secs(1);

/// How far a partition is read.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// The offset of the next record.
    next: i64,
    /// Whether its end was seen once.
    reached: bool,
}

pub(super) struct Reader {
    directory: Directory,
    config: ClientConfig,
    stopped: watch::Receiver<bool>,
    partitions: BTreeMap<i32, Progress>,
}

impl Reader {
    pub(super) fn new(directory: Directory, kafka: &KafkaSettings, stopped: watch::Receiver<bool>) -> Self {
        Self { directory, config: config(kafka), stopped, partitions: BTreeMap::new() }
    }

    /// Reads; a client that fails for good is made again and goes on where the last one was.
    pub(super) fn run_until_stopped(mut self) -> anyhow::Result<()> {
        while !self.stopping() {
            let consumer: BaseConsumer = self
                .config
                .create()
                .with_context(|| format!("cannot make the reader of {}", topic::CUSTOMERS_CHANGED))?;
            if let Err(error) = self.read(&consumer) {
                error!(%error, "the reader of customers failed; making a new one");
                std::thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    fn stopping(&self) -> bool {
        *self.stopped.borrow()
    }

    fn read(&mut self, consumer: &BaseConsumer) -> Result<(), KafkaError> {
        let mut assigned = 0;
        let mut look = Instant::now();
        let mut measure = Instant::now();
        while !self.stopping() {
            if look <= Instant::now() {
                self.find_partitions(consumer);
                if assigned != self.partitions.len() {
                    self.assign(consumer)?;
                    assigned = self.partitions.len();
                }
                look = Instant::now() + if assigned == 0 { PAUSE } else { LOOK };
            }
            self.poll(consumer)?;
            if measure <= Instant::now() {
                self.directory.measure();
                measure = Instant::now() + MEASURE;
            }
        }
        Ok(())
    }

    /// Asks which partitions there are. Without an answer those that are known remain.
    fn find_partitions(&mut self, consumer: &BaseConsumer) {
        match consumer.fetch_metadata(Some(topic::CUSTOMERS_CHANGED), METADATA) {
            Ok(metadata) => {
                let found = metadata.topics().iter().filter(|found| found.error().is_none());
                for partition in found.flat_map(MetadataTopic::partitions) {
                    self.partitions.entry(partition.id()).or_default();
                }
            }
            Err(error) => warn!(%error, topic = topic::CUSTOMERS_CHANGED, "cannot read which partitions there are"),
        }
    }

    fn assign(&self, consumer: &BaseConsumer) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::new();
        for (&partition, progress) in &self.partitions {
            let from = if progress.next == 0 { Offset::Beginning } else { Offset::Offset(progress.next) };
            list.add_partition_offset(topic::CUSTOMERS_CHANGED, partition, from)?;
        }
        info!(partitions = list.count(), "reading customers");
        consumer.assign(&list)
    }

    /// Takes over what comes within a poll. Errors where only another client helps.
    fn poll(&mut self, consumer: &BaseConsumer) -> Result<(), KafkaError> {
        match consumer.poll(POLL) {
            None => {}
            Some(Ok(message)) => {
                self.take_over(&message);
                self.partitions.entry(message.partition()).or_default().next = message.offset() + 1;
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => self.reached(partition),
            Some(Err(error)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) => return Err(error),
            Some(Err(error)) => warn!(%error, "reading customers failed; going on"),
        }
        Ok(())
    }

    fn reached(&mut self, partition: i32) {
        let before = self.all_reached();
        self.partitions.entry(partition).or_default().reached = true;
        if !before && self.all_reached() {
            info!("all customers are read that were there at the start");
            self.directory.measure();
            self.directory.became_current();
        }
    }

    fn all_reached(&self) -> bool {
        !self.partitions.is_empty() && self.partitions.values().all(|progress| progress.reached)
    }

    /// A record without a value removes its key. A record that is no customer is logged and counted: nobody else has
    /// been kept waiting, and a dead letter would be written again by every instance with every start.
    fn take_over(&self, message: &BorrowedMessage<'_>) {
        let result = match message.payload() {
            Some(value) => Event::parse(value).map(|event: Event<CustomerChanged>| self.directory.put(event.data)),
            None => {
                if let Some(id) = id(message) {
                    self.directory.remove(&id);
                }
                Ok(())
            }
        };
        if let Err(error) = result {
            let (partition, offset) = (message.partition(), message.offset());
            let _about = context::of_event(message.payload().unwrap_or_default()).entered();
            warn!(%error, topic = topic::CUSTOMERS_CHANGED, partition, offset, "skipped a record that is no customer");
            let topic = topic::CUSTOMERS_CHANGED;
            metrics::counter!("lending_poison_records_total", "group" => "directory", "topic" => topic).increment(1);
        }
    }
}

fn id(message: &BorrowedMessage<'_>) -> Option<CustomerId> {
    CustomerId::try_from(String::from_utf8(message.key()?.to_vec()).ok()?).ok()
}

fn config(kafka: &KafkaSettings) -> ClientConfig {
    // librdkafka assigns nothing without a name of a group; no group of that name ever comes to be.
    let mut config = kafka.consumer(&format!("{}-directory", kafka.client_id));
    config.set("enable.partition.eof", "true").set("fetch.error.backoff.ms", "100");
    config
}
