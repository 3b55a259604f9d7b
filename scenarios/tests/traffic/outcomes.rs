//! What the client can know of each way in which a system answers, or does not.

use crate::support::{nowhere, request, run, serve, serve_raw, traffic};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use proofload_history::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const RULES: &str = r#"
    method = "GET"
    ok = [200]
    fail = [400]
    fail_when = [{ status = 503, header = "Proofload-Attempted", equals = "no" }]
"#;

/// The outcome, the status and the error of every operation of a traffic that asks `path`: all the same.
async fn outcome_at(base_url: &str, path: &str, timeout: &str) -> (Outcome, Option<u16>, Option<String>) {
    let read = request("read", &format!("{RULES}\npath = '{path}'\ntimeout = '{timeout}'"));
    let ended = run(base_url, vec![traffic("browse", 1, "20/s", 200, &[read])]).await;
    let operations = ended.operations("read");
    assert_eq!(operations.len(), 4);
    let told = |index: usize| {
        let operation = operations[index];
        (operation.outcome, operation.status, operation.error.as_deref().map(str::to_owned))
    };
    assert!((1..4).all(|index| told(index) == told(0)), "{operations:?}");
    assert_eq!(ended.audits[0].sent, 4);
    told(0)
}

async fn never() -> StatusCode {
    std::future::pending().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_means_what_the_rules_say_of_its_status_and_headers() {
    let system = Router::new()
        .route("/ok", get(|| async { "fine" }))
        .route("/bad", get(|| async { StatusCode::BAD_REQUEST }))
        .route("/shed", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, [("proofload-attempted", "no")]) }))
        .route("/broken", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/moved", get(|| async { axum::response::Redirect::temporary("/ok") }));
    let base_url = serve(system).await;
    for (path, outcome, status) in [
        ("/ok", Outcome::Ok, 200),
        ("/bad", Outcome::Fail, 400),
        ("/shed", Outcome::Fail, 503),
        ("/broken", Outcome::Indeterminate, 503),
        // Following it would ask a second time behind the history's back.
        ("/moved", Outcome::Indeterminate, 307),
    ] {
        assert_eq!(outcome_at(&base_url, path, "30s").await, (outcome, Some(status), None), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_out_is_indeterminate() {
    let base_url = serve(Router::new().route("/", get(never))).await;
    let told = outcome_at(&base_url, "/", "300ms").await;
    assert_eq!(told, (Outcome::Indeterminate, None, Some("time-out".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_refused_is_a_fail() {
    let told = outcome_at(&nowhere().await, "/", "30s").await;
    assert_eq!(told, (Outcome::Fail, None, Some("connection refused".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_after_the_request_was_read_is_indeterminate() {
    async fn reset(mut stream: TcpStream) {
        let _ = stream.read(&mut [0; 4_096]).await;
        // Closing with zero linger sends a reset.
        stream.set_zero_linger().unwrap();
    }
    let told = outcome_at(&serve_raw(reset).await, "/", "30s").await;
    assert_eq!(told, (Outcome::Indeterminate, None, Some("connection reset".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_closed_before_the_answer_is_indeterminate() {
    async fn close(mut stream: TcpStream) {
        let _ = stream.read(&mut [0; 4_096]).await;
    }
    let told = outcome_at(&serve_raw(close).await, "/", "30s").await;
    assert_eq!(told, (Outcome::Indeterminate, None, Some("closed before answer".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_is_indeterminate_whatever_its_status_said() {
    async fn break_off(mut stream: TcpStream) {
        let _ = stream.read(&mut [0; 4_096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    }
    let (outcome, status, error) = outcome_at(&serve_raw(break_off).await, "/", "30s").await;
    assert_eq!((outcome, status), (Outcome::Indeterminate, Some(200)));
    assert!(error.is_some());
}
