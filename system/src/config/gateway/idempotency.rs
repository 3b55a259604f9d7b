//! How repeats of a request are recognised.

use std::time::Duration;

use crate::config::{ConfigError, Environment};

/// How repeats of a request are recognised.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencySettings {
    /// Where answers are remembered.
    pub(crate) store: AnswerStore,
    /// How long an answer is replayed.
    pub(crate) ttl: Duration,
    /// How long a key stays reserved when its gateway dies.
    pub(crate) reservation: Duration,
}

/// Where answers are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerStore {
    /// In Redis, for every gateway.
    Redis,
    /// In this process: no other gateway knows of them, and none survives a restart.
    Memory,
}

impl IdempotencySettings {
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let stores = [("redis", AnswerStore::Redis), ("memory", AnswerStore::Memory)];
        Ok(Self {
            store: environment.choice("LENDING_IDEMPOTENCY_STORE", &stores)?,
            ttl: environment.duration("LENDING_IDEMPOTENCY_TTL")?,
            reservation: environment.duration("LENDING_IDEMPOTENCY_RESERVATION")?,
        })
    }
}
