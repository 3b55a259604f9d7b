//! How far what was read can be relied on: a stage, and the system as a whole.

use crate::wording;
use proofload_history::journal::DrainOutcome;
use proofload_history::{History, HistoryError, Journal, ObservationRef, Reading};

/// How a stage was read at the end.
pub(super) struct StageReading {
    /// Whether it was read to its end, and every row understood, so that what was not seen there is not there.
    pub(super) complete: bool,
    /// Whether it was read to its end: a row that nobody understood may be any intent.
    pub(super) to_its_end: bool,
    /// How it was read, for people.
    pub(super) description: String,
    /// Why it cannot be relied on, if so.
    pub(super) doubts: Vec<String>,
    /// Why what was not seen there may have been there, if so: the log has lost its beginning, to retention or otherwise.
    pub(super) beginning_gone: Option<String>,
}

impl StageReading {
    /// The reading of `stage`, of which the history has `rows` that were read at the end.
    pub(super) fn of(history: &History, stage: &str, rows: u64) -> Self {
        let Some(read) = history.journal.stage_read(stage) else {
            let (doubts, description) = (vec![format!("{stage} was not read")], "not read".into());
            return Self { complete: false, to_its_end: false, description, doubts, beginning_gone: None };
        };
        let mut doubts = Vec::new();
        let lacking = rows < read.rows;
        if !read.complete {
            let why = read.error.as_deref().unwrap_or("its two readings disagree, or one broke off");
            doubts.push(format!("{stage} was not read to its end: {why}"));
        } else if lacking {
            doubts.push(format!("{stage} was read with {} rows, and the history has {rows} of them", read.rows));
        }
        if read.unreadable > 0 {
            doubts.push(format!("{} of {stage} could not be understood", wording::plural(read.unreadable, "row")));
        }
        let cut = read.bounds.iter().find(|(_, first, _)| *first > 0);
        let beginning_gone = cut.map(|(partition, first, _)| {
            format!("the beginning of {stage} is gone: its partition {partition} starts at offset {first}")
        });
        let description = format!(
            "{}, {}; {} filtered out, {} not understood{}",
            if read.complete { "read to its end" } else { "not read to its end" },
            wording::plural(rows, "row"),
            wording::count(read.filtered),
            wording::count(read.unreadable),
            if read.isolation.is_empty() { String::new() } else { format!("; {}", read.isolation) },
        );
        let to_its_end = read.complete && !lacking;
        Self { complete: to_its_end && read.unreadable == 0, to_its_end, description, doubts, beginning_gone }
    }

    /// Why it cannot be relied on for all that was ever there, if so.
    pub(super) fn doubts_of_all(&self) -> impl Iterator<Item = String> {
        self.doubts.iter().chain(&self.beginning_gone).cloned()
    }

    /// Whether what was not seen there was never there.
    pub(super) fn whole(&self) -> bool {
        self.complete && self.beginning_gone.is_none()
    }

    /// Whether what was seen there live, and not at the end, is gone: what was removed from the beginning may be it.
    pub(super) fn shows_what_is_gone(&self) -> bool {
        self.to_its_end && self.beginning_gone.is_none()
    }
}

/// Whether the system had come to rest before it was read.
pub(super) struct Rest {
    /// Whether it had, so that what is missing stays missing.
    pub(super) settled: bool,
    /// Whether what was left no longer moved.
    pub(super) stuck: bool,
    /// Why it is not settled, if so.
    pub(super) doubt: Option<String>,
}

impl Rest {
    /// By the last drain of the run.
    pub(super) fn of(journal: &Journal) -> Self {
        let outcome = journal.drained().map(|(_, end)| end.outcome);
        let doubt = match outcome {
            Some(DrainOutcome::Quiet | DrainOutcome::Stuck) => None,
            Some(DrainOutcome::Moving) => Some("the system was still moving when the drain ended"),
            Some(DrainOutcome::Unreadable) => Some("nobody could read whether the system had come to rest"),
            Some(DrainOutcome::Unwatched) => Some(
                "nobody could tell whether the system had come to rest: it has neither a gauge with drains = true nor done_when_answered = true",
            ),
            None => Some("nobody waited for the system to come to rest"),
        };
        let stuck = outcome == Some(DrainOutcome::Stuck);
        Self { settled: doubt.is_none(), stuck, doubt: doubt.map(str::to_owned) }
    }
}

/// What of the history itself cannot be relied on.
pub(super) fn damage(history: &History) -> impl Iterator<Item = String> {
    history.damage.iter().map(|damage| format!("the history is damaged: {damage}"))
}

/// Why what rests on these readings cannot be relied on as a whole, the gravest first.
pub(super) fn doubts<'r>(
    history: &History,
    readings: impl IntoIterator<Item = &'r StageReading>,
    rest: &Rest,
) -> Vec<String> {
    let of_readings = readings.into_iter().flat_map(StageReading::doubts_of_all);
    damage(history).chain(of_readings).chain(rest.doubt.clone()).collect()
}

/// Passes over the rows of `stage` that were read at the end.
pub(super) fn each_row(
    history: &History,
    stage: &str,
    mut take: impl FnMut(ObservationRef<'_>),
) -> Result<(), HistoryError> {
    history.observations.each(|seen| {
        if seen.stage() == stage && seen.reading() == Reading::Final {
            take(seen);
        }
    })
}
