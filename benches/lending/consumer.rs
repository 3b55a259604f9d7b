//! Commands a second from the log to the database, beside the same statements by a plain loop.
//!
//! The consumers publish what they did as well (their relays run beside them); the loop only appends it to an outbox.

use std::process::Command;
use std::time::Instant;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::inside::database_url;
use crate::place;
use crate::processors::Paused;
use crate::records;
use crate::table::Table;

const TOPIC: &str = "customers.commands";
/// A database of its own for the plain loop, with the same schema.
const SCRATCH: &str = "bench_customers";
const COMMANDS: usize = 20_000;
/// As many as the consumers apply at once.
const BATCH: usize = 500;

// The statements of `customers`, in its order: its inbox, its table, its outbox.
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

pub(crate) async fn measure() -> Table {
    let mut table = Table::new("Consumer", "commands a second");
    let plain = plain_loop().await;
    let plain =
        table.limit("the same statements by a plain loop", plain, format!("one connection, {BATCH} a transaction"));
    let applied = applied().await;
    table.figure(
        "commands applied by two instances of `customers`",
        applied,
        plain,
        format!("a backlog of {COMMANDS}; what follows is published beside it"),
    );
    table
}

/// From the moment that the consumers may until everything is applied.
async fn applied() -> f64 {
    let mut database = place::database("customers").await;
    let commands: Vec<_> = ids().into_iter().map(|id| (id.clone(), records::registration(&id))).collect();
    let count = "select count(*) from customer where customer_id like 'bench-%'";
    assert_eq!(place::number(&mut database, count).await, 0);
    let paused = Paused::roles(&["customers"]);
    records::produce(&records::producer(), TOPIC, &commands, 5_000).await;
    drop(paused);
    let started = Instant::now();
    place::until("the commands are applied", async || place::number(&mut database, count).await == COMMANDS as i64)
        .await;
    COMMANDS as f64 / started.elapsed().as_secs_f64()
}

/// The same on a database of its own.
async fn plain_loop() -> f64 {
    let mut server = place::database("postgres").await;
    sqlx::query("create database bench_customers").execute(&mut server).await.unwrap();
    let migrated = Command::new(place::lending())
        .arg("migrate")
        .env("LENDING_SERVICE", "customers")
        .env("LENDING_DATABASE_URL", database_url(SCRATCH))
        .output()
        .unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let mut database = place::database(SCRATCH).await;
    let commands: Vec<_> = ids().into_iter().map(|id| (records::registration(&id), id)).collect();
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

fn ids() -> Vec<String> {
    (0..COMMANDS).map(|number| format!("bench-{number}")).collect()
}
