//! What clients do step by step: values carried on, ids of their own, waiting, and every way in which it can end.

use crate::support::{Running, SEED, mixed, once, request, run, serve, start};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use proofload_history::journal::Journeys;
use proofload_history::{Id, Outcome};
use proofload_scenarios::traffic::MAX_WORKERS;
use proofload_scenarios::{Condition, Journey, Mix, Request, Step, Until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Loans by the id of their arrival: how often each was read, and what was repaid, in order.
#[derive(Clone, Default)]
struct Loans(Arc<Mutex<BTreeMap<String, Loan>>>);

#[derive(Default)]
struct Loan {
    reads: u32,
    repaid: Vec<Value>,
}

/// A loan is not there at the first look, being paid out at the second, and active from then on.
async fn read(State(loans): State<Loans>, Path(id): Path<String>) -> (StatusCode, Json<Value>) {
    let mut loans = loans.0.lock().unwrap();
    let loan = loans.entry(id).or_default();
    loan.reads += 1;
    match loan.reads {
        1 => (StatusCode::NOT_FOUND, Json(json!({}))),
        2 => (StatusCode::OK, Json(json!({ "status": "APPROVED" }))),
        _ => (StatusCode::OK, Json(json!({ "status": "ACTIVE", "next": { "minor_units": 123 } }))),
    }
}

async fn repay(State(loans): State<Loans>, Path(id): Path<String>, Json(body): Json<Value>) -> StatusCode {
    loans.0.lock().unwrap().entry(id).or_default().repaid.push(body);
    StatusCode::ACCEPTED
}

impl Loans {
    async fn serve(&self) -> String {
        let system = Router::new().route("/loans/{id}", get(read)).route("/loans/{id}/repayments", post(repay));
        serve(system.with_state(self.clone())).await
    }
}

fn read_loan() -> Arc<Request> {
    let spec = "method = 'GET'\npath = '/loans/{arrival}'\nok = [200]\nfail = [404]\ntimeout = '60s'\n\
                captures = { due = '/next/minor_units' }";
    request("read", spec)
}

fn repayment() -> Arc<Request> {
    let spec = r#"
        method = "POST"
        path = "/loans/{arrival}/repayments"
        headers = { Content-Type = "application/json" }
        body = '{"id":"{id}","amount":{capture:due},"salt":{integer:1..1000000000}}'
        ok = [202]
        timeout = "60s"
        own_id = true
    "#;
    request("repay", spec)
}

fn is(pointer: &str, equals: &str) -> Condition {
    Condition { pointer: pointer.to_owned(), equals: json!(equals) }
}

fn until(request: Arc<Request>, sees: Condition, unless: Vec<Condition>, within: Duration) -> Step {
    Step::Until(Until { request, sees, unless, every: Duration::from_millis(5), within })
}

fn active() -> Step {
    until(read_loan(), is("/status", "ACTIVE"), Vec::new(), Duration::from_secs(60))
}

fn journey(steps: Vec<Step>) -> Journey {
    Journey::new("journey", steps).unwrap()
}

/// How far ten arrivals come with these steps.
async fn ends(base_url: &str, steps: Vec<Step>) -> Journeys {
    let ended = run(base_url, vec![mixed("clients", 1, "50/s", 200, journey(steps))]).await;
    ended.audits[0].journeys
}

/// A system whose GET always answers this.
async fn answering(answer: Value) -> String {
    serve(Router::new().route("/loans/{id}", get(async move || Json(answer.clone())))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_waits_for_what_it_needs_and_carries_it_into_the_next_request() {
    let loans = Loans::default();
    let steps = vec![active(), Step::Do { request: repayment(), times: 3 }];
    let ended = run(&loans.serve().await, vec![mixed("pay", 1, "20/s", 500, journey(steps))]).await;
    let known = loans.0.lock().unwrap();
    assert_eq!(known.len(), 10);
    for loan in known.values() {
        let amounts: Vec<&Value> = loan.repaid.iter().map(|repaid| &repaid["amount"]).collect();
        assert_eq!((loan.reads, amounts), (3, vec![&json!(123); 3]));
    }
    let audit = &ended.audits[0];
    assert_eq!(audit.journeys, Journeys { begun: 10, completed: 10, ..Journeys::default() });
    assert_eq!((audit.sent, audit.goose_requests), (10, 60), "ten arrivals, three looks and three repayments each");
    // Each look is an operation, and "not yet" is told from what was there.
    let looks: Vec<_> = ended.operations("read");
    let of_one = looks.iter().filter(|look| look.intent == Id::issued(SEED, 1, 4));
    let told: Vec<_> = of_one.map(|look| (look.attempt, look.outcome, look.status)).collect();
    assert_eq!(told, [(0, Outcome::Fail, Some(404)), (1, Outcome::Ok, Some(200)), (2, Outcome::Ok, Some(200))]);
    assert!(looks.iter().all(|look| look.intended <= look.sent.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_with_own_ids_is_another_intent_each_time_and_tells_its_arrival() {
    let loans = Loans::default();
    let steps = vec![active(), Step::Do { request: repayment(), times: 2 }, once(&repayment())];
    let ended = run(&loans.serve().await, vec![mixed("pay", 3, "20/s", 250, journey(steps))]).await;
    let mut expected = Vec::new();
    for counter in 0..5 {
        let arrival = Id::issued(SEED, 3, counter);
        let own = [arrival.own(1), arrival.own(2), arrival.own(3)];
        let known = loans.0.lock().unwrap();
        let sent = &known[&arrival.to_string()].repaid;
        let ids: Vec<Id> = sent.iter().map(|repaid| repaid["id"].as_str().unwrap().parse().unwrap()).collect();
        assert_eq!(ids, own);
        let mut salts: Vec<u64> = sent.iter().map(|repaid| repaid["salt"].as_u64().unwrap()).collect();
        salts.dedup();
        assert_eq!(salts.len(), 3, "each is a request of its own");
        expected.extend(own);
    }
    let mut made: Vec<Id> = ended.operations("repay").iter().map(|made| made.intent).collect();
    made.sort();
    expected.sort();
    assert_eq!(made, expected);
    assert!(ended.operations("repay").iter().all(|made| made.attempt == 0));
    assert_eq!(ended.history.intents("repay").unwrap().len(), 15, "no id was issued for repayments by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_repeated_under_the_arrivals_id_is_the_same_request_and_its_attempts_are_numbered_through() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let system = Router::new().route("/", post(async move |body: String| keep.lock().unwrap().push(body)));
    let spec = "method = 'POST'\npath = '/'\nbody = '{id} {integer:1..1000000}'\nok = [200]\ntimeout = '60s'";
    let steps = vec![Step::Do { request: request("submit", spec), times: 3 }];
    let ended = run(&serve(system).await, vec![mixed("apply", 1, "1/h", 50, journey(steps))]).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|body| *body == seen[0]), "{seen:?}");
    let attempts: Vec<u32> = ended.operations("submit").iter().map(|made| made.attempt).collect();
    assert_eq!(attempts, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_not_ok_ends_the_journey_and_is_counted() {
    let refuse = serve(Router::new().route("/loans/{id}", get(|| async { StatusCode::BAD_GATEWAY }))).await;
    let ends = ends(&refuse, vec![once(&read_loan()), once(&repayment())]).await;
    assert_eq!(ends, Journeys { begun: 10, not_ok: 10, ..Journeys::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_come_any_more_ends_the_journey_quietly_and_is_counted() {
    let rejected = answering(json!({ "status": "REJECTED" })).await;
    let unless = vec![is("/status", "WITHDRAWN"), is("/status", "REJECTED")];
    let wait = until(read_loan(), is("/status", "ACTIVE"), unless, Duration::from_secs(3_600));
    let ends = ends(&rejected, vec![wait, once(&repayment())]).await;
    assert_eq!(ends, Journeys { begun: 10, unless: 10, ..Journeys::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_in_time_ends_the_journey_and_is_counted() {
    let pending = answering(json!({ "status": "APPROVED" })).await;
    let wait = until(read_loan(), is("/status", "ACTIVE"), Vec::new(), Duration::from_millis(50));
    let ends = ends(&pending, vec![wait, once(&repayment())]).await;
    assert_eq!(ends, Journeys { begun: 10, waited_in_vain: 10, ..Journeys::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_the_answer_does_not_hold_ends_the_journey_where_it_is_needed_and_is_counted() {
    for answer in [json!({ "next": null }), json!({ "next": { "minor_units": true } }), json!("text")] {
        let without = answering(answer).await;
        let ends = ends(&without, vec![once(&read_loan()), once(&repayment())]).await;
        assert_eq!(ends, Journeys { begun: 10, without_value: 10, ..Journeys::default() });
    }
    // Whoever does not need it goes on.
    let without = answering(json!({ "next": null })).await;
    let ends = ends(&without, vec![once(&read_loan()), once(&read_loan())]).await;
    assert_eq!(ends, Journeys { begun: 10, completed: 10, ..Journeys::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_a_later_answer_does_not_hold_any_more_is_not_used_again() {
    let looks = Arc::new(Mutex::new(0));
    let system = Router::new().route(
        "/loans/{id}",
        get(async move || {
            let mut looks = looks.lock().unwrap();
            *looks += 1;
            Json(if *looks == 1 { json!({ "next": { "minor_units": 5 } }) } else { json!({}) })
        }),
    );
    let steps = vec![once(&read_loan()), once(&read_loan()), once(&repayment())];
    let ended = run(&serve(system).await, vec![mixed("pay", 1, "1/h", 50, journey(steps))]).await;
    assert_eq!(ended.audits[0].journeys, Journeys { begun: 1, without_value: 1, ..Journeys::default() });
    assert!(ended.operations("repay").is_empty());
}

/// One client that thinks for an hour between two looks.
async fn thinking(pause: Duration) -> Running {
    let fine = answering(json!({})).await;
    let steps = vec![once(&read_loan()), Step::Pause(pause), once(&read_loan())];
    start(&fine, vec![mixed("think", 1, "1/h", 50, journey(steps))], MAX_WORKERS)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_thinks_makes_its_next_step_when_it_is_due_and_not_before() {
    let ended = thinking(Duration::from_millis(300)).await.end().await;
    let looks = ended.operations("read");
    assert_eq!(looks.len(), 2);
    assert!(looks[1].intended.since(looks[0].done) >= Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_thinks_does_not_keep_traffic_that_is_to_end() {
    let running = thinking(Duration::from_secs(3_600)).await;
    running.until(|counts| counts.ok == 1 && counts.in_flight == 1).await;
    running.handle.stop();
    let ended = running.end().await;
    assert_eq!(ended.operations("read").len(), 1);
    assert_eq!(ended.audits[0].journeys, Journeys { begun: 1, ..Journeys::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_gives_every_scenario_its_share_and_ids_of_its_own() {
    let named = |name: &str| {
        let spec = "method = 'GET'\npath = '/loans/{id}'\nok = [200]\ntimeout = '60s'";
        Arc::new(Journey::new(name, vec![once(&request(name, spec))]).unwrap())
    };
    let mix = Mix::new(vec![(70, named("apply")), (25, named("browse")), (5, named("journey"))]).unwrap();
    let drawn: Vec<usize> = (0..300).map(|number| mix.draw(SEED, 4, number)).collect();
    let ended = run(&answering(json!({})).await, vec![mixed("mixed", 4, "300/s", 1_000, mix)]).await;
    for (scenario, name) in ["apply", "browse", "journey"].into_iter().enumerate() {
        let expected = drawn.iter().filter(|one| **one == scenario).count() as u64;
        assert!(expected > 0, "this seed draws each");
        let mut made: Vec<Id> = ended.operations(name).iter().map(|made| made.intent).collect();
        made.sort();
        let ids: Vec<Id> = (0..expected).map(|counter| Id::issued(SEED, 4 + scenario as u16, counter)).collect();
        assert_eq!(made, ids, "{name}");
        let intents = ended.history.intents(name).unwrap();
        assert_eq!(intents.len() as u64, expected, "no id of {name} was issued in vain, or for another scenario");
    }
    let order: Vec<usize> = {
        let mut all: Vec<_> = ended.made.iter().collect();
        all.sort_by_key(|made| made.intended);
        all.iter()
            .map(|made| ["apply", "browse", "journey"].iter().position(|name| **name == *made.name).unwrap())
            .collect()
    };
    assert_eq!(order, drawn, "which arrival does what is a function of the seed");
}
