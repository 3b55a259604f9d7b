//! `[process.NAME]`: one of the system's own services.

use super::Template;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// One of the system's own services.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// The program and its arguments.
    pub command: Spanned<Vec<String>>,
    /// How many instances, numbered from 1; without it there is one, without a number.
    pub replicas: Option<Spanned<u32>>,
    /// Components and processes that must be ready before it starts.
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,
    /// How it says that it is ready.
    pub ready: Ready,
    /// Whether the ports that the manifest names on it speak TLS: each instance then has a certificate of the run's own
    /// authority; its environment finds it by `{certificate}` and `{certificate_key}`.
    #[serde(default)]
    pub tls: bool,
    /// Its environment, free; values may hold placeholders.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
}

/// How a process says that it is ready: a GET that is answered with 2xx, over TLS if it has [`Process::tls`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// The path: `/health/ready`.
    pub http: String,
    /// The port.
    pub port: u16,
}
