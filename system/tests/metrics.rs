//! What each role tells at `/metrics`, as Prometheus would see it. Each is a process of its own, with a real PostgreSQL
//! and mock brokers where it needs them.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

#[path = "../src/testing/log.rs"]
#[expect(dead_code, reason = "processes read and write the log themselves")]
mod log;
#[path = "../src/testing/postgres_server.rs"]
mod postgres_server;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use log::Log;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;
use uuid::Uuid;

/// How long something may take on a loaded machine.
const BOUND: Duration = Duration::from_secs(60);
/// Port 1 of the loopback refuses; nothing listens there.
const NOBODY: &str = "http://127.0.0.1:1";

/// Rate, errors and duration of every route.
const ROUTES: [&str; 2] = ["lending_http_requests_total", "lending_http_request_duration_seconds"];
/// The same of every consumer, and what it has not done yet. Errors have families of their own, which begin with one.
const CONSUMERS: [&str; 3] =
    ["lending_records_applied_total", "lending_batch_duration_seconds", "lending_consumer_lag"];
const OUTBOXES: [&str; 3] = ["lending_outbox_backlog", "lending_outbox_age_seconds", "lending_relay_holding"];
const PUBLISHERS: [&str; 2] = ["lending_events_published_total", "lending_kafka_publish_duration_seconds"];

/// A role in a process of its own, which ends with this value.
struct Process {
    role: &'static str,
    child: Child,
    url: String,
    client: reqwest::Client,
    _data: TempDir,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn start(role: &'static str, environment: &[(&str, &str)]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let data = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_lending"))
            .arg(role)
            .env_clear()
            .env("LENDING_LISTEN", format!("127.0.0.1:{port}"))
            .envs(environment.iter().copied())
            .envs(["bureau", "rail", "identity"].contains(&role).then(|| ("LENDING_DATA", data.path())))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(BOUND).build().unwrap();
        Self { role, child, url: format!("http://127.0.0.1:{port}"), client, _data: data }
    }

