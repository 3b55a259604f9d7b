//! Commands, timers and customers, with a real PostgreSQL.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

use super::application::request_id;
use super::blocking::Blocking;
use super::bureaus::{Bureau, Dispatcher};
use super::command::{Command, Content};
use super::evaluation::Evaluation;
use super::policy::Policy;
use super::step::{Input, KnownCustomer};
use crate::bureau::tests::{BOUND, Front, Running, good};
use crate::config::migrate::Service;
use crate::config::origination::{BureauAddress, CallSettings};
use crate::domain::application::{LoanApplication, tests::sound};
use crate::domain::customer::Kyc;
use crate::domain::status::Decision;
use crate::gateway::assert_told;
use crate::messaging::consumer::Handler;
use crate::messaging::event::Cause;
use crate::messaging::inbox::Dedup;
use crate::messaging::outbox::Publisher;
use crate::store::{Store, column};
use crate::testing::postgres;
use crate::testing::traces::Begun;

const VERIFIED: KnownCustomer = KnownCustomer { kyc: Kyc::Verified, credit_check: true };
const BUREAUS: [&str; 3] = ["north", "east", "west"];

type People = Arc<Mutex<HashMap<String, KnownCustomer>>>;

struct Desk {
    store: Store,
    people: People,
    evaluation: Evaluation,
}

impl Desk {
    async fn new(dedup: Dedup) -> Self {
        let store = postgres::store(Service::Origination).await;
        let people = People::default();
        people.lock().unwrap().insert("customer-17".to_owned(), VERIFIED);
        let known = Arc::clone(&people);
        let evaluation = Evaluation {
            store: store.clone(),
            publisher: Arc::new(Publisher::Outbox),
            dedup,
            policy: Policy::of_tests(),
            customers: Box::new(move |id| known.lock().unwrap().get(id.as_str()).copied()),
            blocking: None,
            asked: watch::channel(()).0,
        };
        Self { store, people, evaluation }
    }

    async fn apply(&self, commands: &[Command]) {
        self.evaluation.apply(commands).await.unwrap();
    }

    /// Applications through the bureaus, with one score from all of them.
    async fn scored(&self, score: u16, ids: impl IntoIterator<Item = u128> + Clone) {
        self.apply(&ids.clone().into_iter().map(submitted).collect::<Vec<_>>()).await;
        let reports = ids.into_iter().flat_map(|id| BUREAUS.map(|bureau| reported(id, bureau, Some(score))));
        self.apply(&reports.collect::<Vec<_>>()).await;
    }

    async fn column(&self, sql: &'static str) -> Vec<String> {
        let rows = self.store.rows("look", sqlx::query(sql)).await.unwrap();
        rows.iter().map(|row| column(row, "x").unwrap()).collect()
    }

    async fn stages(&self) -> Vec<String> {
        self.column("select stage as x from loan_application order by external_id, id").await
    }

    /// What was told of one application, in the order in which it is published.
    async fn told(&self, id: u128) -> Vec<Value> {
        let statement = sqlx::query("select payload as x from outbox where key = $1 order by position");
        let rows = self.store.rows("look", statement.bind(Uuid::from_u128(id).to_string())).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(column(row, "x").unwrap()).unwrap()).collect()
    }

    async fn told_types(&self, id: u128) -> Vec<String> {
        self.told(id).await.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    async fn let_time_pass(&self) {
        self.column(
            "update loan_application set due_at = now() - interval '1 second', created_at = created_at - \
            interval '1 day' where due_at is not null returning external_id::text as x",
        )
        .await;
        while self.evaluation.fire_due().await.unwrap() > 0 {}
    }

    /// What the API answers, which is what the gateway's document says of it; null where there is no application.
    async fn document(&self, id: u128) -> Value {
        let document = serde_json::to_value(super::api::find(&self.store, Uuid::from_u128(id)).await.unwrap()).unwrap();
        if !document.is_null() {
            assert_told("/v1/loan-applications/{external_id}", &document);
        }
        document
    }
}

fn command(id: u128, content: Content) -> Command {
    let cause = Cause { correlation_id: Uuid::new_v4(), causation_id: None, traceparent: Some("own".to_owned()) };
    Command { event_id: Uuid::new_v4(), external_id: Uuid::from_u128(id), cause, content }
}

fn wanted(id: u128) -> LoanApplication {
    LoanApplication { external_id: Uuid::from_u128(id), ..serde_json::from_value(sound()).unwrap() }
}

fn submitted(id: u128) -> Command {
    command(id, Content::Submitted(Box::new(wanted(id))))
}

fn of_customer(id: u128, customer: &str) -> Command {
    let customer_id = customer.to_owned().try_into().unwrap();
    command(id, Content::Submitted(Box::new(LoanApplication { customer_id, ..wanted(id) })))
}

