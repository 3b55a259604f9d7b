//! How much of the outbox waits to be published, and for how long: told by who holds the shard's lease.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::watch;
use tracing::warn;

use crate::store::{Store, StoreError, column};

/// How often it is measured.
const INTERVAL: Duration = Duration::from_secs(2);

/// Rows behind the cursors of this holder, counted up to a hundred thousand: more is no other news, and slower to count.
const WAITING: &str = "
select c.shard, count(o.created_at) as rows,
    coalesce(extract(epoch from clock_timestamp() - min(o.created_at)), 0)::float8 as age
from relay_cursor c
left join lateral (
    select created_at from outbox o
    where o.shard = c.shard and (o.xid, o.position) > (c.xid, c.position)
    order by o.xid, o.position
    limit 100000
) o on true
where c.holder = $1 and c.leased_until > now()
group by c.shard";

/// What waits in a shard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Waiting {
    pub(super) rows: i64,
    /// Of the oldest row, in seconds.
    pub(super) age: f64,
}

/// Sets the gauges until `stopped`. A shard that another holds counts nothing here, so that the sum over the instances
/// is the system's.
pub(super) async fn measure(
    store: Store,
    shards: Vec<i32>,
    holder: String,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    while !*stopped.borrow_and_update() {
        match waiting(&store, &holder).await {
            Ok(waiting) => {
                for shard in &shards {
                    let Waiting { rows, age } = waiting.get(shard).copied().unwrap_or(Waiting { rows: 0, age: 0.0 });
                    let shard = shard.to_string();
                    metrics::gauge!("lending_outbox_backlog", "shard" => shard.clone()).set(rows as f64);
                    metrics::gauge!("lending_outbox_age_seconds", "shard" => shard).set(age);
                }
            }
            Err(error) => warn!(%error, "the outbox is not measured"),
        }
        let _ = tokio::time::timeout(INTERVAL, stopped.wait_for(|stop| *stop)).await;
    }
    Ok(())
}

/// What waits in the shards that `holder` has the lease of.
pub(super) async fn waiting(store: &Store, holder: &str) -> Result<HashMap<i32, Waiting>, StoreError> {
    let rows = store.rows("measure the outbox", sqlx::query(WAITING).bind(holder)).await?;
    rows.iter()
        .map(|row| Ok((column(row, "shard")?, Waiting { rows: column(row, "rows")?, age: column(row, "age")? })))
        .collect()
}
