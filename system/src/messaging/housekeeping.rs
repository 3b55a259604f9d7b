//! Removes what nobody needs any more: outbox rows that are published, and inbox rows of events too old to come again.
//! In small batches, by one instance at a time, with pauses: it is never in the way of the work.

use std::time::Duration;

use tokio::sync::watch;
use tracing::{debug, warn};

use crate::config::messaging::HousekeepingSettings;
use crate::store::{Store, StoreError, Transaction, column};

/// Rows removed in one transaction.
const BATCH: i64 = 1_000;
/// Pause between two batches while there is more to remove: at most ten thousand rows a second go.
const PAUSE: Duration = Duration::from_millis(100);
/// Pause when there is nothing to remove.
const LOOK: Duration = Duration::from_secs(10);

/// One instance at a time, and no longer than its transaction lives. The number is the word "keep" in ASCII.
const ALONE: &str = "select pg_try_advisory_xact_lock(1801807216) as alone";

/// Of the first rows of each shard those that are behind the cursor and old enough. Only the first are looked at: where
/// they are not old enough, the ones behind them are not either.
const OUTBOX: &str = "
delete from outbox where position in (
    select first.position
    from relay_cursor c
    cross join lateral (
        select o.position, o.created_at from outbox o
        where o.shard = c.shard and (o.xid, o.position) <= (c.xid, c.position)
        order by o.xid, o.position
        limit $1
    ) first
    where first.created_at < now() - make_interval(secs => $2)
    limit $1
)
returning 1";

const INBOX: &str = "
delete from processed_event where ctid = any (array(
    select ctid from processed_event
    where processed_at < now() - make_interval(secs => $2)
    order by processed_at
    limit $1
))
returning 1";

/// Keeps house until `stopped`.
pub(crate) async fn run(
    store: Store,
    settings: HousekeepingSettings,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    while !*stopped.borrow_and_update() {
        let pause = match tidy(&store, &settings).await {
            Ok(Removed { outbox: BATCH, .. } | Removed { inbox: BATCH, .. }) => PAUSE,
            Ok(_) => LOOK,
            Err(error) => {
                warn!(%error, "nothing is removed from inbox and outbox; trying again");
                LOOK
            }
        };
        let _ = tokio::time::timeout(pause, stopped.wait_for(|stop| *stop)).await;
    }
    Ok(())
}

/// How many rows went.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Removed {
    outbox: i64,
    inbox: i64,
}

/// Removes a batch of each; nothing where another instance is at it.
async fn tidy(store: &Store, settings: &HousekeepingSettings) -> Result<Removed, StoreError> {
    let mut transaction = store.begin("remove old rows of inbox and outbox").await?;
    let rows = transaction.rows(sqlx::query(ALONE)).await?;
    let alone = rows.first().map_or(Ok(false), |row| column(row, "alone"))?;
    if !alone {
        return Ok(Removed::default());
    }
    let outbox = remove(&mut transaction, OUTBOX, settings.outbox_retention).await?;
    let inbox = remove(&mut transaction, INBOX, settings.inbox_retention).await?;
    transaction.commit().await?;
    debug!(outbox, inbox, "removed old rows");
    Ok(Removed { outbox, inbox })
}

async fn remove(transaction: &mut Transaction, text: &'static str, age: Duration) -> Result<i64, StoreError> {
    let rows = transaction.rows(sqlx::query(text).bind(BATCH).bind(age.as_secs_f64())).await?;
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::migrate::Service;
    use crate::testing::postgres;

    const HOUR: HousekeepingSettings = HousekeepingSettings {
        outbox_retention: Duration::from_secs(3600),
        inbox_retention: Duration::from_secs(3600),
    };

    async fn outbox(store: &Store) -> Vec<String> {
        let rows = store.rows("read the outbox", sqlx::query("select key from outbox order by position")).await;
        rows.unwrap().iter().map(|row| column(row, "key").unwrap()).collect()
    }

    /// Rows of shard 0, this long ago, each in a transaction of its own.
    async fn append(store: &Store, key: &str, ago: &str) {
        let append = "insert into outbox (shard, event_id, topic, key, payload, created_at)
            values (0, gen_random_uuid(), 't', $1, '{}', now() - $2::text::interval)";
        store.rows("append", sqlx::query(append).bind(key).bind(ago)).await.unwrap();
    }

    #[tokio::test]
    async fn outbox_rows_go_when_they_are_published_and_old() {
        let store = postgres::store(Service::Servicing).await;
        append(&store, "published and old", "2 hours").await;
        append(&store, "published and young", "1 minute").await;
        let publish = "update relay_cursor set (xid, position) = (select xid, position from outbox order by position desc limit 1)";
        store.rows("publish", sqlx::query(publish)).await.unwrap();
        append(&store, "old and not published", "2 hours").await;
        assert_eq!(tidy(&store, &HOUR).await.unwrap(), Removed { outbox: 1, inbox: 0 });
        assert_eq!(outbox(&store).await, ["published and young", "old and not published"]);
    }

    #[tokio::test]
    async fn inbox_rows_go_when_they_are_old_in_batches() {
        let store = postgres::store(Service::Servicing).await;
        let old = "insert into processed_event select gen_random_uuid(), now() - interval '2 hours' from generate_series(1, 1001)";
        store.rows("fill the inbox", sqlx::query(old)).await.unwrap();
        let young = "insert into processed_event values (gen_random_uuid())";
        store.rows("fill the inbox", sqlx::query(young)).await.unwrap();
        for inbox in [1000, 1, 0] {
            assert_eq!(tidy(&store, &HOUR).await.unwrap(), Removed { outbox: 0, inbox });
        }
    }

    #[tokio::test]
    async fn one_instance_keeps_house_at_a_time() {
        let store = postgres::store(Service::Servicing).await;
        append(&store, "published and old", "2 hours").await;
        store.rows("publish", sqlx::query("update relay_cursor set xid = '9999999999'")).await.unwrap();
        let mut other = store.begin("keep house").await.unwrap();
        other.rows(sqlx::query(ALONE)).await.unwrap();
        assert_eq!(tidy(&store, &HOUR).await.unwrap(), Removed::default());
        drop(other);
        let started = std::time::Instant::now();
        // The server ends the other's transaction when it sees its connection closed.
        while tidy(&store, &HOUR).await.unwrap() == Removed::default() {
            assert!(started.elapsed() < Duration::from_secs(60), "the lock is held by nobody");
        }
        assert!(outbox(&store).await.is_empty());
    }
}
