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

/// Marks a batch of events as applied and returns those that were not yet: the only ones that may have an effect, in
/// their order. An event that is in the batch twice is returned once. Without deduplication the inbox is written for
/// who counts what was applied, and every event is new.
pub(crate) async fn fresh<'a, T>(
    transaction: &mut Transaction,
    dedup: Dedup,
    events: &'a [T],
    id: fn(&T) -> Uuid,
) -> Result<Vec<&'a T>, StoreError> {
    let ids: Vec<_> = events.iter().map(id).collect();
    let rows = transaction.rows(sqlx::query(MARK).bind(ids)).await?;
    if dedup == Dedup::None {
        return Ok(events.iter().collect());
    }
    let mut marked = rows.iter().map(|row| column(row, "event_id")).collect::<Result<HashSet<Uuid>, _>>()?;
    Ok(events.iter().filter(|event| marked.remove(&id(event))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::migrate::Service;
    use crate::testing::postgres;

    const IDS: [Uuid; 3] = [Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3)];

    async fn fresh_ids(transaction: &mut Transaction, dedup: Dedup, ids: &[Uuid]) -> Vec<Uuid> {
        fresh(transaction, dedup, ids, |id| *id).await.unwrap().into_iter().copied().collect()
    }

    #[tokio::test]
    async fn an_event_is_fresh_once_and_again_if_its_transaction_had_no_effect() {
        let store = postgres::store(Service::Customers).await;
        let mut given_up = store.begin("apply").await.unwrap();
        assert_eq!(fresh_ids(&mut given_up, Dedup::Inbox, &IDS).await, IDS);
        drop(given_up);
        let mut first = store.begin("apply").await.unwrap();
        assert_eq!(fresh_ids(&mut first, Dedup::Inbox, &[IDS[1], IDS[0], IDS[1]]).await, [IDS[1], IDS[0]]);
        first.commit().await.unwrap();
        let mut second = store.begin("apply").await.unwrap();
        assert_eq!(fresh_ids(&mut second, Dedup::Inbox, &IDS).await, [IDS[2]]);
    }

    #[tokio::test]
    async fn without_deduplication_every_event_is_fresh_and_still_counted() {
        let store = postgres::store(Service::Customers).await;
        for _ in 0..2 {
            let mut transaction = store.begin("apply").await.unwrap();
            assert_eq!(fresh_ids(&mut transaction, Dedup::None, &IDS).await, IDS);
            transaction.commit().await.unwrap();
        }
        let rows = store.rows("count", sqlx::query("select event_id from processed_event")).await.unwrap();
        assert_eq!(rows.len(), 3);
    }
}
