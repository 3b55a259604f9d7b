//! Stores submitted applications: inbox and state change in one transaction, whose commit is this process's own last
//! word: a batch of a process that was killed before it is not stored, and comes again.

use super::batch::Batch;
use crate::messaging::inbox::Dedup;
use crate::store::{Store, StoreError, column};

/// Applies only what the inbox had not seen; an application that came twice in two events is stored once. The order by
/// keeps two instances that hold the same records, after a rebalance, from locking each other out.
const STORE_ONCE: &str = "
with incoming as (
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::int[])
        as t (event_id, correlation_id, external_id, customer_id, product, currency, minor_units, term_months)
), fresh as (
    insert into processed_event (event_id)
    select event_id from incoming order by event_id
    on conflict do nothing
    returning event_id
), stored as (
    insert into loan_application (external_id, deduplication_key, customer_id, product, principal_currency,
        principal_minor_units, term_months, status, correlation_id, causation_id)
    select external_id, external_id, customer_id, product, currency,
        minor_units, term_months, 'SUBMITTED_AND_PENDING_APPROVAL', correlation_id, event_id
    from incoming join fresh using (event_id)
    order by external_id
    on conflict (deduplication_key) do nothing
    returning 1
)
select count(*) as stored from stored";

/// Stores whatever comes, as often as it comes. The inbox is written for who counts what was applied, and never asked.
const STORE_AGAIN: &str = "
with incoming as (
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::int[])
        as t (event_id, correlation_id, external_id, customer_id, product, currency, minor_units, term_months)
), seen as (
    insert into processed_event (event_id)
    select event_id from incoming order by event_id
    on conflict do nothing
), stored as (
    insert into loan_application (external_id, customer_id, product, principal_currency,
        principal_minor_units, term_months, status, correlation_id, causation_id)
    select external_id, customer_id, product, currency,
        minor_units, term_months, 'SUBMITTED_AND_PENDING_APPROVAL', correlation_id, event_id
    from incoming
    returning 1
)
select count(*) as stored from stored";

/// Stores a batch.
pub(super) async fn store(store: &Store, dedup: Dedup, batch: &Batch) -> Result<(), StoreError> {
    let sql = match dedup {
        Dedup::Inbox => STORE_ONCE,
        Dedup::None => STORE_AGAIN,
    };
    let statement = sqlx::query(sql)
        .bind(&batch.event_ids)
        .bind(&batch.correlation_ids)
        .bind(&batch.external_ids)
        .bind(&batch.customer_ids)
        .bind(&batch.products)
        .bind(&batch.currencies)
        .bind(&batch.minor_units)
        .bind(&batch.terms_months);
    let mut transaction = store.begin("store a batch of applications").await?;
    let rows = transaction.rows(statement).await?;
    transaction.commit().await?;
    let stored: i64 = rows.first().map_or(Ok(0), |row| column(row, "stored"))?;
    let (stored, events) = (u64::try_from(stored).unwrap_or(0), u64::try_from(batch.len()).unwrap_or(u64::MAX));
    metrics::counter!("lending_applications_stored_total").increment(stored);
    metrics::counter!("lending_events_repeated_total").increment(events.saturating_sub(stored));
    Ok(())
}
