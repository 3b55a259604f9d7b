//! Repeats: a thousand of each mutating request at once, with Redis there, silent, forgetful and dead, have one effect.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::books;
use crate::by_hand::{SilentBureaus, lab};
use crate::client::Caller;
use crate::inside::host;
use crate::settled::everything_is_done;

const REPEATS: usize = 1000;
/// As many connections as a busy client has.
const AT_ONCE: usize = 64;
/// How long a client that was told that it asks too much waits for its turn.
const TURN: Duration = Duration::from_millis(50);
const APPLICATIONS: &str = "/v1/loan-applications";
const REPORTS: &str = "/v1/credit-reports";
const PRINCIPAL: i64 = 900_000;
const PAID: i64 = 50_000;

/// How Redis is while requests are repeated.
#[derive(Clone, Copy, Debug)]
enum Redis {
    Sound,
    /// It takes requests and does not answer.
    Silent,
    /// It forgets everything.
    Forgetful,
    /// It is killed, and started again later.
    Dead,
}

const STATES: [Redis; 4] = [Redis::Sound, Redis::Silent, Redis::Forgetful, Redis::Dead];

impl Redis {
    /// What happens to it just before one of the repeats is sent.
    async fn before(self, number: usize) {
        match (self, number) {
            (Self::Silent, 0) => lab("pause", "redis").await,
            (Self::Silent, 750) => lab("resume", "redis").await,
            (Self::Forgetful, 250 | 500 | 750) => forget().await,
            (Self::Dead, 250) => lab("kill", "redis").await,
            (Self::Dead, 750) => lab("start", "redis").await,
            _ => {}
        }
    }
}

async fn forget() {
    let mut stream = tokio::net::TcpStream::connect(format!("{}:6379", host("redis"))).await.unwrap();
    stream.write_all(b"FLUSHALL\r\n").await.unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+OK\r\n");
}

