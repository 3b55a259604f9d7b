//! `[traffic.NAME]`: a scenario of the system, and how often it begins.

use proofload_scenarios::Arrivals;

/// A row of an experiment's `[traffic.*]`.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrafficTable {
    /// A scenario of the manifest.
    pub(crate) scenario: toml::Spanned<String>,
    /// When intents arrive.
    pub(crate) arrivals: Arrivals,
}
