//! One reading of a log, from the first to the end offset at its start.

use proofload_history::digest::Digest;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Without a record for this long, the reading has come to a halt.
const STALL: Duration = Duration::from_secs(15);
/// How long a broker may take to tell the bounds of a partition.
const ASK: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(200);

/// Partition, first offset, end offset.
pub(super) type Bounds = Vec<(i32, i64, i64)>;

/// What one reading saw.
pub(super) struct Pass {
    pub(super) bounds: Bounds,
    /// Of every record's position, key and payload.
    pub(super) digest: u64,
}

/// Reads `topic` once and gives every committed record to `take`. Blocks until the end, or until nothing comes any more.
///
/// A transaction that is open ends it at once: what lies behind it would not be seen. `config` must ask for the ends of
/// partitions (`enable.partition.eof`).
pub(super) fn pass(
    config: &ClientConfig,
    topic: &str,
    mut take: impl FnMut(&BorrowedMessage<'_>) -> Result<(), String>,
) -> Result<Pass, String> {
    let mut committed = config.clone();
    committed.set("isolation.level", "read_committed");
    let consumer = client(&committed)?;
    let bounds = bounds(config, &consumer, topic)?;
    assign(&consumer, topic, &bounds)?;
    let mut progress = Progress::new(topic, &bounds);
    while !progress.left.is_empty() {
        match consumer.poll(POLL) {
            Some(Ok(record)) if progress.accepts(&record) => {
                take(&record)?;
                progress.advance(&record);
            }
            Some(Err(KafkaError::PartitionEOF(number))) => progress.ended(&consumer, number)?,
            Some(Err(error)) => progress.note(error)?,
            Some(Ok(_)) | None => {}
        }
        progress.watch()?;
    }
    let digest = progress.digest();
    Ok(Pass { bounds, digest })
}

fn client(config: &ClientConfig) -> Result<BaseConsumer, String> {
    config.create().map_err(|error| error.to_string())
}

fn assign(consumer: &BaseConsumer, topic: &str, bounds: &Bounds) -> Result<(), String> {
    let assign = || {
        let mut assigned = TopicPartitionList::new();
        for (number, first, _) in bounds {
            assigned.add_partition_offset(topic, *number, Offset::Offset(*first))?;
        }
        consumer.assign(&assigned)
    };
    assign().map_err(|error: KafkaError| error.to_string())
}

/// How far a reading has come.
struct Progress<'a> {
    topic: &'a str,
    digests: BTreeMap<i32, Digest>,
    /// The partitions that have not been read to their end.
    left: BTreeMap<i32, Left>,
    moved: Instant,
    /// The last error that the client may get over by itself.
    error: Option<KafkaError>,
}

/// What is still to be read of a partition.
struct Left {
    next: i64,
    end: i64,
}

impl<'a> Progress<'a> {
    fn new(topic: &'a str, bounds: &Bounds) -> Self {
        let unread = bounds.iter().filter(|(_, first, end)| first < end);
        Self {
            topic,
            digests: bounds.iter().map(|(number, ..)| (*number, Digest::default())).collect(),
            left: unread.map(|(number, first, end)| (*number, Left { next: *first, end: *end })).collect(),
            moved: Instant::now(),
            error: None,
        }
    }

    /// Whether a record belongs to the reading: what came after it began does not.
    fn accepts(&self, record: &BorrowedMessage<'_>) -> bool {
        self.left.get(&record.partition()).is_some_and(|left| record.offset() < left.end)
    }

    fn advance(&mut self, record: &BorrowedMessage<'_>) {
        let number = record.partition();
        let digest = self.digests.entry(number).or_default();
        digest.take(&record.offset().to_be_bytes());
        digest.take_optional(record.key());
        digest.take_optional(record.payload());
        if let Some(left) = self.left.get_mut(&number) {
            left.next = record.offset() + 1;
            if left.next >= left.end {
                self.left.remove(&number);
            }
        }
        self.moved = Instant::now();
    }

    /// A partition has no more to give. Its last offsets may be transaction markers, which nobody is given; if its end
    /// is not where it was, it was cut short.
    fn ended(&mut self, consumer: &BaseConsumer, number: i32) -> Result<(), String> {
        let Some(left) = self.left.remove(&number) else { return Ok(()) };
        self.moved = Instant::now();
        let (_, end) = consumer.fetch_watermarks(self.topic, number, ASK).map_err(|error| error.to_string())?;
        if end >= left.end {
            return Ok(());
        }
        let (topic, before) = (self.topic, left.end);
        Err(format!(
            "{topic}/{number} ended at {before} when the reading began, and ends at {end} now: it was cut short"
        ))
    }

