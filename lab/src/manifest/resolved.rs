//! A manifest as a run uses it.

use super::{Manifest, SpecError, change};
use std::collections::BTreeMap;
use toml::Spanned;

/// A manifest with variants and overrides applied.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What it says now.
    pub manifest: Manifest,
    /// Its text, to be stored: reading it gives [`Self::manifest`] again.
    pub toml: String,
}

/// What an experiment sets in a manifest before any variant: dotted paths and values. They are the circumstances that it
/// is about, such as how slow a party is, and no design.
pub type Circumstances = BTreeMap<Spanned<String>, Spanned<toml::Value>>;

impl Resolved {
    /// The text of a manifest in the `circumstances` of an experiment, for [`Self::new`] to apply variants to. Without any
    /// the text stays as it is.
    ///
    /// # Errors
    /// If what is set does not exist or does not fit; spans are those of `circumstances`.
    pub fn in_circumstances(text: &str, circumstances: &Circumstances) -> Result<String, SpecError> {
        change::apply_circumstances(text, circumstances)
    }

    /// Reads a manifest and applies `variants`, in order, and then `sets` (dotted paths and values, as `--set` gives
    /// them: `process.gateway.env.ACKS`, `component.kafka.settings."broker.session.timeout.ms"`).
    ///
    /// Without variants and sets the text stays as it is, comments included.
    ///
    /// # Errors
    /// If the manifest is wrong as it stands (with a span in `text`), a variant is unknown, or what a change sets does
    /// not exist or does not fit.
    pub fn new(text: &str, variants: &[String], sets: &[(String, String)]) -> Result<Self, SpecError> {
        let original = Manifest::parse(text)?;
        let mut toml = text.to_owned();
        for name in variants {
            toml = change::apply_variant(&toml, &original, name)?;
        }
        for (path, value) in sets {
            toml = change::apply_set(&toml, path, value)?;
        }
        Ok(Self { manifest: Manifest::parse_without_variants(&toml)?, toml })
    }
}
