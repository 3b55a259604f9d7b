//! The figures of a whole run.

use super::facts::{Due, Facts, OfPhase};
use crate::finding::Figure;
use crate::statistics::quantile::PerMille;
use crate::{Finding, wording};

/// The figures of a recovery that are figures of the run, each with the fault behind it.
const RECOVERY_TIMES: [&str; 4] = ["failover_s", "failover_censored_s", "restoration_s", "restoration_censored_s"];

/// The figures, in the order to be shown.
pub(super) fn of(facts: &Facts, findings: &[Finding]) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |name: String, value: Option<f64>| figures.push(Figure { name, value });
    let ended = facts.ended();
    for (name, number) in [
        ("sent_operations", ended.sent),
        ("unsent_operations", ended.made - ended.sent),
        ("ok_operations", ended.ok),
        ("failed_operations", ended.failed),
        ("indeterminate_operations", ended.indeterminate),
        ("ok_intents", facts.intents.ok),
        ("failed_intents", facts.intents.failed),
        ("indeterminate_intents", facts.intents.indeterminate),
    ] {
        add(name.into(), Some(number as f64));
    }
    for name in ["lost_intents", "half_done_intents", "repeated_intents", "unexpected_intents"] {
        if let Some(sum) = sum_of_deliveries(findings, name) {
            add(name.into(), sum);
        }
    }
    for phase in &facts.phases {
        for (name, due) in &phase.operations {
            of_phase(phase, name, due, &mut add);
        }
    }
    let recoveries = findings.iter().filter(|finding| finding.check == "recovery").flat_map(|finding| &finding.figures);
    figures.extend(
        recoveries
            .filter(|figure| RECOVERY_TIMES.iter().any(|kind| figure.name.split('.').next() == Some(*kind)))
            .cloned(),
    );
    figures
}

/// The sum over the delivery findings; unknown if one of them is, nothing if there are none.
fn sum_of_deliveries(findings: &[Finding], name: &str) -> Option<Option<f64>> {
    let judged = findings.iter().filter(|finding| finding.check == "delivery" && finding.skipped.is_none());
    let values: Vec<Option<f64>> = judged
        .map(|finding| finding.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value))
        .collect();
    (!values.is_empty()).then(|| values.into_iter().sum())
}

fn of_phase(
    OfPhase { phase, seconds, .. }: &OfPhase,
    operation: &str,
    due: &Due,
    add: &mut impl FnMut(String, Option<f64>),
) {
    let rate = |number: u64| (*seconds > 0.0).then(|| number as f64 / seconds);
    add(format!("offered_per_s.{phase}.{operation}"), rate(due.offered));
    add(format!("accepted_per_s.{phase}.{operation}"), rate(due.accepted));
    if due.latencies.is_empty() {
        // A quantile without a value is one that is infinite; of no samples there is none.
        return;
    }
    for of in [PerMille(500), PerMille(950), PerMille(990)] {
        let value = due.latencies.value(of).and_then(wording::millis);
        add(format!("{of}_ms.{phase}.{operation}"), value);
    }
}
