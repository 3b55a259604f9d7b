//! The gateway's routes: one table of commands and one of reads, from which the router and the OpenAPI document are
//! made.

use axum::http::Method;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Gateway;
use super::asked::{Asked, Order, customer_id, external_id};
use super::body::{
    ConsentChange, CreditReports, CustomerChange, KycDecision, ManualDecision, Nothing, Registration, Repayment,
};
use super::openapi::Shape;
use super::owner::Owner;
use crate::domain::application::LoanApplication;
use crate::domain::customer::CustomerId;
use crate::http::problem::{Kind, Problem};
use crate::messaging::contract::customers::{
    ConsentChangeRequested, CustomerChangeRequested, CustomerRegistrationRequested, KycDecided,
};
use crate::messaging::contract::origination::{
    CreditReportReceived, ManualDecisionMade, OfferAcceptanceRequested, OfferRefused, WithdrawalRequested,
};
use crate::messaging::contract::servicing::{RepaymentRequested, WriteOffRequested};
use crate::messaging::event::EventData;
use crate::messaging::topic;
use crate::telemetry::traceparent;
use crate::{customers, origination, servicing};

/// A route that asks for something to be done.
pub(super) struct Command {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// What the token must be good for.
    pub(super) scope: &'static str,
    /// Where the events go.
    pub(super) topic: &'static str,
    /// What it does, in one sentence.
    pub(super) summary: &'static str,
    /// What becomes of a request.
    pub(super) read: fn(&Asked) -> Result<Order, Problem>,
    /// What the body looks like.
    pub(super) body: fn() -> Shape,
    /// A body that is taken.
    pub(super) example: fn() -> Value,
}

/// A route that asks for the state of something; its owner answers under the same path.
pub(super) struct Read {
    pub(super) path: &'static str,
    /// What the token must be good for.
    pub(super) scope: &'static str,
    /// What it tells, in one sentence.
    pub(super) summary: &'static str,
    /// What the answer looks like.
    pub(super) state: fn() -> Shape,
    /// The path's parameter.
    pub(super) parameter: &'static str,
    /// The parameter as the owner is to see it.
    pub(super) id: fn(&str) -> Result<String, Problem>,
    /// Who knows.
    pub(super) owner: fn(&Gateway) -> &Owner,
    /// What it is that there is none of.
    pub(super) unknown: Kind,
}

