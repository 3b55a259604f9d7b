//! A step of a scenario: an operation's name, or a table.

use super::Where;
use proofload_history::Period;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::ops::Range;
use toml::Spanned;

/// How a step is written, for messages.
const FORMS: &str = "a step is the name of an operation, { do = OPERATION, times = 3 }, { until = OPERATION, sees = \
                     { pointer, equals }, every, within } with or without `unless`, or { pause = \"1s\" }";

/// A step of a scenario. A step after one that is not ok is not made.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is done.
    pub act: Act,
    /// Where in the manifest it stands.
    pub span: Range<usize>,
}

/// What a client does in a step.
#[derive(Clone, Debug)]
pub enum Act {
    /// `"repay"`, `{ do = "repay", times = 3 }`: an operation, so many times one after the other.
    Do {
        /// Which operation.
        operation: Spanned<String>,
        /// How often.
        times: u32,
    },
    /// `{ until = "read_loan", sees = ..., every = "200ms", within = "20s" }`: an operation again and again.
    Until(Until),
    /// `{ pause = "1s" }`: time to think.
    Pause(Period),
}

/// Asking again until the answer shows something.
#[derive(Clone, Debug)]
pub struct Until {
    /// The operation that asks, a GET. An answer that is not ok means "not yet".
    pub operation: Spanned<String>,
    /// What the answer's JSON must show.
    pub sees: Where,
    /// What ends the scenario quietly when an answer shows it.
    pub unless: Vec<Where>,
    /// From an answer to the next question.
    pub every: Period,
    /// How long it asks before it gives up.
    pub within: Period,
}

/// The table as it is written; which keys belong together is checked afterwards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "do")]
    operation: Option<Spanned<String>>,
    times: Option<u32>,
    until: Option<Spanned<String>>,
    sees: Option<Where>,
    unless: Option<Vec<Where>>,
    every: Option<Period>,
    within: Option<Period>,
    pause: Option<Period>,
}

impl Table {
    fn act(self) -> Result<Act, String> {
        let Self { operation, times, until, sees, unless, every, within, pause } = self;
        let asks = sees.is_some() || unless.is_some() || every.is_some() || within.is_some();
        match (operation, until, pause) {
            (Some(operation), None, None) if !asks => Ok(Act::Do { operation, times: times.unwrap_or(1) }),
            (None, Some(operation), None) if times.is_none() => Ok(Act::Until(Until {
                operation,
                sees: sees.ok_or("a step with `until` needs `sees`: what the answer must show")?,
                unless: unless.unwrap_or_default(),
                every: every.ok_or("a step with `until` needs `every`: from an answer to the next question")?,
                within: within.ok_or("a step with `until` needs `within`: how long it asks before it gives up")?,
            })),
            (None, None, Some(pause)) if !asks && times.is_none() => Ok(Act::Pause(pause)),
            _ => Err(FORMS.to_owned()),
        }
    }
}

/// A step as it is written, before it is known where.
enum Written {
    Name(String),
    Table(Box<Table>),
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;

        impl<'de> Visitor<'de> for Forms {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(FORMS)
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Written, E> {
                Ok(Written::Name(name.to_owned()))
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Written, M::Error> {
                Table::deserialize(MapAccessDeserializer::new(map)).map(|table| Written::Table(Box::new(table)))
            }
        }

        deserializer.deserialize_any(Forms)
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Spanned::<Written>::deserialize(deserializer)?;
        let span = written.span();
        let act = match written.into_inner() {
            Written::Name(name) => Act::Do { operation: Spanned::new(span.clone(), name), times: 1 },
            Written::Table(table) => table.act().map_err(Error::custom)?,
        };
        Ok(Self { act, span })
    }
}

impl Step {
    /// The operation that it makes, if it makes one.
    #[must_use]
    pub fn operation(&self) -> Option<&Spanned<String>> {
        match &self.act {
            Act::Do { operation, .. } | Act::Until(Until { operation, .. }) => Some(operation),
            Act::Pause(_) => None,
        }
    }
}
