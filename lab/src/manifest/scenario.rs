//! `[scenario.NAME]`: what a client does. Plain data: the traffic gives it life.

use super::Step;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// What a client does for one arrival.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Table")]
pub struct Scenario {
    /// What it is, for people.
    pub title: String,
    /// How it goes.
    pub course: Course,
}

/// How a scenario goes.
#[derive(Clone, Debug)]
pub enum Course {
    /// Steps, in order; at least one.
    Steps(Vec<Step>),
    /// Other scenarios by their weights, at least one: each arrival draws one of them.
    Mix(BTreeMap<Spanned<String>, Spanned<u32>>),
}

impl Scenario {
    /// Its steps; none if it is a mix of others.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        match &self.course {
            Course::Steps(steps) => steps,
            Course::Mix(_) => &[],
        }
    }
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    title: String,
    steps: Option<Vec<Step>>,
    mix: Option<BTreeMap<Spanned<String>, Spanned<u32>>>,
}

impl TryFrom<Table> for Scenario {
    type Error = String;

    fn try_from(Table { title, steps, mix }: Table) -> Result<Self, String> {
        let course = match (steps, mix) {
            (Some(steps), None) if !steps.is_empty() => Course::Steps(steps),
            (None, Some(mix)) if !mix.is_empty() => Course::Mix(mix),
            (Some(_), None) => return Err("a scenario needs at least one step".to_owned()),
            (None, Some(_)) => return Err("a mix needs at least one scenario with its weight".to_owned()),
            _ => return Err("a scenario has either `steps` or a `mix` of other scenarios".to_owned()),
        };
        Ok(Self { title, course })
    }
}
