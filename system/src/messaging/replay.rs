//! Puts dead letters back on the topic that they came from, when what could do nothing with them is mended.
//!
//! One pass: from the offsets that the group `replay` has committed to the end as it was at the start. A letter that is
//! put back is the record as it was, with the header `replayed` counted up. One that is not wanted goes to the end of
//! the dead letters again, so that every letter behind the committed offset is done with and every other can still be
//! replayed. An offset is committed when the letter is acknowledged where it went: a crash in between puts it back
//! twice, which the inbox recognises.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, OwnedHeaders, OwnedMessage};
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::runtime::Handle;

use super::dead_letter::{self, DeadLetter};
use super::producer::{LogProducer, Record, Trace};
use super::topic::DEAD_LETTERS;
use crate::config::kafka::KafkaSettings;
use crate::config::replay::ReplaySettings;

/// Whose offsets say how far the dead letters are done with.
const GROUP: &str = "replay";
/// How long the brokers may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);

/// Which letters are put back.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Wanted {
    /// Only records that came from this topic
    #[arg(long)]
    topic: Option<String>,
    /// Only records whose reason contains this text
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Says what would be put back, and changes nothing
    #[arg(long)]
    dry_run: bool,
}

impl Wanted {
    fn has(&self, letter: &DeadLetter) -> bool {
        self.topic.as_ref().is_none_or(|topic| *topic == letter.topic)
            && self.reason.as_ref().is_none_or(|text| letter.reason.contains(text))
    }
}

/// What a replay has done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sum {
    replayed: usize,
    /// Left among the dead letters, for they are not wanted or no letters.
    kept: usize,
}

/// Replays once, and prints a line for each record and a sum.
pub(crate) async fn run(settings: ReplaySettings, wanted: Wanted) -> anyhow::Result<()> {
    let runtime = Handle::current();
    // The consumer's calls block.
    tokio::task::spawn_blocking(move || replay(&settings.kafka, &wanted, &runtime, &mut std::io::stdout()).map(drop))
        .await
        .context("the replay panicked")?
}

fn replay(kafka: &KafkaSettings, wanted: &Wanted, runtime: &Handle, output: &mut impl Write) -> anyhow::Result<Sum> {
    let producer = LogProducer::new(&dead_letter::producer_settings(kafka)).context("cannot make the producer")?;
    let mut replay = Replay { letters: Letters::open(kafka)?, producer, runtime, wanted, sum: Sum::default() };
    replay.run(output)?;
    let Sum { replayed, kept } = replay.sum;
    let done = if wanted.dry_run { "would be put back" } else { "put back" };
    writeln!(output, "{replayed} {done}, {kept} left among the dead letters")?;
    Ok(replay.sum)
}

struct Replay<'a> {
    letters: Letters,
    producer: LogProducer,
    runtime: &'a Handle,
    wanted: &'a Wanted,
    sum: Sum,
}

impl Replay<'_> {
    fn run(&mut self, output: &mut impl Write) -> anyhow::Result<()> {
        while self.wanted.limit.is_none_or(|limit| self.sum.replayed < limit) {
            let Some(record) = self.letters.next()? else { break };
            let letter = DeadLetter::read(&record);
            let wanted = letter.as_ref().is_some_and(|letter| self.wanted.has(letter));
            writeln!(output, "{}", line(&record, letter.as_ref(), wanted, self.wanted.dry_run))?;
            if !self.wanted.dry_run {
                self.put(match &letter {
                    Some(letter) if wanted => letter.replayed(),
                    _ => same(&record),
                })?;
                self.letters.done(&record)?;
            }
            if wanted {
                self.sum.replayed += 1;
            } else {
                self.sum.kept += 1;
            }
        }
        Ok(())
    }

    fn put(&self, record: Record<'_>) -> anyhow::Result<()> {
        let topic = record.topic.to_owned();
        let put = self.runtime.block_on(self.producer.publish(record));
        put.with_context(|| format!("cannot put a record on {topic}; those before it are done with: run it again"))
    }
}

fn line(record: &OwnedMessage, letter: Option<&DeadLetter>, wanted: bool, dry_run: bool) -> String {
    let done = match (wanted, dry_run) {
        (true, false) => "put back",
        (true, true) => "would put back",
        (false, _) => "left",
    };
    let place = format!("{DEAD_LETTERS} {} offset {}", record.partition(), record.offset());
    match letter {
        Some(DeadLetter { topic, partition, offset, group, reason, .. }) => {
            format!("{done}: {place}: {topic} {partition} offset {offset}, refused by {group}: {reason}")
        }
        None => format!("{done}: {place}: no dead letter, for its last headers are not those of one"),
    }
}

/// The record once more among the dead letters.
fn same(record: &OwnedMessage) -> Record<'_> {
    let headers = record.headers().into_iter().flat_map(Headers::iter);
    let headers = headers.fold(OwnedHeaders::new(), OwnedHeaders::insert);
    Record { topic: DEAD_LETTERS, key: record.key(), value: record.payload(), headers, trace: Trace::AsItWas }
}

/// The dead letters from the committed offsets to the end as it was.
struct Letters {
    consumer: BaseConsumer,
    /// The offset at which each partition ends that is not read to its end.
    ends: BTreeMap<i32, i64>,
}

