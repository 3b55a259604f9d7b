//! `delivery`: nothing acknowledged is lost, nothing is done twice, nothing is there that nobody asked for.

mod broken;
mod copies;
mod exposed;
mod reading;
mod sightings;
mod tally;

pub(crate) use self::exposed::Exposures;

use self::broken::Found;
use self::exposed::Exposed;
use self::reading::Readings;
use self::sightings::Sightings;
use self::tally::{AtStage, Scene, Tally};
use super::offenders::{self, counted};
use super::reading::StageReading;
use super::table;
use crate::autopsy::Autopsy;
use crate::check::{Condition, Reference};
use crate::faults::Faults;
use crate::intents::{Intents, Known};
use crate::statistics::binomial;
use crate::wording;
use crate::{About, Budget, Chain, Check, Class, Context, Finding, Judgement, Offender};
use proofload_history::{History, HistoryError, OperationRef};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is known about `delivery`.
pub(super) const ABOUT: About = About {
    name: "delivery",
    class: Class::Safety,
    invariant: "Every intent that was acknowledged is at every stage of its chain, once where repeats are forbidden, and nothing else is.",
    cost: "One pass over operations and observations, no hashing; a byte an intent and one for each of its stages. Passes of their own where something is broken.",
    counterexample: "A client got its acknowledgement at 31.2 s, and the first stage does not have its id.",
    keys: &[
        ("chain", "the chain of the manifest"),
        (
            "exposed_at_least",
            "how many acknowledged intents, during each fault if there are any, it takes to say something; 1 if left out",
        ),
    ],
    figures: &[&[
        ("ok_intents", "intents that were acknowledged"),
        ("failed_intents", "intents that certainly did not happen"),
        ("indeterminate_intents", "intents with an unknown outcome"),
        ("lost_intents", "acknowledged, and missing from a stage"),
        ("half_done_intents", "not acknowledged, taken in, and missing from a later stage"),
        ("repeated_intents", "more than once at a stage that forbids it"),
        ("unexpected_intents", "at a stage where they should not be"),
        ("undecided_intents", "missing where nobody can tell whether they would have come"),
        ("indeterminate_landed_intents", "with an unknown outcome, and at every stage"),
        ("indeterminate_not_landed_intents", "with an unknown outcome, and not taken in"),
        ("lost_intents.STAGE", "lost or half done, by the first stage that lacks them; left out if none"),
        ("lost_intents.STAGE.FAULT", "those of them that were acknowledged during a fault; left out if none"),
        ("repeated_intents.STAGE", "repeated at a stage; left out if none"),
        ("repeated_intents.STAGE.FAULT", "those of them during a fault; left out if none"),
        ("unexpected_intents.STAGE", "unexpected at a stage; left out if none"),
        ("unexpected_intents.STAGE.FAULT", "those of them during a fault; left out if none"),
        ("exposed_intents.FAULT", "intents that were acknowledged while a fault was active, or soon after"),
        ("exposed_injections.FAULT", "injections of the fault that put any at risk"),
    ]],
    example: "chain = \"application\"\nexposed_at_least = 100\n",
    parse: |value| {
        table::read(value, |Table { chain, exposed_at_least }: Table| {
            if exposed_at_least == 0 {
                return Err("exposed_at_least = 0 would pass where nothing was at risk: write 1 or more".into());
            }
            Ok(Delivery { chain, exposed_at_least })
        })
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
/// is one of those, and unexpected where it is none. Where no acknowledged intent is one of those, the stage was put to no
/// test, and there is no pass.
///
/// Several operations may be made under one id (an application, and its withdrawal). Each is judged by its own chain, and
/// what one that was not refused may have left at a stage is held against no other. Only what is at the first stage of a
/// chain is certain to come from the operation that begins there.
///
/// A repeat and an unexpected id stand however little was read; a loss needs a stage that was read to its end, with
/// every row understood (one that was not may be the one that is missing), and a system that had come to rest (or was
/// stuck), unless the id was seen live at that stage and is gone. In a log that has lost its beginning nothing is a loss:
/// it may have been there.
#[derive(Debug)]
pub struct Delivery {
    chain: String,
    exposed_at_least: u64,
}

impl Check for Delivery {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let Some(chain) = context.chains.get(&self.chain) else {
            let sentence = format!("The system has no chain called {}.", self.chain);
            return Ok(Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence));
        };
        let faults = Faults::of(&history.journal);
        let mut exposures = Exposures::of(&faults);
        let count = |_, made: OperationRef<'_>| exposures.acknowledged(made.done());
        let mut intents = Intents::with_acknowledgements(history, &chain.operation, count)?;
        let sightings = Sightings::of(history, chain, &mut intents)?;
        self.judge_intents(history, (chain, &intents, &sightings), &exposures.by_fault(), context.budget)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Chain(self.chain.clone())]
    }
}

