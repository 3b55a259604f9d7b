//! Commands about customers, and the state that `customers` tells the others.

use std::collections::BTreeSet;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event;
use crate::domain::customer::{CustomerId, Email, Kyc, PersonName, Purpose};

/// Somebody wants to become a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CustomerRegistrationRequested {
    pub(crate) customer_id: CustomerId,
    pub(crate) name: PersonName,
    pub(crate) email: Email,
    pub(crate) date_of_birth: Date,
}
event!(CustomerRegistrationRequested, "CustomerRegistrationRequested", 1);

/// A customer's profile is to change; what is left out stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CustomerChangeRequested {
    pub(crate) customer_id: CustomerId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<PersonName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<Email>,
}
event!(CustomerChangeRequested, "CustomerChangeRequested", 1);

/// A customer gives or takes back a consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ConsentChangeRequested {
    pub(crate) customer_id: CustomerId,
    pub(crate) purpose: Purpose,
    pub(crate) granted: bool,
}
event!(ConsentChangeRequested, "ConsentChangeRequested", 1);

/// Somebody has looked at who a customer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct KycDecided {
    pub(crate) customer_id: CustomerId,
    /// Verified or rejected; pending is no decision, and changes nothing.
    pub(crate) state: Kyc,
    pub(crate) decided_by: PersonName,
}
event!(KycDecided, "KycDecided", 1);

/// A customer as he is now: the whole state, so that a compacted log of these is a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CustomerChanged {
    pub(crate) customer_id: CustomerId,
    pub(crate) name: PersonName,
    pub(crate) email: Email,
    pub(crate) date_of_birth: Date,
    pub(crate) kyc: Kyc,
    pub(crate) consents: BTreeSet<Purpose>,
    /// Grows by one with every change.
    pub(crate) customer_version: i64,
}
event!(CustomerChanged, "CustomerChanged", 1);
