//! Settings of a service's own database.

use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::{ConfigError, Environment};

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

/// Where the database is, and nothing else: what migrations need.
pub(crate) fn connect_options(environment: &Environment) -> Result<PgConnectOptions, ConfigError> {
    let options: PgConnectOptions = environment.parsed("LENDING_DATABASE_URL")?;
    // What fails is logged by who asked; whole statements would flood the log when the database is slow.
    Ok(options.disable_statement_logging())
}
