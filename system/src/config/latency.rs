//! The latency of a party, from the two settings that give it.

use super::{ConfigError, Environment};
use crate::party::latency::Latency;

impl Latency {
    /// From the settings of its median and of its 99th percentile.
    pub(super) fn from_environment(
        environment: &Environment,
        median: &'static str,
        p99: &'static str,
    ) -> Result<Self, ConfigError> {
        Self::new(environment.duration(median)?, environment.duration(p99)?)
            .ok_or_else(|| environment.invalid(p99, &format!("must be at least {median}, which must not be 0")))
    }
}
