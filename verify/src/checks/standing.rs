//! What stands at a stage at the end, and what speaks against relying on it.

use super::reading::{Rest, StageReading, damage};
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
        let mut names = Names::new([stage]);
        let rows = final_rows(history).filter(|seen| names.number(&seen.stage).is_some()).collect();
        Self::read(history, stage, rows)
    }

    /// What stands at each of `stages`, in their order. One pass over the observations; eight bytes for each row.
    pub(super) fn at_each(history: &'h History, stages: &'h [String]) -> Vec<Self> {
        let mut rows = vec![Vec::new(); stages.len()];
        let mut names = Names::new(stages.iter().map(String::as_str));
        for seen in final_rows(history) {
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

fn final_rows(history: &History) -> impl Iterator<Item = &Observation> {
    history.observations.iter().filter(|seen| seen.reading == Reading::Final)
}

/// Why nothing that rests on `standing` can pass, the gravest first: a damaged history, a stage that was not read
/// completely, a system that was not at rest and may still do what it has not done, a stage at which nothing stands.
pub(super) fn doubts(history: &History, standing: &[Standing<'_>]) -> Vec<String> {
    let of_stages = standing.iter().flat_map(|standing| standing.reading.doubts.iter().cloned());
    let empty = standing.iter().filter(|standing| standing.rows.is_empty());
    let empty = empty.map(|standing| format!("nothing is at {}, so there is nothing to judge", standing.stage));
    damage(history).chain(of_stages).chain(Rest::of(&history.journal).doubt).chain(empty).collect()
}
