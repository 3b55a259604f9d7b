//! A customer's journey, as a story.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::books;
use crate::client::Caller;

const PRINCIPAL: i64 = 120_000;

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_customer_borrows_and_repays_and_every_cent_is_accounted_for() {
    let ada = Caller::sign_in("client-1").await;
    let external_id = Uuid::new_v4();
    let customer = format!("ada-{external_id}");

    // Ada registers, is identified, and agrees that bureaus are asked about her.
    let profile = json!({
        "customer_id": customer, "name": "Ada Lovelace", "email": "ada@example.org", "date_of_birth": "1985-12-10",
    });
    let at = ada.accepted(Method::POST, "/v1/customers", &profile).await;
    ada.until(&at, |customer| customer["kyc"] == "VERIFIED").await;
    let consent = format!("{at}/consents/credit-check");
    ada.accepted(Method::PUT, &consent, &json!({ "granted": true })).await;
    ada.until(&at, |customer| customer["consents"] == json!(["CREDIT_CHECK"])).await;

    // She applies, three bureaus are asked, and she is made an offer. Scores are drawn from the application's id: where
    // hers is too low she is told so and applies again, and where it is close to the limit an officer approves.
    let (external_id, offer) = apply_until_offered(&ada, &customer).await;
    let asked = "select count(*) from credit_report_request where external_id = $1 and state = 'ANSWERED'";
    assert_eq!(books::number("origination", asked, Some(external_id)).await, 3);
    assert_eq!(offer["status"], "APPROVED");

    // She takes it, and the money is paid out once.
    let application = format!("/v1/loan-applications/{external_id}");
    ada.accepted(Method::POST, &format!("{application}/offer/acceptance"), &json!({})).await;
    let loan_at = format!("/v1/loans/{external_id}");
    ada.until(&loan_at, |loan| loan["status"] == "ACTIVE").await;
    assert_eq!(books::moved(external_id, "OUT").await, PRINCIPAL);
    assert_eq!(books::balance("LOAN_PORTFOLIO", external_id).await, PRINCIPAL);

    // She pays two instalments and then what is left.
    let mut paid = 0;
    for instalment in 1..=2 {
        let loan = ada.read(&loan_at).await.unwrap();
        let due = loan.pointer("/next_instalment/minor_units").unwrap().as_i64().unwrap();
        repay(&ada, external_id, due).await;
        ada.until(&loan_at, |loan| loan["next_instalment"]["number"] == instalment + 1).await;
        paid += due;
    }
    let rest = ada.read(&loan_at).await.unwrap()["payoff_minor_units"].as_i64().unwrap();
    repay(&ada, external_id, rest).await;
    ada.until(&loan_at, |loan| loan["status"] == "CLOSED_OBLIGATIONS_MET").await;
    paid += rest;

    // Every cent is accounted for: what the rail moved is what the ledger says, and nothing is owed.
    assert_eq!(books::moved(external_id, "OUT").await, PRINCIPAL);
    assert_eq!(books::moved(external_id, "IN").await, paid);
    assert_eq!(books::balance("FUND_SOURCE", external_id).await, paid - PRINCIPAL);
    assert_eq!(books::balance("LOAN_PORTFOLIO", external_id).await, 0);
    assert_eq!(books::balance("INTEREST_ON_LOANS", external_id).await, PRINCIPAL - paid);
    assert_eq!(books::ledger_sum().await, 0);
    assert!(paid > PRINCIPAL, "interest was paid");
}

/// Applies until an application is offered a loan. Returns its id and its document.
async fn apply_until_offered(caller: &Caller, customer: &str) -> (Uuid, Value) {
    for _ in 0..20 {
        let external_id = Uuid::new_v4();
        let application = json!({
            "external_id": external_id, "customer_id": customer, "product": "personal",
            "principal": { "currency": "EUR", "minor_units": PRINCIPAL }, "term_months": 12,
        });
        let at = caller.accepted(Method::POST, "/v1/loan-applications", &application).await;
        let judged = |document: &Value| document["stage"] == "MANUAL_DECISION" || is_decided(document);
        if caller.until(&at, judged).await["stage"] == "MANUAL_DECISION" {
            approve(&at).await;
        }
        let document = caller.until(&at, is_decided).await;
        if document["stage"] == "OFFER_PENDING" {
            return (external_id, document);
        }
        // The officer may have come too late, on a machine that is busy.
        assert!(["SCORE_TOO_LOW", "NOT_DECIDED_IN_TIME"].contains(&document["reason"].as_str().unwrap()), "{document}");
    }
    panic!("twenty applications, and not one was good enough");
}

fn is_decided(application: &Value) -> bool {
    application["stage"] == "OFFER_PENDING" || application["status"] == "REJECTED"
}

async fn approve(application: &str) {
    let officer = Caller::sign_in("officer-1").await;
    let decision = json!({ "decision": "APPROVED", "decided_by": "Grace Hopper" });
    officer.accepted(Method::POST, &format!("{application}/decision"), &decision).await;
}

async fn repay(caller: &Caller, external_id: Uuid, minor_units: i64) {
    let payment = json!({
        "repayment_id": Uuid::new_v4(), "amount": { "currency": "EUR", "minor_units": minor_units },
    });
    caller.accepted(Method::POST, &format!("/v1/loans/{external_id}/repayments"), &payment).await;
}
