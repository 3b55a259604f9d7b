//! Where intents were seen: a byte for each intent and stage.

use crate::Chain;
use crate::check::Condition;
use crate::intents::{Intents, Number};
use crate::names::Names;
use proofload_history::{History, Id, Observation, Reading};

const LIVE: u8 = 0x80;
const COUNT: u8 = 0x7f;

/// The stage that a condition is about has the intent.
const SEEN: u8 = 1;
/// It has it in one of the states.
const HOLDS: u8 = 2;
/// It has it without a state.
const STATELESS: u8 = 4;

/// Sightings at the stages of a chain, in columns; a stage is its number in the chain.
pub(super) struct Sightings {
    columns: Vec<Vec<u8>>,
    /// Final sightings of ids that nobody issued, each with its stage, in order.
    pub(super) strangers: Vec<(Id, usize)>,
    /// Final rows at each stage.
    pub(super) rows: Vec<u64>,
    /// For each stage with a condition, how it stands for each intent.
    conditions: Vec<Option<Vec<u8>>>,
}

impl Sightings {
    /// One pass over the observations: no hashing, no allocation per row.
    pub(super) fn of(history: &History, chain: &Chain, intents: &Intents<'_>) -> Self {
        let mut columns = vec![vec![0_u8; intents.len()]; chain.stages.len()];
        let (mut strangers, mut rows) = (Vec::new(), vec![0; chain.stages.len()]);
        let mut conditions: Vec<Option<Vec<u8>>> =
            chain.stages.iter().map(|stage| stage.only_if.as_ref().map(|_| vec![0; intents.len()])).collect();
        let asked_about = asked_about(chain);
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
                    for (of, condition) in &asked_about[stage] {
                        if let Some(column) = &mut conditions[*of] {
                            column[number as usize] |= stands(condition, seen);
                        }
                    }
                }
                (None, Reading::Final) => {
                    rows[stage] += 1;
                    strangers.push((seen.id, stage));
                }
                // What nobody issued and is gone at the end has harmed nobody. What only a copy of a log has is not there.
                (None, Reading::Live) | (_, Reading::Replica) => {}
            }
        }
        strangers.sort_unstable();
        Self { columns, strangers, rows, conditions }
    }

    /// Whether the stage is for the intent: it has no condition, or the condition holds.
    pub(super) fn required(&self, stage: usize, intent: Number) -> bool {
        self.conditions[stage].as_ref().is_none_or(|column| column[intent as usize] & HOLDS != 0)
    }

    /// Whether the stage is not for the intent: it has a condition, and the condition certainly does not hold.
    pub(super) fn excluded(&self, stage: usize, intent: Number) -> bool {
        self.conditions[stage].as_ref().is_some_and(|column| column[intent as usize] == SEEN)
    }

    /// How many intents nobody can tell whether the stage is for: their rows have no state.
    pub(super) fn stateless(&self, stage: usize) -> u64 {
        let undecided = |flags: &&u8| **flags & STATELESS != 0 && **flags & HOLDS == 0;
        self.conditions[stage].as_ref().map_or(0, |column| column.iter().filter(undecided).count() as u64)
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

/// For each stage the conditions that are about it, each with the number of the stage that it decides on.
fn asked_about(chain: &Chain) -> Vec<Vec<(usize, &Condition)>> {
    let of = |name: &str| {
        let conditions = chain.stages.iter().enumerate().filter_map(|(n, stage)| Some((n, stage.only_if.as_ref()?)));
        conditions.filter(|(_, condition)| condition.stage == name).collect()
    };
    chain.stages.iter().map(|stage| of(&stage.stage)).collect()
}

fn stands(condition: &Condition, seen: &Observation) -> u8 {
    SEEN | match condition.holds(seen) {
        Some(true) => HOLDS,
        Some(false) => 0,
        None => STATELESS,
    }
}
