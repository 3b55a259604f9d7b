//! The offenders of a tally: when each happened, how many under which fault, and what is known of the first.

use super::tally::{Scene, Tally};
use crate::Budget;
use crate::checks::groups::{self, Group, Member};
use crate::checks::offenders::Offenders;
use crate::defect::Defect;
use crate::faults::Faults;
use crate::intents::{Known, Number};
use crate::names::Names;
use crate::offending::{Offending, Spot};
use crate::{Finding, place, wording};
use proofload_history::{At, HistoryError, Id, Observation, Reading};
use std::collections::{BTreeMap, BTreeSet};

/// What a check knows of an offender, to describe it.
#[derive(Clone, Copy)]
struct Broken {
    defect: Defect,
    /// `None` for an id that nobody issued.
    intent: Option<Number>,
    /// The number of the stage in the chain where it shows.
    stage: usize,
}

/// All that is broken.
pub(super) struct Found<'a> {
    scene: &'a Scene<'a>,
    faults: Faults,
    offenders: Offenders<'a, Broken>,
    totals: BTreeMap<(Defect, usize), Total>,
    /// Ids that nobody issued, or that had no business where they are.
    pub(super) unexpected: u64,
    /// Ids that nobody issued and that a stage which forbids repeats has more than once.
    pub(super) repeated_strangers: u64,
}

/// Offenders in all, and under each fault.
#[derive(Default)]
struct Total {
    all: u64,
    under: BTreeMap<String, u64>,
}

impl<'a> Found<'a> {
    /// What the tally marked, and all that nobody issued. Where something was lost one pass over the operations, which
    /// know when it was acknowledged; where something is that should not be, passes over the observations.
    pub(super) fn of(scene: &'a Scene<'a>, tally: &Tally, budget: Budget) -> Result<Self, HistoryError> {
        let mut found = Self {
            scene,
            faults: Faults::of(&scene.history.journal),
            offenders: Offenders::default(),
            totals: BTreeMap::new(),
            unexpected: 0,
            repeated_strangers: 0,
        };
        if tally.lost > 0 {
            let lost = tally.lost_ones.clone();
            scene.intents.each_acknowledgement(scene.history, lost, |number, made| {
                found.push(
                    Defect::Lost,
                    (scene.intents.id(number), Some(number)),
                    scene.lost_at(number),
                    Some(made.done()),
                );
            })?;
        }
        // Nobody can tell when what was not acknowledged was lost.
        for number in tally.half_done_ones.iter() {
            found.push(Defect::Lost, (scene.intents.id(number), Some(number)), scene.lost_at(number), None);
        }
        if scene.sightings.strangers > 0 || tally.misplaced_ones.iter().next().is_some() {
            found.look_for_misplaced(tally, budget)?;
        }
        Ok(found)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.offenders.is_empty()
    }

    /// Puts the rows together of all that is somewhere too often or without having been asked for: they tell when.
    fn look_for_misplaced(&mut self, tally: &Tally, budget: Budget) -> Result<(), HistoryError> {
        let Scene { history, chain, intents, .. } = *self.scene;
        let stages: Vec<&str> = chain.stages.iter().map(|stage| stage.stage.as_str()).collect();
        let misplaced = |id: Id| intents.number(id).is_none_or(|number| tally.misplaced_ones.has(number));
        groups::of_observations(
            history,
            budget,
            &stages,
            |_, seen| {
                let kept = seen.reading() == Reading::Final && misplaced(seen.id());
                kept.then(|| (seen.id(), Spot::of(seen)))
            },
            |mut group, _| match intents.number(group.id) {
                Some(number) => self.take(&mut group, number),
                None => self.take_stranger(&mut group),
            },
        )?;
        Ok(())
    }

