//! When intents were first at a stage, and how old they were then.

use crate::checks::reading;
use crate::intents::{Intents, Known, Number};
use crate::spans::Spans;
use crate::wording;
use proofload_history::{At, History, Id, Operation, Reading};

/// When an intent was first at the stage. Ordered so that the first of several is their minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum First {
    /// It is there, and a row does not say since when: that row may be the first.
    Undated,
    At(At),
    Never,
}

/// First sightings, by the number of the intent.
pub(super) struct Arrivals {
    first: Vec<First>,
    /// Rows of the stage that were read at the end.
    pub(super) rows: u64,
}

/// The ages of what was acknowledged.
pub(super) struct Ages {
    /// In nanoseconds, [`u64::MAX`] for what never came, and zero where nobody knows.
    pub(super) sorted: Vec<u64>,
    /// Intents that the stage was not seen to have.
    pub(super) missing: u64,
    /// Intents at the stage of which nobody knows since when.
    pub(super) undated: u64,
}

impl Ages {
    /// How many are certainly greater than `limit`.
    pub(super) fn above(&self, limit: u64) -> u64 {
        (self.sorted.len() - self.sorted.partition_point(|age| *age <= limit)) as u64
    }

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
            wording::plural(self.sorted.len() as u64, "intent"),
            wording::count(self.missing),
            wording::count(self.undated)
        )
    }
}

/// An intent that was at the stage too late.
pub(super) struct Late {
    pub(super) id: Id,
    pub(super) acknowledged: At,
    pub(super) age_ns: u64,
}

impl Arrivals {
    /// One pass over the observations: no hashing, no allocation per row.
    pub(super) fn of(history: &History, stage: &str, intents: &Intents<'_>) -> Self {
        let (mut first, mut rows) = (vec![First::Never; intents.len()], 0);
        for seen in reading::rows(history, stage, Reading::Final) {
            rows += 1;
            if let Some(number) = intents.number(seen.id) {
                let known = &mut first[number as usize];
                *known = (*known).min(seen.at.map_or(First::Undated, First::At));
            }
        }
        Self { first, rows }
    }

    /// The ages of what was acknowledged of the operations that were intended in `spans`; what is missing is infinitely
    /// old if that is `conclusive`, and the `unreadable` greatest ages are not known.
    pub(super) fn ages(&self, intents: &Intents<'_>, spans: &Spans, conclusive: bool, unreadable: u64) -> Ages {
        let mut ages = Ages { sorted: Vec::new(), missing: 0, undated: 0 };
        for (_, made, first) in self.acknowledged(intents, spans) {
            ages.missing += u64::from(first == First::Never);
            ages.undated += u64::from(first == First::Undated);
            ages.sorted.push(age(made, first, conclusive));
        }
        ages.sorted.sort_unstable();
        let unknown = ages.sorted.len().min(usize::try_from(unreadable).unwrap_or(usize::MAX));
        let certain = ages.sorted.len() - unknown;
        ages.sorted[certain..].fill(0);
        ages.sorted.rotate_right(unknown);
        ages
    }

    /// Those whose age is greater than `limit`.
    pub(super) fn late(&self, intents: &Intents<'_>, spans: &Spans, conclusive: bool, limit: u64) -> Vec<Late> {
        self.acknowledged(intents, spans)
            .map(|(number, made, first)| Late {
                id: intents.id(number),
                acknowledged: made.done,
                age_ns: age(made, first, conclusive),
            })
            .filter(|late| late.age_ns > limit)
            .collect()
    }

    fn acknowledged<'a>(
        &'a self,
        intents: &'a Intents<'_>,
        spans: &'a Spans,
    ) -> impl Iterator<Item = (Number, &'a Operation, First)> {
        let ok = (0..intents.len()).filter(move |number| intents.known()[*number] == Known::Ok);
        let decided = ok.filter_map(move |number| Some((number, intents.decisive(number as Number)?)));
        decided
            .filter(move |(_, made)| spans.contain(made.intended))
            .map(move |(number, made)| (number as Number, made, self.first[number]))
    }
}

/// Nanoseconds from the answer to the first sighting; zero where nobody knows.
fn age(made: &Operation, first: First, conclusive: bool) -> u64 {
    match first {
        First::At(at) => at.0.saturating_sub(made.done.0),
        First::Never if conclusive => u64::MAX,
        First::Never | First::Undated => 0,
    }
}
