//! Records of the harness's own, put into a log and read back, over the direct listeners.

use super::{client, direct};
use crate::Lab;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// The consumer group of whoever reads back; it never commits.
const GROUP: &str = "proofload-append";
/// How long a record may take to be acknowledged, or to be read.
const BOUND: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// Appends one record with this value, and no key, to every partition of `topic`; each is acknowledged by every replica in
/// sync. Returns the partition and the offset of each.
///
/// # Errors
/// If no component has the topic, or a broker does not acknowledge one in time; those before it are in the log.
pub async fn append_everywhere(lab: &Lab, topic: &str, value: &str) -> Result<Vec<(i32, i64)>, String> {
    let (component, described) =
        lab.manifest().topic(topic).ok_or_else(|| format!("no component has the topic {topic}"))?;
    let mut config = client(lab, component);
    config.set("acks", "all").set("message.timeout.ms", BOUND.as_millis().to_string());
    let producer: FutureProducer = config.create().map_err(|error| error.to_string())?;
    let mut places = Vec::new();
    for partition in 0..i32::try_from(described.partitions).unwrap_or(i32::MAX) {
        let record = FutureRecord::<(), str>::to(topic).partition(partition).payload(value);
        let delivered = producer.send(record, BOUND).await;
        let delivered = delivered.map_err(|(error, _)| format!("{topic}/{partition}: {error}"))?;
        places.push((delivered.partition, delivered.offset));
    }
    Ok(places)
}

/// The value of the record at an offset; `None` for one without a value.
///
/// # Errors
/// If it cannot be read in time.
pub async fn value_at(lab: &Lab, topic: &str, partition: i32, offset: i64) -> Result<Option<Vec<u8>>, String> {
    let (component, _) = lab.manifest().topic(topic).ok_or_else(|| format!("no component has the topic {topic}"))?;
    let (config, topic) = (direct(lab, component, GROUP), topic.to_owned());
    let read = tokio::task::spawn_blocking(move || read(&config, &topic, partition, offset)).await;
    read.map_err(|error| error.to_string())?
}

fn read(config: &ClientConfig, topic: &str, partition: i32, offset: i64) -> Result<Option<Vec<u8>>, String> {
    let said = |error: rdkafka::error::KafkaError| format!("{topic}/{partition}: {error}");
    let consumer: BaseConsumer = config.create().map_err(said)?;
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, partition, Offset::Offset(offset)).map_err(said)?;
    consumer.assign(&place).map_err(said)?;
    let began = Instant::now();
    while began.elapsed() < BOUND {
        // An error is often gone with the next poll: a connection that broke.
        if let Some(Ok(record)) = consumer.poll(POLL)
            && record.offset() == offset
        {
            return Ok(record.payload().map(<[u8]>::to_vec));
        }
    }
    Err(format!("{topic}/{partition}: nothing came from offset {offset} within {} s", BOUND.as_secs()))
}