    fn take(&mut self, group: &mut Group<'_, Spot>, number: Number) {
        let whose = (group.id, Some(number));
        let repeated: Vec<usize> = self.scene.repeated_at(number).collect();
        let unexpected: Vec<usize> = self.scene.unexpected_at(number).collect();
        for stage in repeated {
            self.push(Defect::Repeated, whose, stage, instant(group.at_mut(stage), 1));
        }
        for stage in unexpected {
            self.unexpected += 1;
            self.push(Defect::Unexpected, whose, stage, instant(group.at_mut(stage), 0));
        }
    }

    fn take_stranger(&mut self, group: &mut Group<'_, Spot>) {
        let whose = (group.id, None);
        let mut repeated = false;
        for stage in self.scene.sightings.stages() {
            if group.at(stage).len() > 1 && !self.scene.chain.stages[stage].repeats_allowed {
                self.push(Defect::Repeated, whose, stage, instant(group.at_mut(stage), 1));
                repeated = true;
            }
        }
        self.repeated_strangers += u64::from(repeated);
        if let Some(first) = self.scene.sightings.stages().find(|stage| !group.at(*stage).is_empty()) {
            self.unexpected += 1;
            self.push(Defect::Unexpected, whose, first, instant(group.at_mut(first), 0));
        }
    }

    fn push(&mut self, defect: Defect, (id, intent): (Id, Option<Number>), stage: usize, at: Option<At>) {
        let total = self.totals.entry((defect, stage)).or_default();
        total.all += 1;
        if let Some(at) = at {
            // A fault that was injected several times counts an offender once.
            let faults = self.faults.records.iter().filter(|fault| self.faults.harms(fault, at));
            for fault in faults.map(|fault| &*fault.id).collect::<BTreeSet<&str>>() {
                match total.under.get_mut(fault) {
                    Some(number) => *number += 1,
                    None => _ = total.under.insert(fault.to_owned(), 1),
                }
            }
        }
        let name = self.scene.chain.stages[stage].stage.as_str();
        let one = Offending::of_id(defect.name(), id, Some(name), at);
        self.offenders.push(one, || Broken { defect, intent, stage });
    }

    /// Adds the offenders to `finding`: all of them in figures, the first ones by name. One more pass over the
    /// observations where there are any.
    pub(super) fn tell(self, mut finding: Finding) -> Result<Finding, HistoryError> {
        if self.is_empty() {
            return Ok(finding);
        }
        let mut figures: BTreeMap<String, u64> = BTreeMap::new();
        for ((defect, stage), total) in &self.totals {
            let stage = &self.scene.chain.stages[*stage].stage;
            figures.insert(defect.figure(stage, None), total.all);
            figures.extend(total.under.iter().map(|(fault, number)| (defect.figure(stage, Some(fault)), *number)));
        }
        for (name, number) in figures {
            finding = finding.figure(&name, number as f64);
        }
        let ids: BTreeSet<Id> = self.offenders.first().filter_map(|(one, _)| one.id).collect();
        let seen = Seen::of(self.scene, &ids)?;
        let scene = self.scene;
        Ok(self.offenders.tell(finding, &scene.history.journal, |one, broken| describe(one, *broken, scene, &seen)))
    }
}

/// The `nth` instant of some rows, in order; `None` where it is not known.
fn instant(rows: &mut [Member<Spot>], nth: usize) -> Option<At> {
    rows.sort_unstable_by_key(|row| row.what.at());
    rows.get(nth).and_then(|row| row.what.at())
}

/// Where the offenders that are told were seen: for each id, stage and reading the first rows, and how many there are.
#[derive(Default)]
struct Seen(BTreeMap<(Id, usize, Reading), (u64, Vec<Observation>)>);

/// How many places are shown.
const SHOWN: usize = 3;

impl Seen {
    fn of(scene: &Scene<'_>, ids: &BTreeSet<Id>) -> Result<Self, HistoryError> {
        let mut seen = Self::default();
        let mut names = Names::new(scene.chain.stages.iter().map(|stage| stage.stage.as_str()));
        scene.history.observations.each(|row| {
            let Some(stage) = names.number(row.stage()) else { return };
            if ids.contains(&row.id()) {
                let (all, first) = seen.0.entry((row.id(), stage, row.reading())).or_default();
                *all += 1;
                if first.len() < SHOWN {
                    first.push(row.to_owned());
                }
            }
        })?;
        Ok(seen)
    }

