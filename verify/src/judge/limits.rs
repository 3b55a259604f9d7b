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
