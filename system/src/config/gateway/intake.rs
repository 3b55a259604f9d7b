//! Who hears of an application first.

use std::time::Duration;

use crate::config::database::DatabaseSettings;
use crate::config::{ConfigError, Environment};

/// Who hears of an application first.
#[derive(Debug, Clone)]
pub(crate) enum IntakeOrder {
    /// The log, and nobody else while the client waits.
    LogFirst,
    /// This database, and the log afterwards: every client waits for both.
    DatabaseFirst(Box<DatabaseSettings>),
}

impl IntakeOrder {
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        if !environment.choice("LENDING_INTAKE", &[("log-first", false), ("database-first", true)])? {
            return Ok(Self::LogFirst);
        }
        environment.needs("LENDING_DATABASE_URL", "LENDING_INTAKE=database-first")?;
        let database = DatabaseSettings::from_environment(environment)?;
        // A client must not wait for connections to be made: all are kept open.
        Ok(Self::DatabaseFirst(Box::new(DatabaseSettings { connections_min: database.connections, ..database })))
    }

    /// The longest time that it adds to a request.
    pub(super) fn longest(&self) -> Duration {
        match self {
            Self::LogFirst => Duration::ZERO,
            Self::DatabaseFirst(database) => database.timeout,
        }
    }
}
