//! Commands about applications, and what became of them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event;
use crate::domain::application::LoanApplication;
use crate::domain::customer::{CustomerId, PersonName};
use crate::domain::money::Amount;
use crate::domain::status::{Decision, Reason};

event!(LoanApplication, "LoanApplicationSubmitted", 1);

/// The client does not want the loan any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WithdrawalRequested {
    pub(crate) external_id: Uuid,
}
event!(WithdrawalRequested, "WithdrawalRequested", 1);

/// A credit bureau has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CreditReportReceived {
    /// Which request it answers.
    pub(crate) request_id: Uuid,
    pub(crate) external_id: Uuid,
    /// The bureau's name.
    pub(crate) bureau: String,
    /// 300 to 850; none where the bureau knows nothing of the customer.
    pub(crate) score: Option<u16>,
}
event!(CreditReportReceived, "CreditReportReceived", 1);

/// A person has decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ManualDecisionMade {
    pub(crate) external_id: Uuid,
    pub(crate) decision: Decision,
    pub(crate) decided_by: PersonName,
}
event!(ManualDecisionMade, "ManualDecisionMade", 1);

/// The client takes the offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OfferAcceptanceRequested {
    pub(crate) external_id: Uuid,
}
event!(OfferAcceptanceRequested, "OfferAcceptanceRequested", 1);

/// The client does not take the offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OfferRefused {
    pub(crate) external_id: Uuid,
}
event!(OfferRefused, "OfferRefused", 1);

/// Bureaus were asked about an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct EvaluationStarted {
    pub(crate) external_id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) bureaus: Vec<String>,
    /// When it is decided with what has come.
    pub(crate) deadline: Timestamp,
    pub(crate) application_version: i64,
}
event!(EvaluationStarted, "EvaluationStarted", 1);

/// An application needs a person's judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ReferredToManualDecision {
    pub(crate) external_id: Uuid,
    /// The median score, if enough bureaus answered.
    pub(crate) score: Option<u16>,
    pub(crate) application_version: i64,
}
event!(ReferredToManualDecision, "ReferredToManualDecision", 1);

/// An application was approved or rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LoanApplicationDecided {
    pub(crate) external_id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) status: Decision,
    pub(crate) reason: Option<Reason>,
    /// The score that led to it, where one did.
    pub(crate) score: Option<u16>,
    pub(crate) application_version: i64,
}
event!(LoanApplicationDecided, "LoanApplicationDecided", 1);

/// What the client can take or leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Terms {
    pub(crate) principal: Amount,
    /// A year's nominal rate: 525 is 5.25 %.
    pub(crate) rate_basis_points: u32,
    pub(crate) term_months: u16,
    /// What is paid each month; the last instalment takes the rounding.
    pub(crate) instalment_minor_units: i64,
}

/// An offer was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OfferIssued {
    pub(crate) external_id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) terms: Terms,
    pub(crate) expires_at: Timestamp,
    pub(crate) application_version: i64,
}
event!(OfferIssued, "OfferIssued", 1);

/// The client has taken the offer: a loan is to be paid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OfferAccepted {
    pub(crate) external_id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) terms: Terms,
    pub(crate) application_version: i64,
}
event!(OfferAccepted, "OfferAccepted", 1);

/// The client has withdrawn, refused the offer, or let it expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LoanApplicationWithdrawn {
    pub(crate) external_id: Uuid,
    pub(crate) reason: Reason,
    pub(crate) application_version: i64,
}
event!(LoanApplicationWithdrawn, "LoanApplicationWithdrawn", 1);

/// A command did not fit the state and changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CommandRefused {
    pub(crate) external_id: Uuid,
    /// The command's event type.
    pub(crate) command: String,
    /// What the application or the loan was: its stage or status.
    pub(crate) state: String,
}
event!(CommandRefused, "CommandRefused", 1);
