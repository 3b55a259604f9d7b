//! Relays against mock brokers and a real PostgreSQL.

use rdkafka::Message;
use tokio::task::JoinHandle;

use super::*;
use crate::config::messaging::RelayOrder;
use crate::config::migrate::Service;
use crate::messaging::outbox::{Outgoing, Publisher};
use crate::store::Transaction;
use crate::testing::lines::catch;
use crate::testing::log::{Log, header, value, wait_for};
use crate::testing::postgres;

/// Relays that run, and what stops them.
struct Running {
    stop: watch::Sender<bool>,
    ended: JoinHandle<anyhow::Result<()>>,
}

fn start(store: &Store, settings: &MessagingSettings) -> Running {
    let (stop, stopped) = watch::channel(false);
    Running { stop, ended: tokio::spawn(run(store.clone(), settings.clone(), stopped)) }
}

impl Running {
    async fn stop(self) {
        let _ = self.stop.send(true);
        self.ended.await.unwrap().unwrap();
    }
}

fn event(key: &str, payload: &str, traceparent: Option<&str>) -> Outgoing {
    let traceparent = traceparent.map(ToOwned::to_owned);
    Outgoing { event_id: Uuid::new_v4(), topic: "t", key: key.to_owned(), payload: payload.to_owned(), traceparent }
}

/// A transaction that has appended an event and is not committed.
async fn appended(store: &Store, payload: &str) -> Transaction {
    let mut transaction = store.begin("append").await.unwrap();
    Publisher::Outbox.append(&mut transaction, &[event("key", payload, None)]).await.unwrap();
    transaction
}

async fn leases(store: &Store) -> String {
    let text =
        "select coalesce(string_agg(leased_until::text, ' '), '') as leases from relay_cursor where holder is not null";
    column(&store.rows("read leases", sqlx::query(text)).await.unwrap()[0], "leases").unwrap()
}

/// Waits until every relay has certainly read the outbox after this call: each turn renews the lease, and of two that
/// end afterwards the second began afterwards.
async fn wait_for_two_turns(store: &Store) {
    for _ in 0..2 {
        for shard in 0..2_i32 {
            let lease = "select leased_until::text as lease from relay_cursor where shard = $1";
            let read = async || -> String {
                column(&store.rows("read a lease", sqlx::query(lease).bind(shard)).await.unwrap()[0], "lease").unwrap()
            };
            let before = read().await;
            wait_for("a turn of the relay", async || read().await != before).await;
        }
    }
}

