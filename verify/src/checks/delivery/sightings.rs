//! Where intents were seen: a byte for each intent and stage.

use crate::Chain;
use crate::check::Condition;
use crate::intents::{Intents, Number};
use crate::names::Names;
use proofload_history::{History, HistoryError, Reading};

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
    /// Final sightings of ids that nobody issued.
    pub(super) strangers: u64,
    /// Final rows at each stage.
    pub(super) rows: Vec<u64>,
    /// For each stage with a condition, how it stands for each intent.
    conditions: Vec<Option<Vec<u8>>>,
}

impl Sightings {
    /// One pass over the observations: no hashing, no allocation per row. Own ids without a row get their numbers.
    pub(super) fn of(history: &History, chain: &Chain, intents: &mut Intents) -> Result<Self, HistoryError> {
        let column = || vec![0_u8; intents.len()];
        let mut seen_at = Self {
            columns: chain.stages.iter().map(|_| column()).collect(),
            strangers: 0,
            rows: vec![0; chain.stages.len()],
            conditions: chain.stages.iter().map(|stage| stage.only_if.as_ref().map(|_| column())).collect(),
        };
        let asked_about = asked_about(chain);
        let mut names = Names::new(chain.stages.iter().map(|stage| stage.stage.as_str()));
        history.observations.each(|seen| {
            let Some(stage) = names.number(seen.stage()) else { return };
            let number = intents.seen(seen.id());
            if number.is_some_and(|number| number as usize >= seen_at.columns[stage].len()) {
                seen_at.grow(intents.len());
            }
            match (number, seen.reading()) {
                (Some(number), Reading::Live) => seen_at.columns[stage][number as usize] |= LIVE,
                (Some(number), Reading::Final) => {
                    seen_at.rows[stage] += 1;
                    let cell = &mut seen_at.columns[stage][number as usize];
                    *cell = (*cell & LIVE) | ((*cell & COUNT) + 1).min(COUNT);
                    for (of, condition) in &asked_about[stage] {
                        if let Some(column) = &mut seen_at.conditions[*of] {
                            column[number as usize] |= stands(condition, seen.state());
                        }
                    }
                }
                (None, Reading::Final) => {
                    seen_at.rows[stage] += 1;
                    seen_at.strangers += 1;
                }
                // What nobody issued and is gone at the end has harmed nobody. What only a copy of a log has is not there.
                (None, Reading::Live) | (_, Reading::Replica) => {}
            }
        })?;
        // An id may have got its number at a later stage only.
        seen_at.grow(intents.len());
        Ok(seen_at)
    }

    fn grow(&mut self, intents: usize) {
        self.columns
            .iter_mut()
            .chain(self.conditions.iter_mut().flatten())
            .for_each(|column| column.resize(intents, 0));
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

fn stands(condition: &Condition, state: Option<&str>) -> u8 {
    SEEN | match condition.holds(state) {
        Some(true) => HOLDS,
        Some(false) => 0,
        None => STATELESS,
    }
}
