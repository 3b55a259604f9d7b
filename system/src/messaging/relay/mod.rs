//! Publishes the outbox: one relay per shard, leased, in the order of commits.
//!
//! - [`shard`]: a shard's relay; [`lease`]: its statements
//! - [`backlog`]: how much waits, and for how long
//!
//! It knows the tables of `migrations/messaging` and nothing of the service that has them.

mod backlog;
mod lease;
mod shard;

use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};
use uuid::Uuid;

use crate::config::messaging::MessagingSettings;
use crate::store::{Store, StoreError, column};
use shard::Relay;

/// How often an unreachable database, or one that is not migrated yet, is tried at the start.
const START_PAUSE: Duration = Duration::from_millis(250);

/// The shards of the outbox; each has a relay of its own. Errors where the database is away or not migrated yet.
pub(crate) async fn shards(store: &Store) -> Result<Vec<i32>, StoreError> {
    let statement = sqlx::query("select shard from relay_cursor order by shard");
    let rows = store.rows("read the shards of the outbox", statement).await?;
    rows.iter().map(|row| column(row, "shard")).collect()
}

/// Relays every shard that this process can get the lease of, until `stopped`; then gives the leases back. Waits for a
/// database that is away or not migrated yet.
pub(crate) async fn run(
    store: Store,
    settings: MessagingSettings,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let shards = tokio::select! {
        shards = wait_for_shards(&store) => shards,
        _ = stopped.wait_for(|stop| *stop) => return Ok(()),
    };
    // Unique per process: a restarted instance is another holder.
    let holder = format!("{}/{}", settings.kafka.client_id, Uuid::new_v4());
    let mut relays = JoinSet::new();
    for shard in &shards {
        let relay = Relay::new(store.clone(), *shard, holder.clone(), settings.kafka.clone(), settings.relay.clone())?;
        relays.spawn(relay.run(stopped.clone()));
    }
    relays.spawn(backlog::measure(store, shards, holder, stopped));
    while let Some(ended) = relays.join_next().await {
        ended.context("a relay panicked")??;
    }
    Ok(())
}

async fn wait_for_shards(store: &Store) -> Vec<i32> {
    loop {
        match shards(store).await {
            Ok(shards) if shards.is_empty() => info!("the outbox has no shards yet"),
            Ok(shards) => return shards,
            Err(error) => warn!(%error, "cannot reach the outbox yet"),
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
