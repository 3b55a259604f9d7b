//! `[entry]`: where the traffic enters.

use serde::Deserialize;
use toml::Spanned;

/// Where the traffic enters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// A component or a process; its first instance, if it has several.
    pub host: Spanned<String>,
    /// Its port.
    pub port: u16,
    /// Whether it speaks TLS, with a certificate of the lab's own authority for the name of the host.
    #[serde(default)]
    pub tls: bool,
}
