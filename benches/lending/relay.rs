//! Events a second from the outbox to the log, beside the log alone, the reading alone (by pgbench), and a plain loop that
//! does both.

use std::time::Instant;

use futures::future::join_all;
use sqlx::Row;
use uuid::Uuid;

use crate::place::{self, Ends};
use crate::table::Table;
use crate::{records, tools};

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
/// The first position of a shard's rows, and the last that has a batch behind it.
const SPAN: &str = "
select min(position), (array_agg(position order by position desc))[$3::bigint + 1]
from outbox where shard = $1 and topic = $2";

pub(crate) async fn measure() -> Table {
    let mut table = Table::new("Relay", "events a second");
    place::make_topic(RELAYED).await;
    place::make_topic(RAW).await;
    let payload = records::registration(&Uuid::new_v4().to_string());
    let relayed = relayed(&payload).await;
    let records: Vec<_> = (0..ROWS).map(|_| (Uuid::new_v4().to_string(), payload.clone())).collect();
    let alone = records::produce(&records::producer(), RAW, &records, 5_000).await;
    let alone = table.limit("rdkafka alone, the same records, 5,000 under way", alone, "");
    let shards = shards().await;
    let read = read_alone(&shards).await;
    let read = table.measured(
        "pgbench alone: the plain loop's select of 500",
        read,
        format!("{} connections, one per shard", shards.len()),
    );
    let plain = select_and_produce(&shards).await;
    let plain = table.limit(
        "a plain loop per shard: select 500, produce, wait",
        plain,
        format!("{} shards; no lease, no cursor, the order of positions", shards.len()),
    );
    table.figure(
        "the relays of `customers`, from a backlog",
        relayed,
        plain,
        format!("{ROWS} rows of {} bytes", payload.len()),
    );
    table.figure("the same, beside the log alone", relayed, alone, "");
    table.figure("the same, beside the reading alone", relayed, read, "");
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

/// The shards, which are numbered from 0 on, as pgbench's connections are.
async fn shards() -> Vec<i32> {
    let mut database = place::database("customers").await;
    let shards = sqlx::query("select shard from relay_cursor order by shard").fetch_all(&mut database).await.unwrap();
    shards.iter().map(|row| row.get(0)).collect()
}

/// Rows a second where they are only read, [`BATCH`] at a time from anywhere in the backlog, by a connection per shard.
async fn read_alone(shards: &[i32]) -> Result<f64, String> {
    let mut database = place::database("customers").await;
    let (mut low, mut high) = (i64::MAX, i64::MAX);
    for shard in shards {
        let read = sqlx::query(SPAN).bind(shard).bind(RELAYED).bind(BATCH).fetch_one(&mut database).await.unwrap();
        (low, high) = (low.min(read.get(0)), high.min(read.get(1)));
    }
    let read = READ
        .replace("$1", ":client_id")
        .replace("$2", &format!("'{RELAYED}'"))
        .replace("$3", ":position")
        .replace("$4", &BATCH.to_string());
    let script = format!("\\set position random(:low, :high)\n{read};\n");
    let variables = [("low", low - 1), ("high", high)];
    Ok(tools::pgbench("customers", &script, shards.len(), &variables)? * BATCH as f64)
}

/// The same rows by the least that does it.
async fn select_and_produce(shards: &[i32]) -> f64 {
    let started = Instant::now();
    let rows: usize = join_all(shards.iter().map(|shard| relay_shard(*shard))).await.into_iter().sum();
    rows as f64 / started.elapsed().as_secs_f64()
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
