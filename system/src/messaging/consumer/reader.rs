//! The consumer's own thread, because librdkafka's calls block.
//!
//! While the database is slow or away the consumer goes on polling, and carries what comes: it stays in the group and
//! takes part in rebalances; so it does while it works off what it carries, with one poll a batch at least, because the
//! whole group waits for its slowest member. It does not pause its partitions: a resume that follows closely on its
//! pause can leave a partition paused for good (librdkafka, issue 5591), as the experiment `service-crash` found out.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::OwnedMessage;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::effect::{Batch, Effect};
use super::member::Member;
use super::poison::Poison;
use super::{Handler, Subscription};
use crate::config::messaging::{Commit, ConsumerSettings, MessagingSettings};
use crate::http::health::Need;

/// How long one poll waits for a record.
const POLL: Duration = Duration::from_millis(100);
/// How long a batch may take to be applied before the consumer polls beside it.
const QUICK: Duration = Duration::from_millis(200);
/// The most records carried while a batch is applied: half a minute of what the whole chain is made for. Beyond that the
/// consumer waits without polling, and a rebalance waits for it.
const CARRIED_MAX: usize = 20_000;
/// Pause before a consumer that failed for good is made again.
const REBUILD_PAUSE: Duration = Duration::from_secs(1);

/// A record, and the assignment under which it came.
struct Received {
    assignment: u64,
    record: OwnedMessage,
}

/// Why the loop over one consumer ended.
enum End {
    Stopped,
    Fatal(KafkaError),
}

pub(super) struct Reader<H> {
    subscription: Subscription,
    settings: ConsumerSettings,
    effect: Arc<Effect<H>>,
    consuming: Need,
    stopped: watch::Receiver<bool>,
    runtime: Handle,
    member: Member,
    /// Records that came while batches were being applied, in the order of their coming.
    carried: Vec<Received>,
}

impl<H: Handler> Reader<H> {
    /// Errors where librdkafka refuses the settings of the producer of dead letters.
    pub(super) fn new(
        handler: Arc<H>,
        subscription: Subscription,
        settings: &MessagingSettings,
        consuming: Need,
        stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        let group = subscription.group;
        let poison = Poison::new(group, settings)?;
        Ok(Self {
            subscription,
            settings: settings.consumer.clone(),
            effect: Arc::new(Effect {
                handler,
                group,
                poison,
                trace_propagation: settings.kafka.trace_propagation,
                stopped: stopped.clone(),
            }),
            consuming,
            stopped,
            runtime: Handle::current(),
            member: Member::of(group),
            carried: Vec::new(),
        })
    }

    /// Consumes; a consumer that fails for good is made again and goes on from the committed offsets.
    pub(super) fn run_until_stopped(mut self, config: &ClientConfig) -> anyhow::Result<()> {
        let Subscription { group, topics } = self.subscription;
        loop {
            let consumer: BaseConsumer<Member> = config
                .create_with_context(self.member.clone())
                .with_context(|| format!("cannot make a consumer of the group {group}"))?;
            consumer.subscribe(topics).with_context(|| format!("cannot subscribe to {}", topics.join(", ")))?;
            self.consuming.set(true);
            info!(group, "consuming");
            match self.consume(&consumer) {
                End::Stopped => return Ok(()),
                End::Fatal(error) if self.stopping() => {
                    warn!(%error, group, "the consumer failed for good while it was being stopped");
                    return Ok(());
                }
                End::Fatal(error) => {
                    error!(%error, group, "the consumer failed for good; making a new one");
                    self.carried.clear();
                    std::thread::sleep(REBUILD_PAUSE);
                }
            }
        }
    }

    fn stopping(&self) -> bool {
        *self.stopped.borrow()
    }

    fn consume(&mut self, consumer: &BaseConsumer<Member>) -> End {
        while !self.stopping() {
            let records = match self.collect(consumer) {
                Ok(records) => records,
                Err(error) => return End::Fatal(error),
            };
            if records.is_empty() {
                continue;
            }
            if let Err(error) = self.process(consumer, records) {
                return End::Fatal(error);
            }
        }
        End::Stopped
    }

