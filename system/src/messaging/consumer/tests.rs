//! The consumer against mock brokers and a real PostgreSQL.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::Message;
use rdkafka::message::OwnedMessage;
use tokio::task::JoinHandle;

use super::effect::Effect;
use super::poison::Poison;
use super::*;
use crate::config::messaging::{Commit, PoisonPolicy};
use crate::config::migrate::Service;
use crate::http::health::Readiness;
use crate::store::{Store, column};
use crate::testing::lines::catch;
use crate::testing::log::{Log, header, value, wait_for};
use crate::testing::postgres;

const GROUP: Subscription = Subscription { group: "g", topics: &["t"] };

/// Stores numbers in a table that refuses those above a hundred.
struct Numbers {
    store: Store,
}

impl Numbers {
    async fn new() -> Self {
        let store = postgres::store(Service::Servicing).await;
        let table =
            "create table number (place bigint generated always as identity, number bigint check (number <= 100))";
        store.rows("make a table", sqlx::query(table)).await.unwrap();
        Self { store }
    }

    async fn stored(&self) -> Vec<i64> {
        let rows = self.store.rows("read", sqlx::query("select number from number order by place")).await.unwrap();
        rows.iter().map(|row| column(row, "number").unwrap()).collect()
    }
}

impl Handler for Numbers {
    type Input = i64;

    fn read(&self, record: &OwnedMessage) -> Result<Option<i64>, EventError> {
        Ok(Some(serde_json::from_slice(record.payload().unwrap_or_default())?))
    }

    fn processed_in(_input: &mut i64, _traceparent: String) {}

    async fn apply(&self, inputs: &[i64]) -> Result<(), StoreError> {
        let mut transaction = self.store.begin("store numbers").await?;
        let insert = "insert into number (number) select * from unnest($1::bigint[])";
        transaction.rows(sqlx::query(insert).bind(inputs)).await?;
        transaction.commit().await
    }
}

/// Fails as long as it is told to, as if the database were away.
#[derive(Default)]
struct Failing {
    well: AtomicBool,
    tried: AtomicUsize,
    applied: Mutex<Vec<String>>,
}

impl Handler for Failing {
    type Input = String;

    fn read(&self, record: &OwnedMessage) -> Result<Option<String>, EventError> {
        Ok(Some(value(record)))
    }

    fn processed_in(_input: &mut String, _traceparent: String) {}

    async fn apply(&self, inputs: &[String]) -> Result<(), StoreError> {
        self.tried.fetch_add(1, Ordering::Relaxed);
        if !self.well.load(Ordering::Relaxed) {
            return Err(StoreError::TimedOut { doing: "test", limit: Duration::ZERO });
        }
        self.applied.lock().unwrap().extend_from_slice(inputs);
        Ok(())
    }
}

/// A consumer that runs, and what stops it.
struct Running {
    stop: watch::Sender<bool>,
    ended: JoinHandle<anyhow::Result<()>>,
}

fn start<H: Handler>(handler: &Arc<H>, settings: MessagingSettings) -> Running {
    let (stop, stopped) = watch::channel(false);
    let run = run(Arc::clone(handler), GROUP, settings, Readiness::default().needs("a consumer"), stopped);
    Running { stop, ended: tokio::spawn(run) }
}

