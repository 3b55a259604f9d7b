//! Where applications and loans stand, in Apache Fineract's words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an evaluation led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Decision {
    Approved,
    Rejected,
}

impl Decision {
    /// Approves from `lowest` up.
    pub(crate) fn of(score: u16, lowest: u16) -> Self {
        if score >= lowest { Self::Approved } else { Self::Rejected }
    }

    /// The application's status once this is decided.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
        }
    }
}

/// Why an application ended without a loan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// Where a loan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

    /// The status with this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_score_is_approved_and_the_one_below_is_not() {
        assert_eq!(Decision::of(410, 410), Decision::Approved);
        assert_eq!(Decision::of(409, 410), Decision::Rejected);
    }

    #[test]
    fn events_say_the_status_that_rows_have() {
        for decision in [Decision::Approved, Decision::Rejected] {
            assert_eq!(serde_json::to_value(decision).expect("serialisable"), decision.status());
        }
        for status in LoanStatus::ALL {
            assert_eq!(serde_json::to_value(status).expect("serialisable"), status.name());
            assert_eq!(LoanStatus::of(status.name()), Some(status));
        }
    }
}
