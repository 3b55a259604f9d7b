//! What is wrong with a manifest, and where.

use std::fmt;
use std::ops::Range;

/// Names further than this from every valid one get the whole list instead of a suggestion (Jaro-Winkler, 0 to 1).
const NEAR: f64 = 0.8;

/// What is wrong with a manifest, a variant or a `--set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// What is wrong, without the suggestion.
    pub message: String,
    /// Where in the text, in bytes; `None` if the mistake is not in the text (a `--set`, the name of a variant).
    pub span: Option<Range<usize>>,
    /// The name that is wrong, if a name is.
    pub wrong: Option<String>,
    /// The names that would be valid in its place; empty if no name is wrong.
    pub valid: Vec<String>,
}

impl SpecError {
    /// A mistake that is no wrong name.
    #[must_use]
    pub fn new(message: impl Into<String>, span: Option<Range<usize>>) -> Self {
        Self { message: message.into(), span, wrong: None, valid: Vec::new() }
    }

    /// A name that refers to nothing.
    #[must_use]
    pub fn unknown(what: &str, name: &str, span: Option<Range<usize>>, valid: Vec<String>) -> Self {
        Self { message: format!("there is no {what} `{name}`"), span, wrong: Some(name.to_owned()), valid }
    }

    /// What the TOML reader or serde said. Their lists of expected names become [`Self::valid`].
    #[must_use]
    pub fn from_toml(error: &toml::de::Error) -> Self {
        let message = error.message();
        let span = error.span();
        for (prefix, what) in [("unknown field `", "key"), ("unknown variant `", "value")] {
            if let Some((name, rest)) = message.strip_prefix(prefix).and_then(|rest| rest.split_once('`')) {
                let valid = rest.split('`').skip(1).step_by(2).map(str::to_owned).collect();
                return Self { message: format!("unknown {what} `{name}`"), span, wrong: Some(name.to_owned()), valid };
            }
        }
        Self::new(message, span)
    }

    /// The valid name that is nearest to the wrong one, if one is near.
    #[must_use]
    pub fn nearest(&self) -> Option<&str> {
        let wrong = self.wrong.as_deref()?;
        let distance = |valid: &str| strsim::jaro_winkler(wrong, valid);
        let nearest = self.valid.iter().max_by(|a, b| distance(a).total_cmp(&distance(b)))?;
        (distance(nearest) >= NEAR).then_some(nearest)
    }

    /// The line and the column of the mistake in `text`, both from 1; columns count characters.
    #[must_use]
    pub fn position(&self, text: &str) -> Option<(usize, usize)> {
        let before = text.get(..self.span.as_ref()?.start)?;
        let line = before.rsplit('\n').next().unwrap_or_default();
        Some((before.matches('\n').count() + 1, line.chars().count() + 1))
    }

    /// The same mistake, seen in a text that the user did not write: its span means nothing to them.
    pub(crate) fn after(self, change: &str, span: Option<Range<usize>>) -> Self {
        Self { message: format!("{change}: {}", self.message), span, ..self }
    }
}

impl fmt::Display for SpecError {
    /// The message with the nearest valid name, or with all of them if none is near.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(nearest) = self.nearest() {
            return write!(f, " (did you mean `{nearest}`?)");
        }
        if !self.valid.is_empty() {
            write!(f, " (valid: {})", self.valid.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecError {}
