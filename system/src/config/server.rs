//! Settings of everything that serves HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use super::{ConfigError, Environment};

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