fn happens(id: u128, input: Input) -> Command {
    command(id, Content::Happens(input))
}

fn reported(id: u128, bureau: &str, score: Option<u16>) -> Command {
    happens(id, Input::Report { request_id: request_id(Uuid::from_u128(id), bureau), score })
}

#[tokio::test]
async fn an_application_goes_from_the_log_to_an_offer_that_is_taken_and_every_step_is_told() {
    let desk = Desk::new(Dedup::Inbox).await;
    let first = submitted(1);
    desk.apply(std::slice::from_ref(&first)).await;
    assert_eq!(desk.stages().await, ["UNDERWRITING"]);
    desk.apply(&[reported(1, "north", Some(700)), reported(1, "east", Some(640))]).await;
    desk.apply(&[reported(1, "west", None)]).await;
    let acceptance = happens(1, Input::Acceptance);
    desk.apply(std::slice::from_ref(&acceptance)).await;
    let told = desk.told(1).await;
    let types: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["EvaluationStarted", "LoanApplicationDecided", "OfferIssued", "OfferAccepted"]);
    let versions: Vec<_> = told.iter().map(|event| event["data"]["application_version"].as_i64().unwrap()).collect();
    assert_eq!(versions, [3, 5, 6, 7]);
    assert!(told.iter().all(|event| event["correlation_id"] == json!(first.cause.correlation_id)), "{told:?}");
    assert_eq!(told[3]["causation_id"], json!(acceptance.event_id));
    let document = desk.document(1).await;
    assert_eq!((&document["status"], &document["stage"]), (&json!("APPROVED"), &json!("OFFER_ACCEPTED")));
    assert_eq!((&document["version"], &document["score"]), (&json!(7), &json!(670)));
    let terms = &told[3]["data"]["terms"];
    for field in ["principal", "rate_basis_points", "term_months", "instalment_minor_units"] {
        assert_eq!(document["offer"][field], terms[field], "{field}");
    }
    assert_eq!(document["offer"]["expires_at"], Value::Null, "it is taken");
}

#[tokio::test]
async fn what_follows_from_a_report_belongs_to_the_applications_trace_by_whichever_way_the_report_came() {
    let desk = Desk::new(Dedup::Inbox).await;
    let (begun, strange) = (Begun::new(), Begun::new());
    let steps = [begun.traceparent(), Begun { trace: begun.trace.clone(), ..Begun::new() }.traceparent()];
    let from = |mut command: Command, traceparent: String| {
        Evaluation::processed_in(&mut command, traceparent);
        command
    };
    for (id, report) in [(1, steps[1].clone()), (2, strange.traceparent())] {
        desk.apply(&[from(submitted(id), steps[0].clone())]).await;
        let reports = BUREAUS.map(|bureau| from(reported(id, bureau, Some(700)), report.clone()));
        desk.apply(&reports).await;
    }
    let decided = async |id| desk.told(id).await[1]["traceparent"].clone();
    assert_eq!(decided(1).await, json!(steps[1]), "the report's own step, which is in the same trace");
    assert_eq!(decided(2).await, json!(steps[0]));
}

