//! A log of librdkafka's mock brokers: enough for what a client does, nothing about what brokers do.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, OwnedHeaders, OwnedMessage};
use rdkafka::metadata::MetadataTopic;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

/// How long something may take on a loaded machine.
const BOUND: Duration = Duration::from_secs(60);

/// A log with one broker.
pub(crate) struct Log {
    pub(crate) cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Log {
    /// A log with these topics, each with so many partitions.
    pub(crate) fn with(topics: &[(&str, i32)]) -> Self {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        for (topic, partitions) in topics {
            cluster.create_topic(topic, *partitions, 1).expect("a topic");
        }
        Self { cluster }
    }

    /// The broker answers nobody any more.
    pub(crate) fn down(&self) {
        self.cluster.broker_down(1).expect("it stops");
    }

    pub(crate) fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.brokers()).set("partitioner", "murmur2_random");
        config
    }

    /// Appends records with these values to partition 0.
    pub(crate) fn put(&self, topic: &str, values: &[&str]) {
        let producer: BaseProducer = self.config().create().expect("a producer");
        for value in values {
            let record = BaseRecord::<str, _>::to(topic).partition(0).payload(*value).headers(OwnedHeaders::new());
            producer.send(record).map_err(|(error, _)| error).expect("a place in the queue");
        }
        producer.flush(BOUND).expect("the log has them");
    }

    /// Waits for `count` records of a topic, and returns them as they came: in order within a partition.
    pub(crate) async fn take(&self, topic: &str, count: usize) -> Vec<OwnedMessage> {
        let mut config = self.config();
        config.set("group.id", "reader of the test").set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        consumer.assign(&partitions(&consumer, topic)).expect("assigned");
        let (started, mut records) = (Instant::now(), Vec::new());
        while records.len() < count {
            assert!(started.elapsed() < BOUND, "{topic} has {} of {count} records", records.len());
            match consumer.poll(Duration::ZERO) {
                Some(Ok(record)) => records.push(record.detach()),
                // What is waited for may need this thread.
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        records
    }

    /// How many records a topic has.
    pub(crate) fn count(&self, topic: &str) -> i64 {
        let consumer: BaseConsumer = self.config().set("group.id", "counter of the test").create().expect("a consumer");
        let partitions = partitions(&consumer, topic);
        let ends = partitions
            .elements()
            .iter()
            .map(|one| consumer.fetch_watermarks(topic, one.partition(), BOUND).expect("the broker answers").1)
            .collect::<Vec<_>>();
        ends.into_iter().sum()
    }

    /// The offset that a group has committed in partition 0; none where it has not.
    pub(crate) fn committed(&self, group: &str, topic: &str) -> Option<i64> {
        let consumer: BaseConsumer = self.config().set("group.id", group).create().expect("a consumer");
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition(topic, 0);
        let committed = consumer.committed_offsets(partitions, BOUND).expect("the broker answers");
        match committed.elements().first().map(rdkafka::topic_partition_list::TopicPartitionListElem::offset) {
            Some(Offset::Offset(offset)) => Some(offset),
            _ => None,
        }
    }
}

/// All partitions of a topic from their beginning.
fn partitions(consumer: &BaseConsumer, topic: &str) -> TopicPartitionList {
    let metadata = consumer.fetch_metadata(Some(topic), BOUND).expect("the broker answers");
    let mut partitions = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(MetadataTopic::partitions) {
        partitions.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("an offset");
    }
    partitions
}

/// A record's value as text.
pub(crate) fn value(record: &OwnedMessage) -> String {
    String::from_utf8_lossy(record.payload().unwrap_or_default()).into_owned()
}

/// The value of a record's last header with this name, as text.
pub(crate) fn header(record: &OwnedMessage, name: &str) -> Option<String> {
    let headers = record.headers()?;
    let found = headers.iter().filter(|header| header.key == name).last()?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

/// Waits until `condition` holds; `what` says what is waited for.
pub(crate) async fn wait_for(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < BOUND, "not within {BOUND:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
