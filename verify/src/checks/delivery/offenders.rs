//! The offenders of a tally: when each happened, how many under which fault, and what is known of the first.

use super::tally::{Broken, Scene};
use crate::autopsy::Autopsy;
use crate::defect::Defect;
use crate::faults::Faults;
use crate::finding::MAX_OFFENDERS;
use crate::intents::Known;
use crate::{Finding, Offender, place, wording};
use proofload_history::{At, Id, Observation, Outcome, Reading};
use std::collections::{BTreeMap, HashMap};

/// Adds the offenders to `finding`: all of them in figures, the first ones by name. O(observations) where there are
/// any, nothing otherwise.
pub(super) fn tell(mut finding: Finding, mut broken: Vec<Broken>, scene: &Scene<'_>) -> Finding {
    if broken.is_empty() {
        return finding;
    }
    place_in_time(&mut broken, scene);
    broken.sort_unstable_by_key(|broken| (broken.at.unwrap_or(At(u64::MAX)), broken.id, broken.defect, broken.stage));
    let faults = Faults::of(&scene.history.journal);
    for (name, number) in totals(&broken, scene, &faults) {
        finding = finding.figure(&name, number as f64);
    }
    finding.offenders_total = broken.len() as u64;
    broken.truncate(MAX_OFFENDERS);
    let mut seen: HashMap<Id, Vec<&Observation>> = broken.iter().map(|broken| (broken.id, Vec::new())).collect();
    for observation in &scene.history.observations {
        if let Some(of) = seen.get_mut(&observation.id) {
            of.push(observation);
        }
    }
    finding.offenders = broken.iter().map(|broken| describe(broken, scene, &faults, &seen[&broken.id])).collect();
    finding
}

/// Gives those that were not acknowledged their instant: when the stage's second (for a repeat) or first sighting
/// happened.
fn place_in_time(broken: &mut [Broken], scene: &Scene<'_>) {
    let mut open: HashMap<(Id, usize), Vec<Option<At>>> = HashMap::new();
    for broken in broken.iter().filter(|broken| broken.at.is_none()) {
        open.insert((broken.id, broken.stage), Vec::new());
    }
    if open.is_empty() {
        return;
    }
    let stages: HashMap<&str, usize> =
        scene.chain.stages.iter().enumerate().map(|(n, stage)| (stage.stage.as_str(), n)).collect();
    for seen in scene.history.observations.iter().filter(|seen| seen.reading == Reading::Final) {
        if let Some(stage) = stages.get(&*seen.stage)
            && let Some(instants) = open.get_mut(&(seen.id, *stage))
        {
            instants.push(seen.at);
        }
    }
    for broken in broken.iter_mut().filter(|broken| broken.at.is_none()) {
        let Some(instants) = open.get_mut(&(broken.id, broken.stage)) else { continue };
        instants.sort_unstable();
        let which = usize::from(broken.defect == Defect::Repeated);
        broken.at = instants.get(which).copied().flatten();
    }
}

/// Offenders in all, and under each fault.
type Total<'f> = (u64, BTreeMap<&'f str, u64>);

/// How many there are of each defect at each stage, in all and under each fault.
fn totals(broken: &[Broken], scene: &Scene<'_>, faults: &Faults) -> BTreeMap<String, u64> {
    let mut by_kind: BTreeMap<(Defect, usize), Total<'_>> = BTreeMap::new();
    for broken in broken {
        let (all, under) = by_kind.entry((broken.defect, broken.stage)).or_default();
        *all += 1;
        let Some(at) = broken.at else { continue };
        let mut harmed: Vec<&str> =
            faults.records.iter().filter(|fault| faults.harms(fault, at)).map(|fault| &*fault.id).collect();
        harmed.sort_unstable();
        // A fault that was injected several times counts an offender once.
        harmed.dedup();
        for fault in harmed {
            *under.entry(fault).or_default() += 1;
        }
    }
    let mut totals = BTreeMap::new();
    for ((defect, stage), (all, under)) in by_kind {
        let stage = &scene.chain.stages[stage].stage;
        totals.insert(defect.figure(stage, None), all);
        totals.extend(under.into_iter().map(|(fault, number)| (defect.figure(stage, Some(fault)), number)));
    }
    totals
}

