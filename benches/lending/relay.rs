//! Events a second from the outbox to the log, beside a plain loop that selects and produces, and beside the log alone.

use std::time::Instant;

use futures::future::join_all;
use sqlx::Row;
use uuid::Uuid;

use crate::place::{self, Ends};
use crate::records;
use crate::table::Table;

const RELAYED: &str = "bench.relayed";
const RAW: &str = "bench.relayed.raw";
/// Rows that wait; the relays are idle before.
const ROWS: i64 = 30_000;
/// As many as the relay reads at once.
const BATCH: i64 = 500;
/// Rows of the system's own outbox, as it writes them: one transaction, each row in its key's shard.
const APPEND: &str = "
insert into outbox (shard, event_id, topic, key, payload)
select outbox_shard(key), gen_random_uuid(), $1, key, $2
from (select gen_random_uuid()::text as key from generate_series(1, $3)) as keys";
const READ: &str = "
select position, key, payload from outbox where shard = $1 and topic = $2 and position > $3 order by position limit $4";

pub(crate) async fn measure() -> Table {
    let mut table = Table::new("Relay", "events a second");
    place::make_topic(RELAYED).await;
    place::make_topic(RAW).await;
    let payload = records::registration(&Uuid::new_v4().to_string());
    let relayed = relayed(&payload).await;
    let records: Vec<_> = (0..ROWS).map(|_| (Uuid::new_v4().to_string(), payload.clone())).collect();
    let alone = records::produce(&records::producer(), RAW, &records, 5_000).await;
    let alone = table.limit("rdkafka alone, the same records, 5,000 under way", alone, "");
    let (plain, shards) = select_and_produce().await;
    let plain = table.limit(
        "a plain loop per shard: select 500, produce, wait",
        plain,
        format!("{shards} shards; no lease, no cursor, the order of positions"),
    );
    table.figure(
        "the relays of `customers`, from a backlog",
        relayed,
        plain,
        format!("{ROWS} rows of {} bytes", payload.len()),
    );
    table.figure("the same, beside the log alone", relayed, alone, "");
    table
}

/// From the commit of a backlog until the log has all of it.
async fn relayed(payload: &str) -> f64 {
    let mut database = place::database("customers").await;
    let ends = Ends::of(RELAYED);
    // The first are not counted: the relays' producers have never met the topic.
    sqlx::query(APPEND).bind(RELAYED).bind(payload).bind(BATCH).execute(&mut database).await.unwrap();
    place::until("the first rows are relayed", async || ends.count() == BATCH).await;
    sqlx::query(APPEND).bind(RELAYED).bind(payload).bind(ROWS).execute(&mut database).await.unwrap();
    let started = Instant::now();
    place::until("the rows are relayed", async || ends.count() >= BATCH + ROWS).await;
    ROWS as f64 / started.elapsed().as_secs_f64()
}

/// The same rows by the least that does it; the rate, and how many shards there are.
async fn select_and_produce() -> (f64, usize) {
    let mut database = place::database("customers").await;
    let shards = sqlx::query("select shard from relay_cursor").fetch_all(&mut database).await.unwrap();
    let shards: Vec<i32> = shards.iter().map(|row| row.get(0)).collect();
    let started = Instant::now();
    let rows: usize = join_all(shards.iter().map(|shard| relay_shard(*shard))).await.into_iter().sum();
    (rows as f64 / started.elapsed().as_secs_f64(), shards.len())
}

async fn relay_shard(shard: i32) -> usize {
    let (mut database, producer) = (place::database("customers").await, records::producer());
    let (mut position, mut count) = (0_i64, 0);
    loop {
        let read = sqlx::query(READ).bind(shard).bind(RELAYED).bind(position).bind(BATCH);
        let rows = read.fetch_all(&mut database).await.unwrap();
        let Some(last) = rows.last() else { return count };
        position = last.get(0);
        count += rows.len();
        let batch: Vec<(String, String)> = rows.iter().map(|row| (row.get(1), row.get(2))).collect();
        records::produce(&producer, RAW, &batch, batch.len()).await;
    }
}
