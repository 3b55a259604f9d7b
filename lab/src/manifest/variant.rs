//! `[variant.NAME]`: a named change of the system's settings.

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A named change of the system's settings: a design alternative, or a mistake that an experiment must catch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// The real-world mistake that it is.
    pub mistake: String,
    /// What it sets: dotted paths into the manifest, and values.
    pub set: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}
