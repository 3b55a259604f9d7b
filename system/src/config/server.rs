//! Settings of everything that serves HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use super::setting::{ALL, SERVERS, Setting, optional};
use super::{ConfigError, Environment};

pub(crate) const SETTINGS: &[Setting] = &[
    optional("LENDING_LOG", ALL, "info", "What is logged, as a tracing filter: `info,lending=debug`."),
    optional("LENDING_LISTEN", SERVERS, "0.0.0.0:8080", "Address and port of the HTTP server."),
    optional("LENDING_INSTANCE", SERVERS, "lending-1", "This instance's name in logs, in Kafka and in leases."),
    optional("LENDING_SHUTDOWN_TIMEOUT", SERVERS, "12s", "How long a SIGTERM waits for what is in flight."),
];

/// Where a role listens and how it stops.
#[derive(Debug, Clone)]
pub(crate) struct ServerSettings {
    /// Address and port.
    pub(crate) listen: SocketAddr,
    /// How long a stop waits for what is in flight.
    pub(crate) shutdown_timeout: Duration,
}

impl ServerSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            listen: environment.parsed("LENDING_LISTEN")?,
            shutdown_timeout: environment.duration("LENDING_SHUTDOWN_TIMEOUT")?,
        })
    }
}
