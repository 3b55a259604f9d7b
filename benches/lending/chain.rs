//! Applications a second from the front door to the decision, and what one of them costs.
//!
//! Clients post as fast as they are answered, for a while; it ends when the last application is decided, or is an
//! officer's to decide. What is slowest in between determines the figure.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::closed_loop::closed_loop;
use crate::place::{self, Door};
use crate::processors;
use crate::table::Table;

const CLIENTS: usize = 256;
const WARM_UP: Duration = Duration::from_secs(5);
const SPAN: Duration = Duration::from_secs(20);
/// How long it is watched at rest.
const IDLE: Duration = Duration::from_secs(5);
/// Stages that are left by the system's own doing.
const OPEN: &str = "
select count(*) from loan_application where stage in ('ENTRY', 'ENRICHMENT', 'UNDERWRITING', 'ASSESSMENT')";
const ALL: &str = "select count(*) from loan_application";
/// What everything is made of: the same door, and nothing behind it.
const BARE: &str = "/metrics";

pub(crate) async fn measure(door: &Door) -> Table {
    let mut table = Table::new("Whole chain", "a second");
    let mut database = place::database("origination").await;
    let (http, url) = (door.http.clone(), format!("{}{BARE}", door.entry));
    let bare = closed_loop(CLIENTS, WARM_UP, StatusCode::NOT_FOUND, move |_| http.get(&url)).await;
    let bare = table.limit("nginx's own answer over TLS", bare.per_second, format!("{CLIENTS} clients, {bare}"));
    run(door, &mut database, WARM_UP).await;
    let rest = processors::times();
    tokio::time::sleep(IDLE).await;
    let before = processors::times();
    let idle: f64 = processors::between(&rest, &before).iter().map(|(_, ms)| ms).sum();
    let run = run(door, &mut database, SPAN).await;
    let spent = processors::between(&before, &processors::times());
    table.figure("applications accepted", run.accepted, bare, run.remark);
    table.figure("applications decided", run.decided, bare, "from the first request to the last decision");
    table.note(format!("At rest the system keeps {:.2} cores busy.", idle / 1e3 / IDLE.as_secs_f64()));
    table.note(costs(&spent, run.applications, run.lasted));
    table
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
