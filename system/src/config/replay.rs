//! Settings of a replay.

use super::kafka::KafkaSettings;
use super::{ConfigError, Environment};

/// Where the dead letters are.
#[derive(Debug, Clone)]
pub(crate) struct ReplaySettings {
    pub(crate) kafka: KafkaSettings,
}

impl ReplaySettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self { kafka: KafkaSettings::of_client(environment, "replay")? })
    }
}