    /// Waits for a record, then takes what is there or comes within the linger, up to a batch. Polls once at least.
    fn collect(&mut self, consumer: &BaseConsumer<Member>) -> Result<Vec<OwnedMessage>, KafkaError> {
        if self.carried.len() >= self.settings.batch_max
            && let Some(one) = self.poll(consumer, Duration::ZERO)?
        {
            // A whole batch is carried: the poll is for the rebalance that may be due, and its record waits its turn.
            self.carried.push(one);
        }
        let mut received = take_front(&mut self.carried, self.settings.batch_max);
        let mut wait = POLL;
        let mut deadline = None;
        while received.len() < self.settings.batch_max {
            match self.poll(consumer, wait)? {
                Some(one) => received.push(one),
                None if received.is_empty() || wait.is_zero() => break,
                None => {}
            }
            let until = *deadline.get_or_insert_with(|| Instant::now() + self.settings.batch_linger);
            wait = until.saturating_duration_since(Instant::now());
        }
        // A rebalance in between has given the older ones to somebody else, or to us again from the committed offset.
        let current = self.member.assignment();
        Ok(received.into_iter().filter(|one| one.assignment == current).map(|one| one.record).collect())
    }

    fn poll(&self, consumer: &BaseConsumer<Member>, wait: Duration) -> Result<Option<Received>, KafkaError> {
        match consumer.poll(whole_millis(wait)) {
            None => Ok(None),
            Some(Ok(message)) => {
                let assignment = self.member.assignment();
                Ok(Some(Received { assignment, record: message.detach() }))
            }
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::PollExceeded) => Err(error),
                _ => {
                    warn!(%error, "polling failed; going on");
                    Ok(None)
                }
            },
        }
    }

    /// Applies the records and commits their offsets, in the order that the setting says.
    fn process(&mut self, consumer: &BaseConsumer<Member>, records: Vec<OwnedMessage>) -> Result<(), KafkaError> {
        let assignment = self.member.assignment();
        let offsets = offsets_behind(&records)?;
        if self.settings.commit == Commit::BeforeEffect {
            self.commit(consumer, assignment, &offsets);
        }
        let settled = self.settle(consumer, assignment, self.effect.batch(records))?;
        if settled && self.settings.commit == Commit::AfterEffect {
            self.commit(consumer, assignment, &offsets);
        }
        Ok(())
    }

    /// Applies a batch beside this thread, which goes on polling when that takes long. False where it was given up.
    fn settle(
        &mut self,
        consumer: &BaseConsumer<Member>,
        assignment: u64,
        batch: Batch<H::Input>,
    ) -> Result<bool, KafkaError> {
        if batch.is_empty() {
            return Ok(true);
        }
        let (told, outcome) = mpsc::sync_channel(1);
        let effect = Arc::clone(&self.effect);
        let ours = self.member.clone();
        // Offsets that are committed already bring the batch to nobody else. A stop gives up neither kind: it waits for
        // the batch in hand, as long as the shutdown time-out allows.
        let committed = self.settings.commit == Commit::BeforeEffect;
        self.runtime.spawn(async move {
            let wanted = || committed || ours.assignment() == assignment;
            let settled = effect.settle(batch, wanted).await;
            let _ = told.send(settled);
        });
        match outcome.recv_timeout(QUICK) {
            Ok(settled) => Ok(settled),
            Err(_) => self.poll_until(consumer, &outcome),
        }
    }

    /// Polls until the batch has its outcome, and carries what comes.
    fn poll_until(
        &mut self,
        consumer: &BaseConsumer<Member>,
        outcome: &mpsc::Receiver<bool>,
    ) -> Result<bool, KafkaError> {
        loop {
            let wait = if self.carried.len() < CARRIED_MAX { Duration::ZERO } else { POLL };
            match outcome.recv_timeout(wait) {
                Ok(settled) => return Ok(settled),
                // The task panicked. Going on would commit past its batch: begin again at the committed offsets.
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(KafkaError::Canceled),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            if self.carried.len() < CARRIED_MAX
                && let Some(one) = self.poll(consumer, POLL)?
            {
                self.carried.push(one);
            }
        }
    }

    /// Commits `offsets`, unless a rebalance has taken their partitions: then they are for their new owner to commit.
    fn commit(&self, consumer: &BaseConsumer<Member>, assignment: u64, offsets: &TopicPartitionList) {
        if self.member.assignment() != assignment {
            return;
        }
        if let Err(error) = consumer.commit(offsets, CommitMode::Sync) {
            // They come again, to us or to another instance, and the inbox recognises them.
            warn!(%error, "offsets are not committed");
        }
    }
}