#[tokio::test]
async fn an_offer_says_until_when_it_can_be_taken() {
    let desk = Desk::new(Dedup::Inbox).await;
    desk.scored(700, [1]).await;
    let told = desk.told(1).await;
    assert_eq!(desk.document(1).await["offer"]["expires_at"], told.last().unwrap()["data"]["expires_at"]);
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing() {
    let desk = Desk::new(Dedup::Inbox).await;
    let submissions: Vec<_> = (0..50).map(submitted).collect();
    let reports: Vec<_> = (0..50).flat_map(|id| BUREAUS.map(|bureau| reported(id, bureau, Some(700)))).collect();
    let all: Vec<_> = submissions.iter().chain(&reports).cloned().collect();
    desk.apply(&submissions).await;
    desk.apply(&reports).await;
    let state = "select (a.*)::text as x from loan_application a order by id";
    let events = "select event_id::text as x from outbox order by position";
    let before = (desk.column(state).await, desk.column(events).await);
    assert_eq!((before.0.len(), before.1.len()), (50, 150));
    desk.apply(&all).await;
    desk.apply(&[all.clone(), all].concat()).await;
    assert_eq!((desk.column(state).await, desk.column(events).await), before);
}

#[tokio::test]
async fn one_event_twice_in_one_batch_is_one_application() {
    let desk = Desk::new(Dedup::Inbox).await;
    let first = submitted(1);
    desk.apply(&[first.clone(), first, submitted(1)]).await;
    assert_eq!(desk.stages().await, ["UNDERWRITING"]);
    assert_eq!(desk.told_types(1).await, ["EvaluationStarted"]);
}

#[tokio::test]
async fn another_application_under_a_known_id_is_refused() {
    let desk = Desk::new(Dedup::Inbox).await;
    let other = LoanApplication { term_months: 12, ..wanted(1) };
    desk.apply(&[submitted(1), command(1, Content::Submitted(Box::new(other)))]).await;
    assert_eq!(desk.told_types(1).await, ["EvaluationStarted", "CommandRefused"]);
    assert_eq!(desk.document(1).await["term_months"], 48);
}

#[tokio::test]
async fn without_deduplication_a_repeat_is_another_application_and_another_loan() {
    let desk = Desk::new(Dedup::None).await;
    let first = submitted(1);
    desk.apply(std::slice::from_ref(&first)).await;
    desk.apply(&[first]).await;
    desk.apply(&BUREAUS.map(|bureau| reported(1, bureau, Some(700)))).await;
    desk.let_time_pass().await;
    assert_eq!(desk.stages().await.len(), 2);
    assert_eq!(desk.column("select external_id::text as x from credit_report_request").await.len(), 3);
    let decisions = desk.told_types(1).await.into_iter().filter(|kind| kind == "LoanApplicationDecided").count();
    assert_eq!(decisions, 2, "{:?}", desk.told_types(1).await);
}

#[tokio::test]
async fn a_command_for_an_application_that_is_not_there_is_refused_and_a_report_is_not_heard() {
    let desk = Desk::new(Dedup::Inbox).await;
    desk.apply(&[happens(1, Input::Withdrawal), reported(1, "north", Some(700))]).await;
    let told = desk.told(1).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0]["data"],
        json!({ "external_id": Uuid::from_u128(1), "command": "WithdrawalRequested", "state": "UNKNOWN" })
    );
}

#[tokio::test]
async fn what_nobody_does_anything_about_comes_to_its_end_by_its_deadlines() {
    let desk = Desk::new(Dedup::Inbox).await;
    desk.apply(&[of_customer(1, "nobody"), submitted(2)]).await;
    desk.scored(395, [3]).await;
    desk.scored(700, [4]).await;
    desk.scored(389, [5]).await;
    assert_eq!(desk.stages().await, ["ENRICHMENT", "UNDERWRITING", "MANUAL_DECISION", "OFFER_PENDING", "REJECTED"]);
    desk.let_time_pass().await;
    assert_eq!(desk.stages().await, ["REJECTED", "MANUAL_DECISION", "REJECTED", "OFFER_EXPIRED", "REJECTED"]);
    let given_up =
        "select state as x from credit_report_request where external_id = '00000000-0000-0000-0000-000000000002'";
    assert_eq!(desk.column(given_up).await, ["GIVEN_UP"; 3]);
    let reasons = "select coalesce(reason, '') as x from loan_application order by external_id";
    let expected = ["CUSTOMER_UNKNOWN", "", "NOT_DECIDED_IN_TIME", "OFFER_EXPIRED", "SCORE_TOO_LOW"];
    assert_eq!(desk.column(reasons).await, expected);
    desk.apply(&[happens(2, Input::Decision(Decision::Approved))]).await;
    assert_eq!(desk.document(2).await["stage"], "OFFER_PENDING");
}

#[tokio::test]
async fn an_application_goes_on_when_its_customer_becomes_known() {
    let desk = Desk::new(Dedup::Inbox).await;
    desk.apply(&[of_customer(1, "ada"), of_customer(2, "bob")]).await;
    assert_eq!(desk.evaluation.go_on_with_customers().await.unwrap(), 0);
    desk.people.lock().unwrap().insert("ada".to_owned(), VERIFIED);
    desk.people.lock().unwrap().insert("bob".to_owned(), KnownCustomer { kyc: Kyc::Pending, credit_check: true });
    assert_eq!(desk.evaluation.go_on_with_customers().await.unwrap(), 1);
    assert_eq!(desk.stages().await, ["UNDERWRITING", "ENRICHMENT"]);
}

/// A report that is read under a snapshot from before the other's commit would be forgotten, and the application would
/// wait for its deadline.
#[tokio::test]
async fn reports_that_come_at_the_same_moment_are_all_heard() {
    let desk = Desk::new(Dedup::Inbox).await;
    desk.apply(&(0..40).map(submitted).collect::<Vec<_>>()).await;
    for id in 0..40 {
        let reports = BUREAUS.map(|bureau| [reported(id, bureau, Some(700))]);
        join_all(reports.iter().map(|report| desk.apply(report))).await;
    }
    assert_eq!(desk.stages().await, vec!["OFFER_PENDING"; 40]);
}

