//! The stages of an application's evaluation, in the order in which they are passed, and its ends.

use utoipa::ToSchema;

use super::status::ApplicationStatus;

/// Where an application is. None is left for one that comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Stage {
    /// It came in.
    Entry,
    /// What is known of the customer is looked up.
    Enrichment,
    /// Credit bureaus are asked.
    Underwriting,
    /// What they answered is judged.
    Assessment,
    /// A person judges.
    ManualDecision,
    /// It is approved, and what is offered is worked out.
    OfferIssue,
    /// The client has an offer.
    OfferPending,
    /// The end: the client took the offer.
    OfferAccepted,
    /// The end: the client did not take the offer.
    OfferRefused,
    /// The end: the client did not answer in time.
    OfferExpired,
    /// The end: the lender does not want it.
    Rejected,
    /// The end: the client does not want it any more.
    Withdrawn,
}

impl Stage {
    /// Every stage.
    pub(crate) const ALL: [Self; 12] = [
        Self::Entry,
        Self::Enrichment,
        Self::Underwriting,
        Self::Assessment,
        Self::ManualDecision,
        Self::OfferIssue,
        Self::OfferPending,
        Self::OfferAccepted,
        Self::OfferRefused,
        Self::OfferExpired,
        Self::Rejected,
        Self::Withdrawn,
    ];

    /// Its name in answers, events and the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Entry => "ENTRY",
            Self::Enrichment => "ENRICHMENT",
            Self::Underwriting => "UNDERWRITING",
            Self::Assessment => "ASSESSMENT",
            Self::ManualDecision => "MANUAL_DECISION",
            Self::OfferIssue => "OFFER_ISSUE",
            Self::OfferPending => "OFFER_PENDING",
            Self::OfferAccepted => "OFFER_ACCEPTED",
            Self::OfferRefused => "OFFER_REFUSED",
            Self::OfferExpired => "OFFER_EXPIRED",
            Self::Rejected => "REJECTED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }

    /// The stage with this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }

    /// Whether nothing happens to an application any more.
    pub(crate) fn is_end(self) -> bool {
        self >= Self::OfferAccepted
    }

    /// What the application's status is there.
    pub(crate) fn status(self) -> ApplicationStatus {
        match self {
            Self::Entry | Self::Enrichment | Self::Underwriting | Self::Assessment | Self::ManualDecision => {
                ApplicationStatus::SubmittedAndPendingApproval
            }
            Self::OfferIssue | Self::OfferPending | Self::OfferAccepted => ApplicationStatus::Approved,
            Self::Rejected => ApplicationStatus::Rejected,
            Self::OfferRefused | Self::OfferExpired | Self::Withdrawn => ApplicationStatus::WithdrawnByClient,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_is_found_by_its_name() {
        for stage in Stage::ALL {
            assert_eq!(Stage::of(stage.name()), Some(stage));
        }
        assert_eq!(Stage::of("LIMBO"), None);
    }

    #[test]
    fn stages_are_in_the_order_in_which_they_are_passed_with_the_ends_behind_them() {
        assert!(Stage::ALL.is_sorted());
        let ends: Vec<_> = Stage::ALL.into_iter().filter(|stage| stage.is_end()).map(Stage::name).collect();
        assert_eq!(ends, ["OFFER_ACCEPTED", "OFFER_REFUSED", "OFFER_EXPIRED", "REJECTED", "WITHDRAWN"]);
    }
}
