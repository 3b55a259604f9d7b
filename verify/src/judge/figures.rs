//! The figures of a whole run.

use crate::checks::latency;
use crate::finding::Figure;
use crate::intents::{Intents, Known};
use crate::spans::Spans;
use crate::statistics::quantile::PerMille;
use crate::{Finding, wording};
use proofload_history::{History, Outcome, Phase};
use std::collections::BTreeSet;

/// The figures of a recovery that are figures of the run, each with the fault behind it.
const RECOVERY_TIMES: [&str; 4] = ["failover_s", "failover_censored_s", "restoration_s", "restoration_censored_s"];

/// The figures, in the order to be shown.
pub(super) fn of(history: &History, findings: &[Finding]) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |name: String, value: Option<f64>| figures.push(Figure { name, value });
    let sent: Vec<_> = history.operations.iter().filter(|made| made.sent.is_some()).collect();
    let ended = |outcome: Outcome| Some(sent.iter().filter(|made| made.outcome == outcome).count() as f64);
    add("sent_operations".into(), Some(sent.len() as f64));
    add("unsent_operations".into(), Some((history.operations.len() - sent.len()) as f64));
    add("ok_operations".into(), ended(Outcome::Ok));
    add("failed_operations".into(), ended(Outcome::Fail));
    add("indeterminate_operations".into(), ended(Outcome::Indeterminate));
    let names: BTreeSet<&str> = history.operations.iter().map(|made| &*made.name).collect();
    let intents: Vec<Intents<'_>> = names.iter().filter_map(|name| Intents::of(history, name).ok()).collect();
    let came_to = |known: Known| Some(intents.iter().map(|intents| intents.count(known)).sum::<u64>() as f64);
    add("ok_intents".into(), came_to(Known::Ok));
    add("failed_intents".into(), came_to(Known::Fail));
    add("indeterminate_intents".into(), came_to(Known::Indeterminate));
    for name in ["lost_intents", "half_done_intents", "repeated_intents", "unexpected_intents"] {
        if let Some(sum) = sum_of_deliveries(findings, name) {
            add(name.into(), sum);
        }
    }
    for (phase, from, to) in history.journal.phases().into_iter().filter(|(phase, _, _)| *phase < Phase::Drain) {
        for name in &names {
            of_phase(history, phase, &Spans(vec![(from, to)]), name, &mut add);
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
    history: &History,
    phase: Phase,
    spans: &Spans,
    operation: &str,
    add: &mut impl FnMut(String, Option<f64>),
) {
    let (offered, accepted) = spans.operations(history, operation).fold((0_u64, 0_u64), |(offered, accepted), made| {
        (offered + 1, accepted + u64::from(made.outcome == Outcome::Ok))
    });
    if offered == 0 {
        return;
    }
    let seconds = spans.seconds();
    let rate = |number: u64| (seconds > 0.0).then(|| number as f64 / seconds);
    add(format!("offered_per_s.{phase}.{operation}"), rate(offered));
    add(format!("accepted_per_s.{phase}.{operation}"), rate(accepted));
    let latencies = latency::sorted(history, spans, operation);
    if latencies.is_empty() {
        // A quantile without a value is one that is infinite; of no samples there is none.
        return;
    }
    for of in [PerMille(500), PerMille(950), PerMille(990)] {
        let value = of.rank(latencies.len()).checked_sub(1).and_then(|rank| wording::millis(latencies[rank]));
        add(format!("{of}_ms.{phase}.{operation}"), value);
    }
}
