//! When intents were first at a stage, and how old they were then.

use crate::Budget;
use crate::checks::reading;
use crate::intents::{Intents, Known, Marks, Number};
use crate::spans::Spans;
use crate::statistics::durations::{Durations, Sorted};
use crate::wording;
use proofload_history::{At, History, HistoryError};

/// When an intent was first at the stage. Ordered so that the first of several is their minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum First {
    /// It is there, and a row does not say since when: that row may be the first.
    Undated,
    At(At),
    Never,
}

/// An intent that was acknowledged, and when it was first at the stage.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    pub(super) number: Number,
    pub(super) acknowledged: At,
    pub(super) first: First,
}

impl Arrival {
    /// Nanoseconds from the answer to the first sighting, [`u64::MAX`] if there was none and that is `conclusive`; zero
    /// where nobody knows.
    pub(super) fn age(&self, conclusive: bool) -> u64 {
        match self.first {
            First::At(at) => at.0.saturating_sub(self.acknowledged.0),
            First::Never if conclusive => u64::MAX,
            First::Never | First::Undated => 0,
        }
    }
}

/// Intents of an operation that were intended in some spans of time, on their way to a stage.
pub(super) struct Arrivals<'a> {
    pub(super) intents: &'a Intents,
    pub(super) spans: &'a Spans,
    pub(super) stage: &'a str,
    pub(super) budget: Budget,
}

impl Arrivals<'_> {
    /// Hands over every intent that was acknowledged. For each part of them that fits into memory one pass over the
    /// operations and one over the observations, without hashing. How many rows of the stage were read at the end.
    pub(super) fn each(&self, history: &History, mut take: impl FnMut(Arrival)) -> Result<u64, HistoryError> {
        let mut rows = 0;
        for part in self.budget.spans(self.intents.len(), size_of::<(Option<At>, First)>()) {
            rows = self.each_of(history, part, &mut take)?;
        }
        Ok(rows)
    }

    fn each_of(
        &self,
        history: &History,
        part: std::ops::Range<usize>,
        take: &mut impl FnMut(Arrival),
    ) -> Result<u64, HistoryError> {
        let mut wanted = Marks::new(self.intents.len());
        let ok = part.clone().filter(|number| self.intents.known()[*number] == Known::Ok);
        ok.for_each(|number| wanted.put(number as Number));
        let mut acknowledged: Vec<Option<At>> = vec![None; part.len()];
        self.intents.each_acknowledgement(history, wanted, |number, made| {
            if self.spans.contain(made.intended()) {
                acknowledged[number as usize - part.start] = Some(made.done());
            }
        })?;
        let (mut first, mut rows) = (vec![First::Never; part.len()], 0);
        reading::each_row(history, self.stage, |seen| {
            rows += 1;
            let number = self.intents.number(seen.id()).map(|number| number as usize);
            if let Some(number) = number.filter(|number| part.contains(number)) {
                let known = &mut first[number - part.start];
                *known = (*known).min(seen.at().map_or(First::Undated, First::At));
            }
        })?;
        for (number, (acknowledged, first)) in part.zip(acknowledged.into_iter().zip(first)) {
            if let Some(acknowledged) = acknowledged {
                take(Arrival { number: number as Number, acknowledged, first });
            }
        }
        Ok(rows)
    }
}

/// The ages of what was acknowledged.
pub(super) struct Ages {
    /// [`u64::MAX`] for what never came, and zero where nobody knows.
    pub(super) sorted: Sorted,
    /// Intents that the stage was not seen to have.
    pub(super) missing: u64,
    /// Intents at the stage of which nobody knows since when.
    pub(super) undated: u64,
}

/// The ages while they are being collected: whether what is missing counts is known when all rows were read.
#[derive(Default)]
pub(super) struct Collected {
    known: Durations,
    missing: u64,
    undated: u64,
}

impl Collected {
    pub(super) fn take(&mut self, arrival: Arrival) {
        self.missing += u64::from(arrival.first == First::Never);
        self.undated += u64::from(arrival.first == First::Undated);
        if arrival.first != First::Never {
            self.known.push(arrival.age(false));
        }
    }

    /// All ages; what is missing is infinitely old if that is `conclusive`, and the `unreadable` greatest ages are not
    /// known.
    pub(super) fn ages(mut self, conclusive: bool, unreadable: u64) -> Ages {
        (0..self.missing).for_each(|_| self.known.push(if conclusive { u64::MAX } else { 0 }));
        let mut sorted = self.known.sorted();
        sorted.forget_greatest(unreadable);
        Ages { sorted, missing: self.missing, undated: self.undated }
    }
}

impl Ages {
    /// What rows without an instant leave open, if there are any.
    pub(super) fn undated_doubt(&self, stage: &str) -> Option<String> {
        let intents = wording::plural(self.undated, "intent");
        (self.undated > 0).then(|| format!("{intents} at {stage} in rows without an instant"))
    }

    /// What they rest on.
    pub(super) fn evidence(&self, doubts: &[String]) -> String {
        let bounds = if doubts.is_empty() { "" } else { "; what nobody knows counts as 0: these are lower bounds" };
        format!(
            "of {} acknowledged, {} not seen there, {} in rows without an instant{bounds}",
            wording::plural(self.sorted.len(), "intent"),
            wording::count(self.missing),
            wording::count(self.undated)
        )
    }
}
