//! Settings of the payment rail.

use std::path::PathBuf;

use super::server::ServerSettings;
use super::setting::{Setting, optional, required};
use super::{ConfigError, Environment};
use crate::Role::Rail;
use crate::party::latency::Latency;

pub(crate) const SETTINGS: &[Setting] = &[
    required("LENDING_DATA", &[Rail], "The folder of the journal `rail.ndjson`."),
    optional("LENDING_RAIL_LATENCY_P50", &[Rail], "30ms", "The median of the log-normal latency of an answer."),
    optional("LENDING_RAIL_LATENCY_P99", &[Rail], "200ms", "Its 99th percentile."),
    optional(
        "LENDING_RAIL_ERROR_BEFORE_RATE",
        &[Rail],
        "0",
        "Share of requests that fail and execute nothing, 0 to 1.",
    ),
    optional("LENDING_RAIL_ERROR_AFTER_RATE", &[Rail], "0", "Share of requests that execute and fail all the same."),
    optional("LENDING_RAIL_SILENCE_RATE", &[Rail], "0", "Share of requests that execute and are never answered."),
    optional(
        "LENDING_RAIL_REFUSAL_RATE",
        &[Rail],
        "0",
        "Share of instructions that are refused; which ones is a function of their ids.",
    ),
];

/// Everything that the rail is told.
#[derive(Debug, Clone)]
pub(crate) struct RailSettings {
    pub(crate) server: ServerSettings,
    /// The folder of the journal.
    pub(crate) data: PathBuf,
    pub(crate) conduct: Conduct,
}

/// How well the rail behaves. Rates are shares from 0 to 1.
#[derive(Debug, Clone)]
pub(crate) struct Conduct {
    /// How long its answers take.
    pub(crate) latency: Latency,
    /// Of requests that fail and execute nothing.
    pub(crate) error_before: f64,
    /// Of requests that execute and fail all the same.
    pub(crate) error_after: f64,
    /// Of requests that execute and are never answered.
    pub(crate) silence: f64,
    /// Of instructions that are refused.
    pub(crate) refusal: f64,
}

impl RailSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let (median, p99) = ("LENDING_RAIL_LATENCY_P50", "LENDING_RAIL_LATENCY_P99");
        let conduct = Conduct {
            latency: Latency::from_environment(environment, median, p99)?,
            error_before: environment.share("LENDING_RAIL_ERROR_BEFORE_RATE")?,
            error_after: environment.share("LENDING_RAIL_ERROR_AFTER_RATE")?,
            silence: environment.share("LENDING_RAIL_SILENCE_RATE")?,
            refusal: environment.share("LENDING_RAIL_REFUSAL_RATE")?,
        };
        if conduct.error_before + conduct.error_after + conduct.silence > 1.0 {
            let reason = "must not exceed 1 together with the error rates, for a request has one fate";
            return Err(environment.invalid("LENDING_RAIL_SILENCE_RATE", reason));
        }
        let data = PathBuf::from(environment.text("LENDING_DATA"));
        Ok(Self { server: ServerSettings::from_environment(environment)?, data, conduct })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn read(extra: &[(&str, &str)]) -> Result<RailSettings, ConfigError> {
        let needed = [("LENDING_DATA", "/data")];
        let pairs = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        RailSettings::from_environment(&Environment::read(Role::Rail, pairs)?)
    }

    #[test]
    fn a_rail_that_is_told_nothing_never_fails() {
        let conduct = read(&[]).expect("complete").conduct;
        let rates = [conduct.error_before, conduct.error_after, conduct.silence, conduct.refusal];
        assert!(rates.iter().all(|rate| *rate == 0.0), "{rates:?}");
    }

    #[test]
    fn rates_that_are_no_shares_of_a_whole_are_refused() {
        for rates in [
            &[("LENDING_RAIL_REFUSAL_RATE", "1.01")][..],
            &[("LENDING_RAIL_REFUSAL_RATE", "-0.1")],
            &[("LENDING_RAIL_REFUSAL_RATE", "NaN")],
            &[("LENDING_RAIL_SILENCE_RATE", "0.6"), ("LENDING_RAIL_ERROR_AFTER_RATE", "0.5")],
            &[("LENDING_RAIL_LATENCY_P99", "1ms")],
        ] {
            assert!(matches!(read(rates), Err(ConfigError::Invalid { .. })), "{rates:?}");
        }
    }
}
