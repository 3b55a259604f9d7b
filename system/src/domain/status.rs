//! Where applications and loans stand, in Apache Fineract's words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an evaluation led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Decision {
    Approved,
    Rejected,
}

/// Where an application stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ApplicationStatus {
    /// Not decided yet.
    SubmittedAndPendingApproval,
    /// The client can have the loan, or has taken it.
    Approved,
    /// The lender does not want it.
    Rejected,
    /// The client does not want it.
    WithdrawnByClient,
}

impl ApplicationStatus {
    /// Its name in answers and in the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SubmittedAndPendingApproval => "SUBMITTED_AND_PENDING_APPROVAL",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::WithdrawnByClient => "WITHDRAWN_BY_CLIENT",
        }
    }
}

/// Why an application ended without a loan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Reason {
    /// Principal or term are beyond what the product allows.
    OutOfPolicy,
    /// Nobody registered the customer in time.
    CustomerUnknown,
    /// The customer could not be identified, or not in time.
    KycRejected,
    /// The customer did not agree to a credit check.
    NoConsent,
    /// The bureaus' score is too low.
    ScoreTooLow,
    /// A person rejected it.
    RejectedByHand,
    /// No person decided in time.
    NotDecidedInTime,
    /// The client withdrew.
    WithdrawnByClient,
    /// The client refused the offer.
    OfferRefused,
    /// The offer expired.
    OfferExpired,
}

impl Reason {
    /// Every reason.
    pub(crate) const ALL: [Self; 10] = [
        Self::OutOfPolicy,
        Self::CustomerUnknown,
        Self::KycRejected,
        Self::NoConsent,
        Self::ScoreTooLow,
        Self::RejectedByHand,
        Self::NotDecidedInTime,
        Self::WithdrawnByClient,
        Self::OfferRefused,
        Self::OfferExpired,
    ];

    /// Its name in answers, events and the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OutOfPolicy => "OUT_OF_POLICY",
            Self::CustomerUnknown => "CUSTOMER_UNKNOWN",
            Self::KycRejected => "KYC_REJECTED",
            Self::NoConsent => "NO_CONSENT",
            Self::ScoreTooLow => "SCORE_TOO_LOW",
            Self::RejectedByHand => "REJECTED_BY_HAND",
            Self::NotDecidedInTime => "NOT_DECIDED_IN_TIME",
            Self::WithdrawnByClient => "WITHDRAWN_BY_CLIENT",
            Self::OfferRefused => "OFFER_REFUSED",
            Self::OfferExpired => "OFFER_EXPIRED",
        }
    }

    /// The reason with this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Where a loan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum LoanStatus {
    /// To be paid out.
    Approved,
    /// Paid out, being repaid.
    Active,
    /// The rail refused to pay out.
    Rejected,
    /// Repaid to the cent.
    ClosedObligationsMet,
    /// Given up.
    ClosedWrittenOff,
    /// Repaid, and more came than was owed.
    Overpaid,
}

impl LoanStatus {
    /// Every status.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 6] = [
        Self::Approved,
        Self::Active,
        Self::Rejected,
        Self::ClosedObligationsMet,
        Self::ClosedWrittenOff,
        Self::Overpaid,
    ];

    /// Its name in events and in the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::Active => "ACTIVE",
            Self::Rejected => "REJECTED",
            Self::ClosedObligationsMet => "CLOSED_OBLIGATIONS_MET",
            Self::ClosedWrittenOff => "CLOSED_WRITTEN_OFF",
            Self::Overpaid => "OVERPAID",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_say_the_status_that_rows_have() {
        for (decision, status) in
            [(Decision::Approved, ApplicationStatus::Approved), (Decision::Rejected, ApplicationStatus::Rejected)]
        {
            assert_eq!(serde_json::to_value(decision).expect("serialisable"), status.name());
        }
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).expect("serialisable"), reason.name());
            assert_eq!(Reason::of(reason.name()), Some(reason));
        }
        for status in LoanStatus::ALL {
            assert_eq!(serde_json::to_value(status).expect("serialisable"), status.name());
        }
    }
}
