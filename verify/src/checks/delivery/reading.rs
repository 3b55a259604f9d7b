//! How far what was read can be relied on.

use super::sightings::Sightings;
use crate::{Chain, ChainStage, wording};
use proofload_history::journal::DrainOutcome;
use proofload_history::{Event, History};

/// What may be claimed from the readings of a chain's stages.
pub(super) struct Readings {
    /// For each stage whether it was read to its end, and every row understood, so that what was not seen there is not
    /// there.
    pub(super) complete: Vec<bool>,
    /// For each stage whether it was read to its end: a row that nobody understood may be any intent.
    pub(super) to_its_end: Vec<bool>,
    /// Whether the system had come to rest, so that what is missing stays missing.
    pub(super) settled: bool,
    /// Whether what is left no longer moved.
    pub(super) stuck: bool,
    /// Why there can be no pass, the gravest first.
    pub(super) doubts: Vec<String>,
    /// For each stage how it was read.
    pub(super) descriptions: Vec<String>,
}

impl Readings {
    pub(super) fn of(history: &History, chain: &Chain, sightings: &Sightings) -> Self {
        let mut readings = Self {
            complete: Vec::new(),
            to_its_end: Vec::new(),
            settled: false,
            stuck: false,
            doubts: Vec::new(),
            descriptions: Vec::new(),
        };
        readings.doubts.extend(history.damage.iter().map(|damage| format!("the history is damaged: {damage}")));
        for (stage, rows) in chain.stages.iter().zip(&sightings.rows) {
            readings.add_stage(history, stage, *rows);
        }
        readings.add_drain(history);
        readings
    }

    fn add_stage(&mut self, history: &History, stage: &ChainStage, rows: u64) {
        let name = &stage.stage;
        let Some(read) = history.journal.stage_read(name) else {
            self.doubts.push(format!("{name} was not read"));
            self.complete.push(false);
            self.to_its_end.push(false);
            self.descriptions.push("not read".into());
            return;
        };
        let lacking = rows < read.rows;
        if !read.complete {
            let why = read.error.as_deref().unwrap_or("its two readings disagree, or one broke off");
            self.doubts.push(format!("{name} was not read to its end: {why}"));
        } else if lacking {
            self.doubts.push(format!("{name} was read with {} rows, and the history has {rows} of them", read.rows));
        }
        if read.unreadable > 0 {
            self.doubts.push(format!("{} of {name} could not be understood", wording::plural(read.unreadable, "row")));
        }
        self.complete.push(read.complete && !lacking && read.unreadable == 0);
        self.to_its_end.push(read.complete && !lacking);
        self.descriptions.push(format!(
            "{}, {}; {} filtered out, {} not understood{}",
            if read.complete { "read to its end" } else { "not read to its end" },
            wording::plural(rows, "row"),
            wording::count(read.filtered),
            wording::count(read.unreadable),
            if read.isolation.is_empty() { String::new() } else { format!("; {}", read.isolation) },
        ));
    }

    fn add_drain(&mut self, history: &History) {
        let outcome = history.journal.entries.iter().rev().find_map(|entry| match &entry.event {
            Event::Drained { outcome, .. } => Some(*outcome),
            _ => None,
        });
        self.settled = matches!(outcome, Some(DrainOutcome::Quiet | DrainOutcome::Stuck));
        self.stuck = outcome == Some(DrainOutcome::Stuck);
        match outcome {
            Some(DrainOutcome::Quiet | DrainOutcome::Stuck) => {}
            Some(DrainOutcome::Moving) => self.doubts.push("the system was still moving when the drain ended".into()),
            Some(DrainOutcome::Unreadable) => {
                self.doubts.push("nobody could read whether the system had come to rest".into());
            }
            None => self.doubts.push("nobody waited for the system to come to rest".into()),
        }
    }
}