/// Every command.
pub(super) static COMMANDS: [Command; 12] = [
    Command {
        method: Method::POST,
        path: "/v1/customers",
        scope: "customers:write",
        topic: topic::CUSTOMERS_COMMANDS,
        summary: "Registers a customer.",
        read: |asked| {
            let Registration { customer_id, name, email, date_of_birth } = asked.body()?;
            let id = customer_id.to_string();
            let data = CustomerRegistrationRequested { customer_id: customer_id.clone(), name, email, date_of_birth };
            Ok(asked.order(&id, customer(&id), data)?.about(customer_id))
        },
        body: shape::<Registration>,
        example: || {
            json!({
                "customer_id": "customer-17",
                "name": "Ada O'Hara",
                "email": "ada@example.org",
                "date_of_birth": "1985-12-10",
            })
        },
    },
    Command {
        method: Method::PATCH,
        path: "/v1/customers/{customer_id}",
        scope: "customers:write",
        topic: topic::CUSTOMERS_COMMANDS,
        summary: "Changes a customer's profile; what is left out stays.",
        read: |asked| {
            let customer_id = asked.customer_id()?;
            let CustomerChange { name, email } = asked.body()?;
            if name.is_none() && email.is_none() {
                return Err(Kind::InvalidBody.with("there is neither name nor email: nothing would change"));
            }
            about_customer(asked, &customer_id.clone(), CustomerChangeRequested { customer_id, name, email })
        },
        body: shape::<CustomerChange>,
        example: || json!({ "email": "ada@example.com" }),
    },
    Command {
        method: Method::PUT,
        path: "/v1/customers/{customer_id}/consents/{purpose}",
        scope: "customers:write",
        topic: topic::CUSTOMERS_COMMANDS,
        summary: "Gives a consent or takes it back.",
        read: |asked| {
            let (customer_id, purpose) = (asked.customer_id()?, asked.purpose()?);
            let ConsentChange { granted } = asked.body()?;
            about_customer(asked, &customer_id.clone(), ConsentChangeRequested { customer_id, purpose, granted })
        },
        body: shape::<ConsentChange>,
        example: || json!({ "granted": true }),
    },
    Command {
        method: Method::PUT,
        path: "/v1/customers/{customer_id}/kyc",
        scope: "customers:verify",
        topic: topic::CUSTOMERS_COMMANDS,
        summary: "Decides who a customer is (know your customer).",
        read: |asked| {
            let customer_id = asked.customer_id()?;
            let KycDecision { state, decided_by } = asked.body()?;
            let data = KycDecided { customer_id: customer_id.clone(), state: state.into(), decided_by };
            about_customer(asked, &customer_id, data)
        },
        body: shape::<KycDecision>,
        example: || json!({ "state": "VERIFIED", "decided_by": "Grace Hopper" }),
    },
    Command {
        method: Method::POST,
        path: "/v1/loan-applications",
        scope: "applications:write",
        topic: topic::ORIGINATION_COMMANDS,
        summary: "Submits a loan application.",
        read: |asked| {
            let data: LoanApplication = asked.body()?;
            let (id, customer_id) = (data.external_id.to_string(), data.customer_id.clone());
            Ok(asked.order(&id, application(&id), data)?.about(customer_id))
        },
        body: shape::<LoanApplication>,
        example: || {
            json!({
                "external_id": "0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0001",
                "customer_id": "customer-17",
                "product": "car",
                "principal": { "currency": "EUR", "minor_units": 1_250_000 },
                "term_months": 48,
            })
        },
    },
    Command {
        method: Method::POST,
        path: "/v1/loan-applications/{external_id}/withdrawal",
        scope: "applications:write",
        topic: topic::ORIGINATION_COMMANDS,
        summary: "Withdraws an application.",
        read: |asked| {
            let external_id = asked.external_id()?;
            let Nothing {} = asked.body()?;
            let id = external_id.to_string();
            asked.order(&id, application(&id), WithdrawalRequested { external_id })
        },
        body: shape::<Nothing>,
        example: || json!({}),
    },
    Command {
        method: Method::POST,
        path: "/v1/loan-applications/{external_id}/decision",
        scope: "applications:decide",
        topic: topic::ORIGINATION_COMMANDS,
        summary: "Decides an application that was referred to a person.",
        read: |asked| {
            let external_id = asked.external_id()?;
            let ManualDecision { decision, decided_by } = asked.body()?;
            let id = external_id.to_string();
            asked.order(&id, application(&id), ManualDecisionMade { external_id, decision, decided_by })
        },
        body: shape::<ManualDecision>,
        example: || json!({ "decision": "APPROVED", "decided_by": "Grace Hopper" }),
    },
    Command {
        method: Method::POST,
        path: "/v1/loan-applications/{external_id}/offer/acceptance",
        scope: "applications:write",
        topic: topic::ORIGINATION_COMMANDS,
        summary: "Takes the offer.",
        read: |asked| {
            let external_id = asked.external_id()?;
            let Nothing {} = asked.body()?;
            let id = external_id.to_string();
            asked.order(&id, application(&id), OfferAcceptanceRequested { external_id })
        },
        body: shape::<Nothing>,
        example: || json!({}),
    },
    Command {
        method: Method::POST,
        path: "/v1/loan-applications/{external_id}/offer/refusal",
        scope: "applications:write",
        topic: topic::ORIGINATION_COMMANDS,
        summary: "Does not take the offer.",
        read: |asked| {
            let external_id = asked.external_id()?;
            let Nothing {} = asked.body()?;
            let id = external_id.to_string();
            asked.order(&id, application(&id), OfferRefused { external_id })
        },
        body: shape::<Nothing>,
        example: || json!({}),
    },
    Command {
        method: Method::POST,
        path: "/v1/credit-reports",
        scope: "credit-reports:write",
        topic: topic::ORIGINATION_COMMANDS,
        summary: "Brings a credit bureau's answers; accepted when the log has all of them.",
        read: credit_reports,
        body: shape::<CreditReports>,
        example: || {
            json!({ "reports": [
                {
                    "request_id": "0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0002",
                    "external_id": "0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0001",
                    "bureau": "bureau-1",
                    "score": 640,
                },
                {
                    "request_id": "0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0003",
                    "external_id": "0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0001",
                    "bureau": "bureau-1",
                    "score": null,
                },
            ]})
        },
    },
    Command {
        method: Method::POST,
        path: "/v1/loans/{external_id}/repayments",
        scope: "loans:write",
        topic: topic::SERVICING_COMMANDS,
        summary: "Pays; the money is asked for from the payment rail.",
        read: |asked| {
            let external_id = asked.external_id()?;
            let Repayment { repayment_id, amount } = asked.body()?;
            let id = external_id.to_string();
            asked.order(&id, loan(&id), RepaymentRequested { external_id, repayment_id, amount })
        },
        body: shape::<Repayment>,
        example: || {
            json!({
                "repayment_id": "0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0004",
                "amount": { "currency": "EUR", "minor_units": 30_125 },
            })
        },
    },
    Command {
        method: Method::POST,
        path: "/v1/loans/{external_id}/write-off",
        scope: "loans:write-off",
        topic: topic::SERVICING_COMMANDS,
        summary: "Gives up what is still owed.",
        read: |asked| {
            let external_id = asked.external_id()?;
            let Nothing {} = asked.body()?;
            let id = external_id.to_string();
            asked.order(&id, loan(&id), WriteOffRequested { external_id })
        },
        body: shape::<Nothing>,
        example: || json!({}),
    },
];