#[tokio::test]
async fn a_command_that_waits_for_bureaus_is_decided_when_it_is_applied_or_not_applied_at_all() {
    let mut desk = Desk::new(Dedup::Inbox).await;
    let (front, data) = (Front::new([]).await, TempDir::new().unwrap());
    let mut running = Vec::new();
    for bureau in BUREAUS {
        running.push(Running::new(bureau, &front, &data.path().join(bureau), good()).await);
    }
    let settings = CallSettings::of_tests(&front.callback_url());
    let bureau = |name: &str, url: &str| {
        let address = url.trim_start_matches("http://").to_owned();
        Arc::new(Bureau::new(&BureauAddress { name: name.to_owned(), address, timeout: None }, &settings).unwrap())
    };
    let all: Vec<_> = BUREAUS.iter().zip(&running).map(|(name, running)| bureau(name, &running.url)).collect();
    desk.evaluation.blocking = Some(Blocking(all));
    desk.apply(&(0..20).map(submitted).collect::<Vec<_>>()).await;
    assert_eq!(desk.stages().await.iter().filter(|stage| *stage == "UNDERWRITING").count(), 0);
    let unanswered = "select external_id::text as x from credit_report_request where state <> 'ANSWERED'";
    assert!(desk.column(unanswered).await.is_empty());
    desk.evaluation.blocking = Some(Blocking(vec![bureau("north", "http://127.0.0.1:1")]));
    assert!(desk.evaluation.apply(&[submitted(100)]).await.is_err());
    assert_eq!(desk.document(100).await, Value::Null);
}

#[tokio::test]
async fn a_command_and_a_timer_at_the_same_moment_leave_one_of_two_ends() {
    let desk = Desk::new(Dedup::Inbox).await;
    desk.scored(700, 0..30).await;
    desk.column("update loan_application set due_at = now() - interval '1 second' returning stage as x").await;
    let acceptances: Vec<_> = (0..30).map(|id| [happens(id, Input::Acceptance)]).collect();
    let accept = async {
        for acceptance in &acceptances {
            desk.apply(acceptance).await;
        }
    };
    let fire = async { while desk.evaluation.fire_due().await.unwrap() > 0 {} };
    tokio::join!(accept, fire);
    for (id, stage) in (0..30).zip(desk.stages().await) {
        let last = desk.told_types(id).await.into_iter().next_back();
        let expected = if stage == "OFFER_ACCEPTED" { "OfferAccepted" } else { "CommandRefused" };
        assert_eq!(last.as_deref(), Some(expected), "{stage}");
    }
}

/// The calls of a bureau that takes connections and never answers.
struct Silent {
    address: String,
    calls: watch::Receiver<usize>,
    _listening: tokio::task::JoinSet<()>,
}

impl Silent {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (count, calls) = watch::channel(0);
        let mut listening = tokio::task::JoinSet::new();
        listening.spawn(async move {
            // A connection whose call has timed out is not used again: there is one for each call.
            let mut connections = Vec::new();
            loop {
                connections.push(listener.accept().await.unwrap());
                count.send_replace(connections.len());
            }
        });
        Self { address, calls, _listening: listening }
    }
}

#[tokio::test]
async fn a_bureau_that_never_answers_costs_its_own_time_out_opens_its_breaker_and_the_fallback_decides() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _told = metrics::set_default_local_recorder(&recorder);
    let desk = Desk::new(Dedup::Inbox).await;
    desk.apply(&[submitted(1)]).await;
    let mut silent = Silent::new().await;
    // Any other bureau would be given an hour.
    let settings = CallSettings { timeout: BOUND * 60, ..CallSettings::of_tests("http://front/v1/credit-reports") };
    let timeout = Some(Duration::from_millis(50));
    let address = BureauAddress { name: "north".to_owned(), address: silent.address.clone(), timeout };
    let bureau = Arc::new(Bureau::new(&address, &settings).unwrap());
    let (stop, stopped) = watch::channel(false);
    let (_asked, wakes) = watch::channel(());
    let asking = tokio::spawn(Dispatcher::new(desk.store.clone(), bureau, settings, wakes).run(stopped));
    tokio::time::timeout(BOUND, silent.calls.wait_for(|calls| *calls >= 3)).await.unwrap().unwrap();
    stop.send(true).unwrap();
    tokio::time::timeout(BOUND, asking).await.expect("the last call ends as well").unwrap().unwrap();
    let told = recorder.handle().render();
    assert!(told.contains("lending_breaker_open{dependency=\"north\"} 1"), "{told}");

    desk.apply(&[reported(1, "east", Some(700))]).await;
    assert_eq!(desk.stages().await, ["UNDERWRITING"], "one report is not enough, and there may be another");
    desk.let_time_pass().await;
    assert_eq!(desk.stages().await, ["MANUAL_DECISION"]);
    let north = "select state as x from credit_report_request where bureau = 'north'";
    assert_eq!(desk.column(north).await, ["GIVEN_UP"]);
}