/// Rounded up: rdkafka cuts a wait to whole milliseconds, and spins through what it cut off.
fn whole_millis(wait: Duration) -> Duration {
    Duration::from_millis(u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

/// Takes the `count` that came first, or all; the others stay in their order.
fn take_front<T>(carried: &mut Vec<T>, count: usize) -> Vec<T> {
    let rest = carried.split_off(count.min(carried.len()));
    std::mem::replace(carried, rest)
}

/// For each partition the offset of the next record to be read.
fn offsets_behind(records: &[OwnedMessage]) -> KafkaResult<TopicPartitionList> {
    let mut next = BTreeMap::new();
    for record in records {
        let offset = next.entry((record.topic(), record.partition())).or_insert(0);
        *offset = (record.offset() + 1).max(*offset);
    }
    let mut offsets = TopicPartitionList::new();
    for ((topic, partition), offset) in next {
        offsets.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};

    use super::*;
    use crate::http::health::Readiness;
    use crate::messaging::event::EventError;
    use crate::store::StoreError;

    const BOUND: Duration = Duration::from_secs(30);

    struct Nothing;

    impl Handler for Nothing {
        type Input = ();

        fn read(&self, _record: &OwnedMessage) -> Result<Option<()>, EventError> {
            Ok(None)
        }

        fn processed_in(_input: &mut (), _traceparent: String) {}

        async fn apply(&self, _inputs: &[()]) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn reader(batch_max: usize, brokers: String) -> Reader<Nothing> {
        let mut settings = MessagingSettings::for_tests(brokers);
        settings.consumer.batch_max = batch_max;
        let subscription = Subscription { group: "g", topics: &["t"] };
        let stopped = watch::channel(false).1;
        Reader::new(Arc::new(Nothing), subscription, &settings, Readiness::default().needs("a consumer"), stopped)
            .expect("sound settings")
    }

    fn carried(offset: i64) -> Received {
        let record = OwnedMessage::new(None, None, "t".to_owned(), Timestamp::NotAvailable, 0, offset, None);
        Received { assignment: 0, record }
    }

    /// A log with one record in `t`.
    fn log() -> MockCluster<'static, DefaultProducerContext> {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        cluster.create_topic("t", 1, 1).expect("a topic");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let producer: BaseProducer = config.create().expect("a producer");
        producer.send(BaseRecord::<(), str>::to("t").payload("new")).expect("a place in the queue");
        producer.flush(BOUND).expect("the log has it");
        cluster
    }

    #[tokio::test]
    async fn a_carried_backlog_is_worked_off_in_order_while_rebalances_are_served() {
        let cluster = log();
        let mut reader = reader(2, cluster.bootstrap_servers());
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        config.set("group.id", "g").set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer<Member> = config.create_with_context(reader.member.clone()).expect("a consumer");
        consumer.subscribe(&["t"]).expect("subscribed");
        let started = Instant::now();
        let (mut first, mut last) = (0, 0);
        // Whole batches are always carried. The group's rebalance, and the record behind it, come by polling alone.
        while reader.carried.last().is_none_or(|last| last.record.payload().is_none()) {
            assert!(started.elapsed() < BOUND, "no rebalance was served within {BOUND:?}");
            while reader.carried.len() < 5 {
                reader.carried.push(carried(last));
                last += 1;
            }
            let batch = reader.collect(&consumer).expect("no fatal error");
            let offsets: Vec<_> = batch.iter().map(Message::offset).collect();
            assert_eq!(offsets, [first, first + 1]);
            first += 2;
        }
    }

    #[test]
    fn what_came_first_is_taken_first() {
        let mut carried = vec![1, 2, 3];
        assert_eq!((take_front(&mut carried, 2), &carried), (vec![1, 2], &vec![3]));
        assert_eq!((take_front(&mut carried, 2), &carried), (vec![3], &vec![]));
    }

    #[test]
    fn offsets_are_committed_behind_the_last_record_of_each_partition() {
        let record = |partition, offset| {
            OwnedMessage::new(None, None, "t".to_owned(), Timestamp::NotAvailable, partition, offset, None)
        };
        let offsets = offsets_behind(&[record(0, 4), record(1, 9), record(0, 5)]).expect("sound");
        let found: Vec<_> = offsets.elements().iter().map(|one| (one.partition(), one.offset())).collect();
        assert_eq!(found, [(0, Offset::Offset(6)), (1, Offset::Offset(10))]);
    }
}
