//! Who borrows.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// The longest customer id, in bytes.
const ID_MAX: usize = 64;
/// The longest name, in characters.
const NAME_MAX: usize = 200;
/// The longest address that mail can be sent to (RFC 5321), in bytes.
const EMAIL_MAX: usize = 254;

/// The client's id of a customer: 1 to 64 letters, digits, `-`, `_` or `.`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("pattern" = "^[A-Za-z0-9._-]{1,64}$"))]
pub(crate) struct CustomerId(String);

/// A text that is no id of a customer.
#[derive(Debug, thiserror::Error)]
#[error("customer_id must be 1 to {ID_MAX} letters, digits, '-', '_' or '.'")]
pub(crate) struct NoCustomerId;

impl CustomerId {
    /// The id as it stands in JSON, in keys and in the database.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CustomerId {
    type Error = NoCustomerId;

    fn try_from(id: String) -> Result<Self, NoCustomerId> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        match (1..=ID_MAX).contains(&id.len()) && id.bytes().all(plain) {
            true => Ok(Self(id)),
            false => Err(NoCustomerId),
        }
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CustomerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

/// A person's name: any text without control characters, 1 to 200 characters, not blank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("minLength" = 1, "maxLength" = NAME_MAX))]
pub(crate) struct PersonName(String);

impl PersonName {
    /// The name as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PersonName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let sound = !name.trim().is_empty() && name.chars().count() <= NAME_MAX && !name.chars().any(char::is_control);
        match sound {
            true => Ok(Self(name)),
            false => Err(serde::de::Error::custom(format!(
                "name must be 1 to {NAME_MAX} characters, not blank and without control characters"
            ))),
        }
    }
}

/// An address that mail can be sent to: one `@` with something on both sides, printable ASCII, at most 254 bytes. More
/// is found out only by sending mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("pattern" = "^[!-?A-~]+@[!-?A-~]+$", "maxLength" = EMAIL_MAX))]
pub(crate) struct Email(String);

impl Email {
    /// The address as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let email = String::deserialize(deserializer)?;
        let parts = email.split_once('@');
        let sound = parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
        match sound && email.len() <= EMAIL_MAX && email.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(email)),
            false => Err(serde::de::Error::custom("email must be an address such as ada@example.org")),
        }
    }
}

/// How far it is known who somebody is (know your customer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Kyc {
    /// Nobody has looked yet.
    Pending,
    /// Identified.
    Verified,
    /// Could not be identified, or must not be served.
    Rejected,
}

impl Kyc {
    /// Its name in events and in the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Verified => "VERIFIED",
            Self::Rejected => "REJECTED",
        }
    }
}

/// What a customer can agree to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Purpose {
    /// Credit bureaus are asked about them.
    CreditCheck,
    /// They are sent offers.
    Marketing,
}

impl Purpose {
    /// Its name in events and in the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CreditCheck => "CREDIT_CHECK",
            Self::Marketing => "MARKETING",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_rows_have_the_same_words() {
        for kyc in [Kyc::Pending, Kyc::Verified, Kyc::Rejected] {
            assert_eq!(serde_json::to_value(kyc).expect("serialisable"), kyc.name());
        }
        for purpose in [Purpose::CreditCheck, Purpose::Marketing] {
            assert_eq!(serde_json::to_value(purpose).expect("serialisable"), purpose.name());
        }
    }
}
