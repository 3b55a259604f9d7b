//! The consumer of submitted applications, on a thread of its own, because librdkafka's calls block.
//!
//! While the database is slow or away the consumer goes on polling, and carries what comes: it stays in the group and
//! takes part in rebalances; so it does while it works off what it carries, with one poll a batch at least, because the
//! whole group waits for its slowest member. It does not pause its partitions: a resume that follows closely on its pause can leave a
//! partition paused for good (librdkafka, issue 5591), as the experiment `service-crash` found out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::OwnedMessage;
use rdkafka::{ClientConfig, ClientContext, Message, Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::Wakeups;
use super::batch::Batch;
use super::intake;
use crate::config::kafka::millis;
use crate::config::messaging::{Commit, ConsumerSettings};
use crate::config::origination::OriginationSettings;
use crate::http::health::Readiness;
use crate::messaging::inbox::Dedup;
use crate::messaging::topic;
use crate::store::Store;

/// How long one poll waits for a record.
const POLL: Duration = Duration::from_millis(100);
/// How long a batch may take to be stored before the consumer polls beside it.
const QUICK: Duration = Duration::from_millis(200);
/// The most records carried while a batch is stored: half a minute of what the whole chain is made for. Beyond that the
/// consumer waits without polling, and a rebalance waits for it.
const CARRIED_MAX: usize = 20_000;
/// Pause before a consumer that failed for good is made again.
const REBUILD_PAUSE: Duration = Duration::from_secs(1);

/// Runs the consumer's thread until `stopped`.
pub(super) async fn run(
    settings: OriginationSettings,
    store: Store,
    wakeups: Arc<Wakeups>,
    readiness: Readiness,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let intake = Intake {
        settings: settings.messaging.consumer.clone(),
        dedup: settings.messaging.dedup,
        store,
        wakeups,
        readiness,
        stopped,
        runtime: Handle::current(),
        assignment: Assignment::default(),
        carried: Vec::new(),
    };
    let config = consumer_config(&settings);
    let (done, ended) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("intake".to_owned())
        .spawn(move || done.send(intake.run_until_stopped(&config)))
        .context("cannot start the consumer's thread")?;
    ended.await.context("the consumer's thread panicked")?
}

fn consumer_config(settings: &OriginationSettings) -> ClientConfig {
    let mut config = settings.messaging.kafka.client();
    config
        .set("group.id", "origination")
        .set("group.protocol", "classic")
        // Eager: manual commits with the cooperative protocol have been reported broken.
        .set("partition.assignment.strategy", "range")
        .set("session.timeout.ms", millis(settings.messaging.consumer.session_timeout))
        .set("heartbeat.interval.ms", millis(settings.messaging.consumer.session_timeout / 4))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.error.backoff.ms", "100")
        .set("queued.min.messages", "2000");
    config
}

/// Counts assignments, so that a record is known to be ours still.
#[derive(Clone, Default)]
struct Assignment(Arc<AtomicU64>);

impl Assignment {
    fn number(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl ClientContext for Assignment {}

impl ConsumerContext for Assignment {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => info!(count = partitions.count(), "partitions assigned"),
            Rebalance::Revoke(partitions) => {
                self.0.fetch_add(1, Ordering::AcqRel);
                info!(count = partitions.count(), "partitions revoked");
            }
            Rebalance::Error(error) => error!(%error, "a rebalance failed"),
        }
    }
}

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

struct Intake {
    settings: ConsumerSettings,
    dedup: Dedup,
    store: Store,
    wakeups: Arc<Wakeups>,
    readiness: Readiness,
    stopped: watch::Receiver<bool>,
    runtime: Handle,
    assignment: Assignment,
    /// Records that came while batches were being stored, in the order of their coming.
    carried: Vec<Received>,
}

impl Intake {
    /// Consumes; a consumer that fails for good is made again and goes on from the committed offsets.
    fn run_until_stopped(mut self, config: &ClientConfig) -> anyhow::Result<()> {
        loop {
            let consumer: BaseConsumer<Assignment> = config
                .create_with_context(self.assignment.clone())
                .context("cannot make the consumer of origination.commands")?;
            consumer.subscribe(&[topic::ORIGINATION_COMMANDS]).context("cannot subscribe")?;
            self.readiness.set(true);
            info!("consuming");
            match self.consume(&consumer) {
                End::Stopped => return Ok(()),
                End::Fatal(error) if self.stopping() => {
                    warn!(%error, "the consumer failed for good while it was being stopped");
                    return Ok(());
                }
                End::Fatal(error) => {
                    error!(%error, "the consumer failed for good; making a new one");
                    self.carried.clear();
                    std::thread::sleep(REBUILD_PAUSE);
                }
            }
        }
    }

    fn stopping(&self) -> bool {
        *self.stopped.borrow()
    }

    fn consume(&mut self, consumer: &BaseConsumer<Assignment>) -> End {
        while !self.stopping() {
            let records = match self.collect(consumer) {
                Ok(records) => records,
                Err(error) => return End::Fatal(error),
            };
            if records.is_empty() {
                continue;
            }
            if let Err(error) = self.process(consumer, &records) {
                return End::Fatal(error);
            }
        }
        End::Stopped
    }

    /// Waits for a record, then takes what is there or comes within the linger, up to a batch. Polls once at least.
    fn collect(&mut self, consumer: &BaseConsumer<Assignment>) -> Result<Vec<OwnedMessage>, KafkaError> {
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
        let current = self.assignment.number();
        Ok(received.into_iter().filter(|one| one.assignment == current).map(|one| one.record).collect())
    }

    fn poll(&self, consumer: &BaseConsumer<Assignment>, wait: Duration) -> Result<Option<Received>, KafkaError> {
        match consumer.poll(wait) {
            None => Ok(None),
            Some(Ok(message)) => {
                let assignment = self.assignment.number();
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

    /// Stores the records' batch and commits their offsets, in the order that the setting says.
    fn process(&mut self, consumer: &BaseConsumer<Assignment>, records: &[OwnedMessage]) -> Result<(), KafkaError> {
        let assignment = self.assignment.number();
        if self.settings.commit == Commit::BeforeEffect {
            self.commit(consumer, assignment, records);
        }
        let stored = self.store(consumer, assignment, Batch::of(records))?;
        if stored && self.settings.commit == Commit::AfterEffect {
            self.commit(consumer, assignment, records);
        }
        Ok(())
    }

    /// Stores a batch beside this thread, which goes on polling when that takes long. False where it was given up.
    fn store(
        &mut self,
        consumer: &BaseConsumer<Assignment>,
        assignment: u64,
        batch: Batch,
    ) -> Result<bool, KafkaError> {
        if batch.len() == 0 {
            return Ok(true);
        }
        let (told, outcome) = mpsc::sync_channel(1);
        let (store, dedup) = (self.store.clone(), self.dedup);
        let ours = self.assignment.clone();
        let wakeups = Arc::clone(&self.wakeups);
        // Offsets that are committed already bring the batch to nobody else. A stop gives up neither kind: it waits for
        // the batch in hand, as long as the shutdown time-out allows.
        let committed = self.settings.commit == Commit::BeforeEffect;
        self.runtime.spawn(async move {
            let wanted = || committed || ours.number() == assignment;
            let stored = intake::store_patiently(&store, dedup, &batch, wanted).await;
            wakeups.stored.notify_one();
            let _ = told.send(stored);
        });
        match outcome.recv_timeout(QUICK) {
            Ok(stored) => Ok(stored),
            Err(_) => self.poll_until(consumer, &outcome),
        }
    }

    /// Polls until the batch has its outcome, and carries what comes.
    fn poll_until(
        &mut self,
        consumer: &BaseConsumer<Assignment>,
        outcome: &mpsc::Receiver<bool>,
    ) -> Result<bool, KafkaError> {
        loop {
            let wait = if self.carried.len() < CARRIED_MAX { Duration::ZERO } else { POLL };
            match outcome.recv_timeout(wait) {
                Ok(stored) => return Ok(stored),
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

    /// Commits the offsets behind `records`, unless a rebalance has taken their partitions: then they are for their
    /// new owner to commit.
    fn commit(&self, consumer: &BaseConsumer<Assignment>, assignment: u64, records: &[OwnedMessage]) {
        if self.assignment.number() != assignment {
            return;
        }
        let committed = offsets_behind(records).and_then(|offsets| consumer.commit(&offsets, CommitMode::Sync));
        if let Err(error) = committed {
            // They come again, to us or to another instance, and the inbox recognises them.
            warn!(%error, "offsets are not committed");
        }
    }
}

/// Takes the `count` that came first, or all; the others stay in their order.
fn take_front<T>(carried: &mut Vec<T>, count: usize) -> Vec<T> {
    let rest = carried.split_off(count.min(carried.len()));
    std::mem::replace(carried, rest)
}

/// For each partition the offset of the next record to be read.
fn offsets_behind(records: &[OwnedMessage]) -> KafkaResult<TopicPartitionList> {
    let mut next = std::collections::BTreeMap::new();
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
    use crate::config::database::DatabaseSettings;

    const BOUND: Duration = Duration::from_secs(30);

    /// An intake that stores nothing: port 1 of the loopback refuses.
    fn intake(batch_max: usize) -> Intake {
        let database = DatabaseSettings {
            connect: "postgres://postgres@127.0.0.1:1/origination".parse().expect("a URL"),
            connections: 1,
            connections_min: 0,
            acquire_timeout: Duration::from_millis(20),
            timeout: Duration::from_secs(10),
        };
        let settings = ConsumerSettings {
            commit: Commit::AfterEffect,
            batch_max,
            batch_linger: Duration::from_millis(5),
            session_timeout: Duration::from_secs(6),
        };
        Intake {
            settings,
            dedup: Dedup::Inbox,
            store: Store::new(&database),
            wakeups: Arc::default(),
            readiness: Readiness::default(),
            stopped: watch::channel(false).1,
            runtime: Handle::current(),
            assignment: Assignment::default(),
            carried: Vec::new(),
        }
    }

    fn carried(offset: i64) -> Received {
        let record = OwnedMessage::new(None, None, "t".to_owned(), Timestamp::NotAvailable, 0, offset, None);
        Received { assignment: 0, record }
    }

    /// A log with one record in `t`, and a member of a group that reads it.
    fn log(assignment: &Assignment) -> (MockCluster<'static, DefaultProducerContext>, BaseConsumer<Assignment>) {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        cluster.create_topic("t", 1, 1).expect("a topic");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let producer: BaseProducer = config.create().expect("a producer");
        producer.send(BaseRecord::<(), str>::to("t").payload("new")).expect("a place in the queue");
        producer.flush(BOUND).expect("the log has it");
        config.set("group.id", "g").set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer<Assignment> = config.create_with_context(assignment.clone()).expect("a consumer");
        consumer.subscribe(&["t"]).expect("subscribed");
        (cluster, consumer)
    }

    #[tokio::test]
    async fn a_carried_backlog_is_worked_off_in_order_while_rebalances_are_served() {
        let mut intake = intake(2);
        let (_cluster, consumer) = log(&intake.assignment);
        let started = Instant::now();
        let (mut first, mut last) = (0, 0);
        // Whole batches are always carried. The group's rebalance, and the record behind it, come by polling alone.
        while intake.carried.last().is_none_or(|last| last.record.payload().is_none()) {
            assert!(started.elapsed() < BOUND, "no rebalance was served within {BOUND:?}");
            while intake.carried.len() < 5 {
                intake.carried.push(carried(last));
                last += 1;
            }
            let batch = intake.collect(&consumer).expect("no fatal error");
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
