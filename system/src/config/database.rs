//! Settings of a service's own database.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::setting::{DATABASES, OWNERS, Setting, optional, required};
use super::{ConfigError, Environment};

pub(crate) const SETTINGS: &[Setting] = &[
    required("LENDING_DATABASE_URL", DATABASES, "The service's own PostgreSQL database."),
    optional("LENDING_DATABASE_CONNECTIONS", OWNERS, "8", "Connections in the pool."),
    optional("LENDING_DATABASE_ACQUIRE_TIMEOUT", OWNERS, "10s", "How long a connection is waited for."),
    optional(
        "LENDING_DATABASE_TIMEOUT",
        OWNERS,
        "20s",
        "How long one transaction may take with its round trips; some seconds of latency on the way must fit.",
    ),
];

/// How PostgreSQL is reached.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseSettings {
    /// Host, user and database.
    pub(crate) connect: PgConnectOptions,
    /// Connections in the pool.
    pub(crate) connections: u32,
    /// Connections that are opened at the start and kept, used or not; 0 opens them as they are needed.
    pub(crate) connections_min: u32,
    /// How long a connection is waited for, its making included.
    pub(crate) acquire_timeout: Duration,
    /// How long one statement may take with its round trips.
    pub(crate) timeout: Duration,
}

impl DatabaseSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let timeout = environment.duration("LENDING_DATABASE_TIMEOUT")?;
        // The server forgets a client that vanished within about ten seconds, and its locks with it: a batch that
        // hangs on a cut connection must not block its own redelivery.
        let connect = connect_options(environment)?.application_name(environment.text("LENDING_INSTANCE")).options([
            ("statement_timeout", timeout.as_millis().to_string()),
            ("idle_in_transaction_session_timeout", "5000".to_owned()),
            ("tcp_user_timeout", "10000".to_owned()),
            ("tcp_keepalives_idle", "5".to_owned()),
            ("tcp_keepalives_interval", "2".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
        ]);
        Ok(Self {
            connect,
            connections: environment.parsed("LENDING_DATABASE_CONNECTIONS")?,
            connections_min: 0,
            acquire_timeout: environment.duration("LENDING_DATABASE_ACQUIRE_TIMEOUT")?,
            timeout,
        })
    }
}

#[cfg(test)]
impl DatabaseSettings {
    /// A database that refuses every connection: nothing listens on port 1 of the loopback.
    pub(crate) fn refusing() -> Self {
        Self {
            connect: PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1).username("postgres"),
            connections: 1,
            connections_min: 0,
            acquire_timeout: Duration::from_millis(20),
            timeout: Duration::from_secs(10),
        }
    }
}

/// Where the database is, and nothing else: what migrations need.
pub(crate) fn connect_options(environment: &Environment) -> Result<PgConnectOptions, ConfigError> {
    let options: PgConnectOptions = environment.parsed("LENDING_DATABASE_URL")?;
    // What fails is logged by who asked; whole statements would flood the log when the database is slow.
    Ok(options.disable_statement_logging())
}
