//! What became of each saga.

use super::end::{AtEnd, Kept, Standing, since};
use crate::checks::groups::{Group, Member};
use crate::checks::offenders::{Offenders, Rows};
use crate::offending::Offending;
use crate::statistics::durations::Durations;
use crate::{place, wording};
use proofload_history::{At, Id};
use std::time::Duration;

/// The sagas of a run, and what may be claimed of them.
pub(super) struct Sagas<'a> {
    pub(super) done: AtEnd<'a>,
    pub(super) compensated: Option<AtEnd<'a>>,
    /// The longest that a saga may take.
    pub(super) within: Option<Duration>,
    /// Whether what was not seen at the ends is not there, and will not come.
    pub(super) absent_is_final: bool,
    /// The ends were read whole, and not before this instant.
    pub(super) ends_read_after: Option<At>,
}

/// What is wrong with a saga, with the numbers of the rows that say so.
pub(super) enum Wrong {
    /// It is at neither end; with what the stages of the ends have of it.
    Unfinished { start: u64, there: Option<u64> },
    /// It took too long.
    Late { end: u64, took: Duration },
    /// It is at both ends.
    Torn { done: u64, compensated: u64 },
}

impl Wrong {
    /// The numbers of the rows that it is told with.
    pub(super) fn rows(&self) -> impl Iterator<Item = u64> {
        let (one, other) = match self {
            Self::Unfinished { start, there } => (*start, *there),
            Self::Late { end, .. } => (*end, None),
            Self::Torn { done, compensated } => (*done, Some(*compensated)),
        };
        std::iter::once(one).chain(other)
    }

    /// What is known of it, for people.
    pub(super) fn tell(&self, rows: &Rows) -> String {
        let at = |row: &u64| place::of(rows.get(*row));
        match self {
            Self::Unfinished { start, there } => {
                let there = there.as_ref().map_or_else(
                    || "never seen at an end".to_owned(),
                    |there| format!("no further than {}", at(there)),
                );
                format!("started at {}, {there}", at(start))
            }
            Self::Late { end, took } => format!("ended {} after its start at {}", wording::seconds(*took), at(end)),
            Self::Torn { done, compensated } => {
                format!("done at {} and compensated at {}", at(done), at(compensated))
            }
        }
    }
}

/// What the sagas come to.
#[derive(Default)]
pub(super) struct Tally<'a> {
    pub(super) started: u64,
    /// Those that are at an end, the torn ones at each.
    pub(super) done: u64,
    pub(super) compensated: u64,
    pub(super) unfinished: u64,
    pub(super) late: u64,
    pub(super) torn: u64,
    /// Of which nobody can tell how they ended, or whether they will.
    pub(super) undecided: u64,
    /// That are at one end, and nobody can tell how long they took.
    pub(super) untimed: u64,
    /// How long the others took that are at one end.
    pub(super) durations: Durations,
    pub(super) broken: Offenders<'a, Wrong>,
}

/// A saga that was started.
#[derive(Clone, Copy)]
struct Saga {
    id: Id,
    /// The number of its first row.
    start: u64,
    /// The earliest start, if all have instants.
    at: Option<At>,
}

impl<'a> Tally<'a> {
    /// Takes an id into account, which is a saga if it was started.
    pub(super) fn take(&mut self, sagas: &Sagas<'a>, group: &Group<'_, Kept>) {
        let start = group.at(0);
        let Some(first) = start.first().map(Member::number) else { return };
        let saga = Saga { id: group.id, start: first, at: since(start.iter()) };
        let done = sagas.done.standing(group.at(sagas.done.place));
        let compensated = sagas.compensated.as_ref();
        let compensated = compensated.map_or(Standing::Not(None), |end| end.standing(group.at(end.place)));
        self.add(sagas, saga, done, compensated);
    }

    fn add(&mut self, sagas: &Sagas<'a>, saga: Saga, done: Standing<'_>, compensated: Standing<'_>) {
        use Standing::{Ended, Not, Unclear};
        self.started += 1;
        self.done += u64::from(matches!(done, Ended(..)));
        self.compensated += u64::from(matches!(compensated, Ended(..)));
        let undone = sagas.compensated.as_ref();
        match (done, compensated) {
            (Ended(done, _), Ended(compensated, _)) => match undone {
                Some(undone) if sagas.done.is_certain() && undone.is_certain() => {
                    self.torn += 1;
                    let (done, compensated) = (done.number(), compensated.number());
                    self.push(saga, "torn", &undone.end.stage, Wrong::Torn { done, compensated });
                }
                _ => self.undecided += 1,
            },
            (Ended(row, at), Not(_)) => self.ended(sagas, saga, &sagas.done, (row, at)),
            (Not(_), Ended(row, at)) => self.ended(sagas, saga, undone.unwrap_or(&sagas.done), (row, at)),
            (Not(at_done), Not(at_compensated)) => self.at_no_end(sagas, saga, at_done.or(at_compensated)),
            (Unclear, _) | (_, Unclear) => self.undecided += 1,
        }
    }

    fn ended(&mut self, sagas: &Sagas<'a>, saga: Saga, at_end: &AtEnd<'a>, (row, at): (&Member<Kept>, Option<At>)) {
        let (Some(from), Some(to)) = (saga.at, at) else {
            self.untimed += 1;
            return;
        };
        let took = to.since(from);
        self.durations.push(took.as_nanos() as u64);
        if at_end.read_whole && sagas.within.is_some_and(|within| took > within) {
            self.late += 1;
            self.push(saga, "late", &at_end.end.stage, Wrong::Late { end: row.number(), took });
        }
    }

    fn at_no_end(&mut self, sagas: &Sagas<'a>, saga: Saga, there: Option<&Member<Kept>>) {
        let deadline = saga.at.zip(sagas.within).map(|(at, within)| at + within);
        let is_over = deadline.zip(sagas.ends_read_after).is_some_and(|(deadline, read)| deadline < read);
        if sagas.absent_is_final || is_over {
            self.unfinished += 1;
            let wrong = Wrong::Unfinished { start: saga.start, there: there.map(Member::number) };
            self.push(saga, "unfinished", &sagas.done.end.stage, wrong);
        } else {
            self.undecided += 1;
        }
    }

    fn push(&mut self, saga: Saga, defect: &'static str, stage: &'a str, wrong: Wrong) {
        self.broken.push(Offending::of_id(defect, saga.id, Some(stage), saga.at), || wrong);
    }
}
