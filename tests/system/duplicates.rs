//! Repeats: a thousand of each mutating request at once, with Redis there, silent and forgetful, have one effect.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::books;
use crate::client::Caller;
use crate::inside::host;

const REPEATS: usize = 1000;
/// As many connections as a busy client has.
const AT_ONCE: usize = 64;
/// How long a client that was told that it asks too much waits for its turn.
const TURN: Duration = Duration::from_millis(50);

/// How Redis is while requests are repeated.
#[derive(Clone, Copy)]
enum Redis {
    Sound,
    /// It takes requests and does not answer.
    Silent,
    /// It forgets everything in the middle.
    Forgetful,
}

/// Says one thing to Redis, in its own protocol's inline form.
async fn redis(command: &str) {
    let mut stream = tokio::net::TcpStream::connect(format!("{}:6379", host("redis"))).await.unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"+OK"), "{command}: {}", String::from_utf8_lossy(&answer[..length]));
}

/// Sends the same request a thousand times. Every answer is an acceptance, or says that the first is still in work; at
/// least one is an acceptance.
async fn storm(caller: &Caller, redis_is: Redis, method: Method, path: &str, body: &Value) {
    let key = Uuid::new_v4();
    if matches!(redis_is, Redis::Silent) {
        redis("CLIENT PAUSE 8000 ALL").await;
    }
    let answers = stream::iter(0..REPEATS).map(|number| {
        let method = method.clone();
        async move {
            if matches!(redis_is, Redis::Forgetful) && number % 250 == 249 {
                redis("FLUSHALL").await;
            }
            answered(caller, method, path, key, body).await
        }
    });
    let mut counts: BTreeMap<StatusCode, usize> = BTreeMap::new();
    let mut answers = answers.buffer_unordered(AT_ONCE);
    while let Some(status) = answers.next().await {
        *counts.entry(status).or_default() += 1;
    }
    let count = |status| counts.get(&status).copied().unwrap_or_default();
    let (accepted, in_work) = (count(StatusCode::ACCEPTED), count(StatusCode::CONFLICT));
    assert_eq!(accepted + in_work, REPEATS, "{method} {path}: {counts:?}");
    assert!(accepted > 0, "{method} {path}");
}

/// Sends a request until the front door lets it through: a storm is more than one client's share of requests.
async fn answered(caller: &Caller, method: Method, path: &str, key: Uuid, body: &Value) -> StatusCode {
    loop {
        let status = caller.command(method.clone(), path, key, body).await.status();
        if status != StatusCode::TOO_MANY_REQUESTS {
            return status;
        }
        tokio::time::sleep(TURN).await;
    }
}

/// A customer who is verified and has given consent.
async fn customer(caller: &Caller) -> String {
    let id = format!("customer-of-{}", Uuid::new_v4());
    let profile = json!({ "customer_id": id, "name": "Grace Hopper", "email": "grace@example.org", "date_of_birth": "1960-12-09" });
    let at = caller.accepted(Method::POST, "/v1/customers", &profile).await;
    caller.accepted(Method::PUT, &format!("{at}/consents/credit-check"), &json!({ "granted": true })).await;
    caller.until(&at, |seen| seen["kyc"] == "VERIFIED" && seen["consents"] == json!(["CREDIT_CHECK"])).await;
    id
}