    /// Ends the reading if the client cannot get over the error.
    fn note(&mut self, error: KafkaError) -> Result<(), String> {
        let lost = [RDKafkaErrorCode::OffsetOutOfRange, RDKafkaErrorCode::AutoOffsetReset];
        let code = error.rdkafka_error_code();
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) || code.is_some_and(|code| lost.contains(&code)) {
            return Err(format!("topic `{}` cannot be read on: {error}", self.topic));
        }
        self.error = Some(error);
        Ok(())
    }

    /// Ends a reading that does not go on, and says where it stands.
    fn watch(&self) -> Result<(), String> {
        let Some((number, Left { next, end })) = self.left.iter().next() else { return Ok(()) };
        if self.moved.elapsed() < STALL {
            return Ok(());
        }
        let (seconds, topic) = (STALL.as_secs(), self.topic);
        let error = self.error.as_ref().map(|error| format!("; the last error: {error}")).unwrap_or_default();
        Err(format!(
            "no progress for {seconds} s: {topic}/{number} at offset {next} of {end}{error} (are the brokers healthy?)"
        ))
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        for (number, of_partition) in &self.digests {
            digest.take(&number.to_be_bytes());
            digest.take(&of_partition.value().to_be_bytes());
        }
        digest.value()
    }
}

/// The first and the end offset of every partition, as of now.
///
/// librdkafka asks for ends under the isolation level of the client: the end of what is committed (the last stable
/// offset) as `consumer` is configured, and the end of everything by a client of its own.
fn bounds(config: &ClientConfig, consumer: &BaseConsumer, topic: &str) -> Result<Bounds, String> {
    let cannot =
        |error: KafkaError| format!("cannot find the bounds of topic `{topic}`: {error} (are the brokers healthy?)");
    let metadata = consumer.fetch_metadata(Some(topic), ASK).map_err(cannot)?;
    let known = metadata.topics().iter().find(|known| known.name() == topic && known.error().is_none());
    let partitions = known.map(MetadataTopic::partitions).unwrap_or_default();
    let mut numbers: Vec<i32> = partitions.iter().map(MetadataPartition::id).collect();
    if numbers.is_empty() {
        return Err(format!("the brokers know no topic `{topic}`"));
    }
    numbers.sort_unstable();
    let mut uncommitted = config.clone();
    uncommitted.set("isolation.level", "read_uncommitted");
    let everything = client(&uncommitted)?;
    let bound = |number: i32| {
        // In this order: what is appended in between moves the stable end alone, and only a transaction holds it back.
        let (_, end) = everything.fetch_watermarks(topic, number, ASK).map_err(cannot)?;
        let (first, stable) = consumer.fetch_watermarks(topic, number, ASK).map_err(cannot)?;
        whole(topic, (number, first, stable), end)
    };
    numbers.into_iter().map(bound).collect()
}

/// The bounds of a partition, if everything up to `end` is stable.
fn whole(topic: &str, bounds: (i32, i64, i64), end: i64) -> Result<(i32, i64, i64), String> {
    let (number, _, stable) = bounds;
    if stable >= end {
        return Ok(bounds);
    }
    Err(format!(
        "a transaction is open at offset {stable} of {topic}/{number}, which ends at {end}: it hides what lies behind it \
         (does a producer hang?)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_without_progress_ends_with_where_it_stands() {
        let mut progress = Progress::new("parcels", &vec![(1, 5, 5), (2, 17, 90)]);
        assert_eq!(progress.watch(), Ok(()));
        progress.moved = progress.moved.checked_sub(STALL).unwrap();
        let message = progress.watch().unwrap_err();
        assert!(message.contains("parcels/2 at offset 17 of 90"), "{message}");
    }

    #[test]
    fn an_end_that_is_not_stable_names_the_open_transaction() {
        assert_eq!(whole("parcels", (2, 5, 17), 17), Ok((2, 5, 17)));
        // Something was appended between the two questions.
        assert_eq!(whole("parcels", (2, 5, 18), 17), Ok((2, 5, 18)));
        let message = whole("parcels", (2, 5, 17), 19).unwrap_err();
        assert!(message.starts_with("a transaction is open at offset 17 of parcels/2, which ends at 19"), "{message}");
    }

    #[test]
    fn a_position_that_the_log_has_lost_ends_the_reading_and_a_broker_that_is_away_does_not() {
        let mut progress = Progress::new("parcels", &vec![(0, 0, 9)]);
        let away = KafkaError::MessageConsumption(RDKafkaErrorCode::BrokerTransportFailure);
        assert_eq!(progress.note(away), Ok(()));
        let lost = KafkaError::MessageConsumption(RDKafkaErrorCode::OffsetOutOfRange);
        assert!(progress.note(lost).unwrap_err().contains("cannot be read on"));
    }
}
