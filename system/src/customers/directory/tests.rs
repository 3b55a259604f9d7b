use std::collections::BTreeSet;
use std::thread::JoinHandle;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::messaging::event::{Cause, Event};
use crate::messaging::producer::tests::settings;
use crate::messaging::topic;

const BOUND: Duration = Duration::from_secs(60);
const PARTITIONS: i32 = 3;

/// A log of customers, and who writes to it.
struct Log {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

impl Log {
    fn new() -> Self {
        let cluster = MockCluster::new(1).expect("a mock cluster");
        cluster.create_topic(topic::CUSTOMERS_CHANGED, PARTITIONS, 1).expect("a topic");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        Self { producer: config.create().expect("a producer"), cluster }
    }

    fn write(&self, key: &str, value: Option<&str>) {
        let mut record = BaseRecord::to(topic::CUSTOMERS_CHANGED).key(key);
        record.payload = value;
        self.producer.send(record).map_err(|(error, _)| error).expect("a place in the queue");
        self.producer.flush(BOUND).expect("the log has it");
    }

    fn put(&self, customer: &CustomerChanged) {
        let cause = Cause { correlation_id: Uuid::nil(), causation_id: None, traceparent: None };
        let text = Event::now(cause, customer.clone()).to_json().expect("serialisable");
        self.write(customer.customer_id.as_str(), Some(&text));
    }
}

fn id(text: &str) -> CustomerId {
    CustomerId::try_from(text.to_owned()).expect("an id")
}

fn customer(id: &str, version: i64, consents: &[Purpose]) -> CustomerChanged {
    serde_json::from_value(json!({
        "customer_id": id,
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "date_of_birth": "1985-12-10",
        "kyc": "VERIFIED",
        "consents": consents.iter().collect::<BTreeSet<_>>(),
        "customer_version": version,
    }))
    .expect("a customer")
}

/// A directory that reads the log until its guard goes.
struct Reading {
    directory: Directory,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Reading {
    fn new(log: &Log, freshness: Freshness) -> Self {
        let directory = Directory::new(freshness);
        let (stop, stopped) = watch::channel(false);
        let reader = Reader::new(directory.clone(), &settings(log.cluster.bootstrap_servers()), stopped);
        let thread = std::thread::spawn(|| reader.run_until_stopped());
        Self { directory, stop, thread: Some(thread) }
    }

    async fn current(&self) {
        tokio::time::timeout(BOUND, self.directory.current()).await.expect("the topic is read");
    }

    /// Waits until the directory knows this version of the customer.
    async fn version(&self, id: &CustomerId, version: Option<i64>) {
        let known = async {
            while self.directory.get(id).map(|entry| entry.version) != version {
                self.directory.changed().notified().await;
            }
        };
        let found = || self.directory.get(id);
        tokio::time::timeout(BOUND, known).await.unwrap_or_else(|_| panic!("{id} is {:?}, not {version:?}", found()));
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(std::thread::panicking() || matches!(ended, Ok(Ok(()))), "the thread ends at a stop");
        }
    }
}

#[tokio::test]
async fn it_is_current_when_everything_is_read_that_was_there_and_goes_on_from_there() {
    let log = Log::new();
    for number in 1..=50 {
        log.put(&customer(&format!("c-{number}"), 1, &[]));
    }
    log.put(&customer("c-7", 2, &[Purpose::CreditCheck]));
    let reading = Reading::new(&log, Freshness::Invalidate);
    reading.current().await;
    for number in 1..=50 {
        assert!(reading.directory.get(&id(&format!("c-{number}"))).is_some(), "{number}");
    }
    let seventh = reading.directory.get(&id("c-7")).expect("known");
    assert_eq!((seventh.version, seventh.consents.contains(&Purpose::CreditCheck)), (2, true));
    assert!(reading.directory.get(&id("c-51")).is_none());

    log.put(&customer("c-7", 3, &[]));
    log.put(&customer("c-51", 1, &[]));
    reading.version(&id("c-7"), Some(3)).await;
    reading.version(&id("c-51"), Some(1)).await;
}

#[tokio::test]
async fn an_empty_topic_is_current_at_once() {
    let log = Log::new();
    Reading::new(&log, Freshness::Invalidate).current().await;
}

#[tokio::test]
async fn poison_is_skipped_and_a_record_without_a_value_removes_the_customer() {
    let log = Log::new();
    log.put(&customer("c-1", 1, &[]));
    log.write("c-1", Some("poison"));
    let reading = Reading::new(&log, Freshness::Invalidate);
    reading.version(&id("c-1"), Some(1)).await;
    log.write("c-1", None);
    reading.version(&id("c-1"), None).await;
}

#[tokio::test]
async fn a_frozen_directory_never_learns_what_changed_after_its_start() {
    let log = Log::new();
    log.put(&customer("c-1", 1, &[]));
    let frozen = Reading::new(&log, Freshness::Frozen);
    let fresh = Reading::new(&log, Freshness::Invalidate);
    frozen.current().await;
    fresh.current().await;
    log.put(&customer("c-1", 2, &[]));
    fresh.version(&id("c-1"), Some(2)).await;
    // Had it the same record, it would have left it where it is; so it is given the record by hand as well.
    frozen.directory.put(customer("c-1", 2, &[]));
    frozen.directory.remove(&id("c-1"));
    assert_eq!(frozen.directory.get(&id("c-1")).expect("known").version, 1);
}

#[tokio::test]
async fn it_goes_on_when_the_brokers_are_back() {
    let log = Log::new();
    log.put(&customer("c-1", 1, &[]));
    let reading = Reading::new(&log, Freshness::Invalidate);
    reading.current().await;
    log.cluster.broker_down(1).expect("a broker");
    log.cluster.broker_up(1).expect("a broker");
    log.put(&customer("c-1", 2, &[]));
    reading.version(&id("c-1"), Some(2)).await;
}

#[test]
fn an_older_state_never_replaces_a_later_one() {
    let directory = Directory::new(Freshness::Invalidate);
    for (version, known) in [(2, 2), (1, 2), (2, 2), (5, 5), (4, 5)] {
        directory.put(customer("c-1", version, &[]));
        assert_eq!(directory.get(&id("c-1")).expect("known").version, known);
    }
}
