//! Where intents were seen: a byte for each intent and stage.

use crate::Chain;
use crate::intents::{Intents, Number};
use crate::names::Names;
use proofload_history::{History, Id, Reading};

const LIVE: u8 = 0x80;
const COUNT: u8 = 0x7f;

/// Sightings at the stages of a chain, in columns; a stage is its number in the chain.
pub(super) struct Sightings {
    columns: Vec<Vec<u8>>,
    /// Final sightings of ids that nobody issued, each with its stage, in order.
    pub(super) strangers: Vec<(Id, usize)>,
    /// Final rows at each stage.
    pub(super) rows: Vec<u64>,
}

impl Sightings {
    /// One pass over the observations: no hashing, no allocation per row.
    pub(super) fn of(history: &History, chain: &Chain, intents: &Intents<'_>) -> Self {
        let mut columns = vec![vec![0_u8; intents.len()]; chain.stages.len()];
        let (mut strangers, mut rows) = (Vec::new(), vec![0; chain.stages.len()]);
        let mut names = Names::new(chain.stages.iter().map(|stage| stage.stage.as_str()));
        for seen in &history.observations {
            let Some(stage) = names.number(&seen.stage) else { continue };
            let number = intents.number(seen.id);
            match (number, seen.reading) {
                (Some(number), Reading::Live) => columns[stage][number as usize] |= LIVE,
                (Some(number), Reading::Final) => {
                    rows[stage] += 1;
                    let cell = &mut columns[stage][number as usize];
                    *cell = (*cell & LIVE) | ((*cell & COUNT) + 1).min(COUNT);
                }
                (None, Reading::Final) => {
                    rows[stage] += 1;
                    strangers.push((seen.id, stage));
                }
                // What nobody issued and is gone at the end has harmed nobody.
                (None, Reading::Live) => {}
            }
        }
        strangers.sort_unstable();
        Self { columns, strangers, rows }
    }

    /// How often the intent was seen at the stage at the end; 127 stands for more as well.
    pub(super) fn times(&self, stage: usize, intent: Number) -> u8 {
        self.columns[stage][intent as usize] & COUNT
    }

    /// Whether the intent was seen at the stage while the run went on.
    pub(super) fn live(&self, stage: usize, intent: Number) -> bool {
        self.columns[stage][intent as usize] & LIVE != 0
    }

    /// The stages.
    pub(super) fn stages(&self) -> std::ops::Range<usize> {
        0..self.columns.len()
    }

    /// The first stage that has the intent at the end.
    pub(super) fn first(&self, intent: Number) -> Option<usize> {
        self.stages().find(|stage| self.times(*stage, intent) > 0)
    }
}
