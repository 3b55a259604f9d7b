//! Money: integers in minor units, never floating point.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The smallest amount that is moved, in minor units.
pub(crate) const AMOUNT_MIN: i64 = 1;
/// The largest amount that is moved, in minor units: ten million of a currency with two decimals.
pub(crate) const AMOUNT_MAX: i64 = 1_000_000_000;

/// A currency that loans are made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

    /// The currency with this ISO 4217 code, if loans are made in it.
    pub(crate) fn of(code: &str) -> Option<Self> {
        [Self::Eur, Self::Gbp, Self::Usd].into_iter().find(|currency| currency.code() == code)
    }
}

/// An amount of money that is lent, paid or moved: at least 1, at most 1,000,000,000 minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Amount {
    pub(crate) currency: Currency,
    #[serde(deserialize_with = "bounded")]
    #[schemars(range(min = AMOUNT_MIN, max = AMOUNT_MAX))]
    pub(crate) minor_units: i64,
}

fn bounded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let amount = i64::deserialize(deserializer)?;
    match (AMOUNT_MIN..=AMOUNT_MAX).contains(&amount) {
        true => Ok(amount),
        false => {
            Err(serde::de::Error::custom(format!("minor_units is {amount}, must be from {AMOUNT_MIN} to {AMOUNT_MAX}")))
        }
    }
}
