//! Commands about loans, and what became of them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event;
use crate::domain::customer::CustomerId;
use crate::domain::money::{Amount, Currency};
use crate::domain::status::LoanStatus;

/// The client pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RepaymentRequested {
    pub(crate) external_id: Uuid,
    /// The client's id of this payment; it is the rail's instruction too.
    pub(crate) repayment_id: Uuid,
    pub(crate) amount: Amount,
}
event!(RepaymentRequested, "RepaymentRequested", 1);

/// The lender gives up what is still owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WriteOffRequested {
    pub(crate) external_id: Uuid,
}
event!(WriteOffRequested, "WriteOffRequested", 1);

/// A loan exists and is to be paid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LoanCreated {
    pub(crate) external_id: Uuid,
    pub(crate) customer_id: CustomerId,
    pub(crate) principal: Amount,
    pub(crate) loan_version: i64,
}
event!(LoanCreated, "LoanCreated", 1);

/// The money is with the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LoanDisbursed {
    pub(crate) external_id: Uuid,
    pub(crate) instruction_id: Uuid,
    pub(crate) principal: Amount,
    pub(crate) loan_version: i64,
}
event!(LoanDisbursed, "LoanDisbursed", 1);

/// The rail refused to pay out; what was booked is reversed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DisbursementFailed {
    pub(crate) external_id: Uuid,
    pub(crate) instruction_id: Uuid,
    /// The rail's word.
    pub(crate) reason: String,
    pub(crate) loan_version: i64,
}
event!(DisbursementFailed, "DisbursementFailed", 1);

/// A repayment has come in and is booked. The parts add up to the amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RepaymentReceived {
    pub(crate) external_id: Uuid,
    pub(crate) repayment_id: Uuid,
    pub(crate) currency: Currency,
    pub(crate) principal_minor_units: i64,
    pub(crate) interest_minor_units: i64,
    pub(crate) overpaid_minor_units: i64,
    pub(crate) loan_version: i64,
}
event!(RepaymentReceived, "RepaymentReceived", 1);

/// The rail refused a repayment, or the loan takes none; nothing is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RepaymentRefused {
    pub(crate) external_id: Uuid,
    pub(crate) repayment_id: Uuid,
    /// The rail's word, or the loan's status.
    pub(crate) reason: String,
}
event!(RepaymentRefused, "RepaymentRefused", 1);

/// An instalment was not paid when it fell due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LoanInArrears {
    pub(crate) external_id: Uuid,
    /// The instalment's number, from 1.
    pub(crate) instalment: u16,
    pub(crate) due_at: Timestamp,
    pub(crate) loan_version: i64,
}
event!(LoanInArrears, "LoanInArrears", 1);

/// Nothing more happens to a loan: paid, overpaid or written off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LoanClosed {
    pub(crate) external_id: Uuid,
    pub(crate) status: LoanStatus,
    pub(crate) loan_version: i64,
}
event!(LoanClosed, "LoanClosed", 1);
