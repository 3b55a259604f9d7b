//! How many shards the outbox has: relays that publish side by side. One key's events stay in one shard, and so in
//! order; another number puts keys into other shards, so it changes only while nothing waits to be published.

use anyhow::{Context, bail};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

/// Whoever appends waits until the shards are what they are to be.
const LOCK: &str = "lock table outbox in share row exclusive mode";
const COUNT: &str = "select count(*) as shards from relay_cursor";
const UNPUBLISHED: &str = "
select count(*) as events from outbox o left join relay_cursor c using (shard)
where c.shard is null or (o.xid, o.position) > (c.xid, c.position)";
/// What is published would be published again by the cursor of a shard that is new.
const FORGET: &str = "delete from outbox";
const REMOVE: &str = "delete from relay_cursor where shard >= $1";
const ADD: &str = "insert into relay_cursor (shard) select generate_series(0, $1 - 1) on conflict do nothing";

/// Gives the outbox `shards` shards. Errors where that would change the order of events that are not published yet.
pub(crate) async fn set(connection: &mut PgConnection, shards: u32) -> anyhow::Result<()> {
    change(connection, shards).await.with_context(|| format!("cannot give the outbox {shards} shards"))
}

async fn change(connection: &mut PgConnection, shards: u32) -> anyhow::Result<()> {
    let mut transaction = connection.begin().await?;
    sqlx::query(LOCK).execute(&mut *transaction).await?;
    let before: i64 = sqlx::query(COUNT).fetch_one(&mut *transaction).await?.try_get("shards")?;
    if before == i64::from(shards) {
        return Ok(());
    }
    let waiting: i64 = sqlx::query(UNPUBLISHED).fetch_one(&mut *transaction).await?.try_get("events")?;
    if waiting > 0 {
        bail!(
            "{waiting} events are not published yet, and their order would be lost; it has {before} shards: stop what \
             appends, let the relays publish the rest, and migrate again"
        );
    }
    let number = i32::try_from(shards).context("that is not a number of shards")?;
    sqlx::query(FORGET).execute(&mut *transaction).await?;
    sqlx::query(REMOVE).bind(number).execute(&mut *transaction).await?;
    sqlx::query(ADD).bind(number).execute(&mut *transaction).await?;
    // The number is part of the function, which the planner puts in place of its call. A number needs no quotes.
    let function = AssertSqlSafe(format!(
        "create or replace function outbox_shard(key text) returns integer language sql immutable
         return ((hashtext(key)::bigint & 2147483647) % {number})::integer"
    ));
    sqlx::query(function).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

#[cfg(test)]
mod tests {
    use crate::config::migrate::Service;
    use crate::migrate;
    use crate::store::{Store, column};
    use crate::testing::postgres;

    async fn shards(store: &Store) -> Vec<i32> {
        let rows = store.rows("read shards", sqlx::query("select shard from relay_cursor order by shard")).await;
        rows.unwrap().iter().map(|row| column(row, "shard").unwrap()).collect()
    }

    #[tokio::test]
    async fn the_number_of_shards_changes_only_while_nothing_waits_to_be_published() {
        let settings = postgres::database(Service::Servicing).await;
        let store = Store::new(&settings);
        assert_eq!(shards(&store).await, [0, 1]);
        let append = "insert into outbox (shard, event_id, topic, key, payload)
            select outbox_shard(key::text), gen_random_uuid(), 't', key::text, '{}' from generate_series(1, 20) as key";
        store.rows("append", sqlx::query(append)).await.unwrap();
        let used = store.rows("read", sqlx::query("select distinct shard from outbox")).await.unwrap();
        assert_eq!(used.len(), 2, "keys are spread over the shards");

        migrate::apply(&settings.connect, Service::Servicing, 2).await.expect("the number is the same");
        let refused = migrate::apply(&settings.connect, Service::Servicing, 3).await.unwrap_err();
        assert!(format!("{refused:#}").contains("20 events are not published yet"), "{refused:#}");

        let publish = "update relay_cursor set (xid, position) = (select max(xid), max(position) from outbox)";
        store.rows("publish", sqlx::query(publish)).await.unwrap();
        migrate::apply(&settings.connect, Service::Servicing, 3).await.expect("everything is published");
        assert_eq!(shards(&store).await, [0, 1, 2]);
        migrate::apply(&settings.connect, Service::Servicing, 1).await.expect("nothing waits");
        assert_eq!(shards(&store).await, [0]);
    }
}
