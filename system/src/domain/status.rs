//! Where an application stands, in Apache Fineract's words.

use serde::{Deserialize, Serialize};

/// What the bureau's score led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_score_is_approved_and_the_one_below_is_not() {
        assert_eq!(Decision::of(410, 410), Decision::Approved);
        assert_eq!(Decision::of(409, 410), Decision::Rejected);
    }

    #[test]
    fn the_event_says_the_status_that_the_row_has() {
        for decision in [Decision::Approved, Decision::Rejected] {
            assert_eq!(serde_json::to_value(decision).expect("serialisable"), decision.status());
        }
    }
}
