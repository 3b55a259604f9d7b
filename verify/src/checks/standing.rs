//! What stands at a stage at the end, and what speaks against relying on it.

use super::reading::{self, Rest, StageReading};
use crate::names::Names;
use proofload_history::{History, Observation, Reading};

/// The rows of a stage that were read at the end, and how they were read.
pub(super) struct Standing<'h> {
    pub(super) stage: &'h str,
    /// In the order of the history, until somebody sorts them.
    pub(super) rows: Vec<&'h Observation>,
    pub(super) reading: StageReading,
}

impl<'h> Standing<'h> {
    /// What stands at one stage. One pass over the observations; eight bytes for each row of the stage.
    pub(super) fn at(history: &'h History, stage: &'h str) -> Self {
        Self::read(history, stage, reading::rows(history, stage, Reading::Final).collect())
    }

    /// What stands at each of `stages`, in their order. One pass over the observations; eight bytes for each row.
    pub(super) fn at_each(history: &'h History, stages: &'h [String]) -> Vec<Self> {
        let mut rows = vec![Vec::new(); stages.len()];
        let mut names = Names::new(stages.iter().map(String::as_str));
        for seen in history.observations.iter().filter(|seen| seen.reading == Reading::Final) {
            if let Some(stage) = names.number(&seen.stage) {
                rows[stage].push(seen);
            }
        }
        stages.iter().zip(rows).map(|(stage, rows)| Self::read(history, stage, rows)).collect()
    }

    fn read(history: &History, stage: &'h str, rows: Vec<&'h Observation>) -> Self {
        let reading = StageReading::of(history, stage, rows.len() as u64);
        Self { stage, rows, reading }
    }

    /// How many rows stand there.
    pub(super) fn count(&self) -> u64 {
        self.rows.len() as u64
    }
}

/// Why nothing that rests on `standing` can pass, the gravest first: a damaged history, a stage that was not read
/// completely, a system that was not at rest and may still do what it has not done, a stage at which nothing stands.
pub(super) fn doubts(history: &History, standing: &[Standing<'_>]) -> Vec<String> {
    let mut doubts = reading::doubts(history, standing.iter().map(|one| &one.reading), &Rest::of(&history.journal));
    let empty = standing.iter().filter(|standing| standing.rows.is_empty());
    doubts.extend(empty.map(|standing| format!("nothing is at {}, so there is nothing to judge", standing.stage)));
    doubts
}
