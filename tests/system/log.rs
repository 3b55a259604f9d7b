//! The log as it is, asked at the brokers.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Offset, TopicPartitionList};

use crate::inside::{PATIENCE, kafka};

/// How long a broker may take for one answer.
const ANSWER: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);

/// Every topic that a service takes commands or events from, and the group that takes them: the earlier ones cause what
/// is in the later ones.
pub(crate) const TAKEN: [(&str, &str); 4] = [
    ("customers.commands", "customers"),
    ("origination.commands", "origination"),
    ("origination.events", "servicing"),
    ("servicing.commands", "servicing"),
];

/// A client that asks in the name of `group` and is no member of it.
fn asking_as(group: &str) -> BaseConsumer {
    kafka().set("group.id", group).create().unwrap()
}

/// The numbers of a topic's partitions.
fn partitions(consumer: &BaseConsumer, topic: &str) -> Vec<i32> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER).unwrap();
    metadata.topics().iter().flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect()
}

/// Waits until `group` has committed the offset behind every record that is in `topic` now.
pub(crate) async fn taken(topic: &'static str, group: &'static str) {
    let waiting = move || {
        let consumer = asking_as(group);
        let partitions = partitions(&consumer, topic);
        let ends = partitions.iter().map(|one| consumer.fetch_watermarks(topic, *one, ANSWER).unwrap());
        let ends: Vec<(i64, i64)> = ends.collect();
        let started = Instant::now();
        loop {
            let mut asked = TopicPartitionList::new();
            for partition in &partitions {
                asked.add_partition(topic, *partition);
            }
            let committed = consumer.committed_offsets(asked, ANSWER).unwrap();
            let committed = committed.elements();
            let lag = committed.iter().zip(&ends).map(|(one, (low, end))| match one.offset() {
                Offset::Offset(offset) => end - offset,
                _ => end - low,
            });
            let lag: i64 = lag.filter(|lag| *lag > 0).sum();
            if lag == 0 {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{group} has not taken {lag} records of {topic}");
            std::thread::sleep(POLL);
        }
    };
    tokio::task::spawn_blocking(waiting).await.unwrap();
}

/// Reads a topic from its beginning until `enough` of what was read.
pub(crate) async fn read(
    topic: &'static str,
    enough: impl Fn(&[OwnedMessage]) -> bool + Send + 'static,
) -> Vec<OwnedMessage> {
    let reading = move || {
        let consumer = asking_as("a-test");
        let mut from = TopicPartitionList::new();
        for partition in partitions(&consumer, topic) {
            from.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&from).unwrap();
        let (started, mut records) = (Instant::now(), Vec::new());
        while !enough(&records) {
            assert!(started.elapsed() < PATIENCE, "{topic} has {} records, and not those", records.len());
            if let Some(Ok(record)) = consumer.poll(POLL) {
                records.push(record.detach());
            }
        }
        records
    };
    tokio::task::spawn_blocking(reading).await.unwrap()
}

/// A record's value as text.
pub(crate) fn value(record: &OwnedMessage) -> String {
    String::from_utf8_lossy(record.payload().unwrap_or_default()).into_owned()
}
