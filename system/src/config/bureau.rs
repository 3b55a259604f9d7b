//! Settings of the bureau.

use super::server::ServerSettings;
use super::setting::{Setting, optional};
use super::{ConfigError, Environment};
use crate::Role::Bureau;
use crate::bureau::latency::Latency;

pub(crate) const SETTINGS: &[Setting] = &[
    optional("LENDING_BUREAU_LATENCY_P50", &[Bureau], "15ms", "The median of the log-normal latency."),
    optional("LENDING_BUREAU_LATENCY_P99", &[Bureau], "120ms", "Its 99th percentile."),
];

/// Everything that the bureau is told.
#[derive(Debug, Clone)]
pub(crate) struct BureauSettings {
    pub(crate) server: ServerSettings,
    /// How long its answers take.
    pub(crate) latency: Latency,
}

impl BureauSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let median = environment.duration("LENDING_BUREAU_LATENCY_P50")?;
        let p99 = environment.duration("LENDING_BUREAU_LATENCY_P99")?;
        let latency = Latency::new(median, p99).ok_or_else(|| {
            environment.invalid(
                "LENDING_BUREAU_LATENCY_P99",
                "must be at least LENDING_BUREAU_LATENCY_P50, which must not be 0",
            )
        })?;
        Ok(Self { server: ServerSettings::from_environment(environment)?, latency })
    }
}
