//! What stands at a stage at the end, and what speaks against relying on it.

use super::reading::{self, Rest, StageReading};
use proofload_history::History;

/// A stage at which something should stand.
pub(super) struct Standing<'a> {
    pub(super) stage: &'a str,
    /// Rows that were read at the end.
    pub(super) rows: u64,
    pub(super) reading: StageReading,
}

impl<'a> Standing<'a> {
    /// Stages, each with the number of its rows.
    pub(super) fn of(history: &History, stages: impl IntoIterator<Item = &'a String>, rows: &[u64]) -> Vec<Self> {
        let stages = stages.into_iter().zip(rows);
        stages
            .map(|(stage, rows)| Self { stage, rows: *rows, reading: StageReading::of(history, stage, *rows) })
            .collect()
    }
}

/// Why nothing that rests on `standing` can pass, the gravest first: a damaged history, a stage that was not read
/// completely, a system that was not at rest and may still do what it has not done, a stage at which nothing stands.
pub(super) fn doubts(history: &History, standing: &[Standing<'_>]) -> Vec<String> {
    let mut doubts = reading::doubts(history, standing.iter().map(|one| &one.reading), &Rest::of(&history.journal));
    let empty = standing.iter().filter(|standing| standing.rows == 0);
    doubts.extend(empty.map(|standing| format!("nothing is at {}, so there is nothing to judge", standing.stage)));
    doubts
}
