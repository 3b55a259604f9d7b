//! `[[migrate]]`: what runs once, after the components and before the processes.

use super::Template;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A command that prepares what the components hold. It runs once and belongs to no host: it has no links.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// The program and its arguments.
    pub command: Spanned<Vec<String>>,
    /// Its environment, free; values may hold placeholders, but for `{link:...}` and `{instance}`.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
}
