//! What a run cannot show, computed from it.

use super::Plan;
use super::facts::Facts;
use crate::checks::latency;
use crate::faults::Faults;
use crate::statistics::binomial;
use crate::statistics::quantile::{self, PerMille};
use crate::{Finding, Judgement, wording};
use proofload_history::History;
use std::collections::BTreeSet;

/// The limits as sentences, the gravest first.
pub(super) fn of(history: &History, facts: &Facts, plan: &Plan, findings: &[Finding]) -> Vec<String> {
    let mut limits: Vec<String> =
        history.damage.iter().map(|damage| format!("The history is not whole: {damage}.")).collect();
    limits.extend(page_cache(history));
    limits.extend(
        findings
            .iter()
            .filter(|finding| finding.check == "delivery")
            .flat_map(|finding| power_of_zero(history, finding)),
    );
    limits.extend(findings.iter().filter(|finding| finding.check == "delivery").filter_map(indeterminate));
    limits.extend(small_samples(facts));
    limits.extend(live_reading(facts));
    if plan.without_faults && !plan.faults.is_empty() {
        limits.push("The run was one without its faults: it shows nothing about them.".into());
    }
    limits
}

/// A killed process leaves what it wrote to the operating system, which writes it out later all the same.
fn page_cache(history: &History) -> Option<String> {
    let faults = Faults::of(&history.journal).records;
    let killed: BTreeSet<&str> = faults.iter().filter(|fault| fault.kind == "kill").map(|fault| &*fault.id).collect();
    let killed: Vec<&str> = killed.into_iter().collect();
    (!killed.is_empty()).then(|| {
        format!(
            "A killed process keeps what it had handed to the operating system: {} cannot show the loss of unsynced \
             writes, which a power failure would bring.",
            wording::list(&killed)
        )
    })
}

/// Where nothing was lost: how much that says, per fault injected and, if all were independent, per intent.
fn power_of_zero(history: &History, finding: &Finding) -> Vec<String> {
    let value = |name: &str| finding.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value);
    if finding.judgement != Judgement::Pass || value("lost_intents") != Some(0.0) {
        return Vec::new();
    }
    let bound = |trials: u64| wording::percent(binomial::bound_of_zero(trials, 0.95));
    let ok = value("ok_intents").unwrap_or_default() as u64;
    let mut limits = Vec::new();
    let faults = Faults::of(&history.journal).records;
    let ids: BTreeSet<&str> = faults.iter().map(|fault| &*fault.id).collect();
    for id in ids {
        let injections = value(&format!("exposed_injections.{id}")).unwrap_or_default() as u64;
        if injections == 0 {
            continue;
        }
        let exposed = value(&format!("exposed_intents.{id}")).unwrap_or_default() as u64;
        limits.push(format!(
            "{}: no loss in {} of {id} that put any at risk bounds the chance of a loss per injection at {} (95 % confidence), whatever the \
             {} exposed to it were: they are not independent. Repeat the run to say more.",
            finding.expectation,
            wording::plural(injections, "injection"),
            bound(injections),
            wording::plural(exposed, "intent")
        ));
    }
    limits.push(format!(
        "{}: no loss in {} acknowledged bounds the rate of independent losses at {} (95 % confidence).",
        finding.expectation,
        wording::plural(ok, "intent"),
        bound(ok)
    ));
    limits
}

/// Intents whose outcome nobody knows, and what they would mean at worst.
fn indeterminate(finding: &Finding) -> Option<String> {
    let value = |name: &str| finding.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value);
    let (open, ok) = (value("indeterminate_intents")? as u64, value("ok_intents")? as u64);
    let nowhere = value("indeterminate_not_landed_intents");
    (open > 0).then(|| {
        let nowhere = nowhere.map_or_else(
            || "it is not known how many of them are nowhere".to_owned(),
            |nowhere| format!("{} of them are nowhere", wording::count(nowhere as u64)),
        );
        format!(
            "{}: {} ended with an unknown outcome; {nowhere}. At worst the system had taken each of those in and lost \
             it: no client was told so, and no acknowledgement is broken by it, but {} of {} intents is what cannot be vouched for.",
            finding.expectation, wording::plural(open, "intent"), wording::count(value("indeterminate_not_landed_intents").map_or(open, |n| n as u64)),
            wording::count(ok + open)
        )
    })
}

/// Phases whose quantiles rest on too few samples.
fn small_samples(facts: &Facts) -> Vec<String> {
    let of = PerMille(990);
    let needed = quantile::samples_needed(of, latency::CONFIDENCE);
    let mut limits = Vec::new();
    for phase in &facts.phases {
        for (name, due) in &phase.operations {
            let samples = due.latencies.len();
            if samples > 0 && samples < needed {
                limits.push(format!(
                    "{of} of {name} during {} rests on {}, and {} are needed to bound it: read it as what was seen, no more.",
                    phase.phase,
                    wording::plural(samples, "sample"),
                    wording::count(needed)
                ));
            }
        }
    }
    limits
}

