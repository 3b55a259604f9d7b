//! Commands a second from the log to the database, beside the same statements by pgbench and by a plain loop.
//!
//! The consumers publish what they did as well (their relays run beside them); the others only append it to an outbox.

use std::time::Instant;

use crate::place;
use crate::processors::Paused;
use crate::records;
use crate::statements::{self, BATCH};
use crate::table::Table;

const TOPIC: &str = "customers.commands";
const COMMANDS: usize = 20_000;
/// Consumers, and connections that do the same.
const INSTANCES: usize = 2;

pub(crate) async fn measure() -> Table {
    let mut table = Table::new("Consumer", "commands a second");
    let one = statements::by_pgbench(1).await;
    table.measured("the same statements by pgbench", one, format!("one connection, {BATCH} a transaction"));
    let several = statements::by_pgbench(INSTANCES).await;
    let several = table.measured("the same by pgbench", several, format!("{INSTANCES} connections"));
    let plain = statements::by_a_loop(&ids()).await;
    let plain = table.limit("the same by a plain loop", plain, "one connection");
    let applied = applied().await;
    table.figure(
        "commands applied by two instances of `customers`",
        applied,
        several,
        format!("a backlog of {COMMANDS}; what follows is published beside it"),
    );
    table.figure("the same, beside the plain loop", applied, plain, "");
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

fn ids() -> Vec<String> {
    (0..COMMANDS).map(|number| format!("bench-{number}")).collect()
}
