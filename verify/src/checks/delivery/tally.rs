//! What became of every intent.

use super::reading::Readings;
use super::sightings::Sightings;
use crate::Chain;
use crate::autopsy::Autopsy;
use crate::intents::{Intents, Known, Marks, Number};
use proofload_history::History;

/// What became of the intents of a chain.
pub(super) struct Tally {
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) indeterminate: u64,
    /// Without a row and not seen anywhere: in a whole run, the rest of the last block of ids.
    pub(super) unused: u64,
    /// Indeterminate ones, those without a row included, that are at every stage from the first that has them.
    pub(super) landed: u64,
    /// Indeterminate ones that were not taken in.
    pub(super) not_landed: u64,
    /// Missing where the run cannot tell whether they would have come: the stage was not read, or all was moving.
    pub(super) undecided: u64,
    /// Intents that a stage which forbids repeats has more than once.
    pub(super) repeated: u64,
    /// For each stage what became of the intents that were acknowledged.
    pub(super) stages: Vec<AtStage>,
    /// Acknowledged, and missing from a stage.
    pub(super) lost: u64,
    /// Not acknowledged, at a stage, and missing from a later one.
    pub(super) half_done: u64,
    /// The numbers of those that were acknowledged and lost...
    pub(super) lost_ones: Marks,
    /// ...of those that were taken in and half done...
    pub(super) half_done_ones: Marks,
    /// ...and of those that a stage has too often, or should not have.
    pub(super) misplaced_ones: Marks,
}

/// A claim about an intent at a stage, or none.
enum Owned {
    /// It is wherever it should be.
    Whole,
    /// The first stage, by its number, that certainly lacks it.
    Lacks(usize),
    /// It is missing where nobody can tell whether it would have come.
    Undecided,
}

/// Acknowledged intents at a stage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AtStage {
    /// Those that the stage is for.
    pub(super) required: u64,
    /// Those of them that are there.
    pub(super) present: u64,
    /// Those that are there more than once.
    pub(super) repeated: u64,
}

/// How the chain's stages were read, and what was seen there.
pub(super) struct Scene<'a> {
    pub(super) history: &'a History,
    pub(super) chain: &'a Chain,
    pub(super) intents: &'a Intents,
    pub(super) sightings: &'a Sightings,
    pub(super) readings: &'a Readings,
    pub(super) autopsy: Autopsy<'a>,
}

impl Scene<'_> {
    /// Where the system has an intent that it owns from stage `from` on: it has to be there and at every later stage.
    fn owned(&self, number: Number, from: usize) -> Owned {
        let mut owned = Owned::Whole;
        for stage in from..self.chain.stages.len() {
            if self.sightings.times(stage, number) > 0 || !self.sightings.required(stage, number) {
                continue;
            }
            // What was seen there and is gone will not come again, moving or not, and was a row that could be understood.
            let reading = &self.readings.stages[stage];
            let gone = reading.shows_what_is_gone() && self.sightings.live(stage, number);
            if gone || (reading.whole() && self.readings.rest.settled) {
                return Owned::Lacks(stage);
            }
            owned = Owned::Undecided;
        }
        owned
    }

    /// The number of the first stage that has the intent, if it was taken in. Under a shared id another operation may
    /// have left what is at any stage but the first: there the chain's own begins.
    fn taken_in(&self, number: Number) -> Option<usize> {
        self.sightings.first(number).filter(|first| *first == 0 || !self.intents.shared(number))
    }

    /// The number of the stage that lost an intent, which was acknowledged or taken in, and is marked as lost.
    pub(super) fn lost_at(&self, number: Number) -> usize {
        let acknowledged = self.intents.known()[number as usize] == Known::Ok;
        let from = if acknowledged { 0 } else { self.taken_in(number).unwrap_or_default() };
        match self.owned(number, from) {
            Owned::Lacks(stage) => stage,
            Owned::Whole | Owned::Undecided => from,
        }
    }

    /// The stages, by their numbers, that forbid repeats and have the intent more than once.
    pub(super) fn repeated_at(&self, number: Number) -> impl Iterator<Item = usize> {
        let repeated =
            move |stage: &usize| self.sightings.times(*stage, number) > 1 && !self.chain.stages[*stage].repeats_allowed;
        self.sightings.stages().filter(repeated)
    }

    /// The stages, by their numbers, that have the intent and should not: of one that the client was told did not
    /// happen the first that has it; of others those that are not for it, as for a rejected application that was paid out.
    pub(super) fn unexpected_at(&self, number: Number) -> impl Iterator<Item = usize> {
        let known = self.intents.known()[number as usize];
        // A later attempt that was ok may be among the rows that a damaged history lacks.
        let refused = known == Known::Fail && self.history.damage.is_empty();
        let first = if refused { self.taken_in(number) } else { None };
        let for_some = matches!(known, Known::Ok | Known::Indeterminate | Known::NoRow);
        let misplaced = move |stage: &usize| {
            for_some && self.sightings.times(*stage, number) > 0 && self.sightings.excluded(*stage, number)
        };
        first.into_iter().chain(self.sightings.stages().filter(misplaced))
    }
}

