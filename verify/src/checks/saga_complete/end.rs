//! An end of a saga, and how an id stands there.

use crate::checks::groups::Member;
use proofload_history::{At, ObservationRef};
use serde::Deserialize;

/// What is kept of a row: where it stands among those of its id, and what it says of the ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) at: Option<At>,
    version: Option<i64>,
    offset: Option<i64>,
    partition: Option<i32>,
    /// Whether it has a state...
    stated: bool,
    /// ...and whether that is one of either end's.
    is_end: [bool; 2],
}

impl Kept {
    /// `ends` are the two ends, done first.
    pub(super) fn of(seen: ObservationRef<'_>, ends: [Option<&End>; 2]) -> Self {
        let state = seen.state();
        let names = |end: &End| {
            end.states.as_ref().is_some_and(|states| states.iter().any(|name| Some(name.as_str()) == state))
        };
        Self {
            at: seen.at(),
            version: seen.version(),
            offset: seen.offset(),
            partition: seen.partition(),
            stated: state.is_some(),
            is_end: ends.map(|end| end.is_some_and(names)),
        }
    }
}

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
    /// Which end it is: 0 where it is done, 1 where it is compensated.
    pub(super) which: usize,
    /// The place of its stage.
    pub(super) place: usize,
    /// Whether the stage was read to its end, with every row understood.
    pub(super) read_whole: bool,
}

impl AtEnd<'_> {
    /// Whether an id that was seen at this end is there: what was not read could be a later state.
    pub(super) fn is_certain(&self) -> bool {
        self.read_whole || self.end.states.is_none()
    }

    /// How an id stands here that has these rows: the one of the highest version, else the last by position, tells.
    pub(super) fn standing<'r>(&self, rows: &'r [Member<Kept>]) -> Standing<'r> {
        let Some(last) = rows.iter().max_by_key(|row| (row.what.version, row.what.offset)) else {
            return Standing::Not(None);
        };
        if self.end.states.is_none() {
            return Standing::Ended(last, since(rows.iter()));
        }
        // Offsets of several partitions say nothing of each other.
        let in_order = last.what.version.is_some() || rows.iter().all(|row| row.what.partition == last.what.partition);
        if !in_order || !last.what.stated {
            return Standing::Unclear;
        }
        let is_end = |row: &&Member<Kept>| row.what.is_end[self.which];
        if is_end(&last) { Standing::Ended(last, since(rows.iter().filter(is_end))) } else { Standing::Not(Some(last)) }
    }
}

/// How an id stands at an end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing<'r> {
    /// It has not come to this end; with the row that says so, if the stage has any of it.
    Not(Option<&'r Member<Kept>>),
    /// It has, as the row says, since the earliest of the rows that say so, if all of those have instants.
    Ended(&'r Member<Kept>, Option<At>),
    /// Nobody can tell.
    Unclear,
}

impl End {
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
pub(super) fn since<'r>(rows: impl Iterator<Item = &'r Member<Kept>>) -> Option<At> {
    rows.map(|row| row.what.at).min().flatten()
}
