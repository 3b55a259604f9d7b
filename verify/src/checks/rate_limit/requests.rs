//! Which requests were whose, and what became of them.

use super::bucket::Window;
use crate::Budget;
use crate::checks::in_order;
use crate::names::Met;
use crate::offending::Offending;
use crate::spans::Spans;
use proofload_history::{At, Event, History, HistoryError, Id, OperationRef, Outcome};

/// How many streams an id can tell apart: their number has 12 bits.
const STREAMS: usize = 1 << 12;

/// Either end of the time in which a request was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Sent,
    Answered,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    /// With the status of a rejection.
    Rejected,
    /// It was acknowledged.
    Accepted,
    /// With anything else: nobody can tell whether that came from behind the limit.
    Other,
    /// Not at all: it may have come at any later time.
    Missing,
}

/// That a request was sent, or answered. Ordered by the end, so that of one instant what was sent comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    pub(super) end: End,
    /// The number of its traffic.
    pub(super) traffic: u16,
    /// The number of its operation's name.
    pub(super) operation: u16,
    pub(super) answer: Answer,
    /// Whether it was intended in a phase that is judged.
    pub(super) judged: bool,
    /// The number of its row.
    pub(super) row: u64,
    /// The high and the low half of its intent's id: a step is no wider than what is in it.
    intent: [u64; 2],
}

impl Step {
    /// Its request as an offender.
    pub(super) fn offending(&self, defect: &'static str, done: At) -> Offending<'static> {
        Offending { row: self.row, ..Offending::of_id(defect, Id::of_halves(self.intent), None, Some(done)) }
    }
}

/// The requests of some traffics, whatever the operation.
pub(super) struct Requests<'h> {
    history: &'h History,
    budget: Budget,
    /// For each stream of ids, the number of its traffic.
    whose: Vec<Option<u16>>,
    seed: u64,
    judged: Spans,
    rejection: u16,
}

impl<'h> Requests<'h> {
    /// Those of the traffics `names`, numbered in this order; those intended in `judged` are judged, and an answer with
    /// the status `rejection` is one. An id tells its stream, and the journal whose stream it is: nothing is hashed.
    pub(super) fn of(history: &'h History, budget: Budget, names: &[&str], judged: Spans, rejection: u16) -> Self {
        let mut whose: Vec<Option<u16>> = vec![None; STREAMS];
        for entry in &history.journal.entries {
            if let Event::IdsIssued { stream, traffic, .. } = &entry.event {
                let number = names.iter().position(|name| **name == **traffic);
                whose[usize::from(*stream) % STREAMS] = number.and_then(|number| u16::try_from(number).ok());
            }
        }
        let seed = history.journal.seed().unwrap_or_default();
        Self { history, budget, whose, seed, judged, rejection }
    }

    /// Gives all steps in the order of their instants. 40 bytes each, of as many as fit into the budget.
    pub(super) fn each(&self, operations: &mut Met, take: impl FnMut(At, Step)) -> Result<(), HistoryError> {
        let keep = |row, made: OperationRef<'_>| {
            let Some((sent, step)) = self.step(row, made, operations) else { return [None, None] };
            let answered = Step { end: End::Answered, ..step };
            [Some((sent, step)), (step.answer != Answer::Missing).then(|| (made.done(), answered))]
        };
        in_order::of_operations(self.history, self.budget, keep, take)
    }

    /// Gives the last `number` that were accepted of those of a traffic that were sent and answered in a window.
    pub(super) fn last_accepted(
        &self,
        (traffic, window, number): (u16, Window, u64),
        operations: &mut Met,
        mut take: impl FnMut(At, Step),
    ) -> Result<(), HistoryError> {
        let mut inside = |row, made: OperationRef<'_>| {
            let (sent, step) = self.step(row, made, operations)?;
            let theirs = step.traffic == traffic && step.judged && step.answer == Answer::Accepted;
            (theirs && sent >= window.from && made.done() <= window.to).then_some((made.done(), step))
        };
        let mut all = 0_u64;
        self.history.operations.each(|made| all += u64::from(inside(0, made).is_some()))?;
        let mut before = all.saturating_sub(number);
        in_order::of_operations(
            self.history,
            self.budget,
            |row, made| [inside(row, made)],
            |done, step| match before.checked_sub(1) {
                Some(fewer) => before = fewer,
                None => take(done, step),
            },
        )
    }

    /// When a request was sent and what became of it, if it is of one of the traffics and was sent.
    fn step(&self, row: u64, made: OperationRef<'_>, operations: &mut Met) -> Option<(At, Step)> {
        let (stream, _) = made.intent().counter(self.seed)?;
        let (traffic, sent) = self.whose[usize::from(stream)].zip(made.sent())?;
        let answer = match made.status() {
            None => Answer::Missing,
            Some(status) if status == self.rejection => Answer::Rejected,
            Some(_) if made.outcome() == Outcome::Ok => Answer::Accepted,
            Some(_) => Answer::Other,
        };
        let step = Step {
            end: End::Sent,
            traffic,
            operation: operations.number(made.name()) as u16,
            answer,
            judged: self.judged.contain(made.intended()),
            row,
            intent: made.intent().halves(),
        };
        Some((sent, step))
    }
}