/// An event of a transaction that commits late, after one that began later: what the log has of both and a third.
async fn published_around_a_late_commit(order: RelayOrder, count: usize) -> Vec<String> {
    let log = Log::with(&[("t", 1)]);
    let store = postgres::store(Service::Servicing).await;
    let mut settings = MessagingSettings::for_tests(log.brokers());
    settings.relay.order = order;
    let running = start(&store, &settings);
    let late = appended(&store, "began first, committed late").await;
    appended(&store, "began second").await.commit().await.unwrap();
    wait_for_two_turns(&store).await;
    if order == RelayOrder::NaiveId {
        let _overtakes = log.take("t", 1).await;
        wait_for_two_turns(&store).await;
    }
    late.commit().await.unwrap();
    appended(&store, "began third").await.commit().await.unwrap();
    let published = log.take("t", count).await.iter().map(value).collect();
    wait_for_two_turns(&store).await;
    running.stop().await;
    assert_eq!(log.count("t"), i64::try_from(count).unwrap());
    published
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_waited_for() {
    let published = published_around_a_late_commit(RelayOrder::Snapshot, 3).await;
    assert_eq!(published, ["began first, committed late", "began second", "began third"]);
}

#[tokio::test]
async fn by_id_a_transaction_that_commits_late_is_overtaken_and_lost() {
    let published = published_around_a_late_commit(RelayOrder::NaiveId, 2).await;
    assert_eq!(published, ["began second", "began third"]);
}

#[tokio::test]
async fn every_key_keeps_its_order_over_all_shards_and_its_trace() {
    let log = Log::with(&[("t", 3)]);
    let store = postgres::store(Service::Servicing).await;
    let running = start(&store, &MessagingSettings::for_tests(log.brokers()));
    let keys: Vec<_> = (0..10).map(|key| format!("key-{key}")).collect();
    for round in 0..5 {
        let mut transaction = store.begin("append").await.unwrap();
        let trace = format!("00-{round}");
        let events: Vec<_> = keys.iter().map(|key| event(key, &round.to_string(), Some(&trace))).collect();
        Publisher::Outbox.append(&mut transaction, &events).await.unwrap();
        transaction.commit().await.unwrap();
        Publisher::Outbox.committed(events);
    }
    let records = log.take("t", 50).await;
    for key in &keys {
        let of_key = records.iter().filter(|record| record.key() == Some(key.as_bytes()));
        let found: Vec<_> = of_key.map(|record| (value(record), header(record, "traceparent").unwrap())).collect();
        let expected: Vec<_> = (0..5).map(|round| (round.to_string(), format!("00-{round}"))).collect();
        assert_eq!(found, expected, "{key}");
    }
    running.stop().await;
    let used = store.rows("read", sqlx::query("select 1 from relay_cursor where position > 0")).await.unwrap();
    assert_eq!(used.len(), 2, "both shards published");
}

#[tokio::test]
async fn a_line_about_an_event_that_is_not_published_says_whose_it_is() {
    let caught = catch();
    let log = Log::with(&[("t", 1)]);
    let store = postgres::store(Service::Servicing).await;
    let mut settings = MessagingSettings::for_tests(log.brokers());
    settings.kafka.message_timeout = std::time::Duration::from_secs(1);
    log.down();
    let running = start(&store, &settings);
    let correlation_id = Uuid::new_v4();
    let payload = serde_json::json!({ "correlation_id": correlation_id, "data": { "customer_id": "customer-17" } });
    appended(&store, &payload.to_string()).await.commit().await.unwrap();
    let stopped = "publishing stopped; going on from the cursor";
    wait_for("the relay to give up once", async || !caught.saying(stopped).is_empty()).await;
    running.stop().await;
    for line in caught.saying(stopped) {
        assert_eq!(line["correlation_id"], correlation_id.to_string(), "{line}");
        assert_eq!(line["customer_id"], "customer-17", "{line}");
    }
}

#[tokio::test]
async fn a_relay_that_stops_leaves_its_shards_to_another_which_goes_on_behind_it() {
    let log = Log::with(&[("t", 1)]);
    let store = postgres::store(Service::Servicing).await;
    let settings = MessagingSettings::for_tests(log.brokers());
    let first = start(&store, &settings);
    appended(&store, "one").await.commit().await.unwrap();
    log.take("t", 1).await;
    // The lease is for half a minute: another has it at once only because it was given back.
    first.stop().await;
    assert!(leases(&store).await.contains("-infinity"));
    let second = start(&store, &settings);
    appended(&store, "two").await.commit().await.unwrap();
    let published: Vec<_> = log.take("t", 2).await.iter().map(value).collect();
    assert_eq!(published, ["one", "two"]);
    wait_for_two_turns(&store).await;
    second.stop().await;
    assert_eq!(log.count("t"), 2);
}

#[tokio::test]
async fn the_backlog_is_told_by_who_has_the_lease() {
    let store = postgres::store(Service::Servicing).await;
    let append = "insert into outbox (shard, event_id, topic, key, payload, created_at)
        select 1, gen_random_uuid(), 't', 'key', '{}', now() - make_interval(secs => age) from unnest(array[90, 30]) as age";
    store.rows("append", sqlx::query(append)).await.unwrap();
    let lease = "update relay_cursor set holder = 'us', leased_until = now() + interval '1 hour'";
    store.rows("lease", sqlx::query(lease)).await.unwrap();
    let waiting = backlog::waiting(&store, "us").await.unwrap();
    assert_eq!((waiting[&0].rows, waiting[&0].age), (0, 0.0));
    assert_eq!(waiting[&1].rows, 2);
    assert!(waiting[&1].age >= 90.0, "{:?}", waiting[&1]);
    assert!(backlog::waiting(&store, "another").await.unwrap().is_empty());
}