impl Running {
    async fn stop(self) {
        let _ = self.stop.send(true);
        self.ended.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn poison_goes_to_the_dead_letters_and_what_is_behind_it_is_applied() {
    let log = Log::with(&[("t", 1), ("dead-letters", 1)]);
    let numbers = Arc::new(Numbers::new().await);
    log.put("t", &["1", "poison", "2", "101", "3"]);
    let running = start(&numbers, MessagingSettings::for_tests(log.brokers()));
    wait_for("the offset behind the last record", async || log.committed("g", "t") == Some(5)).await;
    assert_eq!(numbers.stored().await, [1, 2, 3]);

    let letters = log.take("dead-letters", 2).await;
    assert_eq!([value(&letters[0]), value(&letters[1])], ["poison", "101"]);
    for (letter, offset, reason) in
        [(&letters[0], "1", "cannot parse an event"), (&letters[1], "3", "check constraint")]
    {
        let about = ["topic", "partition", "offset", "group", "instance"].map(|name| header(letter, name).unwrap());
        assert_eq!(about, ["t", "0", offset, "g", "test"]);
        assert!(header(letter, "reason").unwrap().contains(reason), "{:?}", header(letter, "reason"));
    }
    running.stop().await;
    assert_eq!(log.count("dead-letters"), 2);
}

#[tokio::test]
async fn a_line_about_poison_says_whose_event_it_was_as_far_as_the_event_does() {
    let caught = catch();
    let log = Log::with(&[("dead-letters", 1)]);
    let effect = effect(Numbers::new().await, &MessagingSettings::for_tests(log.brokers()));
    let correlation_id = uuid::Uuid::new_v4();
    let event = serde_json::json!({ "correlation_id": correlation_id, "data": { "customer_id": "customer-17" } });
    let of = |value: String| {
        let payload = Some(value.into_bytes());
        OwnedMessage::new(payload, None, "t".to_owned(), rdkafka::Timestamp::NotAvailable, 0, 0, None)
    };
    let batch = effect.batch(vec![of(event.to_string()), of("{\"correlation_id\":\"x\"}".to_owned())]);
    assert!(effect.settle(batch, || true).await);
    let lines = caught.saying("a record is poison; it goes to the dead letters");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["correlation_id"], correlation_id.to_string());
    assert_eq!(lines[0]["customer_id"], "customer-17");
    assert_eq!(lines[1].get("correlation_id"), None, "what is no id is not believed");
}

#[tokio::test]
async fn offsets_are_committed_after_the_effect() {
    let log = Log::with(&[("t", 1), ("dead-letters", 1)]);
    let failing = Arc::new(Failing::default());
    log.put("t", &["a", "b"]);
    let running = start(&failing, MessagingSettings::for_tests(log.brokers()));
    wait_for("some attempts", async || failing.tried.load(Ordering::Relaxed) >= 3).await;
    assert_eq!(log.committed("g", "t"), None);
    failing.well.store(true, Ordering::Relaxed);
    wait_for("the offset behind the last record", async || log.committed("g", "t") == Some(2)).await;
    assert_eq!(*failing.applied.lock().unwrap(), ["a", "b"]);
    running.stop().await;
}

#[tokio::test]
async fn with_before_effect_offsets_are_committed_whatever_becomes_of_the_effect() {
    let log = Log::with(&[("t", 1), ("dead-letters", 1)]);
    let failing = Arc::new(Failing::default());
    log.put("t", &["a"]);
    let mut settings = MessagingSettings::for_tests(log.brokers());
    settings.consumer.commit = Commit::BeforeEffect;
    let running = start(&failing, settings);
    wait_for("an attempt", async || failing.tried.load(Ordering::Relaxed) >= 1).await;
    assert_eq!(log.committed("g", "t"), Some(1));
    failing.well.store(true, Ordering::Relaxed);
    running.stop().await;
}

fn effect<H>(handler: H, settings: &MessagingSettings) -> Effect<H> {
    let poison = Poison::new("g", settings).unwrap();
    // Its sender is gone, and its last word was that nothing stops.
    let stopped = watch::channel(false).1;
    Effect { handler: Arc::new(handler), group: "g", poison, trace_propagation: true, stopped }
}

fn records(values: impl IntoIterator<Item = i64>) -> Vec<OwnedMessage> {
    let record = |(offset, value): (usize, i64)| {
        let (payload, offset) = (value.to_string().into_bytes(), i64::try_from(offset).unwrap());
        OwnedMessage::new(Some(payload), None, "t".to_owned(), rdkafka::Timestamp::NotAvailable, 0, offset, None)
    };
    values.into_iter().enumerate().map(record).collect()
}

#[tokio::test]
async fn a_batch_whose_data_is_refused_is_applied_in_order_without_what_is_refused() {
    let log = Log::with(&[("dead-letters", 1)]);
    let effect = effect(Numbers::new().await, &MessagingSettings::for_tests(log.brokers()));
    let refused = [101, 107, 108, 120];
    let values = (1..=100).flat_map(|number| [Some(number), refused.contains(&(number + 100)).then_some(number + 100)]);
    let batch = effect.batch(records(values.flatten()));
    assert!(effect.settle(batch, || true).await);
    assert_eq!(effect.handler.stored().await, (1..=100).collect::<Vec<_>>());
    let letters: Vec<_> = log.take("dead-letters", refused.len()).await.iter().map(value).collect();
    assert_eq!(letters, refused.map(|number| number.to_string()));
}

#[tokio::test]
async fn without_dead_letters_poison_is_tried_for_ever_and_what_is_behind_it_waits() {
    let log = Log::with(&[("dead-letters", 1)]);
    let mut settings = MessagingSettings::for_tests(log.brokers());
    settings.consumer.poison = PoisonPolicy::Retry;
    let effect = effect(Numbers::new().await, &settings);
    let looks = AtomicUsize::new(0);
    let batch = effect.batch(records([101, 1]));
    assert!(!effect.settle(batch, || looks.fetch_add(1, Ordering::Relaxed) < 6).await);
    assert!(effect.handler.stored().await.is_empty());
    assert_eq!(log.count("dead-letters"), 0);
}

#[tokio::test]
async fn a_batch_that_others_have_now_is_given_up() {
    let log = Log::with(&[("dead-letters", 1)]);
    let effect = effect(Failing::default(), &MessagingSettings::for_tests(log.brokers()));
    let batch = effect.batch(records([1]));
    let handler = Arc::clone(&effect.handler);
    assert!(!effect.settle(batch, || handler.tried.load(Ordering::Relaxed) < 2).await);
    assert!(handler.applied.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_stop_finishes_the_batch_in_hand_and_leaves_what_is_behind_it() {
    let log = Log::with(&[("t", 1), ("dead-letters", 1)]);
    let failing = Arc::new(Failing::default());
    let values = ["a", "b", "c", "d", "e"];
    log.put("t", &values);
    let mut settings = MessagingSettings::for_tests(log.brokers());
    settings.consumer.batch_max = 3;
    let running = start(&failing, settings);
    let tried = || failing.tried.load(Ordering::Relaxed);
    wait_for("an attempt", async || tried() >= 1).await;
    running.stop.send(true).unwrap();
    let before = tried();
    wait_for("the batch to be tried on", async || tried() >= before + 2).await;
    assert!(!running.ended.is_finished(), "a batch is in hand");
    failing.well.store(true, Ordering::Relaxed);
    running.ended.await.unwrap().unwrap();
    let applied = failing.applied.lock().unwrap().clone();
    assert!((1..=3).contains(&applied.len()) && applied == values[..applied.len()], "{applied:?}");
    assert_eq!(log.committed("g", "t"), i64::try_from(applied.len()).ok());
}

#[tokio::test]
async fn every_try_of_a_batch_is_timed_by_what_came_of_it() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _told = metrics::set_default_local_recorder(&recorder);
    let log = Log::with(&[("dead-letters", 1)]);
    let settings = MessagingSettings::for_tests(log.brokers());
    let numbers = effect(Numbers::new().await, &settings);
    assert!(numbers.settle(numbers.batch(records([1, 101])), || true).await);
    let failing = effect(Failing::default(), &settings);
    let handler = Arc::clone(&failing.handler);
    failing.settle(failing.batch(records([1])), || handler.tried.load(Ordering::Relaxed) < 2).await;
    // Both together are refused, then the first alone is applied, and the second is refused twice.
    let told = recorder.handle().render();
    for (result, tries) in [("applied", 1), ("refused", 3), ("failed", 2)] {
        let line = format!("lending_batch_duration_seconds_count{{group=\"g\",result=\"{result}\"}} {tries}");
        assert!(told.contains(&line), "{line} is not in\n{told}");
    }
}
