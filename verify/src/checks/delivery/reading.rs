//! How far what was read at the stages of a chain can be relied on.

use super::sightings::Sightings;
use crate::check::Condition;
use crate::checks::reading::{Rest, StageReading, damage};
use crate::{Chain, ChainStage, wording};
use proofload_history::History;

/// What may be claimed from the readings of a chain's stages.
pub(super) struct Readings {
    /// For each stage how it was read.
    pub(super) stages: Vec<StageReading>,
    /// Whether the system had come to rest.
    pub(super) rest: Rest,
    /// Why there can be no pass, the gravest first.
    pub(super) doubts: Vec<String>,
}

impl Readings {
    pub(super) fn of(history: &History, chain: &Chain, sightings: &Sightings) -> Self {
        let rows = chain.stages.iter().zip(&sightings.rows);
        let stages: Vec<StageReading> =
            rows.map(|(stage, rows)| StageReading::of(history, &stage.stage, *rows)).collect();
        let rest = Rest::of(&history.journal);
        let of_stages = stages.iter().flat_map(StageReading::doubts_of_all);
        let stateless =
            chain.stages.iter().enumerate().filter_map(|(n, stage)| stateless(stage, sightings.stateless(n)));
        let doubts = damage(history).chain(of_stages).chain(stateless).chain(rest.doubt.clone()).collect();
        Self { stages, rest, doubts }
    }
}

/// Why nobody can tell whom a stage is for, if so.
fn stateless(stage: &ChainStage, intents: u64) -> Option<String> {
    let Condition { stage: earlier, .. } = stage.only_if.as_ref()?;
    (intents > 0).then(|| {
        let intents = wording::plural(intents, "intent");
        format!("{intents} without a state at {earlier}, on which {} depends", stage.stage)
    })
}