fn describe(broken: &Broken, scene: &Scene<'_>, faults: &Faults, seen: &[&Observation]) -> Offender {
    let detail = match broken.defect {
        Defect::Lost => lost(broken, scene, seen),
        Defect::Repeated => format!("seen {}", places(broken, scene, seen)),
        Defect::Unexpected => format!("{}; seen {}", unexpected(broken, scene), places(broken, scene, seen)),
    };
    Offender {
        id: Some(broken.id),
        defect: broken.defect.name().to_owned(),
        stage: Some(scene.chain.stages[broken.stage].stage.clone()),
        at: broken.at,
        during: broken.at.map(|at| faults.during(at)).unwrap_or_default(),
        detail,
    }
}

/// Why it should not be there.
fn unexpected(broken: &Broken, scene: &Scene<'_>) -> String {
    let Some(number) = broken.intent else { return "nobody issued this id".to_owned() };
    match &scene.chain.stages[broken.stage].only_if {
        Some(condition) if scene.intents.known()[number as usize] != Known::Fail => {
            format!("the stage is only for what is {} at {}", wording::either(&condition.states), condition.stage)
        }
        _ => "the client was told that it did not happen".to_owned(),
    }
}

/// Where the stage has it, the first few.
fn places(broken: &Broken, scene: &Scene<'_>, seen: &[&Observation]) -> String {
    let stage = scene.chain.stages[broken.stage].stage.as_str();
    let mut places: Vec<String> = seen
        .iter()
        .filter(|seen| &*seen.stage == stage && seen.reading == Reading::Final)
        .map(|seen| format!("{}{}", place::of(seen), seen.at.map_or_else(String::new, |at| format!(" at {at}"))))
        .collect();
    let (all, shown) = (places.len(), 3);
    places.truncate(shown);
    let more = if all > shown { format!(" and {} times more", all - shown) } else { String::new() };
    format!("{} times: {}{more}", all, places.join(", "))
}

/// What was promised, the last place where it was seen, and where it is all the same.
fn lost(broken: &Broken, scene: &Scene<'_>, seen: &[&Observation]) -> String {
    let stages: Vec<&str> = scene.chain.stages.iter().map(|stage| stage.stage.as_str()).collect();
    let find = |reading: Reading, stages: &[&str]| {
        stages
            .iter()
            .rev()
            .find_map(|stage| seen.iter().find(|seen| seen.reading == reading && &*seen.stage == *stage).copied())
    };
    let made = broken.intent.and_then(|number| scene.intents.decisive(number));
    let promised = match made.map(|made| (made.outcome, made.done)) {
        Some((Outcome::Ok, done)) => format!("acknowledged at {done}"),
        _ => "not acknowledged, but taken in".to_owned(),
    };
    let here = find(Reading::Live, &stages[broken.stage..=broken.stage]);
    let before = find(Reading::Final, &stages[..broken.stage]);
    let stage = stages[broken.stage];
    let copies = Autopsy::of(&scene.history.journal).of_missing(stage, seen);
    let last = match (here, before, find(Reading::Live, &stages)) {
        (Some(live), _, _) => format!("seen live at {}, gone at the end", place::of(live)),
        (None, Some(before), _) => format!("last seen at {}", place::of(before)),
        (None, None, Some(live)) => format!("seen live at {}", place::of(live)),
        (None, None, None) => "never seen at any stage".to_owned(),
    };
    let later = find(Reading::Final, &stages[broken.stage + 1..]);
    let later = later.map_or_else(String::new, |later| format!("; all the same it is at {}", place::of(later)));
    let stuck = if scene.readings.rest.stuck { "; the system was stuck" } else { "" };
    let copies = copies.map_or_else(String::new, |copies| format!("; {copies}"));
    format!("{promised}; {last}{copies}{later}{stuck}")
}
