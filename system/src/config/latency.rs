//! The latency of a party and how it treats calls, from the settings that give it.

use super::{ConfigError, Environment};
use crate::party::call::Calls;
use crate::party::latency::Latency;

impl Latency {
    /// From the settings of its median and of its 99th percentile.
    pub(super) fn from_environment(
        environment: &Environment,
        median: &'static str,
        p99: &'static str,
    ) -> Result<Self, ConfigError> {
        Self::new(environment.duration(median)?, environment.duration(p99)?).ok_or_else(|| {
            environment.invalid(p99, &format!("must be at least {median}, which must not be 0 unless both are"))
        })
    }
}

/// The names of the settings that say how a party treats calls.
pub(super) struct CallNames {
    pub(super) median: &'static str,
    pub(super) p99: &'static str,
    pub(super) errors: &'static str,
    pub(super) silence: &'static str,
}

impl Calls {
    /// From the settings with these names.
    pub(super) fn from_environment(environment: &Environment, names: &CallNames) -> Result<Self, ConfigError> {
        let latency = Latency::from_environment(environment, names.median, names.p99)?;
        let (errors, silence) = (environment.share(names.errors)?, environment.share(names.silence)?);
        match errors + silence <= 1.0 {
            true => Ok(Self { latency, errors, silence }),
            false => {
                let reason = format!("must not exceed 1 together with {}, for a call has one fate", names.errors);
                Err(environment.invalid(names.silence, &reason))
            }
        }
    }
}
