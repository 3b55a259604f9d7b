//! Commands: what reaches the log, and what a repeat is told.

use std::time::{Duration, Instant};

use axum::http::Method;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use serde_json::{Value, json};
use uuid::Uuid;

use super::identity::claims;
use super::world::{Answered, BOUND, EVERYTHING, WITHDRAWAL, World, send};
use crate::domain::application::tests::sound;
use crate::gateway::routes::COMMANDS;
use crate::messaging::topic;
use crate::telemetry::traceparent::same_trace;
use crate::testing::log::wait_for;

const APPLICATIONS: &str = "/v1/loan-applications";
const EXTERNAL_ID: &str = "0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0001";

/// A path of a route, with parameters that are taken.
fn path_of(template: &str) -> String {
    template
        .replace("{external_id}", EXTERNAL_ID)
        .replace("{customer_id}", "customer-17")
        .replace("{purpose}", "marketing")
}

/// What a client is told of an accepted command, without since when the log has it.
fn accepted(mut body: Value) -> Value {
    let since = body.as_object_mut().and_then(|told| told.remove("accepted_at")).expect("an instant");
    let since: jiff::Timestamp = since.as_str().and_then(|since| since.parse().ok()).expect("an instant");
    assert!(since.duration_since(jiff::Timestamp::now()).abs() < BOUND.try_into().expect("short"), "{since}");
    body
}

fn replayed(answered: &Answered) -> bool {
    answered.headers.contains_key("idempotent-replay")
}

#[tokio::test]
async fn every_command_of_the_table_is_accepted_and_in_its_topic_under_its_key() {
    let world = World::new().await;
    for command in &COMMANDS {
        let body = (command.example)().to_string();
        let answered = world.command(command.method.clone(), &path_of(command.path), Uuid::new_v4(), &body).await;
        assert_eq!(answered.status, 202, "{} {}: {}", command.method, command.path, answered.body);
        let about_several = command.path == "/v1/credit-reports";
        assert_eq!(answered.headers.contains_key("location"), !about_several, "{}", command.path);
    }
    let mut seen: Vec<(String, String)> = Vec::new();
    for (topic, count) in
        [(topic::CUSTOMERS_COMMANDS, 4), (topic::ORIGINATION_COMMANDS, 7), (topic::SERVICING_COMMANDS, 2)]
    {
        for (key, event) in world.events(topic, count).await {
            let id = if topic == topic::CUSTOMERS_COMMANDS { "customer_id" } else { "external_id" };
            assert_eq!(event["data"][id].as_str(), key.as_deref(), "{event}");
            seen.push((topic.to_owned(), event["type"].as_str().expect("a type").to_owned()));
        }
    }
    seen.sort();
    seen.dedup();
    let names: Vec<&str> = seen.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "ConsentChangeRequested",
            "CustomerChangeRequested",
            "CustomerRegistrationRequested",
            "KycDecided",
            "CreditReportReceived",
            "LoanApplicationSubmitted",
            "ManualDecisionMade",
            "OfferAcceptanceRequested",
            "OfferRefused",
            "WithdrawalRequested",
            "RepaymentRequested",
            "WriteOffRequested",
        ]
    );
}

