//! What clients send, where it is not the event's data itself. Ids that the path has are not in the body.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::customer::{CustomerId, Email, Kyc, PersonName};
use crate::domain::money::Amount;
use crate::domain::status::Decision;

/// Nobody who lives was born before.
const BORN_MIN: Date = date(1900, 1, 1);
/// Credit reports in one request.
pub(super) const REPORTS_MAX: usize = 200;
/// The lowest and the highest score that a bureau gives.
pub(super) const SCORE_MIN: u16 = 300;
pub(super) const SCORE_MAX: u16 = 850;
/// Bytes of a bureau's name.
pub(super) const BUREAU_MAX: usize = 64;

/// A body that says nothing: the path says it all.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Nothing {}

/// Somebody wants to become a customer.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Registration {
    pub(super) customer_id: CustomerId,
    pub(super) name: PersonName,
    pub(super) email: Email,
    /// From 1900-01-01 to today.
    #[serde(deserialize_with = "born")]
    pub(super) date_of_birth: Date,
}

/// A customer's profile is to change; what is left out stays. At least one is there.
#[derive(Debug, Deserialize)]
pub(super) struct CustomerChange {
    #[serde(default, deserialize_with = "present")]
    pub(super) name: Option<PersonName>,
    #[serde(default, deserialize_with = "present")]
    pub(super) email: Option<Email>,
}

/// A consent is given or taken back.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ConsentChange {
    pub(super) granted: bool,
}

/// Somebody has looked at who a customer is.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct KycDecision {
    pub(super) state: KycState,
    pub(super) decided_by: PersonName,
}

/// What can be decided about who a customer is.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum KycState {
    Verified,
    Rejected,
}

impl From<KycState> for Kyc {
    fn from(state: KycState) -> Self {
        match state {
            KycState::Verified => Self::Verified,
            KycState::Rejected => Self::Rejected,
        }
    }
}

/// A person has decided about an application.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ManualDecision {
    pub(super) decision: Decision,
    pub(super) decided_by: PersonName,
}

/// A credit bureau's answers.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CreditReports {
    #[serde(deserialize_with = "reports")]
    #[schema(min_items = 1, max_items = 200)]
    pub(super) reports: Vec<CreditReport>,
}

/// A credit bureau's answer about one application.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CreditReport {
    /// Which request it answers.
    pub(super) request_id: Uuid,
    pub(super) external_id: Uuid,
    #[serde(deserialize_with = "bureau")]
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub(super) bureau: String,
    /// Null where the bureau knows nothing of the customer.
    #[serde(deserialize_with = "score")]
    #[schema(minimum = 300, maximum = 850, required)]
    pub(super) score: Option<u16>,
    /// The trace of W3C's that the report belongs to, where it is another one than the request's; one that is none is
    /// passed over.
    #[serde(default)]
    pub(super) traceparent: Option<String>,
}

/// The client pays.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Repayment {
    /// The client's id of this payment.
    pub(super) repayment_id: Uuid,
    pub(super) amount: Amount,
}

/// What is there is a value: null is neither a change nor left out.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn born<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let born = Date::deserialize(deserializer)?;
    let today = jiff::Timestamp::now().to_zoned(TimeZone::UTC).date();
    match (BORN_MIN..=today).contains(&born) {
        true => Ok(born),
        false => Err(D::Error::custom(format!("date_of_birth is {born}, must be from {BORN_MIN} to today"))),
    }
}

fn reports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CreditReport>, D::Error> {
    let reports = Vec::deserialize(deserializer)?;
    match (1..=REPORTS_MAX).contains(&reports.len()) {
        true => Ok(reports),
        false => Err(D::Error::custom(format!("there are {} reports, must be 1 to {REPORTS_MAX}", reports.len()))),
    }
}

fn bureau<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let bureau = String::deserialize(deserializer)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match (1..=BUREAU_MAX).contains(&bureau.len()) && bureau.bytes().all(plain) {
        true => Ok(bureau),
        false => Err(D::Error::custom(format!("bureau must be 1 to {BUREAU_MAX} letters, digits, '-', '_' or '.'"))),
    }
}

fn score<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let score = Option::<u16>::deserialize(deserializer)?;
    match score.is_none_or(|score| (SCORE_MIN..=SCORE_MAX).contains(&score)) {
        true => Ok(score),
        false => Err(D::Error::custom(format!("score must be null or from {SCORE_MIN} to {SCORE_MAX}"))),
    }
}
