//! A process and its collector, as an operator has them: what is exported, and what becomes of a process whose collector
//! is away.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

#[path = "../src/testing/otlp.rs"]
mod otlp;

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use otlp::Collector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long something may take on a loaded machine.
const BOUND: Duration = Duration::from_secs(60);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A rail in a process of its own.
struct Rail {
    process: Child,
    url: String,
    client: reqwest::Client,
    _data: TempDir,
}

impl Rail {
    /// Waits until it is ready.
    async fn start(endpoint: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let data = tempfile::tempdir().unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_lending"))
            .arg("rail")
            .env_clear()
            .env("LENDING_LISTEN", format!("127.0.0.1:{port}"))
            .env("LENDING_INSTANCE", "rail-7")
            .env("LENDING_DATA", data.path())
            .env("LENDING_OTLP_ENDPOINT", endpoint)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(BOUND).build().unwrap();
        let rail = Self { process, url: format!("http://127.0.0.1:{port}"), client, _data: data };
        rail.until("/health/ready", |text| text == "ready\n").await;
        rail
    }

    /// Waits until what is at `path` is as it should be.
    async fn until(&self, path: &str, sound: impl Fn(&str) -> bool) {
        let started = Instant::now();
        loop {
            let answer = self.client.get(format!("{}{path}", self.url)).send().await;
            let text = match answer {
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if sound(&text) {
                return;
            }
            assert!(started.elapsed() < BOUND, "{path} says {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Has money moved, in this trace.
    async fn transfer(&self, number: u32) {
        let id = format!("00000000-0000-0000-0000-{number:012}");
        let amount = json!({ "currency": "EUR", "minor_units": 100 });
        let body = json!({ "transfers": [
            { "instruction_id": id, "external_id": id, "direction": "OUT", "amount": amount },
        ] });
        let request = self.client.post(format!("{}/v1/transfers", self.url)).json(&body);
        let answer = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    /// Tells it to stop and waits until it has; what it logged.
    async fn stop(mut self) -> Vec<Value> {
        let told = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(told.success());
        let started = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            if started.elapsed() > BOUND {
                self.process.kill().unwrap();
                panic!("it does not stop");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let output = self.process.wait_with_output().unwrap();
        assert!(output.status.success(), "{:?}", output.status);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn a_stop_exports_what_there_is_under_the_roles_and_the_instances_name() {
    let collector = Collector::start().await;
    let rail = Rail::start(&collector.endpoint).await;
    for number in 0..20 {
        rail.transfer(number).await;
    }
    let log = rail.stop().await;
    assert!(log.iter().all(|line| line["timestamp"].is_string() && line["message"].is_string()), "{log:?}");
    for received in collector.spans(TRACE, 20).await {
        assert_eq!(received.span.name, "POST /v1/transfers");
        assert_eq!(received.ids().1, "00f067aa0ba902b7");
        assert_eq!(received.about("service.name").as_deref(), Some("rail"));
        assert_eq!(received.about("service.instance.id").as_deref(), Some("rail-7"));
    }
}

#[tokio::test]
async fn a_collector_that_refuses_costs_the_spans_which_are_counted_and_nothing_else() {
    // Port 1 of the loopback refuses; nothing listens there.
    let rail = Rail::start("http://127.0.0.1:1").await;
    rail.transfer(1).await;
    rail.until("/metrics", |text| text.contains("lending_spans_dropped_total{reason=\"collector\"} 1")).await;
    rail.transfer(2).await;
    let log = rail.stop().await;
    let told = log.iter().filter(|line| line["message"] == "the collector takes no spans; dropping them").count();
    assert_eq!(told, 1, "once, not with every batch: {log:?}");
}

#[tokio::test]
async fn a_collector_that_hangs_holds_up_neither_a_request_nor_a_stop() {
    // Connections are made, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let rail = Rail::start(&format!("http://{}", silent.local_addr().unwrap())).await;
    for number in 0..20 {
        rail.transfer(number).await;
    }
    rail.stop().await;
}
