//! Commands a second from HTTP to the log, acknowledged by all replicas in sync, beside what a bare handler answers and
//! what the log takes.
//!
//! The owners of the state are paused while it is measured: the log is all that the intake needs, and they would use the
//! same processors.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use uuid::Uuid;

use crate::closed_loop::{Carried, closed_loop};
use crate::inside::host;
use crate::place::{self, Door};
use crate::processors::Paused;
use crate::table::Table;
use crate::{records, tools};

/// Clients that ask at once; as many records are under way in the raw measure.
const CLIENTS: usize = 256;
/// Shorter than the session of a consumer, so that a paused owner keeps its partitions.
const SPAN: Duration = Duration::from_secs(4);
/// Brokers compile while they are young.
const WARM_UP: Duration = Duration::from_secs(10);
const RAW: &str = "bench.intake";
/// Records of the raw measures.
const RECORDS: usize = 50_000;
const OWNERS: [&str; 3] = ["customers", "origination", "servicing"];

/// Brings brokers, gateways and databases to their usual speed.
pub(crate) async fn warm_up(door: &Door) {
    closed_loop(8, WARM_UP, StatusCode::ACCEPTED, registrations(door, &[&door.entry])).await;
}

pub(crate) async fn measure(door: &Door) -> Table {
    let mut table = Table::new("Intake", "a second");
    let direct = format!("http://{}:8080", host("gateway-1"));
    let bare = format!("{direct}/health/live");
    let handler = get(door, &bare, StatusCode::OK).await;
    let handler =
        table.limit("axum's bare handler, in the gateway, by these clients", handler.per_second, said(&handler));
    table.measured("the same by wrk", tools::wrk(&bare, CLIENTS), "");
    let own = format!("{}/metrics", door.entry);
    let nginx = get(door, &own, StatusCode::NOT_FOUND).await;
    let nginx = table.limit("nginx's own answer over TLS, by these clients", nginx.per_second, said(&nginx));
    table.measured("the same by wrk", tools::wrk(&own, CLIENTS), "");
    let log = raw(&mut table).await;
    let gateway = commands(door, &[&direct]).await;
    table.figure("commands accepted by one gateway", gateway.per_second, log, said(&gateway));
    table.figure("the same, beside its bare handler", gateway.per_second, handler, "");
    let other = format!("http://{}:8080", host("gateway-2"));
    let both = commands(door, &[&direct, &other]).await;
    table.figure("commands accepted by two gateways", both.per_second, log, said(&both));
    let front = commands(door, &[&door.entry]).await;
    table.figure("commands accepted through nginx by two gateways", front.per_second, log, said(&front));
    table.figure("the same, beside nginx's own answer", front.per_second, nginx, "");
    table
}

/// What the log takes without a gateway; returns the row that commands are measured against.
async fn raw(table: &mut Table) -> usize {
    place::make_topic(RAW).await;
    let made: Vec<_> = (0..RECORDS).map(|_| Uuid::new_v4().to_string()).collect();
    let made: Vec<_> = made.into_iter().map(|id| (id.clone(), records::registration(&id))).collect();
    let bytes = made[0].1.len();
    let own = tools::producer_performance(RAW, 2 * RECORDS, bytes);
    table.measured("Kafka's own ProducerPerformance", own, format!("{bytes} bytes a record"));
    let producer = records::producer();
    records::produce(&producer, RAW, &made[..RECORDS / 10], CLIENTS).await;
    let full = records::produce(&producer, RAW, &made, 5_000).await;
    table.limit("rdkafka alone, the same records, 5,000 under way", full, "");
    let few = records::produce(&producer, RAW, &made[..RECORDS / 5], CLIENTS).await;
    table.limit("rdkafka alone, the same records, 256 under way", few, "as many as there are clients")
}

async fn get(door: &Door, url: &str, expected: StatusCode) -> Carried {
    let (http, url) = (door.http.clone(), url.to_owned());
    closed_loop(CLIENTS, SPAN, expected, move |_| http.get(&url)).await
}

async fn commands(door: &Door, entries: &[&str]) -> Carried {
    let _paused = Paused::roles(&OWNERS);
    closed_loop(CLIENTS, SPAN, StatusCode::ACCEPTED, registrations(door, entries)).await
}

/// Customers who register, each once, at the entries in turn.
fn registrations(door: &Door, entries: &[&str]) -> impl Fn(u64) -> RequestBuilder + Send + Sync + use<> {
    let http = door.http.clone();
    let urls: Vec<_> = entries.iter().map(|entry| format!("{entry}/v1/customers")).collect();
    let tokens = door.tokens();
    move |number| {
        let id = Uuid::new_v4().to_string();
        let token = &tokens[number as usize % tokens.len()];
        let request = http
            .post(&urls[number as usize % urls.len()])
            .bearer_auth(token)
            .header("Idempotency-Key", Uuid::new_v4().to_string());
        request.json(&records::profile(&id))
    }
}

fn said(carried: &Carried) -> String {
    format!("{CLIENTS} clients, {carried}")
}
