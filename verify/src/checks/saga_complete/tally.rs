//! What became of each saga.

use super::end::{AtEnd, Standing, since};
use crate::checks::offending::Offending;
use crate::checks::stage_rows::{Group, StageRows};
use crate::{place, wording};
use proofload_history::{At, Id, Observation};
use std::time::Duration;

/// The sagas of a run, and what may be claimed of them.
pub(super) struct Sagas<'a> {
    pub(super) started: &'a StageRows<'a>,
    pub(super) done: AtEnd<'a>,
    pub(super) compensated: Option<AtEnd<'a>>,
    /// The longest that a saga may take.
    pub(super) within: Option<Duration>,
    /// Whether what was not seen at the ends is not there, and will not come.
    pub(super) absent_is_final: bool,
    /// The ends were read whole, and not before this instant.
    pub(super) ends_read_after: Option<At>,
}

/// What is wrong with a saga.
pub(super) enum Wrong<'a> {
    /// It is at neither end; with what the stages of the ends have of it.
    Unfinished { start: Option<&'a Observation>, there: Option<&'a Observation> },
    /// It took too long.
    Late { end: &'a Observation, took: Duration },
    /// It is at both ends.
    Torn { done: &'a Observation, compensated: &'a Observation },
}

impl Wrong<'_> {
    /// What is known of it, for people.
    pub(super) fn tell(&self) -> String {
        match self {
            Self::Unfinished { start, there } => {
                let start = start.map(place::of).unwrap_or_default();
                let there = there.map_or_else(
                    || "never seen at an end".to_owned(),
                    |there| format!("no further than {}", place::of(there)),
                );
                format!("started at {start}, {there}")
            }
            Self::Late { end, took } => {
                format!("ended {} after its start at {}", wording::seconds(*took), place::of(end))
            }
            Self::Torn { done, compensated } => {
                format!("done at {} and compensated at {}", place::of(done), place::of(compensated))
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
    /// How long the others took that are at one end, in nanoseconds, sorted.
    pub(super) durations: Vec<u64>,
    pub(super) broken: Vec<Offending<'a, Wrong<'a>>>,
}

/// A saga that was started.
#[derive(Clone, Copy)]
struct Saga<'a> {
    id: Id,
    start: Group<'a>,
    /// The earliest start, if all have instants.
    at: Option<At>,
}

impl<'a> Tally<'a> {
    pub(super) fn of(sagas: &Sagas<'a>) -> Self {
        let mut tally = Self::default();
        let mut done = sagas.done.rows.cursor();
        let mut compensated = sagas.compensated.as_ref().map(|end| (end.end, end.rows.cursor()));
        for (id, start) in sagas.started.groups() {
            let done = sagas.done.end.standing(done.take(id));
            let compensated =
                compensated.as_mut().map_or(Standing::Not(None), |(end, rows)| end.standing(rows.take(id)));
            tally.add(sagas, Saga { id, start, at: since(start.iter()) }, done, compensated);
        }
        tally.durations.sort_unstable();
        tally
    }

    fn add(&mut self, sagas: &Sagas<'a>, saga: Saga<'a>, done: Standing<'a>, compensated: Standing<'a>) {
        use Standing::{Ended, Not, Unclear};
        self.started += 1;
        self.done += u64::from(matches!(done, Ended(..)));
        self.compensated += u64::from(matches!(compensated, Ended(..)));
        let undone = sagas.compensated.as_ref();
        match (done, compensated) {
            (Ended(done, _), Ended(compensated, _)) => {
                if sagas.done.is_certain() && undone.is_some_and(AtEnd::is_certain) {
                    self.torn += 1;
                    self.push(saga, "torn", &compensated.stage, Wrong::Torn { done, compensated });
                } else {
                    self.undecided += 1;
                }
            }
            (Ended(row, at), Not(_)) => self.ended(sagas, saga, row, at, sagas.done.read_whole),
            (Not(_), Ended(row, at)) => self.ended(sagas, saga, row, at, undone.is_some_and(|end| end.read_whole)),
            (Not(at_done), Not(at_compensated)) => self.at_no_end(sagas, saga, at_done.or(at_compensated)),
            (Unclear, _) | (_, Unclear) => self.undecided += 1,
        }
    }

    fn ended(&mut self, sagas: &Sagas<'a>, saga: Saga<'a>, end: &'a Observation, at: Option<At>, read_whole: bool) {
        let (Some(from), Some(to)) = (saga.at, at) else {
            self.untimed += 1;
            return;
        };
        let took = to.since(from);
        self.durations.push(took.as_nanos() as u64);
        if read_whole && sagas.within.is_some_and(|within| took > within) {
            self.late += 1;
            self.push(saga, "late", &end.stage, Wrong::Late { end, took });
        }
    }

    fn at_no_end(&mut self, sagas: &Sagas<'a>, saga: Saga<'a>, there: Option<&'a Observation>) {
        let deadline = saga.at.zip(sagas.within).map(|(at, within)| at + within);
        let is_over = deadline.zip(sagas.ends_read_after).is_some_and(|(deadline, read)| deadline < read);
        if sagas.absent_is_final || is_over {
            self.unfinished += 1;
            let start = saga.start.iter().next();
            self.push(saga, "unfinished", &sagas.done.end.stage, Wrong::Unfinished { start, there });
        } else {
            self.undecided += 1;
        }
    }

    fn push(&mut self, saga: Saga<'a>, defect: &'static str, stage: &'a str, why: Wrong<'a>) {
        let (id, stage) = (Some(saga.id), Some(stage));
        self.broken.push(Offending { id, defect, stage, at: saga.at, nth: (0, 0), why });
    }
}
