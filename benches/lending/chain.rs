//! Applications a second from the front door to the decision, and what one of them costs.
//!
//! Clients post as fast as they are answered, for a while; it ends when the last application is decided, or is an
//! officer's to decide. What is slowest in between determines the figure.
//!
//! The raw limits are those of what it all ends in: records in the log and rows in the database, as many as an application
//! is seen to make. One is what Kafka's own ProducerPerformance gets acknowledged, the other what pgbench writes in
//! batches like the consumers'; both use the same processors, so that together they come to less than either.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::closed_loop::closed_loop;
use crate::place::{self, Door, Ends};
use crate::statements::{self, ROWS_A_COMMAND};
use crate::table::Table;
use crate::{processors, records, tools};

const CLIENTS: usize = 256;
const WARM_UP: Duration = Duration::from_secs(5);
const SPAN: Duration = Duration::from_secs(20);
/// How long it is watched at rest. PostgreSQL's processes tell what they wrote within ten seconds.
const IDLE: Duration = Duration::from_secs(11);
/// The topics of the system, and its databases.
const TOPICS: [&str; 6] = [
    "customers.commands",
    "customers.changed",
    "origination.commands",
    "origination.events",
    "servicing.commands",
    "servicing.events",
];
const WRITTEN: &str = "
select coalesce(sum(tup_inserted + tup_updated + tup_deleted), 0)::bigint from pg_stat_database
where datname in ('customers', 'origination', 'servicing')";
/// A topic for the raw limit, records for it, and connections for that of the database.
const RAW: &str = "bench.chain";
const RECORDS: usize = 100_000;
const CONNECTIONS: usize = 2;
/// Stages that are left by the system's own doing.
const OPEN: &str = "
select count(*) from loan_application where stage in ('ENTRY', 'ENRICHMENT', 'UNDERWRITING', 'ASSESSMENT')";
const ALL: &str = "select count(*) from loan_application";

pub(crate) async fn measure(door: &Door) -> Table {
    let mut table = Table::new("Whole chain", "a second");
    let mut database = place::database("origination").await;
    run(door, &mut database, WARM_UP).await;
    let (log, rows) = raw().await;
    let rest = processors::times();
    tokio::time::sleep(IDLE).await;
    let before = processors::times();
    let made = Made::so_far(&mut database).await;
    let idle: f64 = processors::between(&rest, &before).iter().map(|(_, ms)| ms).sum();
    let run = run(door, &mut database, SPAN).await;
    let spent = processors::between(&before, &processors::times());
    tokio::time::sleep(IDLE).await;
    let each = Made::so_far(&mut database).await.since(&made, run.applications);
    let log = log.map(|rate| rate / each.records);
    let rows = rows.map(|rate| rate / each.rows);
    let both = log.clone().and_then(|log| Ok(1.0 / (1.0 / log + 1.0 / rows.clone()?)));
    table.measured("the log alone: ProducerPerformance", log, format!("{:.1} records an application", each.records));
    table.measured("the database alone: pgbench", rows, format!("{:.1} rows an application", each.rows));
    let both = table.measured("both, one after the other", both, "on the same processors");
    table.figure("applications accepted", run.accepted, both, run.remark);
    table.figure("applications decided", run.decided, both, "from the first request to the last decision");
    table.note(format!("At rest the system keeps {:.2} cores busy.", idle / 1e3 / IDLE.as_secs_f64()));
    table.note(costs(&spent, run.applications, run.lasted));
    table
}

/// What the log and the database take: records, and rows, a second.
async fn raw() -> (Result<f64, String>, Result<f64, String>) {
    place::make_topic(RAW).await;
    let bytes = records::registration(&Uuid::nil().to_string()).len();
    let records = tools::producer_performance(RAW, RECORDS, bytes);
    let rows = statements::by_pgbench(CONNECTIONS).await.map(|commands| commands * ROWS_A_COMMAND);
    (records, rows)
}

/// What the system has made.
struct Made {
    /// In the log.
    records: f64,
    /// In the databases: written, leases and timers included.
    rows: f64,
}

impl Made {
    async fn so_far(database: &mut PgConnection) -> Self {
        let records: i64 = TOPICS.into_iter().map(|topic| Ends::of(topic).count()).sum();
        Self { records: records as f64, rows: place::number(database, WRITTEN).await as f64 }
    }

    /// What it has made since, for each of so many applications.
    fn since(&self, before: &Self, applications: u64) -> Self {
        let each = |after: f64, before: f64| (after - before) / applications as f64;
        Self { records: each(self.records, before.records), rows: each(self.rows, before.rows) }
    }
}

struct Run {
    applications: u64,
    accepted: f64,
    decided: f64,
    lasted: Duration,
    remark: String,
}

async fn run(door: &Door, database: &mut PgConnection, span: Duration) -> Run {
    let before = place::number(database, ALL).await;
    let (http, url, tokens) = (door.http.clone(), format!("{}/v1/loan-applications", door.entry), door.tokens());
    let started = Instant::now();
    let carried = closed_loop(CLIENTS, span, StatusCode::ACCEPTED, move |number| {
        let application = json!({
            "external_id": Uuid::new_v4(), "customer_id": format!("customer-{}", number % 5_000 + 1),
            "product": "car", "principal": { "currency": "EUR", "minor_units": 700_000 }, "term_months": 24,
        });
        let token = &tokens[number as usize % tokens.len()];
        let request = http.post(&url).bearer_auth(token).header("Idempotency-Key", Uuid::new_v4().to_string());
        request.json(&application)
    })
    .await;
    let applications = carried.answered as i64;
    place::until("the applications are decided", async || {
        place::number(database, ALL).await >= before + applications && place::number(database, OPEN).await == 0
    })
    .await;
    let lasted = started.elapsed();
    Run {
        applications: carried.answered,
        accepted: carried.per_second,
        decided: carried.answered as f64 / lasted.as_secs_f64(),
        lasted,
        remark: format!("{CLIENTS} clients, {carried}"),
    }
}

/// Processor time per application, by what spent it.
fn costs(spent: &[(String, f64)], applications: u64, lasted: Duration) -> String {
    let all: f64 = spent.iter().map(|(_, ms)| ms).sum();
    let of = |(name, ms): &(String, f64)| {
        let (cores, each) = (ms / 1e3 / lasted.as_secs_f64(), ms / applications as f64);
        format!("| {name} | {each:.2} | {cores:.2} |\n")
    };
    let rows: String = spent.iter().filter(|(_, ms)| ms / all >= 0.005).map(of).collect();
    let sum = of(&("all".to_owned(), all));
    format!(
        "Processor time of {applications} applications, in {:.1} s:\n\n| | ms an application | cores busy |\n\
         | --- | --- | --- |\n{rows}{sum}",
        lasted.as_secs_f64()
    )
}