#[tokio::test]
async fn an_accepted_application_says_where_its_state_is_and_what_it_is_correlated_by() {
    let world = World::new().await;
    let (request_id, trace) = (Uuid::new_v4(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let mut request = world.request(Method::POST, APPLICATIONS, Uuid::new_v4(), &sound().to_string());
    request.headers_mut().insert("x-request-id", request_id.to_string().parse().expect("a header"));
    request.headers_mut().insert("traceparent", trace.parse().expect("a header"));
    let answered = send(&world.router, request).await;
    assert_eq!(answered.headers["location"], format!("{APPLICATIONS}/{EXTERNAL_ID}"));
    assert_eq!(accepted(answered.body), json!({ "event": "LoanApplicationSubmitted", "id": EXTERNAL_ID, "events": 1 }));
    let (_, event) = &world.events(topic::ORIGINATION_COMMANDS, 1).await[0];
    assert_eq!(event["data"], sound());
    assert_eq!(event["correlation_id"], request_id.to_string());
    assert_eq!(event["causation_id"], Value::Null);
    // The same trace, and within it this gateway's step where spans are made.
    assert!(same_trace(event["traceparent"].as_str().expect("a trace"), trace));
}

#[tokio::test]
async fn a_repeat_is_told_the_first_answer_by_any_gateway_and_nothing_is_appended() {
    let world = World::new().await;
    let (key, body) = (Uuid::new_v4(), sound().to_string());
    let first = world.command(Method::POST, APPLICATIONS, key, &body).await;
    assert!(first.status == 202 && !replayed(&first));
    let other = world.another_gateway().await;
    for router in [&world.router, &other] {
        let repeat = send(router, world.request(Method::POST, APPLICATIONS, key, &body)).await;
        assert!(repeat.status == 202 && replayed(&repeat));
        assert_eq!((&repeat.headers["location"], &repeat.body), (&first.headers["location"], &first.body));
    }
    world.events(topic::ORIGINATION_COMMANDS, 1).await;
}

#[tokio::test]
async fn an_answer_is_remembered_for_a_day() {
    let world = World::new().await;
    let key = Uuid::new_v4();
    assert_eq!(world.command(Method::POST, WITHDRAWAL, key, "{}").await.status, 202);
    let mut connection = world.redis.connection();
    let left: u64 =
        redis::cmd("PTTL").arg(format!("idempotency:client-1:{key}")).query(&mut connection).expect("a time");
    let day = Duration::from_hours(24).as_millis();
    assert!((day - BOUND.as_millis()..=day).contains(&u128::from(left)), "{left} ms");
}

#[tokio::test]
async fn a_key_that_comes_back_with_another_request_is_refused_unless_it_is_another_clients() {
    let world = World::new().await;
    let key = Uuid::new_v4();
    assert_eq!(world.command(Method::POST, WITHDRAWAL, key, "{}").await.status, 202);
    for (path, body) in [(WITHDRAWAL, "{ }".to_owned()), (APPLICATIONS, sound().to_string())] {
        let reused = world.command(Method::POST, path, key, &body).await;
        assert_eq!((reused.status.as_u16(), reused.kind()), (422, "key-reused"));
    }
    let mut request = world.request(Method::POST, APPLICATIONS, key, &sound().to_string());
    let token = world.signer.sign(&claims("client-2", EVERYTHING));
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
    assert_eq!(send(&world.router, request).await.status, 202, "a key is its client's");
}

#[tokio::test]
async fn a_repeat_while_the_first_is_in_work_is_told_so() {
    let world = World::new().await;
    assert_eq!(world.command(Method::POST, WITHDRAWAL, Uuid::new_v4(), "{}").await.status, 202, "all is well");
    world.log.down();
    let key = Uuid::new_v4();
    let request = world.request(Method::POST, WITHDRAWAL, key, "{}");
    let router = world.router.clone();
    let first = tokio::spawn(async move { send(&router, request).await });
    // The first may not have reserved its key yet: then this one has, and neither ends before the log is back.
    let router = world.router.clone();
    let request = world.request(Method::POST, WITHDRAWAL, key, "{}");
    let second = tokio::spawn(async move { send(&router, request).await });
    let started = Instant::now();
    while !first.is_finished() && !second.is_finished() {
        assert!(started.elapsed() < BOUND, "one of the two is told at once");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.log.cluster.broker_up(1).expect("it is back");
    let answers = [first.await.expect("an answer"), second.await.expect("an answer")];
    let [told] = answers.iter().filter(|answer| answer.status == 409).collect::<Vec<_>>()[..] else {
        panic!("one is told that the other is in work: {} {}", answers[0].body, answers[1].body)
    };
    assert_eq!(told.kind(), "in-progress");
    assert_eq!(told.headers["retry-after"], "1");
    assert!(answers.iter().any(|answer| answer.status == 202));
}

#[tokio::test]
async fn when_redis_goes_repeats_are_accepted_again_as_the_same_event() {
    let mut world = World::with(&[("LENDING_REDIS_TIMEOUT", "300ms")]).await;
    let (key, body) = (Uuid::new_v4(), sound().to_string());
    assert_eq!(world.command(Method::POST, APPLICATIONS, key, &body).await.status, 202);
    world.redis.stop();
    for _ in 0..5 {
        let repeat = world.command(Method::POST, APPLICATIONS, key, &body).await;
        assert!(repeat.status == 202 && !replayed(&repeat), "{}", repeat.body);
    }
    let events = world.events(topic::ORIGINATION_COMMANDS, 6).await;
    assert!(events.iter().all(|(_, event)| event["event_id"] == events[0].1["event_id"]), "one event, six times");
}

#[tokio::test]
async fn a_reservation_whose_answer_was_lost_is_completed_and_never_called_in_work() {
    // Were it left to expire, a repeat would be told for an hour that its first is in work.
    let settings = [("LENDING_REDIS_TIMEOUT", "300ms"), ("LENDING_IDEMPOTENCY_RESERVATION", "1h")];
    let world = World::with(&settings).await;
    assert_eq!(world.command(Method::POST, WITHDRAWAL, Uuid::new_v4(), "{}").await.status, 202, "all is well");
    world.redis.hang();
    let key = Uuid::new_v4();
    let first = world.command(Method::POST, WITHDRAWAL, key, "{}").await;
    assert!(first.status == 202 && !replayed(&first), "{}", first.body);
    world.redis.go_on();
    let entry = format!("idempotency:client-1:{key}");
    wait_for("the reservation is completed", async || {
        let held: Option<String> =
            redis::cmd("GET").arg(&entry).query(&mut world.redis.connection()).expect("an answer");
        let held = held.map(|text| serde_json::from_str::<Value>(&text).expect("an entry"));
        held.is_some_and(|held| !held["answer"].is_null())
    })
    .await;
    let repeat = world.command(Method::POST, WITHDRAWAL, key, "{}").await;
    assert_eq!(repeat.status, 202, "{}", repeat.body);
}

#[tokio::test]
async fn with_answers_in_memory_another_gateway_accepts_a_repeat_again() {
    let world = World::with(&[("LENDING_IDEMPOTENCY_STORE", "memory")]).await;
    let key = Uuid::new_v4();
    let other = world.another_gateway().await;
    assert!(!replayed(&world.command(Method::POST, WITHDRAWAL, key, "{}").await));
    assert!(replayed(&world.command(Method::POST, WITHDRAWAL, key, "{}").await));
    assert_eq!(world.command(Method::POST, WITHDRAWAL, key, "{ }").await.kind(), "key-reused");
    let elsewhere = send(&other, world.request(Method::POST, WITHDRAWAL, key, "{}")).await;
    assert!(elsewhere.status == 202 && !replayed(&elsewhere));
    world.events(topic::ORIGINATION_COMMANDS, 2).await;
}

#[tokio::test]
async fn without_keying_a_record_has_no_key_and_is_the_same_event() {
    let world = World::with(&[("LENDING_KEYING", "none")]).await;
    assert_eq!(world.command(Method::POST, APPLICATIONS, Uuid::new_v4(), &sound().to_string()).await.status, 202);
    assert_eq!(world.command(Method::POST, WITHDRAWAL, Uuid::new_v4(), "{}").await.status, 202);
    let events = world.events(topic::ORIGINATION_COMMANDS, 2).await;
    assert!(
        events.iter().all(|(key, event)| key.is_none() && event["data"]["external_id"] == EXTERNAL_ID),
        "{events:?}"
    );
}

#[tokio::test]
async fn what_the_log_does_not_confirm_is_unknown_and_may_be_asked_for_again() {
    let world = World::with(&[
        ("LENDING_KAFKA_MESSAGE_TIMEOUT", "2s"),
        ("LENDING_KAFKA_REQUEST_TIMEOUT", "1s"),
        ("LENDING_KAFKA_IDEMPOTENCE", "false"),
    ])
    .await;
    let key = Uuid::new_v4();
    let fate = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED];
    world.log.cluster.request_errors(RDKafkaApiKey::Produce, &fate);
    let lost = world.command(Method::POST, WITHDRAWAL, key, "{}").await;
    assert_eq!((lost.status.as_u16(), lost.kind()), (504, "unconfirmed"));
    assert!(!lost.headers.contains_key("not-attempted"));
    let started = Instant::now();
    loop {
        let again = world.command(Method::POST, WITHDRAWAL, key, "{}").await;
        if again.status == 202 {
            break assert!(!replayed(&again), "the key is free again");
        }
        assert!(started.elapsed() < BOUND, "{}", again.body);
    }
}

#[tokio::test]
async fn credit_reports_are_accepted_when_the_log_has_all_of_them_and_keep_their_ids() {
    let world = World::new().await;
    let report = |n: u128, score: Value| {
        let (request_id, external_id) = (Uuid::from_u128(n), Uuid::from_u128(n + 1000));
        json!({ "request_id": request_id, "external_id": external_id, "bureau": "bureau-1", "score": score })
    };
    let reports: Vec<Value> = (0..200).map(|n| report(n, json!(300 + n))).collect();
    let body = json!({ "reports": reports }).to_string();
    let answered = world.command(Method::POST, "/v1/credit-reports", Uuid::new_v4(), &body).await;
    assert_eq!(accepted(answered.body), json!({ "event": "CreditReportReceived", "events": 200 }));
    // Late and under another key, with another one: it is the same report.
    let body = json!({ "reports": [report(7, Value::Null), report(200, json!(850))] }).to_string();
    assert_eq!(world.command(Method::POST, "/v1/credit-reports", Uuid::new_v4(), &body).await.status, 202);
    let events = world.events(topic::ORIGINATION_COMMANDS, 202).await;
    let ids: std::collections::BTreeSet<&str> =
        events.iter().map(|(_, event)| event["event_id"].as_str().expect("an id")).collect();
    assert_eq!(ids.len(), 201);
    assert!(events.iter().all(|(key, event)| event["data"]["external_id"].as_str() == key.as_deref()));
}

#[tokio::test]
async fn a_batch_of_reports_that_does_not_fit_the_producer_is_unknown_and_one_that_finds_no_place_was_not_attempted() {
    let world = World::with(&[("LENDING_KAFKA_QUEUE_MAX", "5")]).await;
    let report = |n: u128| {
        let id = Uuid::from_u128(n);
        json!({ "request_id": id, "external_id": id, "bureau": "bureau-1", "score": null })
    };
    let batch = |range: std::ops::Range<u128>| json!({ "reports": range.map(report).collect::<Vec<_>>() }).to_string();
    assert_eq!(world.command(Method::POST, "/v1/credit-reports", Uuid::new_v4(), &batch(0..1)).await.status, 202);
    world.log.down();
    let request = world.request(Method::POST, "/v1/credit-reports", Uuid::new_v4(), &batch(0..50));
    let router = world.router.clone();
    let partly = tokio::spawn(async move { send(&router, request).await });
    let started = Instant::now();
    loop {
        // Either this one finds the queue full, or it is in it itself and waits with the others.
        let request = world.request(Method::POST, "/v1/credit-reports", Uuid::new_v4(), &batch(0..1));
        let asked = tokio::time::timeout(Duration::from_millis(200), send(&world.router, request)).await;
        if let Ok(answered) = asked {
            assert_eq!((answered.status.as_u16(), answered.kind()), (503, "not-attempted"));
            assert_eq!(answered.headers["not-attempted"], "true");
            break;
        }
        assert!(started.elapsed() < BOUND, "the queue is never full");
    }
    world.log.cluster.broker_up(1).expect("it is back");
    let partly = partly.await.expect("an answer");
    assert_eq!((partly.status.as_u16(), partly.kind()), (504, "unconfirmed"));
}
