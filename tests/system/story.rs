//! A customer's journey, as a story.

use serde_json::Value;

use crate::books;
use crate::borrower::{Borrower, PRINCIPAL};

#[tokio::test]
#[ignore = "runs inside the lab"]
async fn inside_the_lab_a_customer_borrows_and_repays_and_every_cent_is_accounted_for() {
    // Ada registers, is identified, and agrees that bureaus are asked about her. She applies, three bureaus are asked,
    // and she is made an offer.
    let ada = Borrower::register("client-1", "Ada Lovelace").await;
    let (external_id, offer) = ada.apply_until_offered().await;
    let asked = "select count(*) from credit_report_request where external_id = $1 and state = 'ANSWERED'";
    assert_eq!(books::number("origination", asked, Some(external_id)).await, 3);
    assert_eq!(offer["status"], "APPROVED");

    // She takes it, and the money is paid out once.
    let loan_at = ada.accept(external_id).await;
    assert_eq!(books::moved(external_id, "OUT").await, PRINCIPAL);
    assert_eq!(books::balance("LOAN_PORTFOLIO", external_id).await, PRINCIPAL);

    // She pays two instalments and then what is left.
    let mut paid = 0;
    for instalment in 1..=2 {
        let loan = ada.caller.read(&loan_at).await.unwrap();
        let due = minor_units(&loan, "/next_instalment/minor_units");
        ada.repay(&loan_at, due).await;
        ada.caller.until(&loan_at, |loan| loan["next_instalment"]["number"] == instalment + 1).await;
        paid += due;
    }
    let rest = minor_units(&ada.caller.read(&loan_at).await.unwrap(), "/payoff_minor_units");
    ada.repay(&loan_at, rest).await;
    ada.caller.until(&loan_at, |loan| loan["status"] == "CLOSED_OBLIGATIONS_MET").await;
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

fn minor_units(document: &Value, pointer: &str) -> i64 {
    document.pointer(pointer).unwrap().as_i64().unwrap()
}
