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

    /// How an id stands here that has these rows: those tell that may be the last, if all of them say the same.
    pub(super) fn standing<'r>(&self, rows: &'r [Member<Kept>]) -> Standing<'r> {
        let last = Last::of(rows);
        let Some(told) = rows.iter().find(|row| last.may_be(&row.what)) else { return Standing::Not(None) };
        if self.end.states.is_none() {
            return Standing::Ended(told, since(rows.iter()));
        }
        let is_end = |row: &&Member<Kept>| row.what.is_end[self.which];
        let says = |row: &Member<Kept>| row.what.stated.then_some(row.what.is_end[self.which]);
        let all_say = |one| rows.iter().filter(|row| last.may_be(&row.what)).all(|row| says(row) == one);
        match says(told) {
            Some(true) if all_say(Some(true)) => Standing::Ended(told, since(rows.iter().filter(is_end))),
            Some(false) if all_say(Some(false)) => Standing::Not(Some(told)),
            _ => Standing::Unclear,
        }
    }
}

/// Which rows of an id may be its last: those of the highest version, if all have one or none has; and of these the last
/// of its partition, if all are in one. Versions and offsets of several partitions do not order what has neither.
struct Last {
    /// The version that they have, if versions order the rows.
    version: Option<Option<i64>>,
    /// The offset that they have, if offsets order what is left.
    offset: Option<Option<i64>>,
}

impl Last {
    fn of(rows: &[Member<Kept>]) -> Self {
        let highest = rows.iter().map(|row| row.what.version).max().flatten();
        let mixed = highest.is_some() && rows.iter().any(|row| row.what.version.is_none());
        let mut last = Self { version: (!mixed).then_some(highest), offset: None };
        let left = || rows.iter().map(|row| &row.what).filter(|row| last.may_be(row));
        let partition = left().next().map(|row| row.partition);
        if left().all(|row| row.offset.is_some() && Some(row.partition) == partition) {
            last.offset = left().map(|row| row.offset).max();
        }
        last
    }

    fn may_be(&self, row: &Kept) -> bool {
        self.version.is_none_or(|version| version == row.version)
            && self.offset.is_none_or(|offset| offset == row.offset)
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