impl Tally {
    /// One pass over the columns.
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let marks = || Marks::new(scene.intents.len());
        let mut tally = Self {
            ok: 0,
            failed: 0,
            indeterminate: 0,
            unused: 0,
            landed: 0,
            not_landed: 0,
            undecided: 0,
            repeated: 0,
            stages: vec![AtStage::default(); scene.chain.stages.len()],
            lost: 0,
            half_done: 0,
            lost_ones: marks(),
            half_done_ones: marks(),
            misplaced_ones: marks(),
        };
        for (number, known) in (0..).zip(scene.intents.known()) {
            tally.take(scene, number, *known);
        }
        tally.unused =
            scene.intents.without_row().filter(|number| scene.sightings.first(*number).is_none()).count() as u64;
        tally
    }

    fn take(&mut self, scene: &Scene<'_>, number: Number, known: Known) {
        if known == Known::Other {
            return;
        }
        if scene.repeated_at(number).next().is_some() {
            self.repeated += 1;
            self.misplaced_ones.put(number);
        }
        if scene.unexpected_at(number).next().is_some() {
            self.misplaced_ones.put(number);
        }
        match known {
            Known::Ok => self.acknowledged(scene, number),
            Known::Fail => self.failed += 1,
            Known::Indeterminate => {
                self.indeterminate += 1;
                self.open(scene, number);
            }
            Known::NoRow if scene.sightings.first(number).is_some() => {
                self.indeterminate += 1;
                self.open(scene, number);
            }
            Known::NoRow | Known::Other => {}
        }
    }

    fn acknowledged(&mut self, scene: &Scene<'_>, number: Number) {
        self.ok += 1;
        for stage in scene.sightings.stages() {
            let times = scene.sightings.times(stage, number);
            let required = scene.sightings.required(stage, number);
            let here = &mut self.stages[stage];
            here.required += u64::from(required);
            here.present += u64::from(required && times > 0);
            here.repeated += u64::from(times > 1);
        }
        match scene.owned(number, 0) {
            Owned::Whole => {}
            Owned::Undecided => self.undecided += 1,
            Owned::Lacks(_) => {
                self.lost += 1;
                self.lost_ones.put(number);
            }
        }
    }

    fn open(&mut self, scene: &Scene<'_>, number: Number) {
        let Some(first) = scene.taken_in(number) else {
            self.not_landed += 1;
            return;
        };
        match scene.owned(number, first) {
            Owned::Whole => self.landed += 1,
            Owned::Undecided => self.undecided += 1,
            Owned::Lacks(_) => {
                self.half_done += 1;
                self.half_done_ones.put(number);
            }
        }
    }
}