impl Delivery {
    fn judge_intents(
        &self,
        history: &History,
        (chain, intents, sightings): (&Chain, &Intents, &Sightings),
        exposed: &BTreeMap<&str, Exposed>,
        budget: Budget,
    ) -> Result<Finding, HistoryError> {
        let mut readings = Readings::of(history, chain, sightings);
        if intents.count(Known::Ok) == 0 {
            readings.doubts.insert(0, format!("no {} was acknowledged, so nothing was at risk", chain.operation));
        } else {
            readings.doubts.extend(self.exposed_too_little(exposed, intents));
            readings.doubts.extend(untested(chain, intents, sightings));
        }
        let autopsy = Autopsy::of(&history.journal);
        let scene = Scene { history, chain, intents, sightings, readings: &readings, autopsy };
        let mut tally = Tally::of(&scene);
        let found = Found::of(&scene, &tally, budget)?;
        tally.repeated += found.repeated_strangers;
        let unexpected = found.unexpected;
        let judgement = offenders::judgement(!found.is_empty(), &readings.doubts);
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "");
        let finding = figures(finding, &tally, unexpected, &readings);
        let mut finding = found.tell(finding)?;
        finding.sentence = sentence(judgement, chain, &tally, unexpected, &finding.offenders, &readings.doubts);
        let finding = evidence(finding, &scene, &tally, exposed)?;
        Ok(if judgement == Judgement::Pass { power(finding, exposed) } else { finding })
    }

    /// Why too few were at risk to say anything, if so.
    fn exposed_too_little(&self, exposed: &BTreeMap<&str, Exposed>, intents: &Intents) -> Option<String> {
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

/// Which stages that are for some had nothing to have.
fn untested(chain: &Chain, intents: &Intents, sightings: &Sightings) -> impl Iterator<Item = String> {
    chain.stages.iter().enumerate().filter_map(|(n, stage)| {
        let Condition { stage: earlier, states } = stage.only_if.as_ref()?;
        let mut acknowledged = (0..).zip(intents.known()).filter(|(_, known)| **known == Known::Ok);
        let tested = acknowledged.any(|(number, _)| sightings.required(n, number));
        let states = wording::either(states);
        (!tested).then(|| {
            format!(
                "no {} acknowledged is {states} at {earlier}, so {} had nothing to have",
                chain.operation, stage.stage
            )
        })
    })
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
            let first = offenders::first(offenders);
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
    let all_read = readings.stages.iter().all(StageReading::whole);
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

fn evidence(
    mut finding: Finding,
    scene: &Scene<'_>,
    tally: &Tally,
    exposed: &BTreeMap<&str, Exposed>,
) -> Result<Finding, HistoryError> {
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
        "{} with an unknown outcome: {} are at every stage, {} were not taken in; {} of issued ids have no row and were seen nowhere",
        wording::plural(tally.indeterminate, "intent"), wording::count(tally.landed), wording::count(tally.not_landed), wording::count(tally.unused)
    ));
    for (fault, exposed) in exposed {
        finding = finding
            .figure(&format!("exposed_intents.{fault}"), exposed.intents as f64)
            .figure(&format!("exposed_injections.{fault}"), exposed.injections as f64);
    }
    let finding = copies::tell(finding, scene)?;
    Ok(offenders::with_doubts(finding, &scene.readings.doubts))
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
