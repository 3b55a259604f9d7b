//! Somebody who borrows, and the steps that stories share.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Caller;

/// What everybody borrows.
pub(crate) const PRINCIPAL: i64 = 120_000;

/// A customer at the front door.
pub(crate) struct Borrower {
    pub(crate) caller: Caller,
    customer: String,
}

impl Borrower {
    /// Registers, is identified, and agrees that bureaus are asked.
    pub(crate) async fn register(client_id: &str, name: &str) -> Self {
        let caller = Caller::sign_in(client_id).await;
        let customer = format!("{}-{}", name.split_whitespace().next().unwrap(), Uuid::new_v4());
        let profile = json!({
            "customer_id": customer, "name": name, "email": "borrower@example.org", "date_of_birth": "1985-12-10",
        });
        let at = caller.accepted(Method::POST, "/v1/customers", &profile).await;
        caller.until(&at, |customer| customer["kyc"] == "VERIFIED").await;
        caller.accepted(Method::PUT, &format!("{at}/consents/credit-check"), &json!({ "granted": true })).await;
        caller.until(&at, |customer| customer["consents"] == json!(["CREDIT_CHECK"])).await;
        Self { caller, customer }
    }

    /// Applies until an application is offered a loan. Returns its id and its document.
    ///
    /// Scores are drawn from the application's id: where one is too low the borrower is told so and applies again, and
    /// where it is close to the limit an officer approves.
    pub(crate) async fn apply_until_offered(&self) -> (Uuid, Value) {
        for _ in 0..20 {
            let external_id = Uuid::new_v4();
            let application = json!({
                "external_id": external_id, "customer_id": self.customer, "product": "personal",
                "principal": { "currency": "EUR", "minor_units": PRINCIPAL }, "term_months": 12,
            });
            let at = self.caller.accepted(Method::POST, "/v1/loan-applications", &application).await;
            let judged = |document: &Value| document["stage"] == "MANUAL_DECISION" || is_decided(document);
            if self.caller.until(&at, judged).await["stage"] == "MANUAL_DECISION" {
                approve(&at).await;
            }
            let document = self.caller.until(&at, is_decided).await;
            if document["stage"] == "OFFER_PENDING" {
                return (external_id, document);
            }
            assert_eq!(document["reason"], "SCORE_TOO_LOW", "{document}");
        }
        panic!("twenty applications, and not one was good enough");
    }

    /// Takes the offer, and has the money. Returns where the loan is.
    pub(crate) async fn accept(&self, external_id: Uuid) -> String {
        let acceptance = format!("/v1/loan-applications/{external_id}/offer/acceptance");
        self.caller.accepted(Method::POST, &acceptance, &json!({})).await;
        let loan_at = format!("/v1/loans/{external_id}");
        self.caller.until(&loan_at, |loan| loan["status"] == "ACTIVE").await;
        loan_at
    }

    /// Pays; it is collected later.
    pub(crate) async fn repay(&self, loan_at: &str, minor_units: i64) {
        let payment = json!({
            "repayment_id": Uuid::new_v4(), "amount": { "currency": "EUR", "minor_units": minor_units },
        });
        self.caller.accepted(Method::POST, &format!("{loan_at}/repayments"), &payment).await;
    }
}

fn is_decided(application: &Value) -> bool {
    application["stage"] == "OFFER_PENDING" || application["status"] == "REJECTED"
}

async fn approve(application: &str) {
    let officer = Caller::sign_in("officer-1").await;
    let decision = json!({ "decision": "APPROVED", "decided_by": "Grace Hopper" });
    officer.accepted(Method::POST, &format!("{application}/decision"), &decision).await;
}
