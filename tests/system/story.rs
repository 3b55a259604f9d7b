//! Customers' journeys, as stories.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::books;
use crate::borrower::{Borrower, PRINCIPAL};
use crate::client::Caller;
use crate::settled::everything_is_done;

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

#[tokio::test]
#[ignore = "runs inside a lab whose months are short"]
async fn inside_a_lab_with_short_months_one_pays_late_and_too_much_another_never_and_every_cent_is_accounted_for() {
    // Katherine and Dorothy borrow, and both let the first instalment pass.
    let katherine = Borrower::register("client-1", "Katherine Johnson").await;
    let (late, _) = katherine.apply_until_offered().await;
    let dorothy = Borrower::register("client-2", "Dorothy Vaughan").await;
    let (lost, _) = dorothy.apply_until_offered().await;
    let late_at = katherine.accept(late).await;
    let lost_at = dorothy.accept(lost).await;
    let in_arrears = |loan: &Value| loan["arrears"]["instalments"].as_u64() >= Some(1);
    let owed = minor_units(&katherine.caller.until(&late_at, in_arrears).await, "/arrears/minor_units");
    dorothy.caller.until(&lost_at, in_arrears).await;

    // Katherine pays late what she owes, and her first instalment is settled.
    katherine.repay(&late_at, owed).await;
    katherine.caller.until(&late_at, |loan| loan["schedule"][0]["paid"] == true).await;
    let settled_late = "select count(*) from instalment where external_id = $1 and number = 1 \
        and in_arrears_at >= due_at and settled_at > in_arrears_at";
    assert_eq!(books::number("servicing", settled_late, Some(late)).await, 1);

    // Then she pays everything, and far more: the loan ends overpaid, however many months have passed meanwhile.
    let everything = minor_units(&katherine.caller.read(&late_at).await.unwrap(), "/payoff_minor_units") + PRINCIPAL;
    katherine.repay(&late_at, everything).await;
    katherine.caller.until(&late_at, |loan| loan["status"] == "OVERPAID").await;

    // Dorothy cannot pay, and an officer gives up what she owes.
    let officer = Caller::sign_in("officer-3").await;
    officer.accepted(Method::POST, &format!("{lost_at}/write-off"), &json!({})).await;
    dorothy.caller.until(&lost_at, |loan| loan["status"] == "CLOSED_WRITTEN_OFF").await;

    // It was told as it went, and nothing comes after the end.
    everything_is_done().await;
    let told = async |external_id: Uuid| {
        let mut told = books::told("servicing", &external_id.to_string()).await;
        // One for each instalment that fell due, and that is as many as months have passed.
        told.dedup_by(|one, before| one == before && one == "LoanInArrears");
        told
    };
    let lost_course = ["LoanCreated", "LoanDisbursed", "LoanInArrears", "LoanClosed"];
    assert_eq!(told(lost).await, lost_course);
    let late_course = told(late).await;
    assert_eq!(late_course[..4], ["LoanCreated", "LoanDisbursed", "LoanInArrears", "RepaymentReceived"]);
    assert!(late_course.ends_with(&["RepaymentReceived".to_owned(), "LoanClosed".to_owned()]), "{late_course:?}");

    // Every cent is accounted for.
    assert_eq!(books::moved(late, "OUT").await, PRINCIPAL);
    assert_eq!(books::moved(late, "IN").await, owed + everything);
    assert_eq!(books::balance("FUND_SOURCE", late).await, owed + everything - PRINCIPAL);
    assert_eq!(books::balance("LOAN_PORTFOLIO", late).await, 0);
    let (interest, too_much) =
        (books::balance("INTEREST_ON_LOANS", late).await, books::balance("OVERPAYMENT", late).await);
    assert_eq!(interest + too_much, PRINCIPAL - owed - everything);
    assert!(interest < 0 && too_much < 0, "she paid interest, and has something to get back: {interest}, {too_much}");

    assert_eq!((books::moved(lost, "OUT").await, books::moved(lost, "IN").await), (PRINCIPAL, 0));
    assert_eq!(books::balance("FUND_SOURCE", lost).await, -PRINCIPAL);
    assert_eq!(books::balance("LOAN_PORTFOLIO", lost).await, 0);
    assert!(books::balance("LOSSES_WRITTEN_OFF", lost).await >= PRINCIPAL, "what was lent is lost");
    assert_eq!(books::ledger_sum().await, 0);
}

fn minor_units(document: &Value, pointer: &str) -> i64 {
    document.pointer(pointer).unwrap().as_i64().unwrap()
}
