//! A bureau over HTTP, with a front door that its reports go to.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::PoisonError;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::conduct::Conduct;
use super::wire::{Asked, Question, Reports};
use super::*;
use crate::config::bureau::IdentitySettings;
use crate::config::server::{ServerSettings, Shutdown};
use crate::party::call::{Calls, tests::good as good_calls};
use crate::party::latency::Latency;
use crate::testing::http::{Server, client};

/// How long anything may take on a loaded machine.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// A callback as it came.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    pub(crate) key: String,
    pub(crate) token: String,
    pub(crate) reports: Reports,
    pub(crate) answer: StatusCode,
}

/// Gives tokens and takes reports: 202, unless it was told to answer something else first.
pub(crate) struct Front {
    pub(crate) url: String,
    state: Arc<FrontState>,
    _server: Server,
}

struct FrontState {
    answers: Mutex<VecDeque<StatusCode>>,
    callbacks: watch::Sender<Vec<Callback>>,
    tokens: watch::Sender<u32>,
}

impl Front {
    pub(crate) async fn new(answers: impl IntoIterator<Item = StatusCode>) -> Self {
        let state = Arc::new(FrontState {
            answers: Mutex::new(answers.into_iter().collect()),
            callbacks: watch::Sender::default(),
            tokens: watch::Sender::default(),
        });
        let routes = Router::new().route("/token", post(token)).route("/v1/credit-reports", post(take));
        let server = Server::of(routes.with_state(Arc::clone(&state))).await;
        Self { url: server.url(), state, _server: server }
    }

    pub(crate) fn callback_url(&self) -> String {
        format!("{}/v1/credit-reports", self.url)
    }

    /// Waits until the callbacks are as they should be.
    pub(crate) async fn until(&self, sound: impl FnMut(&Vec<Callback>) -> bool) -> Vec<Callback> {
        let mut callbacks = self.state.callbacks.subscribe();
        let found = tokio::time::timeout(BOUND, callbacks.wait_for(sound)).await.expect("callbacks in time");
        found.expect("the front lives").clone()
    }
}

async fn token(State(state): State<Arc<FrontState>>, Json(body): Json<Value>) -> Json<Value> {
    assert_eq!(body, json!({ "client_id": "bureau", "client_secret": "a-secret" }));
    state.tokens.send_modify(|number| *number += 1);
    let number = *state.tokens.borrow();
    Json(json!({ "access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": 300 }))
}

async fn take(State(state): State<Arc<FrontState>>, headers: HeaderMap, Json(reports): Json<Reports>) -> StatusCode {
    let header = |name: &str| headers[name].to_str().expect("text").to_owned();
    let (key, token) = (header("idempotency-key"), header("authorization"));
    let next = state.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let answer = next.unwrap_or(StatusCode::ACCEPTED);
    state.callbacks.send_modify(|callbacks| callbacks.push(Callback { key, token, reports, answer }));
    answer
}

/// A bureau that answers at once, always.
pub(crate) fn good() -> Conduct {
    let millisecond = Duration::from_millis(1);
    let latency = Latency::new(millisecond, millisecond).expect("sound");
    Conduct { calls: good_calls(), latency, silence: 0.0, duplicates: 0.0, late: 0.0, lateness: Duration::ZERO }
}

/// A bureau that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) url: String,
    shared: Arc<Shared>,
    _server: Server,
    _courier: JoinSet<()>,
}

impl Running {
    pub(crate) async fn new(name: &str, front: &Front, data: &Path, conduct: Conduct) -> Self {
        let listen = "127.0.0.1:0".parse().expect("an address");
        let identity = IdentitySettings {
            url: front.url.clone(),
            client_id: "bureau".to_owned(),
            client_secret: "a-secret".to_owned(),
        };
        let settings = BureauSettings {
            name: name.to_owned(),
            server: ServerSettings { listen, shutdown: Shutdown::Graceful, shutdown_timeout: BOUND },
            data: data.to_owned(),
            identity,
            ca: None,
            callback_timeout: BOUND,
            conduct,
        };
        let (routes, courier) = parts(settings).expect("a bureau");
        let shared = Arc::clone(&courier.shared);
        let server = Server::of(routes).await;
        let courier = JoinSet::from_iter([courier.run()]);
        Self { url: server.url(), shared, _server: server, _courier: courier }
    }

