//! An application as origination knows it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::application::LoanApplication;
use crate::domain::stage::Stage;
use crate::domain::status::Reason;
use crate::messaging::contract::origination::Terms;

/// The state of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Application {
    /// What the client asked for.
    pub(super) wanted: LoanApplication,
    pub(super) stage: Stage,
    /// Why it ended without a loan.
    pub(super) reason: Option<Reason>,
    /// Grows by one with every stage.
    pub(super) version: i64,
    /// The median of the bureaus' scores, once it was judged.
    pub(super) score: Option<u16>,
    /// What the loan costs, once it is approved.
    pub(super) price: Option<Price>,
    /// When something happens to it if nothing else does; at every stage but the ends.
    pub(super) due_at: Option<Timestamp>,
    /// When it was stored.
    pub(super) created_at: Timestamp,
    /// What the bureaus were asked.
    pub(super) requests: Vec<ReportRequest>,
}

/// What a loan costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    /// A year's nominal rate.
    pub(super) rate_basis_points: u32,
    /// What is paid each month.
    pub(super) instalment_minor_units: i64,
}

/// A question to a bureau.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportRequest {
    pub(super) bureau: String,
    pub(super) state: RequestState,
    /// The bureau's answer, if it has given one and knows the customer.
    pub(super) score: Option<u16>,
}

/// How far a question to a bureau is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestState {
    /// The bureau does not have it.
    Pending,
    /// The bureau has it, or may have it.
    Sent,
    /// It is answered.
    Answered,
    /// The answer is not waited for any more.
    GivenUp,
}

impl RequestState {
    /// Its name in the database.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Sent => "SENT",
            Self::Answered => "ANSWERED",
            Self::GivenUp => "GIVEN_UP",
        }
    }

    /// The state with this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        [Self::Pending, Self::Sent, Self::Answered, Self::GivenUp].into_iter().find(|state| state.name() == name)
    }

    /// Whether an answer is waited for.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Sent)
    }
}

impl ReportRequest {
    /// A question that nobody has asked yet.
    pub(super) fn new(bureau: &str) -> Self {
        Self { bureau: bureau.to_owned(), state: RequestState::Pending, score: None }
    }
}

/// The id of the question to `bureau` about the application `external_id`, the same as often as it is asked.
pub(super) fn request_id(external_id: Uuid, bureau: &str) -> Uuid {
    Uuid::new_v5(&external_id, bureau.as_bytes())
}

impl Application {
    /// An application that has just come in.
    pub(super) fn submitted(wanted: LoanApplication, now: Timestamp) -> Self {
        Self {
            wanted,
            stage: Stage::Entry,
            reason: None,
            version: 1,
            score: None,
            price: None,
            due_at: Some(now),
            created_at: now,
            requests: Vec::new(),
        }
    }

    /// What the client can take or leave, once there is a price.
    pub(super) fn terms(&self) -> Option<Terms> {
        let price = self.price?;
        Some(Terms {
            principal: self.wanted.principal,
            rate_basis_points: price.rate_basis_points,
            term_months: self.wanted.term_months,
            instalment_minor_units: price.instalment_minor_units,
        })
    }
}

/// This instant, as exact as the database keeps it: what is told and what is stored are the same.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// So long after `instant`, or the end of time.
pub(super) fn after(instant: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    instant.checked_add(span).unwrap_or(Timestamp::MAX)
}
