//! `delivery`: nothing acknowledged is lost, nothing is done twice, nothing is there that nobody asked for.

mod copies;
mod offenders;
mod reading;
mod sightings;
mod tally;

use self::reading::Readings;
use self::sightings::Sightings;
use self::tally::{AtStage, Scene, Tally};
use super::offending::{self, counted};
use super::table;
use crate::check::Reference;
use crate::defect::Defect;
use crate::faults::Faults;
use crate::intents::{Intents, Known};
use crate::statistics::binomial;
use crate::wording;
use crate::{About, Chain, Check, Class, Context, Finding, Judgement, Offender};
use proofload_history::History;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is known about `delivery`.
pub(super) const ABOUT: About = About {
    name: "delivery",
    class: Class::Safety,
    invariant: "Every intent that was acknowledged is at every stage of its chain, once where repeats are forbidden, and nothing else is.",
    cost: "One pass over operations and observations, no hashing; five bytes an intent and one for each of its stages.",
    counterexample: "A client got its acknowledgement at 31.2 s, and the first stage does not have its id.",
    keys: &[
        ("chain", "the chain of the manifest"),
        (
            "exposed_at_least",
            "how many acknowledged intents, during each fault if there are any, it takes to say something; 1 if left out",
        ),
    ],
    example: "chain = \"application\"\nexposed_at_least = 100\n",
    parse: |value| {
        table::read(value, |table: Table| Ok(Delivery { chain: table.chain, exposed_at_least: table.exposed_at_least }))
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    chain: String,
    #[serde(default = "one")]
    exposed_at_least: u64,
}

fn one() -> u64 {
    1
}

/// What is what:
///
/// - *lost*: the system owned the intent and a stage that was read to its end does not have it; the first such stage is
///   named. The system owns what it acknowledged, from the first stage on. It also owns what it was seen to hold: an
///   intent with an unknown outcome may be there or not, but one that is at a stage and not at a later one is half
///   *half done*, a loss that is counted by itself. Its client may have given up; the system took it in.
/// - *repeated*: a stage that forbids repeats has an id more than once, whatever its outcome.
/// - *unexpected*: an id that nobody issued, or whose attempts all certainly failed, is at a stage; or an intent is at a
///   stage that is not for it. An id that was issued and has no row is indeterminate.
///
/// A stage can be for some: `only_if` an earlier stage has the intent in one of some states. Then it is lost only where it
/// is one of those, and unexpected where it is none.
///
/// A repeat and an unexpected id stand however little was read; a loss needs a stage that was read to its end, with
/// every row understood (one that was not may be the one that is missing), and a system that had come to rest (or was
/// stuck), unless the id was seen live at that stage and is gone.
#[derive(Debug)]
pub struct Delivery {
    chain: String,
    exposed_at_least: u64,
}

impl Check for Delivery {
    fn judge(&self, history: &History, context: &Context<'_>) -> Finding {
        let Some(chain) = context.chains.get(&self.chain) else {
            return unknown(format!("The system has no chain called {}.", self.chain));
        };
        match Intents::of(history, &chain.operation) {
            Ok(intents) => self.judge_intents(history, chain, &intents),
            Err(why) => unknown(format!("The intents cannot be told: {why}.")),
        }
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Chain(self.chain.clone())]
    }
}

fn unknown(sentence: String) -> Finding {
    Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence)
}

impl Delivery {
    fn judge_intents(&self, history: &History, chain: &Chain, intents: &Intents<'_>) -> Finding {
        let sightings = Sightings::of(history, chain, intents);
        let mut readings = Readings::of(history, chain, &sightings);
        let exposures = exposures(history, intents);
        let exposed = by_fault(&exposures);
        if intents.count(Known::Ok) == 0 {
            readings.doubts.insert(0, format!("no {} was acknowledged, so nothing was at risk", chain.operation));
        } else {
            readings.doubts.extend(self.exposed_too_little(&exposed, intents));
        }
        let scene = Scene { history, chain, intents, sightings: &sightings, readings: &readings };
        let mut tally = Tally::of(&scene);
        let broken = std::mem::take(&mut tally.broken);
        let judgement = offending::judgement(!broken.is_empty(), &readings.doubts);
        let unexpected = broken.iter().filter(|broken| broken.defect == Defect::Unexpected).count() as u64;
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "");
        let finding = figures(finding, &tally, unexpected, &readings);
        let mut finding = offenders::tell(finding, broken, &scene);
        finding.sentence = sentence(judgement, chain, &tally, unexpected, &finding.offenders, &readings.doubts);
        let finding = evidence(finding, &scene, &tally, &exposed);
        if judgement == Judgement::Pass { power(finding, &exposed) } else { finding }
    }

    /// Why too few were at risk to say anything, if so.
    fn exposed_too_little(&self, exposed: &BTreeMap<&str, Exposed>, intents: &Intents<'_>) -> Option<String> {
        let least = self.exposed_at_least;
        if let Some((fault, exposed)) = exposed.iter().find(|(_, exposed)| exposed.intents < least) {
            return Some(format!(
                "only {} exposed to {fault}, where {} are asked for",
                wording::plural(exposed.intents, "intent"),
                wording::count(least)
            ));
        }
        let ok = intents.count(Known::Ok);
        (ok < least).then(|| {
            format!(
                "only {} acknowledged, where {} are asked for",
                wording::plural(ok, "intent"),
                wording::count(least)
            )
        })
    }
}

/// How much was at risk of a fault, over all its repeats.
#[derive(Default)]
struct Exposed {
    /// Intents; one that two repeats put at risk counts twice.
    intents: u64,
    /// Injections that put any at risk. One that hit nothing shows nothing, and does not count.
    injections: u64,
}

