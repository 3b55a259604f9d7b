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

#[cfg(test)]
mod tests {
    use crate::Verdict;
    use crate::judge::tests::{judged_run, plan};
    use crate::judge::{JudgeInput, Plan, judge};
    use crate::testing::{Script, expectation};
    use proofload_history::operation::{UNSENT_GENERATOR, UNSENT_WORKERS_WAITING};
    use proofload_history::{Outcome, Phase};

    /// The names of the figures that hold `part`, with their values.
    fn figures<'v>(verdict: &'v Verdict, part: &str) -> Vec<(&'v str, Option<f64>)> {
        let such = verdict.figures.iter().filter(|figure| figure.name.contains(part));
        such.map(|figure| (figure.name.as_str(), figure.value)).collect()
    }

    /// Six orders while all was steady and seven cancellations under a fault; two orders that were never sent, and one
    /// after the traffic.
    fn run() -> Script {
        let (ok, fail, open) = (Outcome::Ok, Outcome::Fail, Outcome::Indeterminate);
        let mut script = Script::new();
        script.phases(&[(0.0, Phase::Steady), (10.0, Phase::Fault), (20.0, Phase::Drain)]);
        for (n, outcome) in (0..).zip([ok, ok, ok, fail, fail, open]) {
            script.timed(n, 1.0, 20, outcome);
        }
        for (n, outcome) in (10..).zip([ok, ok, fail, fail, fail, open, open]) {
            script.attempt_of("cancel", Script::id(n), 12.0, outcome);
        }
        script.unsent(20, 2.0, UNSENT_GENERATOR).unsent(21, 2.0, UNSENT_WORKERS_WAITING);
        script.timed(22, 21.0, 20, ok).ended(30.0);
        script
    }

    #[test]
    fn operations_and_intents_are_counted_by_how_they_ended() {
        let verdict = judged_run(&run());
        let expected = [("sent", 14.0), ("unsent", 2.0), ("ok", 6.0), ("failed", 5.0), ("indeterminate", 3.0)];
        let expected = expected.map(|(how, number)| (format!("{how}_operations"), Some(number)));
        assert!(figures(&verdict, "_operations").into_iter().eq(expected.iter().map(|(name, n)| (name.as_str(), *n))));
        // What was never sent certainly did not happen.
        for (name, number) in [("ok_intents", 6.0), ("failed_intents", 7.0), ("indeterminate_intents", 3.0)] {
            assert_eq!(figures(&verdict, name), [(name, Some(number))]);
        }
    }

    #[test]
    fn a_phase_with_traffic_has_rates_of_the_operations_that_were_due_in_it() {
        let verdict = judged_run(&run());
        let offered = [("offered_per_s.steady.place_order", Some(0.7)), ("offered_per_s.fault.cancel", Some(0.7))];
        assert_eq!(figures(&verdict, "offered_per_s"), offered);
        let accepted = [("accepted_per_s.steady.place_order", Some(0.3)), ("accepted_per_s.fault.cancel", Some(0.2))];
        assert_eq!(figures(&verdict, "accepted_per_s"), accepted);
    }

    #[test]
    fn what_delivery_found_is_a_figure_of_the_run_where_it_was_asked() {
        let script = Script::good_with(|script, id| {
            script.gone("db.row", id);
        });
        assert_eq!(figures(&judged_run(&script), "lost_intents"), [("lost_intents", Some(1.0))]);
        let plan = Plan { expectations: Vec::new(), ..plan() };
        let verdict = judge(&JudgeInput { history: &script.history(), plan: &plan });
        assert!(figures(&verdict, "lost_intents").is_empty());
    }

    #[test]
    fn of_a_recovery_only_its_times_are_figures_of_the_run() {
        let mut plan = plan();
        plan.expectations.push(expectation("back", "recovery", "to = \"fast\"\nafter = \"cut\"\nwithin = \"15s\""));
        let history = Script::good().fault(20.0, 28.0, "cut").history();
        let verdict = judge(&JudgeInput { history: &history, plan: &plan });
        assert_eq!(figures(&verdict, ".cut"), [("failover_s.cut", Some(0.0)), ("restoration_s.cut", Some(0.0))]);
        assert!(figures(&verdict, "within_s").is_empty());
    }
}