/// Without reading along while the run goes on, a loss cannot be told from a record that never was there.
fn live_reading(facts: &Facts) -> Option<String> {
    (!facts.read_along && facts.intents.ok > 0).then(|| {
        "No log was read along while the run went on: of what is missing nobody can say whether it was there before.".into()
    })
}

#[cfg(test)]
mod tests {
    use crate::check::PlannedFault;
    use crate::judge::tests::{judged_run, plan};
    use crate::judge::{JudgeInput, Plan, judge};
    use crate::testing::Script;
    use proofload_history::{Event, Outcome, Phase};

    /// The limits of the run that hold these words.
    fn limits(script: &Script, words: &str) -> Vec<String> {
        judged_run(script).limits.into_iter().filter(|limit| limit.contains(words)).collect()
    }

    #[test]
    fn a_good_run_says_what_its_zero_is_worth_what_rests_on_few_samples_and_that_nobody_read_along() {
        // 20/s: 100 in the 5 s of the warm-up, 300 in the 15 s of the steady phase, 400 in each of the others.
        insta::assert_snapshot!(limits(&Script::good(), "").join("\n"), @r"
        nothing-lost: no loss in 1,200 intents acknowledged bounds the rate of independent losses at 0.2493 % (95 % confidence).
        p99 of place_order during warm_up rests on 100 samples, and 368 are needed to bound it: read it as what was seen, no more.
        p99 of place_order during steady rests on 300 samples, and 368 are needed to bound it: read it as what was seen, no more.
        No log was read along while the run went on: of what is missing nobody can say whether it was there before.
        ");
    }

    #[test]
    fn a_zero_bounds_nothing_where_nobody_knows_whether_it_is_one() {
        let exposed_nothing = Script::good().fault(70.0, 71.0, "after-the-traffic").clone();
        assert!(limits(&exposed_nothing, "bounds").is_empty());
    }

    #[test]
    fn intents_with_an_unknown_outcome_are_what_cannot_be_vouched_for() {
        let open = |nowhere: bool| {
            Script::good_with(move |script, _| {
                script.issue(1, 1_200, 1_202).everywhere(Script::id(1_200));
                script.timed(1_200, 30.0, 10, Outcome::Indeterminate).timed(1_201, 30.0, 10, Outcome::Indeterminate);
                if !nowhere {
                    script.everywhere(Script::id(1_201));
                }
            })
        };
        insta::assert_snapshot!(limits(&open(true), "unknown outcome").join("\n"), @"nothing-lost: 2 intents ended with an unknown outcome; 1 of them are nowhere. At worst the system had taken each of those in and lost it: no client was told so, and no acknowledgement is broken by it, but 1 of 1,202 intents is what cannot be vouched for.");
        let mut unread = open(false);
        unread.without(|event| matches!(event, Event::StageRead(read) if read.stage == "db.row"));
        insta::assert_snapshot!(limits(&unread, "unknown outcome").join("\n"), @"nothing-lost: 2 intents ended with an unknown outcome; it is not known how many of them are nowhere. At worst the system had taken each of those in and lost it: no client was told so, and no acknowledgement is broken by it, but 2 of 1,202 intents is what cannot be vouched for.");
    }

    #[test]
    fn a_quantile_rests_on_too_few_samples_up_to_one_less_than_it_takes() {
        let told = |number: u64, outcome: Outcome| {
            let mut script = Script::new();
            script.phases(&[(0.0, Phase::Steady), (10.0, Phase::Drain)]);
            for n in 0..number {
                script.timed(n, 1.0, 20, outcome);
            }
            limits(&script, "rests on").len()
        };
        assert_eq!([told(1, Outcome::Ok), told(367, Outcome::Ok), told(368, Outcome::Ok)], [1, 1, 0]);
        assert_eq!(told(10, Outcome::Fail), 0, "of no samples there is no quantile");
    }

    #[test]
    fn that_nobody_read_along_matters_only_where_something_was_acknowledged() {
        let followed = Script::good_with(|script, id| {
            script.seen_live("log.in", id);
        });
        let refused = Script::new().timed(0, 1.0, 10, Outcome::Fail).clone();
        let told = [Script::good(), followed, refused].map(|script| limits(&script, "No log was read along").len());
        assert_eq!(told, [1, 0, 0]);
    }

    #[test]
    fn a_run_without_its_faults_says_so_if_there_were_any_to_leave_out() {
        for (without_faults, planned, told) in [(true, true, 1), (true, false, 0), (false, true, 0)] {
            let cut = PlannedFault { id: "cut".into(), kind: "partition".into() };
            let plan = Plan { without_faults, faults: planned.then_some(cut).into_iter().collect(), ..plan() };
            let verdict = judge(&JudgeInput { history: &Script::good().history(), plan: &plan });
            let such = verdict.limits.iter().filter(|limit| limit.contains("without its faults"));
            assert_eq!(such.count(), told, "{without_faults} {planned}");
        }
    }
}
