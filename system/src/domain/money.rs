//! Money: integers in minor units, never floating point.

use serde::{Deserialize, Serialize};

/// The smallest principal, in minor units.
pub(crate) const PRINCIPAL_MIN: i64 = 1;
/// The largest principal, in minor units: ten million of a currency with two decimals.
pub(crate) const PRINCIPAL_MAX: i64 = 1_000_000_000;

/// A currency that loans are made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Currency {
    Eur,
    Gbp,
    Usd,
}

impl Currency {
    /// Its ISO 4217 code.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Usd => "USD",
        }
    }
}

/// What is lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Principal {
    pub(crate) currency: Currency,
    #[serde(deserialize_with = "bounded")]
    pub(crate) minor_units: i64,
}

fn bounded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let amount = i64::deserialize(deserializer)?;
    match (PRINCIPAL_MIN..=PRINCIPAL_MAX).contains(&amount) {
        true => Ok(amount),
        false => Err(serde::de::Error::custom(format!(
            "minor_units is {amount}, must be from {PRINCIPAL_MIN} to {PRINCIPAL_MAX}"
        ))),
    }
}