/// Sends the same request a thousand times. Every answer is an acceptance, or says that the first is still in work; at
/// least one is an acceptance.
async fn storm(caller: &Caller, redis: Redis, method: Method, path: &str, body: &Value) {
    let key = Uuid::new_v4();
    let answers = stream::iter(0..REPEATS).map(|number| {
        let method = method.clone();
        async move {
            redis.before(number).await;
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
    assert_eq!(accepted + in_work, REPEATS, "{method} {path}, Redis {redis:?}: {counts:?}");
    assert!(accepted > 0, "{method} {path}, Redis {redis:?}");
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

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_thousand_repeats_about_a_customer_have_one_effect_each() {
    for redis in STATES {
        let caller = Caller::sign_in("client-2").await;
        let officer = Caller::sign_in("officer-1").await;
        let id = format!("repeated-{}", Uuid::new_v4());
        let at = format!("/v1/customers/{id}");
        let profile = json!({ "customer_id": id, "name": "Mary Jackson", "email": "mary@example.org", "date_of_birth": "1951-04-09" });
        storm(&caller, redis, Method::POST, "/v1/customers", &profile).await;
        caller.until(&at, |seen| seen["kyc"] == "VERIFIED").await;

        storm(&caller, redis, Method::PATCH, &at, &json!({ "email": "mary@example.net" })).await;
        caller.until(&at, |seen| seen["email"] == "mary@example.net").await;

        storm(&caller, redis, Method::PUT, &format!("{at}/consents/marketing"), &json!({ "granted": true })).await;
        caller.until(&at, |seen| seen["consents"] == json!(["MARKETING"])).await;

        let decision = json!({ "state": "REJECTED", "decided_by": "Katherine Johnson" });
        storm(&officer, redis, Method::PUT, &format!("{at}/kyc"), &decision).await;
        caller.until(&at, |seen| seen["kyc"] == "REJECTED").await;

        everything_is_done().await;
        assert_eq!(caller.read(&at).await.unwrap()["version"], 4, "Redis {redis:?}");
        assert_eq!(books::told("customers", &id).await, ["CustomerChanged"; 4], "Redis {redis:?}");
    }
}

/// Who asks in the course of an application; their tokens last for minutes.
struct Cast {
    client: Caller,
    officer: Caller,
    bureau: Caller,
}

impl Cast {
    async fn new() -> Self {
        Self {
            client: Caller::sign_in("client-3").await,
            officer: Caller::sign_in("officer-2").await,
            bureau: Caller::sign_in("bureau-1").await,
        }
    }

    /// An application about which the bureaus are being asked; returns its id.
    async fn applied(&self) -> Uuid {
        let external_id = Uuid::new_v4();
        self.client.accepted(Method::POST, APPLICATIONS, &application(external_id)).await;
        self.until_stage(external_id, "UNDERWRITING").await;
        external_id
    }

    async fn until_stage(&self, external_id: Uuid, stage: &str) {
        self.client.until(&at(external_id), |seen| seen["stage"] == stage).await;
    }
}

fn application(external_id: Uuid) -> Value {
    json!({
        "external_id": external_id, "customer_id": "customer-7", "product": "car",
        "principal": { "currency": "EUR", "minor_units": PRINCIPAL }, "term_months": 24,
    })
}

/// The same score from every bureau that is asked about an application.
async fn reports(external_id: Uuid, score: u16) -> Value {
    let asked = books::asked(external_id).await;
    assert_eq!(asked.len(), 3);
    let reports = asked.iter().map(|(bureau, request_id)| {
        json!({ "request_id": request_id, "external_id": external_id, "bureau": bureau, "score": score })
    });
    json!({ "reports": reports.collect::<Vec<_>>() })
}

fn at(external_id: Uuid) -> String {
    format!("/v1/loan-applications/{external_id}")
}

async fn told(owner: &str, external_id: Uuid) -> Vec<String> {
    books::told(owner, &external_id.to_string()).await
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_thousand_repeats_from_an_application_to_a_write_off_have_one_effect_each() {
    let _silent = SilentBureaus::new().await;
    for redis in STATES {
        let cast = Cast::new().await;
        let external_id = Uuid::new_v4();
        storm(&cast.client, redis, Method::POST, APPLICATIONS, &application(external_id)).await;
        cast.until_stage(external_id, "UNDERWRITING").await;
        storm(&cast.bureau, redis, Method::POST, REPORTS, &reports(external_id, 700).await).await;
        cast.until_stage(external_id, "OFFER_PENDING").await;

        let acceptance = format!("{}/offer/acceptance", at(external_id));
        storm(&cast.client, redis, Method::POST, &acceptance, &json!({})).await;
        let loan = format!("/v1/loans/{external_id}");
        cast.client.until(&loan, |loan| loan["status"] == "ACTIVE").await;

        let repayment = json!({ "repayment_id": Uuid::new_v4(), "amount": { "currency": "EUR", "minor_units": PAID } });
        storm(&cast.client, redis, Method::POST, &format!("{loan}/repayments"), &repayment).await;
        cast.client.until(&loan, |loan| loan["payoff_minor_units"].as_i64() < Some(PRINCIPAL)).await;

        storm(&cast.officer, redis, Method::POST, &format!("{loan}/write-off"), &json!({})).await;
        cast.client.until(&loan, |loan| loan["status"] == "CLOSED_WRITTEN_OFF").await;

        everything_is_done().await;
        let applications = "select count(*) from loan_application where external_id = $1";
        assert_eq!(books::number("origination", applications, Some(external_id)).await, 1, "Redis {redis:?}");
        let course = ["EvaluationStarted", "LoanApplicationDecided", "OfferIssued", "OfferAccepted"];
        assert_eq!(told("origination", external_id).await, course, "Redis {redis:?}");
        let course = ["LoanCreated", "LoanDisbursed", "RepaymentReceived", "LoanClosed"];
        assert_eq!(told("servicing", external_id).await, course, "Redis {redis:?}");
        assert_eq!(books::moved(external_id, "OUT").await, PRINCIPAL, "Redis {redis:?}");
        assert_eq!(books::moved(external_id, "IN").await, PAID, "Redis {redis:?}");
        assert_eq!(books::balance("FUND_SOURCE", external_id).await, PAID - PRINCIPAL, "Redis {redis:?}");
        assert_eq!(books::balance("LOAN_PORTFOLIO", external_id).await, 0, "Redis {redis:?}");
        assert_eq!(books::ledger_sum().await, 0);
    }
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_thousand_repeats_of_an_officers_decision_and_of_a_refusal_have_one_effect_each() {
    let _silent = SilentBureaus::new().await;
    for redis in STATES {
        let cast = Cast::new().await;
        let external_id = cast.applied().await;
        let reports = reports(external_id, 400).await;
        let reported = cast.bureau.command(Method::POST, REPORTS, Uuid::new_v4(), &reports).await;
        assert_eq!(reported.status(), StatusCode::ACCEPTED);
        cast.until_stage(external_id, "MANUAL_DECISION").await;

        let decision = json!({ "decision": "APPROVED", "decided_by": "Dorothy Vaughan" });
        storm(&cast.officer, redis, Method::POST, &format!("{}/decision", at(external_id)), &decision).await;
        cast.until_stage(external_id, "OFFER_PENDING").await;

        let refusal = format!("{}/offer/refusal", at(external_id));
        storm(&cast.client, redis, Method::POST, &refusal, &json!({})).await;
        cast.until_stage(external_id, "OFFER_REFUSED").await;

        everything_is_done().await;
        let course = [
            "EvaluationStarted",
            "ReferredToManualDecision",
            "LoanApplicationDecided",
            "OfferIssued",
            "LoanApplicationWithdrawn",
        ];
        assert_eq!(told("origination", external_id).await, course, "Redis {redis:?}");
        assert!(told("servicing", external_id).await.is_empty(), "Redis {redis:?}");
    }
}

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_thousand_repeats_of_a_withdrawal_have_one_effect() {
    let _silent = SilentBureaus::new().await;
    for redis in STATES {
        let cast = Cast::new().await;
        let external_id = cast.applied().await;
        storm(&cast.client, redis, Method::POST, &format!("{}/withdrawal", at(external_id)), &json!({})).await;
        cast.until_stage(external_id, "WITHDRAWN").await;

        everything_is_done().await;
        let course = ["EvaluationStarted", "LoanApplicationWithdrawn"];
        assert_eq!(told("origination", external_id).await, course, "Redis {redis:?}");
    }
}
