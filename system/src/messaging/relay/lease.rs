//! The relay's statements: lease, cursor and rows in one round trip.

use sqlx::postgres::PgRow;

use crate::config::messaging::{RelayOrder, RelaySettings};
use crate::messaging::producer::Record;
use crate::store::{Store, StoreError, column};

/// Takes the lease where it is free or ours, renews it, and moves the cursor forward to what was acknowledged.
/// Then reads what is committed behind the cursor. One row with null in place of an event says that there is none.
const HOLD_AND_READ: &str = "
with held as (
    update relay_cursor c
    set holder = $2,
        leased_until = now() + make_interval(secs => $3),
        (xid, position) = (
            select n.xid, n.position
            from (values (c.xid, c.position), (coalesce($4::text::xid8, c.xid), coalesce($5::bigint, c.position)))
                as n (xid, position)
            order by n.xid desc, n.position desc limit 1)
    where c.shard = $1 and (c.holder = $2 or c.leased_until < now())
    returning c.shard, c.xid, c.position
)
select o.xid::text as xid, o.position, o.topic, o.key, o.payload, o.traceparent
from held h
left join lateral (
    select * from outbox o
    where o.shard = h.shard and (o.xid, o.position) > (h.xid, h.position)
        and o.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by o.xid, o.position
    limit $6
) o on true
order by o.xid, o.position";

/// The same as many write it first: by the id, which is drawn before the commit. A transaction that commits late is
/// overtaken and its rows are never seen again.
const HOLD_AND_READ_BY_ID: &str = "
with held as (
    update relay_cursor c
    set holder = $2,
        leased_until = now() + make_interval(secs => $3),
        xid = greatest(c.xid, $4::text::xid8),
        position = greatest(c.position, $5::bigint)
    where c.shard = $1 and (c.holder = $2 or c.leased_until < now())
    returning c.shard, c.position
)
select o.xid::text as xid, o.position, o.topic, o.key, o.payload, o.traceparent
from held h
left join lateral (
    select * from outbox o where o.shard = h.shard and o.position > h.position order by o.position limit $6
) o on true
order by o.position";

/// Ends the lease, and moves the cursor one last time.
const GIVE_BACK: &str = "
update relay_cursor
set leased_until = '-infinity', xid = coalesce($3::text::xid8, xid), position = coalesce($4::bigint, position)
where shard = $1 and holder = $2";

/// A place in the outbox, in the order of commits. The transaction id is kept as PostgreSQL writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    xid: String,
    position: i64,
}

/// An event to be published.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) cursor: Cursor,
    pub(super) topic: String,
    pub(super) key: String,
    pub(super) payload: String,
    pub(super) traceparent: Option<String>,
}

impl Row {
    /// The event as a record.
    pub(super) fn record(&self) -> Record<'_> {
        Record::of(&self.topic, &self.key, &self.payload, self.traceparent.as_deref())
    }
}

/// Who has the lease, and what there is to publish.
pub(super) enum Held {
    ByUs(Vec<Row>),
    ByAnother,
}

/// Tells the table what was acknowledged, and reads the rows behind it, where this holder has the lease.
pub(super) async fn hold_and_read(
    store: &Store,
    shard: i32,
    holder: &str,
    settings: &RelaySettings,
    acknowledged: Option<&Cursor>,
) -> Result<Held, StoreError> {
    let text = match settings.order {
        RelayOrder::Snapshot => HOLD_AND_READ,
        RelayOrder::NaiveId => HOLD_AND_READ_BY_ID,
    };
    let statement = sqlx::query(text)
        .bind(shard)
        .bind(holder)
        .bind(settings.lease.as_secs_f64())
        .bind(acknowledged.map(|cursor| cursor.xid.as_str()))
        .bind(acknowledged.map(|cursor| cursor.position))
        .bind(i64::try_from(settings.batch_max).unwrap_or(i64::MAX));
    let rows = store.rows("read the outbox", statement).await?;
    if rows.is_empty() {
        return Ok(Held::ByAnother);
    }
    Ok(Held::ByUs(rows.iter().filter_map(|row| event(row).transpose()).collect::<Result<_, _>>()?))
}

fn event(row: &PgRow) -> Result<Option<Row>, StoreError> {
    let Some(position) = column(row, "position")? else { return Ok(None) };
    Ok(Some(Row {
        cursor: Cursor { xid: column(row, "xid")?, position },
        topic: column(row, "topic")?,
        key: column(row, "key")?,
        payload: column(row, "payload")?,
        traceparent: column(row, "traceparent")?,
    }))
}

/// Gives the lease to whoever asks next.
pub(super) async fn give_back(
    store: &Store,
    shard: i32,
    holder: &str,
    acknowledged: Option<&Cursor>,
) -> Result<(), StoreError> {
    let statement = sqlx::query(GIVE_BACK)
        .bind(shard)
        .bind(holder)
        .bind(acknowledged.map(|cursor| cursor.xid.as_str()))
        .bind(acknowledged.map(|cursor| cursor.position));
    store.rows("give the relay's lease back", statement).await.map(drop)
}
