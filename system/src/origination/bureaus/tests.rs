//! Dispatchers, with a real PostgreSQL and a bureau over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

use super::client::Bureau;
use super::*;
use crate::bureau::tests::{BOUND, Callback, Front, Running, good};
use crate::bureau::wire::Report;
use crate::config::migrate::Service;
use crate::config::origination::{BureauAddress, CallSettings};
use crate::origination::application::request_id;
use crate::testing::http::Server;
use crate::testing::postgres;
use crate::testing::traces::{Begun, collector};

const INSERT: &str = "
insert into credit_report_request (external_id, bureau, request_id, customer_id, state)
select t.external_id, $2, t.request_id, 'customer-1', 'PENDING' from unnest($1::uuid[], $3::uuid[])
    as t (external_id, request_id)";

async fn ask_about(store: &Store, bureau: &str, applications: u128) {
    let ids: Vec<Uuid> = (0..applications).map(Uuid::from_u128).collect();
    let requests: Vec<Uuid> = ids.iter().map(|id| request_id(*id, bureau)).collect();
    let statement = sqlx::query(INSERT).bind(ids).bind(bureau.to_owned()).bind(requests);
    store.rows("insert questions", statement).await.unwrap();
}

async fn attempts(store: &Store) -> Vec<(String, i32)> {
    let statement = sqlx::query("select state, attempts from credit_report_request order by external_id");
    let rows = store.rows("read questions", statement).await.unwrap();
    rows.iter().map(|row| (column(row, "state").unwrap(), column(row, "attempts").unwrap())).collect()
}

