//! Settings of everything that serves HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use super::setting::{ALL, SERVERS, Setting, optional};
use super::{ConfigError, Environment};

pub(crate) const SETTINGS: &[Setting] = &[
    optional("LENDING_LOG", ALL, "info", "What is logged, as a tracing filter: `info,lending=debug`."),
    optional("LENDING_LISTEN", SERVERS, "0.0.0.0:8080", "Address and port of the HTTP server."),
    optional("LENDING_INSTANCE", SERVERS, "lending-1", "This instance's name in logs, in Kafka and in leases."),
    optional(
        "LENDING_SHUTDOWN",
        SERVERS,
        "graceful",
        "What a SIGTERM does: `graceful` finishes what is in flight, `abrupt` ends the process at once, whatever it holds.",
    ),
    optional("LENDING_SHUTDOWN_TIMEOUT", SERVERS, "12s", "How long a SIGTERM waits for what is in flight."),
];

/// Where a role listens and how it stops.
#[derive(Debug, Clone)]
pub(crate) struct ServerSettings {
    /// Address and port.
    pub(crate) listen: SocketAddr,
    /// What becomes of what is in flight when the role is told to stop.
    pub(crate) shutdown: Shutdown,
    /// How long a stop waits for what is in flight.
    pub(crate) shutdown_timeout: Duration,
}

/// What becomes of what is in flight when a role is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shutdown {
    /// It is finished, and no more is taken.
    Graceful,
    /// It is dropped: the process ends at once.
    Abrupt,
}

impl ServerSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let shutdowns = [("graceful", Shutdown::Graceful), ("abrupt", Shutdown::Abrupt)];
        Ok(Self {
            listen: environment.parsed("LENDING_LISTEN")?,
            shutdown: environment.choice("LENDING_SHUTDOWN", &shutdowns)?,
            shutdown_timeout: environment.duration("LENDING_SHUTDOWN_TIMEOUT")?,
        })
    }
}
