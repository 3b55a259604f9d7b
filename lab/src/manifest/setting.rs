//! Tables whose keys are the component's own, and their values.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use toml::Spanned;

/// A component's settings: names as the component's manual, or its template, has them.
pub type Settings = BTreeMap<Spanned<String>, Setting>;

/// A value of a component's settings: whatever the component's own configuration takes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Setting {
    /// A string.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// True or false.
    Bool(bool),
}

impl TryFrom<toml::Value> for Setting {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => Ok(Self::Text(text)),
            toml::Value::Integer(number) => Ok(Self::Integer(number)),
            toml::Value::Float(number) => Ok(Self::Float(number)),
            toml::Value::Boolean(truth) => Ok(Self::Bool(truth)),
            other => Err(format!("a setting is a string, a number or a boolean, not a {}", other.type_str())),
        }
    }
}

impl fmt::Display for Setting {
    /// As configuration files write it: text without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Bool(truth) => write!(f, "{truth}"),
        }
    }
}

impl PartialEq<serde_json::Value> for Setting {
    fn eq(&self, json: &serde_json::Value) -> bool {
        match self {
            Self::Text(text) => json.as_str() == Some(text),
            Self::Integer(number) => json.as_i64() == Some(*number),
            Self::Float(number) => json.as_f64() == Some(*number),
            Self::Bool(truth) => json.as_bool() == Some(*truth),
        }
    }
}
