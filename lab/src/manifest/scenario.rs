//! `[scenario.NAME]`: what a client does. Plain data: the traffic gives it life.

use serde::Deserialize;
use toml::Spanned;

/// What a client does for one arrival.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is, for people.
    pub title: String,
    /// Operations, in order.
    pub steps: Vec<Spanned<String>>,
}