/// Every read.
pub(super) static READS: [Read; 4] = [
    Read {
        path: "/v1/customers/{customer_id}",
        scope: "customers:read",
        summary: "A customer as he is now.",
        state: shape::<customers::Customer>,
        parameter: "customer_id",
        id: |text| customer_id(text).map(|id| id.to_string()),
        owner: |gateway| &gateway.customers,
        unknown: Kind::UnknownCustomer,
    },
    Read {
        path: "/v1/loan-applications/{external_id}",
        scope: "applications:read",
        summary: "An application as it stands.",
        state: shape::<origination::Document>,
        parameter: "external_id",
        id: |text| external_id(text).map(|id| id.to_string()),
        owner: |gateway| &gateway.origination,
        unknown: Kind::UnknownApplication,
    },
    Read {
        path: "/v1/loans/{external_id}",
        scope: "loans:read",
        summary: "A loan as it stands.",
        state: shape::<servicing::Document>,
        parameter: "external_id",
        id: |text| external_id(text).map(|id| id.to_string()),
        owner: |gateway| &gateway.servicing,
        unknown: Kind::UnknownLoan,
    },
    Read {
        path: "/v1/loans/{external_id}/ledger",
        scope: "loans:read",
        summary: "What was booked about a loan.",
        state: shape::<servicing::Ledger>,
        parameter: "external_id",
        id: |text| external_id(text).map(|id| id.to_string()),
        owner: |gateway| &gateway.servicing,
        unknown: Kind::UnknownLoan,
    },
];

/// Where the OpenAPI document is; no token is needed.
pub(super) const DOCUMENT: &str = "/openapi.json";

fn customer(id: &str) -> String {
    format!("/v1/customers/{id}")
}

fn application(id: &str) -> String {
    format!("/v1/loan-applications/{id}")
}

fn loan(id: &str) -> String {
    format!("/v1/loans/{id}")
}

fn about_customer<D: EventData>(asked: &Asked, id: &CustomerId, data: D) -> Result<Order, Problem> {
    Ok(asked.order(id.as_str(), customer(id.as_str()), data)?.about(id.clone()))
}

/// One event per report, each keyed by its application, so that it keeps its place among that one's commands.
fn credit_reports(asked: &Asked) -> Result<Order, Problem> {
    let CreditReports { reports } = asked.body()?;
    let records = reports.into_iter().map(|report| {
        let key = report.external_id.to_string();
        let id = asked.report_id(report.request_id);
        let own_trace = report.traceparent.filter(|text| traceparent::sound(text));
        asked.record(
            id,
            &key,
            own_trace,
            CreditReportReceived {
                request_id: report.request_id,
                external_id: report.external_id,
                bureau: report.bureau,
                score: report.score,
            },
        )
    });
    let records = records.collect::<Result<Vec<_>, Problem>>()?;
    Ok(Order { event: CreditReportReceived::TYPE, id: None, customer: None, location: None, records })
}

fn shape<B: ToSchema>() -> Shape {
    Shape::of::<B>()
}