fn by_fault(exposures: &[(String, u64)]) -> BTreeMap<&str, Exposed> {
    let mut faults: BTreeMap<&str, Exposed> = BTreeMap::new();
    for (fault, intents) in exposures {
        let exposed = faults.entry(fault).or_default();
        exposed.intents += intents;
        exposed.injections += u64::from(*intents > 0);
    }
    faults
}

/// For each fault that was injected, how many intents were at risk of being lost by it: what the journal counted when
/// it fired, else those acknowledged while it was active or could still do harm.
pub(crate) fn exposures(history: &History, intents: &Intents<'_>) -> Vec<(String, u64)> {
    let faults = Faults::of(&history.journal);
    let counted = |fault: &proofload_history::journal::FaultRecord| {
        (0..intents.len())
            .filter(|number| intents.known()[*number] == Known::Ok)
            .filter_map(|number| intents.decisive(number as u32))
            .filter(|made| faults.harms(fault, made.done))
            .count() as u64
    };
    faults.records.iter().map(|fault| (fault.id.to_string(), fault.exposed.unwrap_or_else(|| counted(fault)))).collect()
}

fn sentence(
    judgement: Judgement,
    chain: &Chain,
    tally: &Tally,
    unexpected: u64,
    offenders: &[Offender],
    doubts: &[String],
) -> String {
    let (ok, operation) = (wording::count(tally.ok), &chain.operation);
    match judgement {
        Judgement::Pass => format!(
            "Of {ok} {operation} acknowledged none was lost, none was done twice, and nothing is there that nobody asked for."
        ),
        Judgement::Fail => {
            let (lost, repeated) = (wording::were(tally.lost), wording::were(tally.repeated));
            let unexpected =
                if unexpected == 0 { String::new() } else { format!(", {} not expected", wording::were(unexpected)) };
            let first = offending::first(offenders);
            let half_done = match tally.half_done {
                0 => String::new(),
                some => format!(", {} not acknowledged and half done", wording::were(some)),
            };
            format!(
                "Of {ok} {operation} acknowledged {lost} lost, {repeated} done twice{half_done}{unexpected}{first}."
            )
        }
        Judgement::Unknown => {
            let doubt = doubts.first().map_or("the evidence does not suffice", String::as_str);
            let undecided = if tally.undecided == 0 {
                String::new()
            } else {
                format!(" ({} not seen where they should be)", wording::plural(tally.undecided, "intent"))
            };
            format!("Whether all of {ok} {operation} acknowledged are there is unknown: {doubt}{undecided}.")
        }
    }
}

/// A zero is a figure only where the reading allows one.
fn figures(finding: Finding, tally: &Tally, unexpected: u64, readings: &Readings) -> Finding {
    let all_read = readings.stages.iter().all(|stage| stage.complete);
    finding
        .figure("ok_intents", tally.ok as f64)
        .figure("failed_intents", tally.failed as f64)
        .figure("indeterminate_intents", tally.indeterminate as f64)
        .figure("lost_intents", counted(tally.lost, all_read && readings.rest.settled))
        .figure("half_done_intents", counted(tally.half_done, all_read && readings.rest.settled))
        .figure("repeated_intents", counted(tally.repeated, all_read))
        .figure("unexpected_intents", counted(unexpected, all_read))
        .figure("undecided_intents", tally.undecided as f64)
        .figure("indeterminate_landed_intents", tally.landed as f64)
        .figure("indeterminate_not_landed_intents", counted(tally.not_landed, all_read))
}

fn evidence(mut finding: Finding, scene: &Scene<'_>, tally: &Tally, exposed: &BTreeMap<&str, Exposed>) -> Finding {
    for (n, stage) in scene.chain.stages.iter().enumerate() {
        let AtStage { required, present, repeated } = tally.stages[n];
        let repeats = if stage.repeats_allowed { "allowed" } else { "forbidden" };
        let whom = stage.only_if.as_ref().map_or_else(String::new, |condition| {
            format!(" and {} at {}", wording::either(&condition.states), condition.stage)
        });
        finding = finding.evidence(
            &stage.stage,
            format!(
                "has {} of {} acknowledged{whom}, {} more than once ({repeats}); {}",
                wording::count(present),
                wording::count(required),
                wording::count(repeated),
                scene.readings.stages[n].description
            ),
        );
    }
    finding = finding.evidence("indeterminate", format!(
        "{} with an unknown outcome: {} are at every stage, {} nowhere; {} of issued ids have no row and were seen nowhere",
        wording::plural(tally.indeterminate, "intent"), wording::count(tally.landed), wording::count(tally.not_landed), wording::count(tally.unused)
    ));
    for (fault, exposed) in exposed {
        finding = finding
            .figure(&format!("exposed_intents.{fault}"), exposed.intents as f64)
            .figure(&format!("exposed_injections.{fault}"), exposed.injections as f64);
    }
    let finding = copies::tell(finding, scene);
    offending::with_doubts(finding, &scene.readings.doubts)
}

/// What no loss is worth: only where all was read can a zero bound anything.
fn power(finding: Finding, exposed: &BTreeMap<&str, Exposed>) -> Finding {
    let injections: u64 = exposed.values().map(|exposed| exposed.injections).sum();
    if injections == 0 {
        return finding;
    }
    let bound = wording::percent(binomial::bound_of_zero(injections, 0.95));
    let text = format!(
        "no loss in {} that put any at risk bounds the chance of one per injection at {bound} (95 % confidence); intents inside one fault are not independent",
        wording::plural(injections, "injection")
    );
    finding.evidence("power", text)
}

#[cfg(test)]
mod tests;