    /// The first row of the last of `stages` that has the id.
    fn last(&self, id: Id, reading: Reading, stages: std::ops::Range<usize>) -> Option<&Observation> {
        stages.rev().find_map(|stage| self.0.get(&(id, stage, reading))?.1.first())
    }

    /// The first rows of the id that only brokers' copies of the stage's log have.
    fn copies(&self, id: Id, stage: usize) -> impl Iterator<Item = &Observation> {
        self.0.get(&(id, stage, Reading::Replica)).into_iter().flat_map(|(_, first)| first)
    }

    /// Where a stage has the id at the end, the first few.
    fn places(&self, id: Id, stage: usize) -> String {
        let Some((all, first)) = self.0.get(&(id, stage, Reading::Final)) else { return wording::times(0) };
        let at = |seen: &Observation| seen.at.map_or_else(String::new, |at| format!(" at {at}"));
        let places: Vec<String> = first.iter().map(|seen| format!("{}{}", place::of(seen), at(seen))).collect();
        let more = all - first.len() as u64;
        let more = if more > 0 { format!(" and {} more", wording::times(more)) } else { String::new() };
        format!("{}: {}{more}", wording::times(*all), places.join(", "))
    }
}

fn describe(one: &Offending<'_>, broken: Broken, scene: &Scene<'_>, seen: &Seen) -> String {
    let id = one.id.unwrap_or(Id(0));
    match broken.defect {
        Defect::Lost => lost(id, one.at, broken.stage, scene, seen),
        Defect::Repeated => format!("seen {}", seen.places(id, broken.stage)),
        Defect::Unexpected => format!("{}; seen {}", unexpected(broken, scene), seen.places(id, broken.stage)),
    }
}

/// Why it should not be there.
fn unexpected(broken: Broken, scene: &Scene<'_>) -> String {
    let Some(number) = broken.intent else { return "nobody issued this id".to_owned() };
    match &scene.chain.stages[broken.stage].only_if {
        Some(condition) if scene.intents.known()[number as usize] != Known::Fail => {
            format!("the stage is only for what is {} at {}", wording::either(&condition.states), condition.stage)
        }
        _ => "the client was told that it did not happen".to_owned(),
    }
}

/// What was promised, the last place where it was seen, and where it is all the same.
fn lost(id: Id, acknowledged: Option<At>, stage: usize, scene: &Scene<'_>, seen: &Seen) -> String {
    let promised =
        acknowledged.map_or_else(|| "not acknowledged, but taken in".to_owned(), |at| format!("acknowledged at {at}"));
    let all = scene.sightings.stages();
    let here = seen.last(id, Reading::Live, stage..stage + 1);
    let before = seen.last(id, Reading::Final, 0..stage);
    let last = match (here, before, seen.last(id, Reading::Live, all.clone())) {
        (Some(live), _, _) => format!("seen live at {}, gone at the end", place::of(live)),
        (None, Some(before), _) => format!("last seen at {}", place::of(before)),
        (None, None, Some(live)) => format!("seen live at {}", place::of(live)),
        (None, None, None) => "never seen at any stage".to_owned(),
    };
    let later = seen.last(id, Reading::Final, stage + 1..all.end);
    let later = later.map_or_else(String::new, |later| format!("; all the same it is at {}", place::of(later)));
    let copies = scene.autopsy.of_missing(&scene.chain.stages[stage].stage, seen.copies(id, stage));
    let copies = copies.map_or_else(String::new, |copies| format!("; {copies}"));
    let stuck = if scene.readings.rest.stuck { "; the system was stuck" } else { "" };
    format!("{promised}; {last}{copies}{later}{stuck}")
}
