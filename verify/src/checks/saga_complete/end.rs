//! An end of a saga, and how an id stands there.

use crate::checks::stage_rows::{Group, StageRows};
use proofload_history::{At, Name, Observation};
use serde::Deserialize;

/// Where sagas end, and in which states.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// The stage.
    pub(super) stage: String,
    /// The states that are this end; any row is, if left out.
    pub(super) states: Option<Vec<String>>,
}

/// An end with what was read there.
pub(super) struct AtEnd<'a> {
    pub(super) end: &'a End,
    pub(super) rows: &'a StageRows<'a>,
    /// Whether the stage was read to its end, with every row understood.
    pub(super) read_whole: bool,
}

impl AtEnd<'_> {
    /// Whether an id that was seen at this end is there: what was not read could be a later state.
    pub(super) fn is_certain(&self) -> bool {
        self.read_whole || self.end.states.is_none()
    }
}

/// How an id stands at an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'r> {
    /// It has not come to this end; with the row that says so, if the stage has any of it.
    Not(Option<&'r Observation>),
    /// It has, as the row says, since the earliest of the rows that say so, if all of those have instants.
    Ended(&'r Observation, Option<At>),
    /// Nobody can tell.
    Unclear,
}

impl End {
    /// How an id stands here that has these rows: the one of the highest version, else the last by position, tells.
    pub(super) fn standing<'r>(&self, rows: Group<'r>) -> Standing<'r> {
        let Some(last) = rows.iter().max_by_key(|seen| (seen.version, seen.offset)) else {
            return Standing::Not(None);
        };
        let Some(states) = &self.states else { return Standing::Ended(last, since(rows.iter())) };
        let is_end = |state: &Name| states.iter().any(|end| **end == **state);
        // Offsets of several partitions say nothing of each other.
        let in_order = last.version.is_some() || rows.iter().all(|seen| seen.partition == last.partition);
        match &last.state {
            Some(state) if in_order && is_end(state) => {
                let ended = rows.iter().filter(|seen| seen.state.as_ref().is_some_and(is_end));
                Standing::Ended(last, since(ended))
            }
            Some(_) if in_order => Standing::Not(Some(last)),
            _ => Standing::Unclear,
        }
    }

    /// Whether a row can be both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let common = match (&self.states, &other.states) {
            (Some(states), Some(others)) => states.iter().any(|state| others.contains(state)),
            _ => true,
        };
        self.stage == other.stage && common
    }
}

/// The earliest instant of the rows; `None` if one has none: it may be the earliest.
pub(super) fn since<'r>(rows: impl Iterator<Item = &'r Observation>) -> Option<At> {
    rows.map(|seen| seen.at).min().flatten()
}
