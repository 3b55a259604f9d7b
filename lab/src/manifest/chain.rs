//! `[chain.NAME]`: what an acknowledged operation must reach.

use serde::Deserialize;
use toml::Spanned;

/// The way of one intent through the system, in order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// What it promises, for people.
    pub title: String,
    /// The operation whose acknowledgement makes the promise.
    pub operation: Spanned<String>,
    /// The stages that it must reach, in order.
    pub stages: Vec<ChainStage>,
}

/// A stage of a chain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainStage {
    /// Which stage.
    pub stage: Spanned<String>,
    /// Whether an intent may be there more than once.
    pub repeats: Repeats,
    /// Whom it is for; everybody if there is none.
    #[serde(default)]
    pub only_if: Option<OnlyIf>,
}

/// Whom a stage is for: what an earlier stage of the chain has in one of these states must reach it, and what it has in
/// another must not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnlyIf {
    /// The earlier stage.
    pub stage: Spanned<String>,
    /// States that rows of it have.
    pub states: Vec<String>,
}

/// Whether an intent may be at a stage more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeats {
    /// As in a log that delivers at least once.
    Allowed,
    /// As with an effect.
    Forbidden,
}
