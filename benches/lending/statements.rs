//! The statements of `customers`, in its order (its inbox, its table, its outbox), on a database of their own with the
//! same schema: what PostgreSQL takes of them without anybody who fetches, parses or publishes. By a plain loop, and by
//! pgbench.

use std::process::Command;
use std::time::Instant;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::inside::database_url;
use crate::{place, records, tools};

const SCRATCH: &str = "bench_customers";
/// Commands in one transaction: as many as the consumers apply at once.
pub(crate) const BATCH: usize = 500;
/// What one command writes: into the inbox, the table and the outbox.
pub(crate) const ROWS_A_COMMAND: f64 = 3.0;

const MARK: &str = "
insert into processed_event (event_id) select event_id from unnest($1::uuid[]) as t (event_id) order by event_id
on conflict do nothing returning event_id";
const LOAD: &str = "
select customer_id, name, email, to_char(date_of_birth, 'YYYY-MM-DD') as date_of_birth, kyc, consents, version
from customer where customer_id = any($1) order by customer_id for update";
const SAVE: &str = "
insert into customer (customer_id, name, email, date_of_birth, kyc, consents, version)
select customer_id, 'Ada Lovelace', customer_id || '@example.org', '1975-12-10', 'PENDING', '{}', 1
from unnest($1::text[]) as t (customer_id) order by customer_id
on conflict (customer_id) do update set version = excluded.version, updated_at = now()
where customer.version < excluded.version
returning 1";
const APPEND: &str = "
insert into outbox (shard, event_id, topic, key, payload)
select outbox_shard(key), event_id, 'nowhere', key, payload
from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as t (event_id, key, payload, number)
order by number";

// What pgbench has in place of the parameters, which can be no arrays with it.
const EVENTS: &str = "array(select gen_random_uuid() from generate_series(1, :batch::int))";
const IDS: &str = "array(select 'pgbench-' || :client_id::text || '-' || number
    from generate_series(:first::int, :first::int + :batch::int - 1) as number)";
const PAYLOADS: &str = "array(select repeat('x', :bytes::int) from generate_series(1, :batch::int))";

/// The database, with nothing from an earlier measure.
async fn scratch() -> PgConnection {
    let mut server = place::database("postgres").await;
    for statement in ["drop database if exists bench_customers with (force)", "create database bench_customers"] {
        sqlx::query(statement).execute(&mut server).await.unwrap();
    }
    let migrated = Command::new(place::lending())
        .arg("migrate")
        .env("LENDING_SERVICE", "customers")
        .env("LENDING_DATABASE_URL", database_url(SCRATCH))
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    place::database(SCRATCH).await
}

/// Commands a second by a loop on one connection.
pub(crate) async fn by_a_loop(ids: &[String]) -> f64 {
    let mut database = scratch().await;
    let commands: Vec<_> = ids.iter().map(|id| (records::registration(id), id.clone())).collect();
    // One batch that is not counted: the statements are prepared.
    let (first, rest) = commands.split_at(BATCH);
    apply(&mut database, first).await;
    let started = Instant::now();
    for batch in rest.chunks(BATCH) {
        apply(&mut database, batch).await;
    }
    rest.len() as f64 / started.elapsed().as_secs_f64()
}

async fn apply(database: &mut PgConnection, batch: &[(String, String)]) {
    let mut transaction = database.begin().await.unwrap();
    let events: Vec<_> = batch.iter().map(|_| Uuid::new_v4()).collect();
    let (payloads, ids): (Vec<_>, Vec<_>) = batch.iter().map(|(payload, id)| (payload.as_str(), id.as_str())).unzip();
    sqlx::query(MARK).bind(&events).fetch_all(&mut *transaction).await.unwrap();
    sqlx::query(LOAD).bind(&ids).fetch_all(&mut *transaction).await.unwrap();
    sqlx::query(SAVE).bind(&ids).fetch_all(&mut *transaction).await.unwrap();
    sqlx::query(APPEND).bind(&events).bind(&ids).bind(&payloads).fetch_all(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Commands a second by pgbench, on so many connections.
pub(crate) async fn by_pgbench(connections: usize) -> Result<f64, String> {
    scratch().await.close().await.unwrap();
    let bytes = records::registration(&Uuid::nil().to_string()).len();
    let script = format!(
        "\\set first :first + :batch\nbegin;\n{};\n{};\n{};\n{};\ncommit;\n",
        MARK.replace("$1", EVENTS),
        LOAD.replace("$1", IDS),
        SAVE.replace("$1", IDS),
        APPEND.replace("$1", EVENTS).replace("$2", IDS).replace("$3", PAYLOADS),
    );
    let variables = [("first", 0), ("batch", BATCH as i64), ("bytes", bytes as i64)];
    Ok(tools::pgbench(SCRATCH, &script, connections, &variables)? * BATCH as f64)
}