impl Letters {
    fn open(kafka: &KafkaSettings) -> anyhow::Result<Self> {
        let consumer: BaseConsumer = kafka
            .consumer(GROUP)
            .set("enable.partition.eof", "true")
            .create()
            .context("cannot make the consumer of the dead letters")?;
        let metadata = consumer.fetch_metadata(Some(DEAD_LETTERS), TIMEOUT).context("cannot reach the brokers")?;
        let found = metadata.topics().iter().find(|topic| topic.error().is_none());
        let found = found.with_context(|| format!("there is no topic {DEAD_LETTERS}"))?;
        let mut partitions = TopicPartitionList::new();
        for partition in found.partitions() {
            partitions.add_partition(DEAD_LETTERS, partition.id());
        }
        let committed = consumer
            .committed_offsets(partitions, TIMEOUT)
            .with_context(|| format!("cannot read the offsets of the group {GROUP}"))?;
        let (mut starts, mut ends) = (TopicPartitionList::new(), BTreeMap::new());
        for element in committed.elements() {
            let partition = element.partition();
            let (low, end) =
                consumer.fetch_watermarks(DEAD_LETTERS, partition, TIMEOUT).context("cannot read an end")?;
            let start = match element.offset() {
                Offset::Offset(offset) => offset.max(low),
                _ => low,
            };
            if start < end {
                starts.add_partition_offset(DEAD_LETTERS, partition, Offset::Offset(start))?;
                ends.insert(partition, end);
            }
        }
        consumer.assign(&starts).context("cannot read the dead letters")?;
        Ok(Self { consumer, ends })
    }

    /// The next one; none at the end.
    fn next(&mut self) -> anyhow::Result<Option<OwnedMessage>> {
        let started = Instant::now();
        while !self.ends.is_empty() {
            ensure!(
                started.elapsed() < TIMEOUT,
                "no dead letter within {TIMEOUT:?}; partitions {:?} are not read",
                self.ends
            );
            match self.consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => {
                    let Some(end) = self.ends.get(&message.partition()).copied() else { continue };
                    if message.offset() + 1 >= end {
                        self.ends.remove(&message.partition());
                    }
                    if message.offset() < end {
                        return Ok(Some(message.detach()));
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.ends.remove(&partition);
                }
                Some(Err(error)) => bail!("cannot read the dead letters: {error}"),
            }
        }
        Ok(None)
    }

    /// This one is not read again.
    fn done(&self, record: &OwnedMessage) -> anyhow::Result<()> {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(DEAD_LETTERS, record.partition(), Offset::Offset(record.offset() + 1))?;
        self.consumer.commit(&offsets, CommitMode::Sync).context("cannot commit an offset; the letter comes again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messaging::producer::tests::settings;
    use crate::testing::log::{Log, header, value};

    /// Dead letters of these topics, with the topic's name as the reason too.
    async fn dead_letters(topics: &[&str]) -> Log {
        let log = Log::with(&[("dead-letters", 1), ("a", 1), ("b", 1)]);
        let producer = LogProducer::new(&settings(log.brokers())).unwrap();
        for topic in topics {
            let timestamp = rdkafka::Timestamp::NotAvailable;
            let value = format!("from {topic}").into_bytes();
            let poison = OwnedMessage::new(Some(value), None, (*topic).to_owned(), timestamp, 0, 7, None);
            let letter = DeadLetter::of(&poison, &format!("{topic} is full"), "g", "g-1");
            producer.publish(letter.record()).await.unwrap();
        }
        log
    }

    async fn replayed(log: &Log, wanted: Wanted) -> (Sum, String) {
        let (kafka, runtime) = (settings(log.brokers()), Handle::current());
        let replayed = tokio::task::spawn_blocking(move || {
            let mut output = Vec::new();
            let sum = replay(&kafka, &wanted, &runtime, &mut output).unwrap();
            (sum, String::from_utf8(output).unwrap())
        });
        replayed.await.unwrap()
    }

    #[tokio::test]
    async fn letters_go_back_once_to_where_they_came_from_and_the_others_can_still_be_replayed() {
        let log = dead_letters(&["a", "b", "a"]).await;
        let of_a = Wanted { topic: Some("a".to_owned()), ..Wanted::default() };
        let (sum, said) = replayed(&log, of_a).await;
        assert_eq!(sum, Sum { replayed: 2, kept: 1 });
        assert!(said.contains("put back: dead-letters 0 offset 0: a 0 offset 7, refused by g: a is full"), "{said}");
        assert!(said.ends_with("2 put back, 1 left among the dead letters\n"), "{said}");
        let back = log.take("a", 2).await;
        assert_eq!((value(&back[0]), header(&back[0], "replayed").unwrap()), ("from a".to_owned(), "1".to_owned()));
        assert_eq!(header(&back[0], "reason"), None);

        let of_b = Wanted { reason: Some("b is".to_owned()), ..Wanted::default() };
        assert_eq!(replayed(&log, of_b).await.0, Sum { replayed: 1, kept: 0 });
        assert_eq!(value(&log.take("b", 1).await[0]), "from b");
        assert_eq!(replayed(&log, Wanted::default()).await.0, Sum::default());
    }

    #[tokio::test]
    async fn a_limit_leaves_the_rest_for_the_next_time() {
        let log = dead_letters(&["a", "a", "a"]).await;
        let two = Wanted { limit: Some(2), ..Wanted::default() };
        assert_eq!(replayed(&log, two.clone()).await.0, Sum { replayed: 2, kept: 0 });
        assert_eq!(replayed(&log, two).await.0, Sum { replayed: 1, kept: 0 });
        assert_eq!(log.count("a"), 3);
    }

    #[tokio::test]
    async fn a_dry_run_changes_nothing() {
        let log = dead_letters(&["a", "b"]).await;
        let dry = Wanted { topic: Some("a".to_owned()), dry_run: true, ..Wanted::default() };
        for _ in 0..2 {
            let (sum, said) = replayed(&log, dry.clone()).await;
            assert_eq!(sum, Sum { replayed: 1, kept: 1 });
            assert!(said.contains("1 would be put back"), "{said}");
        }
        assert_eq!((log.count("a"), log.count("dead-letters")), (0, 2));
    }
}