/// A dispatcher that runs until it is told to stop.
struct Asking {
    stop: watch::Sender<bool>,
    _asked: watch::Sender<()>,
    running: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Asking {
    fn new(store: &Store, url: &str, settings: CallSettings) -> Self {
        let address = url.trim_start_matches("http://").to_owned();
        let bureau =
            Bureau::new(&BureauAddress { name: "north".to_owned(), address, timeout: None }, &settings).unwrap();
        let (asked, wakes) = watch::channel(());
        let dispatcher = Dispatcher::new(store.clone(), Arc::new(bureau), settings, wakes);
        let (stop, stopped) = watch::channel(false);
        Self { stop, _asked: asked, running: tokio::spawn(dispatcher.run(stopped)) }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(BOUND, self.running).await.unwrap().unwrap().unwrap();
    }
}

/// A bureau that answers every call with one status and counts them.
async fn stub(status: StatusCode) -> (Server, watch::Receiver<usize>) {
    let (calls, counted) = watch::channel(0);
    let routes = Router::new().route(
        "/v1/credit-report-requests",
        post(move |State(calls): State<Arc<watch::Sender<usize>>>| async move {
            calls.send_modify(|calls| *calls += 1);
            status
        }),
    );
    (Server::of(routes.with_state(Arc::new(calls))).await, counted)
}

async fn until(counted: &mut watch::Receiver<usize>, calls: usize) {
    tokio::time::timeout(BOUND, counted.wait_for(|counted| *counted >= calls)).await.unwrap().unwrap();
}

fn slow(repeat: Duration) -> CallSettings {
    CallSettings { repeat, ..CallSettings::of_tests("http://front/v1/credit-reports") }
}

const STORE: &str = "
insert into loan_application (external_id, deduplication_key, customer_id, product, principal_currency,
    principal_minor_units, term_months, status, stage, version, due_at, correlation_id, causation_id, traceparent)
values ($1, $1, 'customer-1', 'car', 'EUR', 1000, 12, 'SUBMITTED_AND_PENDING_APPROVAL', 'UNDERWRITING', 1, now(), $1, $1, $2)";

#[tokio::test]
async fn each_question_of_a_call_is_followed_to_the_bureau_and_its_report_back_in_the_applications_trace() {
    let (collector, begun) = (collector(), [Begun::new(), Begun::new()]);
    let (store, front, data) =
        (postgres::store(Service::Origination).await, Front::new([]).await, TempDir::new().unwrap());
    let bureau = Running::new("north", &front, data.path(), good()).await;
    for (begun, number) in begun.iter().zip(0_u128..) {
        let statement = sqlx::query(STORE).bind(Uuid::from_u128(number)).bind(begun.traceparent());
        store.rows("store an application", statement).await.unwrap();
    }
    ask_about(&store, "north", 2).await;
    let settings = CallSettings { repeat: BOUND, ..CallSettings::of_tests(&front.callback_url()) };
    let asking = Asking::new(&store, &bureau.url, settings);
    let brought = |callbacks: &Vec<_>| callbacks.iter().flat_map(reports).count() == 2;
    let callbacks = front.until(brought).await;
    asking.stop().await;
    for (begun, number) in begun.iter().zip(0_u128..) {
        let spans = collector.spans(&begun.trace, 3).await;
        let mut before = begun.step.clone();
        for name in ["POST /v1/credit-report-requests", "take a question", "POST callback"] {
            let step = spans.iter().find(|one| one.span.name == name).expect(name);
            assert_eq!(step.ids().1, before, "{name}");
            before = step.ids().0;
        }
        let report = callbacks.iter().flat_map(reports).find(|one| one.external_id.as_u128() == number).unwrap();
        assert_eq!(report.traceparent, Some(format!("00-{}-{before}-01", begun.trace)));
    }
}

fn reports(callback: &Callback) -> &[Report] {
    &callback.reports.reports
}

#[tokio::test]
async fn every_question_reaches_the_bureau_and_its_report_the_front_door() {
    let (store, front, data) =
        (postgres::store(Service::Origination).await, Front::new([]).await, TempDir::new().unwrap());
    let bureau = Running::new("north", &front, data.path(), good()).await;
    ask_about(&store, "north", 250).await;
    ask_about(&store, "east", 1).await;
    let settings = CallSettings { repeat: BOUND, ..CallSettings::of_tests(&front.callback_url()) };
    let asking = Asking::new(&store, &bureau.url, settings);
    let callbacks = front
        .until(|callbacks| callbacks.iter().map(|callback| callback.reports.reports.len()).sum::<usize>() >= 250)
        .await;
    let mut answered: Vec<_> = callbacks.iter().flat_map(|callback| &callback.reports.reports).collect();
    answered.sort_unstable_by_key(|report| report.external_id);
    let asked: Vec<_> = answered.iter().map(|report| report.external_id.as_u128()).collect();
    assert_eq!(asked, (0..250).collect::<Vec<u128>>(), "each once");
    assert!(answered.iter().all(|report| report.request_id == request_id(report.external_id, "north")));
    asking.stop().await;
    let sent = attempts(&store).await.into_iter().filter(|one| *one == ("SENT".to_owned(), 1)).count();
    assert_eq!(sent, 250, "the other bureau's question is not this one's");
}

#[tokio::test]
async fn a_question_without_an_answer_is_asked_again() {
    let store = postgres::store(Service::Origination).await;
    let (bureau, mut counted) = stub(StatusCode::ACCEPTED).await;
    ask_about(&store, "north", 1).await;
    let asking = Asking::new(&store, &bureau.url(), slow(Duration::from_millis(10)));
    until(&mut counted, 3).await;
    asking.stop().await;
    assert!(matches!(&attempts(&store).await[..], [(state, 3..)] if state == "SENT"));
}

#[tokio::test]
async fn what_a_bureau_does_not_take_is_pending_and_asked_again() {
    let store = postgres::store(Service::Origination).await;
    let (bureau, mut counted) = stub(StatusCode::SERVICE_UNAVAILABLE).await;
    ask_about(&store, "north", 1).await;
    let asking = Asking::new(&store, &bureau.url(), CallSettings { breaker: false, ..slow(BOUND) });
    until(&mut counted, 3).await;
    asking.stop().await;
    assert!(matches!(&attempts(&store).await[..], [(state, 3..)] if state == "PENDING"));
}

/// With the breaker a bureau that fails is called a handful of times while another dispatcher, without one, calls its
/// own so often that the first would have been able to as well.
#[tokio::test]
async fn a_bureau_that_fails_is_left_alone_by_its_breaker() {
    let guarded = postgres::store(Service::Origination).await;
    let (bureau, counted) = stub(StatusCode::INTERNAL_SERVER_ERROR).await;
    ask_about(&guarded, "north", 100).await;
    let settings = CallSettings { batch_max: 1, ..slow(BOUND) };
    let unguarded = postgres::store(Service::Origination).await;
    let (other_bureau, mut other_counted) = stub(StatusCode::INTERNAL_SERVER_ERROR).await;
    ask_about(&unguarded, "north", 100).await;
    let asking = Asking::new(&guarded, &bureau.url(), settings.clone());
    let other = Asking::new(&unguarded, &other_bureau.url(), CallSettings { breaker: false, ..settings });
    until(&mut other_counted, 60).await;
    asking.stop().await;
    other.stop().await;
    let (calls, other_calls) = (*counted.borrow(), *other_counted.borrow());
    assert!(calls * 2 < other_calls, "{calls} calls with the breaker, {other_calls} without");
}

#[tokio::test]
async fn two_instances_ask_each_question_once() {
    let store = postgres::store(Service::Origination).await;
    ask_about(&store, "north", 300).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let claim = || {
        let (store, asked) = (store.clone(), Arc::clone(&asked));
        async move {
            // What the other is claiming at the same moment is skipped: nothing found is not nothing left.
            while asked.load(Ordering::Acquire) < 300 {
                let claimed = claim::claim(&store, "north", 20, 20, BOUND).await.unwrap();
                asked.fetch_add(claimed.questions.len(), Ordering::AcqRel);
            }
        }
    };
    tokio::time::timeout(BOUND, async { tokio::join!(claim(), claim()) }).await.unwrap();
    assert!(attempts(&store).await.iter().all(|one| *one == ("SENT".to_owned(), 1)));
}

#[tokio::test]
async fn what_is_asked_again_does_not_keep_first_questions_waiting() {
    let store = postgres::store(Service::Origination).await;
    ask_about(&store, "north", 10).await;
    assert_eq!(claim::claim(&store, "north", 10, 10, Duration::ZERO).await.unwrap().again, 0);
    assert!(claim::claim(&store, "north", 10, 0, BOUND).await.unwrap().questions.is_empty(), "no budget");
    let again = claim::claim(&store, "north", 10, 4, BOUND).await.unwrap();
    assert_eq!((again.questions.len(), again.again), (4, 4));
}
