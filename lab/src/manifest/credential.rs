//! `[credential.NAME]`: what clients show to be let in. Plain data: the traffic gives it life.

use super::Pointer;
use serde::Deserialize;
use toml::Spanned;

/// What clients show to be let in: got before the traffic begins, renewed at two thirds of its life, put into headers
/// as `{credential:NAME}`. Getting it is no part of the load.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The operation that gets one; in its templates `{n}` is the number of the credential, from 1.
    pub operation: Spanned<String>,
    /// Where in the answer the token is.
    pub token: Pointer,
    /// Where in the answer it says how long the token lasts, in seconds.
    pub lasts_seconds: Pointer,
    /// How many there are; arrivals share them in turn.
    pub count: Spanned<u32>,
}
