//! What became of every intent.

use super::reading::Readings;
use super::sightings::Sightings;
use crate::Chain;
use crate::defect::Defect;
use crate::intents::{Intents, Known, Number};
use proofload_history::{At, History, Id};

/// An offender before it is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) defect: Defect,
    pub(super) id: Id,
    /// `None` for an id that nobody issued.
    pub(super) intent: Option<Number>,
    /// The number of the stage in the chain where it shows.
    pub(super) stage: usize,
    /// When it was acknowledged; `None` if it was not, until a sighting tells.
    pub(super) at: Option<At>,
}

/// What became of the intents of a chain.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) indeterminate: u64,
    /// Without a row and not seen anywhere: in a whole run, the rest of the last block of ids.
    pub(super) unused: u64,
    /// Indeterminate ones, those without a row included, that are at every stage from the first that has them.
    pub(super) landed: u64,
    /// Indeterminate ones that are nowhere.
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
    pub(super) broken: Vec<Broken>,
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
    pub(super) intents: &'a Intents<'a>,
    pub(super) sightings: &'a Sightings,
    pub(super) readings: &'a Readings,
}

impl Tally {
    /// One pass over the columns.
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let mut tally = Self { stages: vec![AtStage::default(); scene.chain.stages.len()], ..Self::default() };
        let damaged = !scene.history.damage.is_empty();
        for (number, known) in scene.intents.known().iter().enumerate() {
            let number = number as Number;
            if *known == Known::Other {
                continue;
            }
            tally.repeats(scene, number);
            match known {
                Known::Ok => tally.acknowledged(scene, number),
                // A later attempt that was ok may be among the rows that a damaged history lacks.
                Known::Fail if !damaged => tally.refused(scene, number),
                Known::Fail => tally.failed += 1,
                Known::Indeterminate => {
                    tally.indeterminate += 1;
                    tally.open(scene, number);
                }
                Known::NoRow if scene.sightings.first(number).is_some() => {
                    tally.indeterminate += 1;
                    tally.open(scene, number);
                }
                Known::NoRow | Known::Other => {}
            }
        }
        tally.unused =
            scene.intents.without_row().filter(|number| scene.sightings.first(*number).is_none()).count() as u64;
        tally.strangers(scene);
        tally
    }

    fn push(&mut self, scene: &Scene<'_>, defect: Defect, number: Number, stage: usize) {
        let at = scene.intents.decisive(number).filter(|_| defect == Defect::Lost).map(|made| made.done);
        self.broken.push(Broken { defect, id: scene.intents.id(number), intent: Some(number), stage, at });
    }

    fn repeats(&mut self, scene: &Scene<'_>, number: Number) {
        let mut repeated = false;
        for stage in scene.sightings.stages() {
            if scene.sightings.times(stage, number) > 1 && !scene.chain.stages[stage].repeats_allowed {
                self.push(scene, Defect::Repeated, number, stage);
                repeated = true;
            }
        }
        self.repeated += u64::from(repeated);
    }

    /// An intent that is at a stage which is not for it: a rejected application that was paid out.
    fn misplaced(&mut self, scene: &Scene<'_>, number: Number) {
        for stage in scene.sightings.stages() {
            if scene.sightings.times(stage, number) > 0 && scene.sightings.excluded(stage, number) {
                self.push(scene, Defect::Unexpected, number, stage);
            }
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
        self.misplaced(scene, number);
        self.owned(scene, number, 0);
    }

    /// The system owns the intent from stage `from` on: it has to be there and at every later stage. Whether it is.
    fn owned(&mut self, scene: &Scene<'_>, number: Number, from: usize) -> bool {
        let known = scene.intents.known()[number as usize];
        let mut whole = true;
        for stage in from..scene.chain.stages.len() {
            if scene.sightings.times(stage, number) > 0 || !scene.sightings.required(stage, number) {
                continue;
            }
            whole = false;
            // What was seen there and is gone will not come again, moving or not, and was a row that could be understood.
            let gone = scene.readings.stages[stage].to_its_end && scene.sightings.live(stage, number);
            if gone || (scene.readings.stages[stage].complete && scene.readings.rest.settled) {
                match known {
                    Known::Ok => self.lost += 1,
                    _ => self.half_done += 1,
                }
                self.push(scene, Defect::Lost, number, stage);
                return false;
            }
        }
        self.undecided += u64::from(!whole);
        whole
    }

    fn refused(&mut self, scene: &Scene<'_>, number: Number) {
        self.failed += 1;
        if let Some(stage) = scene.sightings.first(number) {
            self.push(scene, Defect::Unexpected, number, stage);
        }
    }

    fn open(&mut self, scene: &Scene<'_>, number: Number) {
        match scene.sightings.first(number) {
            None => self.not_landed += 1,
            Some(first) => {
                self.misplaced(scene, number);
                self.landed += u64::from(self.owned(scene, number, first));
            }
        }
    }

    fn strangers(&mut self, scene: &Scene<'_>) {
        for same_id in scene.sightings.strangers.chunk_by(|a, b| a.0 == b.0) {
            let mut repeated = false;
            let at = |defect, stage| Broken { defect, id: same_id[0].0, intent: None, stage, at: None };
            for same_stage in same_id.chunk_by(|a, b| a.1 == b.1) {
                let stage = same_stage[0].1;
                if same_stage.len() > 1 && !scene.chain.stages[stage].repeats_allowed {
                    self.broken.push(at(Defect::Repeated, stage));
                    repeated = true;
                }
            }
            self.repeated += u64::from(repeated);
            self.broken.push(at(Defect::Unexpected, same_id[0].1));
        }
    }
}
