//! The inbox: which events a service has applied, written in the transaction that applies them.

use std::collections::HashSet;

use uuid::Uuid;

use crate::store::{StoreError, Transaction, column};

/// How repeats are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dedup {
    /// By event id in the inbox, and by the unique keys of the state.
    Inbox,
    /// Not at all.
    None,
}

/// The order keeps two instances that hold the same records, after a rebalance, from locking each other out.
const MARK: &str = "
insert into processed_event (event_id) select event_id from unnest($1::uuid[]) as t (event_id) order by event_id
on conflict do nothing returning event_id";

/// Marks `events` as applied and returns those that were not yet: the only ones that may have an effect. Without
/// deduplication the inbox is written for who counts what was applied, and every event is new.
pub(crate) async fn fresh(
    transaction: &mut Transaction,
    dedup: Dedup,
    events: &[Uuid],
) -> Result<HashSet<Uuid>, StoreError> {
    let rows = transaction.rows(sqlx::query(MARK).bind(events)).await?;
    match dedup {
        Dedup::Inbox => rows.iter().map(|row| column(row, "event_id")).collect(),
        Dedup::None => Ok(events.iter().copied().collect()),
    }
}
