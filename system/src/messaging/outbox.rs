//! The outbox: events that became true with a change, as rows of the same transaction; the relay publishes them.

use anyhow::Context;
use tokio::sync::Notify;
use tracing::{error, warn};
use uuid::Uuid;

use crate::config::messaging::{MessagingSettings, Publish};
use crate::messaging::event::{Event, EventData};
use crate::messaging::producer::{LogProducer, Record};
use crate::store::{StoreError, Transaction};
use crate::telemetry::context;

const APPEND: &str = "
insert into outbox (shard, event_id, topic, key, payload, traceparent)
select outbox_shard(key), event_id, topic, key, payload, traceparent
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
    as t (event_id, topic, key, payload, traceparent, number)
order by number";

/// An event on its way to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) event_id: Uuid,
    pub(crate) topic: &'static str,
    pub(crate) key: String,
    pub(crate) payload: String,
    pub(crate) traceparent: Option<String>,
}

impl Outgoing {
    /// The event as a record of `topic` under `key`.
    #[expect(clippy::needless_pass_by_value, reason = "keys are ids, which are given as they are at hand")]
    pub(crate) fn of<D: EventData>(
        topic: &'static str,
        key: impl ToString,
        event: &Event<D>,
    ) -> Result<Self, StoreError> {
        let payload = event.to_json().map_err(|error| StoreError::Database {
            doing: "write an event as JSON",
            source: sqlx::Error::Encode(error.into()),
        })?;
        let traceparent = event.traceparent.clone();
        Ok(Self { event_id: event.event_id, topic, key: key.to_string(), payload, traceparent })
    }

    fn record(&self) -> Record<'_> {
        Record::of(self.topic, &self.key, &self.payload, self.traceparent.as_deref())
    }
}

/// Says that there are new rows. One for the process, which has one outbox. It is a shortcut: relays look by themselves.
static APPENDED: Notify = Notify::const_new();

/// Waits until this process has committed rows of the outbox.
pub(super) async fn appended() {
    APPENDED.notified().await;
}

/// How events leave a service.
pub(crate) enum Publisher {
    /// As rows of the transaction that makes them true, relayed later.
    Outbox,
    /// Straight to the log after the commit; a crash in between loses them.
    DualWrite(LogProducer),
}

impl Publisher {
    /// What the settings say. Errors where librdkafka refuses them.
    pub(crate) fn new(settings: &MessagingSettings) -> anyhow::Result<Self> {
        Ok(match settings.publish {
            Publish::Outbox => Self::Outbox,
            Publish::DualWrite => {
                Self::DualWrite(LogProducer::new(&settings.kafka).context("cannot make the producer of events")?)
            }
        })
    }

    /// Appends `events` in the transaction that makes them true, in their order.
    pub(crate) async fn append(&self, transaction: &mut Transaction, events: &[Outgoing]) -> Result<(), StoreError> {
        if events.is_empty() || matches!(self, Self::DualWrite(_)) {
            return Ok(());
        }
        let texts = |text: fn(&Outgoing) -> &str| events.iter().map(text).collect::<Vec<_>>();
        let statement = sqlx::query(APPEND)
            .bind(events.iter().map(|event| event.event_id).collect::<Vec<_>>())
            .bind(texts(|event| event.topic))
            .bind(texts(|event| &event.key))
            .bind(texts(|event| &event.payload))
            .bind(events.iter().map(|event| event.traceparent.as_deref()).collect::<Vec<_>>());
        transaction.rows(statement).await.map(drop)
    }

    /// Is told of `events` when their transaction is committed, and wakes the relays. With the dual write they are
    /// published only now: the state says that they happened, and whether the log ever hears of them is left to luck.
    pub(crate) fn committed(&self, events: Vec<Outgoing>) {
        let Self::DualWrite(producer) = self else {
            if !events.is_empty() {
                APPENDED.notify_waiters();
            }
            return;
        };
        for event in events {
            match producer.hand_over(event.record()) {
                Ok(pending) => {
                    tokio::spawn(async move {
                        if let Err(error) = pending.acknowledged().await {
                            let _about = context::of_event(event.payload.as_bytes()).entered();
                            warn!(%error, event_id = %event.event_id, "an event may not be published");
                        }
                    });
                }
                Err(error) => {
                    let _about = context::of_event(event.payload.as_bytes()).entered();
                    error!(%error, event_id = %event.event_id, "an event is not published");
                }
            }
        }
    }

    /// Keeps the producer of the dual write at work during `work`, behind whose end nothing may be committed any more,
    /// and then waits for the fate of what was handed over: a producer that is dropped purges its queue.
    pub(crate) async fn during(&self, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let ended = tokio::select! {
            kept = self.keep() => kept,
            ended = work => ended,
        };
        self.flush().await;
        ended
    }

    /// Replaces the producer of the dual write as often as it fails for good; returns only where that is impossible.
    async fn keep(&self) -> anyhow::Result<()> {
        let Self::DualWrite(producer) = self else { return std::future::pending().await };
        loop {
            producer.failed_for_good().await;
            producer.replace().context("cannot replace the producer of events")?;
        }
    }

    async fn flush(&self) {
        if let Self::DualWrite(producer) = self {
            producer.flush().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::migrate::Service;
    use crate::store::{Store, column};
    use crate::testing::log::{Log, header, value};
    use crate::testing::postgres;

    fn event(payload: &str) -> Outgoing {
        let (key, payload) = ("key".to_owned(), payload.to_owned());
        Outgoing { event_id: Uuid::new_v4(), topic: "t", key, payload, traceparent: Some("00-1".to_owned()) }
    }

    async fn appended(store: &Store, publisher: &Publisher, events: &[Outgoing]) -> Vec<String> {
        let mut transaction = store.begin("append").await.unwrap();
        publisher.append(&mut transaction, events).await.unwrap();
        transaction.commit().await.unwrap();
        let rows = store.rows("read", sqlx::query("select payload from outbox order by position")).await.unwrap();
        rows.iter().map(|row| column(row, "payload").unwrap()).collect()
    }

    #[tokio::test]
    async fn events_are_rows_in_their_order() {
        let store = postgres::store(Service::Customers).await;
        let events: Vec<_> = (0..20).map(|number| event(&number.to_string())).collect();
        let expected: Vec<_> = events.iter().map(|event| event.payload.clone()).collect();
        assert_eq!(appended(&store, &Publisher::Outbox, &events).await, expected);
    }

    #[tokio::test]
    async fn the_dual_write_leaves_no_rows_and_publishes_after_the_commit() {
        let log = Log::with(&[("t", 1)]);
        let store = postgres::store(Service::Customers).await;
        let mut settings = MessagingSettings::for_tests(log.brokers());
        settings.publish = Publish::DualWrite;
        let publisher = Publisher::new(&settings).unwrap();
        let events = vec![event("one"), event("two")];
        assert!(appended(&store, &publisher, &events).await.is_empty());
        publisher.committed(events);
        publisher.flush().await;
        assert_eq!(log.count("t"), 2, "a flush waits for the log");
        let published = log.take("t", 2).await;
        assert_eq!([value(&published[0]), value(&published[1])], ["one", "two"]);
        assert_eq!(header(&published[0], "traceparent").as_deref(), Some("00-1"));
    }
}