fn application(external_id: Uuid, customer: &str) -> Value {
    json!({
        "external_id": external_id, "customer_id": customer, "product": "car",
        "principal": { "currency": "EUR", "minor_units": 900_000 }, "term_months": 24,
    })
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_thousand_repeats_about_a_customer_have_one_effect_each() {
    let caller = Caller::sign_in("client-2").await;
    let officer = Caller::sign_in("officer-1").await;
    for redis_is in [Redis::Sound, Redis::Silent, Redis::Forgetful] {
        let id = format!("repeated-{}", Uuid::new_v4());
        let at = format!("/v1/customers/{id}");
        let profile = json!({ "customer_id": id, "name": "Mary Jackson", "email": "mary@example.org", "date_of_birth": "1951-04-09" });
        storm(&caller, redis_is, Method::POST, "/v1/customers", &profile).await;
        let registered = caller.until(&at, |seen| seen["kyc"] == "VERIFIED").await;

        storm(&caller, redis_is, Method::PATCH, &at, &json!({ "email": "mary@example.net" })).await;
        let changed = caller.until(&at, |seen| seen["email"] == "mary@example.net").await;
        assert_eq!(changed["version"].as_i64(), registered["version"].as_i64().map(|version| version + 1));

        let consent = format!("{at}/consents/marketing");
        storm(&caller, redis_is, Method::PUT, &consent, &json!({ "granted": true })).await;
        let agreed = caller.until(&at, |seen| seen["consents"] == json!(["MARKETING"])).await;
        assert_eq!(agreed["version"].as_i64(), changed["version"].as_i64().map(|version| version + 1));

        let decision = json!({ "state": "REJECTED", "decided_by": "Katherine Johnson" });
        storm(&officer, redis_is, Method::PUT, &format!("{at}/kyc"), &decision).await;
        let rejected = caller.until(&at, |seen| seen["kyc"] == "REJECTED").await;
        assert_eq!(rejected["version"].as_i64(), agreed["version"].as_i64().map(|version| version + 1));
    }
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_thousand_repeats_of_an_application_and_its_payments_have_one_effect_each() {
    let caller = Caller::sign_in("client-3").await;
    let customer = customer(&caller).await;
    for redis_is in [Redis::Sound, Redis::Silent, Redis::Forgetful] {
        let external_id = offered(&caller, &customer, redis_is).await;
        let applications = "select count(*) from loan_application where external_id = $1";
        assert_eq!(books::number("origination", applications, Some(external_id)).await, 1);

        let acceptance = format!("/v1/loan-applications/{external_id}/offer/acceptance");
        storm(&caller, redis_is, Method::POST, &acceptance, &json!({})).await;
        let loan_at = format!("/v1/loans/{external_id}");
        caller.until(&loan_at, |loan| loan["status"] == "ACTIVE").await;
        assert_eq!(books::moved(external_id, "OUT").await, 900_000);

        let repayment =
            json!({ "repayment_id": Uuid::new_v4(), "amount": { "currency": "EUR", "minor_units": 50_000 } });
        storm(&caller, redis_is, Method::POST, &format!("{loan_at}/repayments"), &repayment).await;
        let before = caller.until(&loan_at, |loan| loan["payoff_minor_units"].as_i64() < Some(900_000)).await;
        assert_eq!(books::moved(external_id, "IN").await, 50_000, "{before}");

        let officer = Caller::sign_in("officer-2").await;
        storm(&officer, redis_is, Method::POST, &format!("{loan_at}/write-off"), &json!({})).await;
        caller.until(&loan_at, |loan| loan["status"] == "CLOSED_WRITTEN_OFF").await;
        assert_eq!(books::balance("LOAN_PORTFOLIO", external_id).await, 0);
        let written_off = "select count(*) from ledger_transaction where external_id = $1 and kind = 'WRITEOFF'";
        assert_eq!(books::number("servicing", written_off, Some(external_id)).await, 1);
        assert_eq!(books::ledger_sum().await, 0);
    }
}

/// Applies a thousand times under one id, with other ids until one is offered a loan.
async fn offered(caller: &Caller, customer: &str, redis_is: Redis) -> Uuid {
    for _ in 0..20 {
        let external_id = Uuid::new_v4();
        storm(caller, redis_is, Method::POST, "/v1/loan-applications", &application(external_id, customer)).await;
        let at = format!("/v1/loan-applications/{external_id}");
        let decided = |seen: &Value| seen["stage"] == "OFFER_PENDING" || seen["status"] == "REJECTED";
        if caller.until(&at, decided).await["stage"] == "OFFER_PENDING" {
            return external_id;
        }
    }
    panic!("twenty applications, and not one was good enough");
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_thousand_repeats_of_a_withdrawal_have_one_effect() {
    let caller = Caller::sign_in("client-4").await;
    let customer = customer(&caller).await;
    let external_id = Uuid::new_v4();
    let at = caller.accepted(Method::POST, "/v1/loan-applications", &application(external_id, &customer)).await;
    storm(&caller, Redis::Sound, Method::POST, &format!("{at}/withdrawal"), &json!({})).await;
    let ended = |seen: &Value| seen["status"] == "WITHDRAWN_BY_CLIENT" || seen["status"] == "REJECTED";
    let withdrawn = caller.until(&at, ended).await;
    let events =
        "select count(*) from outbox where key = $1::text and payload::jsonb ->> 'type' = 'LoanApplicationWithdrawn'";
    let told = i64::from(withdrawn["status"] == "WITHDRAWN_BY_CLIENT");
    assert_eq!(books::number("origination", events, Some(external_id)).await, told);
}
