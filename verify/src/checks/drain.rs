//! `drain`: the system came to rest after the traffic.

use super::table;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::journal::{DrainEnd, DrainOutcome};
use proofload_history::{History, HistoryError, Phase};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is known about `drain`.
pub(super) const ABOUT: About = About {
    name: "drain",
    class: Class::Safety,
    invariant: "When the traffic has ended, the system finishes what it holds and comes to rest.",
    cost: "One pass over the journal.",
    counterexample: "The traffic ends, 12 rows stay in an outbox, and their number no longer changes.",
    keys: &[],
    figures: &[&[
        ("drain_s", "how long it took"),
        ("left.GAUGE", "what a gauge that drains had in the end, where that was not zero"),
    ]],
    example: "",
    parse: |value| table::read(value, |Table {}| Ok(Drain)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {}

/// Quiet is a pass, stuck a fail; still moving, not readable, or without a gauge is unknown: nobody can tell what comes of
/// it.
#[derive(Debug)]
pub struct Drain;

impl Check for Drain {
    fn judge(&self, history: &History, _: &Context<'_>) -> Result<Finding, HistoryError> {
        let journal = &history.journal;
        let finding = |judgement, sentence: String| Finding::new(ABOUT.name, ABOUT.class, judgement, sentence);
        let Some((at, DrainEnd { outcome, left, evidence })) = journal.drained() else {
            let sentence = "The run has no drain on record: nobody waited for the system to come to rest.";
            return Ok(finding(Judgement::Unknown, sentence.into()));
        };
        let began = journal.phase(Phase::Drain).map(|(from, _)| from);
        let took = began.map(|began| at.since(began).as_secs_f64());
        let after = took.map_or_else(String::new, |took| format!(" {took:.1} s after the traffic"));
        let (judgement, sentence) = match outcome {
            DrainOutcome::Quiet => (Judgement::Pass, format!("The system was at rest{after}.")),
            DrainOutcome::Stuck => {
                let what =
                    not_zero(left).map(|(gauge, value)| format!("{gauge} = {value}")).collect::<Vec<_>>().join(", ");
                (Judgement::Fail, format!("Work was left and no longer moved{after}: {what}."))
            }
            DrainOutcome::Moving => {
                (Judgement::Unknown, format!("Work was left and still moving{after}, when the bound was reached."))
            }
            DrainOutcome::Unreadable => (Judgement::Unknown, format!("What was left could not be read{after}.")),
            DrainOutcome::Unwatched => {
                let sentence = "Nobody can tell whether the system came to rest: it has neither a gauge with drains = true nor done_when_answered = true.";
                (Judgement::Unknown, sentence.to_owned())
            }
        };
        let found = finding(judgement, sentence).figure("drain_s", took).evidence("gauges", evidence.as_str());
        Ok(not_zero(left).fold(found, |found, (gauge, value)| found.figure(&format!("left.{gauge}"), value)))
    }
}

/// The gauges that have something left.
fn not_zero(left: &BTreeMap<String, f64>) -> impl Iterator<Item = (&str, f64)> {
    left.iter().filter(|(_, value)| **value != 0.0).map(|(gauge, value)| (gauge.as_str(), *value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, figure, judged};

    #[test]
    fn rest_passes_stuck_fails_and_all_else_is_unknown() {
        for (outcome, expected, left) in [
            (DrainOutcome::Quiet, Judgement::Pass, None),
            (DrainOutcome::Stuck, Judgement::Fail, Some(12.0)),
            (DrainOutcome::Moving, Judgement::Unknown, Some(12.0)),
            (DrainOutcome::Unreadable, Judgement::Unknown, Some(12.0)),
            (DrainOutcome::Unwatched, Judgement::Unknown, Some(12.0)),
        ] {
            let mut script = Script::new();
            script.phases(&[(60.0, Phase::Drain)]).drained(64.0, outcome);
            let finding = judged("drain", "", &script.history());
            assert_eq!((finding.judgement, figure(&finding, "drain_s")), (expected, Some(4.0)));
            assert_eq!((figure(&finding, "left.lag"), figure(&finding, "left.outbox")), (left, None));
        }
        assert_eq!(judged("drain", "", &Script::new().history()).judgement, Judgement::Unknown);
    }
}