    /// Asks until there is an answer.
    async fn get(&self, path: &str) -> String {
        let started = Instant::now();
        loop {
            if let Ok(answer) = self.client.get(format!("{}{path}", self.url)).send().await {
                return answer.text().await.unwrap();
            }
            assert!(started.elapsed() < BOUND, "{} does not answer", self.role);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn post(&self, path: &str, body: &Value) {
        self.get("/health/live").await;
        let answer = self.client.post(format!("{}{path}", self.url)).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{}: {:?}", self.role, answer.text().await);
    }

    /// Waits until it tells `expected`, each with samples, and nothing that is not in the table.
    async fn tells(&self, expected: &[&str]) -> String {
        let (started, known) = (Instant::now(), known(self.role));
        loop {
            let text = self.get("/metrics").await;
            let told = families(&text);
            let stray: Vec<_> = told.iter().filter(|family| !known.contains(*family)).collect();
            assert!(stray.is_empty(), "{} tells what is not in the table: {stray:?}", self.role);
            let missing: Vec<_> = expected.iter().filter(|family| !told.contains(**family)).collect();
            if missing.is_empty() {
                return text;
            }
            assert!(started.elapsed() < BOUND, "{} does not tell {missing:?}:\n{text}", self.role);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn families(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The families that the table has for a role, as an operator reads them.
fn known(role: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_lending")).arg("metrics").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let own = rows.filter(|row| row.get(4).is_some_and(|roles| roles.split(", ").any(|one| one == role)));
    own.map(|row| row[1].trim_matches('`').to_owned()).collect()
}

/// A new database, migrated; its URL.
async fn database(service: &str) -> String {
    let folder = postgres_server::folder();
    let name = format!("metrics_{}", Uuid::new_v4().simple());
    let options = PgConnectOptions::new_without_pgpass().socket(folder).username("postgres").database("postgres");
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let url = format!("postgres://postgres@localhost/{name}?host={}", folder.display());
    let migrate = Command::new(env!("CARGO_BIN_EXE_lending"))
        .arg("migrate")
        .env_clear()
        .envs([("LENDING_SERVICE", service), ("LENDING_DATABASE_URL", &url)])
        .stdout(Stdio::null())
        .status();
    assert!(migrate.unwrap().success());
    url
}

/// A log with the first sample of an event in the topic.
fn log_with(topic: &str, event: &str) -> Log {
    let topics = [
        "customers.commands",
        "customers.changed",
        "origination.commands",
        "origination.events",
        "servicing.commands",
        "servicing.events",
        "dead-letters",
    ];
    let log = Log::with(&topics.map(|topic| (topic, 1)));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/samples/{event}.v1.json"));
    let samples: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    log.put(topic, &[&samples[0].to_string()]);
    log
}

fn with_breaker(text: &str, dependency: &str) {
    let closed = format!("lending_breaker_open{{dependency=\"{dependency}\"}} 0");
    assert!(text.contains(&closed), "no breaker before {dependency}:\n{text}");
}

#[tokio::test]
async fn a_gateway_tells_of_its_routes_and_of_its_breaker_before_redis() {
    let log = Log::with(&[]);
    let kafka = log.brokers();
    let gateway = Process::start(
        "gateway",
        &[
            ("LENDING_KAFKA", &kafka),
            ("LENDING_REDIS_URL", "redis://127.0.0.1:1"),
            ("LENDING_IDENTITY_URL", NOBODY),
            ("LENDING_CUSTOMERS", "127.0.0.1:1"),
            ("LENDING_ORIGINATION", "127.0.0.1:1"),
            ("LENDING_SERVICING", "127.0.0.1:1"),
        ],
    );
    gateway.get("/v1/customers/customer-17").await;
    let text = gateway.tells(&[&ROUTES[..], &["lending_breaker_open"]].concat()).await;
    with_breaker(&text, "redis");
}

#[tokio::test]
async fn customers_tells_of_its_routes_its_consumer_and_its_outbox() {
    let log = log_with("customers.commands", "CustomerRegistrationRequested");
    let (kafka, database) = (log.brokers(), database("customers").await);
    let customers = Process::start("customers", &[("LENDING_KAFKA", &kafka), ("LENDING_DATABASE_URL", &database)]);
    customers.get("/v1/customers/customer-17").await;
    let own = ["lending_customer_commands_total"];
    customers.tells(&[&ROUTES[..], &CONSUMERS, &OUTBOXES, &PUBLISHERS, &own].concat()).await;
}

#[tokio::test]
async fn origination_tells_of_its_routes_its_consumer_its_outbox_and_its_breakers_before_bureaus() {
    let log = log_with("origination.commands", "LoanApplicationSubmitted");
    let (kafka, database) = (log.brokers(), database("origination").await);
    let origination = Process::start(
        "origination",
        &[
            ("LENDING_KAFKA", &kafka),
            ("LENDING_DATABASE_URL", &database),
            ("LENDING_BUREAUS", "north=127.0.0.1:1,west=127.0.0.1:1"),
            ("LENDING_CALLBACK_URL", NOBODY),
        ],
    );
    origination.get(&format!("/v1/loan-applications/{}", Uuid::nil())).await;
    let own = ["lending_breaker_open", "lending_applications_stored_total", "lending_bureau_requests_open"];
    let text = origination.tells(&[&ROUTES[..], &CONSUMERS, &OUTBOXES, &own].concat()).await;
    with_breaker(&text, "north");
    with_breaker(&text, "west");
}

#[tokio::test]
async fn servicing_tells_of_its_routes_its_consumer_its_outbox_and_its_breaker_before_the_rail() {
    let log = log_with("origination.events", "OfferAccepted");
    let (kafka, database) = (log.brokers(), database("servicing").await);
    let rail = Process::start("rail", &[]);
    rail.get("/health/live").await;
    let servicing = Process::start(
        "servicing",
        &[("LENDING_KAFKA", &kafka), ("LENDING_DATABASE_URL", &database), ("LENDING_RAIL_URL", &rail.url)],
    );
    servicing.get(&format!("/v1/loans/{}", Uuid::nil())).await;
    let own = ["lending_breaker_open", "lending_rail_call_duration_seconds", "lending_ledger_transactions_total"];
    let text = servicing.tells(&[&ROUTES[..], &CONSUMERS, &OUTBOXES, &PUBLISHERS, &own].concat()).await;
    with_breaker(&text, "rail");
}

#[tokio::test]
async fn a_bureau_tells_of_its_routes_and_questions() {
    let bureau = Process::start("bureau", &[("LENDING_IDENTITY_URL", NOBODY), ("LENDING_CLIENT_SECRET", "a-secret")]);
    let question = json!({ "request_id": Uuid::nil(), "external_id": Uuid::nil(), "customer_id": "customer-17" });
    bureau.post("/v1/credit-report-requests", &json!({ "callback_url": NOBODY, "requests": [question] })).await;
    bureau.tells(&[&ROUTES[..], &["lending_bureau_questions_taken_total", "lending_bureau_open"]].concat()).await;
}

#[tokio::test]
async fn a_rail_tells_of_its_routes_and_transfers() {
    let rail = Process::start("rail", &[]);
    let amount = json!({ "currency": "EUR", "minor_units": 100 });
    let transfer =
        json!({ "instruction_id": Uuid::nil(), "external_id": Uuid::nil(), "direction": "OUT", "amount": amount });
    rail.post("/v1/transfers", &json!({ "transfers": [transfer] })).await;
    rail.tells(&[&ROUTES[..], &["lending_rail_transfers_total", "lending_rail_syncs_total"]].concat()).await;
}

#[tokio::test]
async fn identity_tells_of_its_routes_and_tokens() {
    let secret = "a-secret-of-clients";
    let identity = Process::start(
        "identity",
        &[
            ("LENDING_IDENTITY_CLIENTS", "client-*=loans:read"),
            ("LENDING_IDENTITY_SECRET", secret),
            ("LENDING_IDENTITY_ADMIN_SECRET", "a-secret-of-admins"),
            ("LENDING_REDIS_URL", "redis://127.0.0.1:1"),
        ],
    );
    identity.post("/token", &json!({ "client_id": "client-1", "client_secret": secret })).await;
    identity.tells(&[&ROUTES[..], &["lending_tokens_total", "lending_revocations_untold"]].concat()).await;
}