    async fn post(&self, front: &Front, ids: &[u128], prefer: &str) -> reqwest::Response {
        let body = Asked { callback_url: front.callback_url(), requests: ids.iter().copied().map(question).collect() };
        let request = client().post(format!("{}/v1/credit-report-requests", self.url)).json(&body);
        request.header("prefer", prefer).send().await.expect("an answer")
    }

    async fn ask(&self, front: &Front, ids: &[u128]) {
        assert_eq!(self.post(front, ids, "respond-async").await.status(), StatusCode::ACCEPTED);
    }

    async fn journal(&self) -> Vec<Value> {
        let answer = client().get(format!("{}/v1/journal", self.url)).send().await.expect("an answer");
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        let text = answer.text().await.expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Waits until nothing is open any more.
    async fn idle(&self) {
        let idle = async {
            while self.shared.office().open() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(BOUND, idle).await.expect("everything is answered in time");
    }
}

fn question(id: u128) -> Question {
    Question {
        request_id: Uuid::from_u128(id),
        external_id: Uuid::from_u128(id + 1_000),
        customer_id: "customer-1".to_owned(),
        traceparent: None,
    }
}

/// How many reports there are in callbacks that were taken.
fn taken(callbacks: &[Callback]) -> usize {
    let taken = callbacks.iter().filter(|callback| callback.answer == StatusCode::ACCEPTED);
    taken.map(|callback| callback.reports.reports.len()).sum()
}

#[tokio::test]
async fn what_it_is_asked_it_answers_by_callback_and_writes_down() {
    let (front, data) = (Front::new([]).await, TempDir::new().expect("a folder"));
    let bureau = Running::new("north", &front, data.path(), good()).await;
    bureau.ask(&front, &[1, 2]).await;
    let callbacks = front.until(|callbacks| taken(callbacks) == 2).await;
    let report = &callbacks[0].reports.reports[0];
    assert_eq!(report.score, score::of(report.external_id, "north"));
    assert_eq!((report.bureau.as_str(), callbacks[0].token.as_str()), ("north", "Bearer token-1"));
    assert!(Uuid::parse_str(&callbacks[0].key).is_ok());
    bureau.idle().await;
    let journal = bureau.journal().await;
    let answered = journal.iter().filter(|line| !line["answered_at"].is_null()).count();
    assert_eq!((journal.len(), answered), (4, 2), "each was asked and answered");
    assert_eq!(*front.state.tokens.borrow(), 1, "the token is kept");
}

#[tokio::test]
async fn a_question_that_is_open_is_answered_once_and_one_that_was_answered_again() {
    let (front, data) = (Front::new([]).await, TempDir::new().expect("a folder"));
    let bureau = Running::new("north", &front, data.path(), good()).await;
    bureau.ask(&front, &[1, 1]).await;
    bureau.idle().await;
    let first = front.until(|callbacks| taken(callbacks) >= 1).await;
    assert_eq!(taken(&first), 1);
    bureau.ask(&front, &[1]).await;
    let again = front.until(|callbacks| taken(callbacks) == 2).await;
    assert_eq!(again[0].reports, again[1].reports);
}

#[tokio::test]
async fn a_callback_is_tried_under_one_key_until_it_is_taken() {
    let trouble = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS, StatusCode::UNAUTHORIZED];
    let (front, data) = (Front::new(trouble).await, TempDir::new().expect("a folder"));
    let bureau = Running::new("north", &front, data.path(), good()).await;
    bureau.ask(&front, &[1]).await;
    let callbacks = front.until(|callbacks| taken(callbacks) == 1).await;
    assert!(callbacks.iter().all(|callback| callback.key == callbacks[0].key), "{callbacks:?}");
    let tokens: Vec<_> = callbacks.iter().map(|callback| callback.token.as_str()).collect();
    let (first, second) = ("Bearer token-1", "Bearer token-2");
    assert_eq!(tokens, [first, first, first, second], "a token that was refused is not used again");
}

#[tokio::test]
async fn a_callback_that_is_refused_is_given_up_and_the_question_can_be_asked_again() {
    let (front, data) = (Front::new([StatusCode::UNPROCESSABLE_ENTITY]).await, TempDir::new().expect("a folder"));
    let bureau = Running::new("north", &front, data.path(), good()).await;
    bureau.ask(&front, &[1]).await;
    bureau.idle().await;
    assert_eq!(bureau.journal().await.len(), 1, "it is not answered");
    bureau.ask(&front, &[1]).await;
    front.until(|callbacks| taken(callbacks) == 1).await;
}

#[tokio::test]
async fn a_duplicate_comes_under_a_key_of_its_own() {
    let (front, data) = (Front::new([]).await, TempDir::new().expect("a folder"));
    let bureau = Running::new("north", &front, data.path(), Conduct { duplicates: 1.0, ..good() }).await;
    bureau.ask(&front, &[1]).await;
    let callbacks = front.until(|callbacks| taken(callbacks) == 2).await;
    assert_eq!(callbacks[0].reports, callbacks[1].reports);
    assert_ne!(callbacks[0].key, callbacks[1].key);
}

#[tokio::test]
async fn what_was_not_answered_before_a_restart_is_answered_after_it() {
    let data = TempDir::new().expect("a folder");
    let front = Front::new([]).await;
    let late = Conduct { late: 1.0, lateness: BOUND * 10, ..good() };
    let bureau = Running::new("north", &front, data.path(), late).await;
    bureau.ask(&front, &[1, 2]).await;
    drop(bureau);
    let bureau = Running::new("north", &front, data.path(), good()).await;
    front.until(|callbacks| taken(callbacks) == 2).await;
    bureau.idle().await;
    drop(bureau);
    let bureau = Running::new("north", &front, data.path(), good()).await;
    assert_eq!(bureau.shared.office().open(), 0, "what is answered stays answered");
}

#[tokio::test]
async fn silence_and_errors_are_as_frequent_as_it_was_told() {
    let (front, data) = (Front::new([]).await, TempDir::new().expect("a folder"));
    let silent = Running::new("north", &front, data.path(), Conduct { silence: 1.0, ..good() }).await;
    silent.ask(&front, &[1]).await;
    assert_eq!(silent.shared.office().open(), 0);
    assert_eq!(silent.journal().await.len(), 1);
    let failing = Conduct { calls: Calls { errors: 1.0, ..good_calls() }, ..good() };
    let failing = Running::new("east", &front, &data.path().join("east"), failing).await;
    let answer = failing.post(&front, &[2], "respond-async").await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(failing.journal().await.is_empty(), "it takes nothing");
}

#[tokio::test]
async fn a_call_that_is_met_with_silence_is_not_answered_and_takes_nothing() {
    let (front, data) = (Front::new([]).await, TempDir::new().expect("a folder"));
    let silent = Conduct { calls: Calls { silence: 1.0, ..good_calls() }, ..good() };
    let bureau = Running::new("north", &front, data.path(), silent).await;
    // The journal is asked over the same server, after the call: it answers, and the call does not.
    let mut call = Box::pin(bureau.post(&front, &[1], "respond-async"));
    for _ in 0..3 {
        tokio::select! {
            biased;
            answer = &mut call => panic!("answered: {answer:?}"),
            lines = bureau.journal() => assert!(lines.is_empty()),
        }
    }
}

#[tokio::test]
async fn whoever_prefers_to_wait_has_the_reports_in_the_answer() {
    let (front, data) = (Front::new([]).await, TempDir::new().expect("a folder"));
    let bureau = Running::new("north", &front, data.path(), good()).await;
    let answer = bureau.post(&front, &[1, 2], "wait").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let reports: Reports = answer.json().await.expect("reports");
    let ids: Vec<_> = reports.reports.iter().map(|report| report.request_id.as_u128()).collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(bureau.journal().await.len(), 4);
}
