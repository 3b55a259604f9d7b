//! Reads a TOML table key by key and keeps the place of everything, so that an error names its line and column.

use proofload_history::Period;
use proofload_lab::manifest::SpecError;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// An error at `span`.
pub(crate) fn wrong(span: Range<usize>, message: impl Into<String>) -> SpecError {
    SpecError::new(message, Some(span))
}

/// An error at `span` about `name`, which is none of `valid`.
pub(crate) fn unknown<S: ToString>(
    span: Range<usize>,
    name: &str,
    message: impl Into<String>,
    valid: impl IntoIterator<Item = S>,
) -> SpecError {
    let valid = valid.into_iter().map(|name| name.to_string()).collect();
    SpecError { message: message.into(), span: Some(span), wrong: Some(name.to_owned()), valid }
}

/// A table, and what it describes.
pub(crate) struct Keys<'a> {
    what: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
}

impl<'a> Keys<'a> {
    /// The table in `value`, which describes `what`: `fault "leader-cut"`.
    pub(crate) fn of(what: impl Into<String>, value: &'a Spanned<DeValue<'a>>) -> Result<Self, SpecError> {
        let what = what.into();
        match value.get_ref() {
            DeValue::Table(table) => Ok(Self { what, table, span: value.span() }),
            _ => Err(mismatch(&what, value, "a table")),
        }
    }

    /// Where the table stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Refuses every key that is not in `valid`.
    pub(crate) fn only(&self, valid: &[&str]) -> Result<(), SpecError> {
        match self.table.keys().find(|key| !valid.contains(&key.get_ref().as_ref())) {
            None => Ok(()),
            Some(key) => {
                let name = key.get_ref();
                Err(unknown(key.span(), name, format!("{} has no key `{name}`", self.what), valid))
            }
        }
    }

    /// The value of `key`, if it is there.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// The value of `key`, which must be there.
    pub(crate) fn need(&self, key: &str) -> Result<&'a Spanned<DeValue<'a>>, SpecError> {
        self.get(key).ok_or_else(|| wrong(self.span(), format!("{} needs the key `{key}`", self.what)))
    }

    /// The one key of `choices` that the table has, with its value.
    pub(crate) fn one_of(
        &self,
        choices: &[&'static str],
    ) -> Result<(&'static str, &'a Spanned<DeValue<'a>>), SpecError> {
        let mut found = choices.iter().filter_map(|key| Some((*key, self.get(key)?)));
        let list = choices.join("`, `");
        let first = found.next().ok_or_else(|| wrong(self.span(), format!("{} needs one of `{list}`", self.what)))?;
        match found.next() {
            None => Ok(first),
            Some((second, value)) => Err(wrong(
                value.span(),
                format!("{} has both `{}` and `{second}`; it takes one of `{list}`", self.what, first.0),
            )),
        }
    }

    /// The duration under `key`, if it is there.
    pub(crate) fn period(&self, key: &str) -> Result<Option<Duration>, SpecError> {
        self.get(key).map(|value| period(&self.name(key), value)).transpose()
    }

    /// Whether `key` is there and true.
    pub(crate) fn flag(&self, key: &str) -> Result<bool, SpecError> {
        match self.get(key) {
            None => Ok(false),
            Some(value) => value.get_ref().as_bool().ok_or_else(|| mismatch(&self.name(key), value, "true or false")),
        }
    }

    fn name(&self, key: &str) -> String {
        format!("`{key}` of {}", self.what)
    }
}

/// An error about a value of the wrong type.
pub(crate) fn mismatch(what: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> SpecError {
    wrong(value.span(), format!("{what} must be {wanted}, not a value of type {}", value.get_ref().type_str()))
}

/// The text in `value`.
pub(crate) fn text<'a>(what: &str, value: &'a Spanned<DeValue<'a>>) -> Result<&'a str, SpecError> {
    value.get_ref().as_str().ok_or_else(|| mismatch(what, value, "a text"))
}

/// The duration in `value`, longer than zero or zero, never negative.
pub(crate) fn period(what: &str, value: &Spanned<DeValue<'_>>) -> Result<Duration, SpecError> {
    let text = value.get_ref().as_str().ok_or_else(|| mismatch(what, value, "a duration such as \"10s\""))?;
    text.parse::<Period>().map(|period| period.0).map_err(|error| wrong(value.span(), format!("{what}: {error}")))
}

/// The number in `value`, whole or not.
pub(crate) fn number(what: &str, value: &Spanned<DeValue<'_>>) -> Result<f64, SpecError> {
    let parsed = match value.get_ref() {
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|whole| whole as f64)
        }
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => None,
    };
    parsed.filter(|number: &f64| number.is_finite()).ok_or_else(|| mismatch(what, value, "a number"))
}
