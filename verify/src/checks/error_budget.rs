//! `error_budget`: what the run spent of the bad requests that an objective allows.

use super::availability::{SERVED, Served};
use super::during::During;
use super::percent::Percent;
use super::table;
use crate::check::Reference;
use crate::spans::Spans;
use crate::statistics::burn_rate::{self, Alert, Course};
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError, Outcome, Period};
use serde::Deserialize;
use std::time::Duration;

/// What is known about `error_budget`.
pub(super) const ABOUT: About = About {
    name: "error_budget",
    class: Class::Performance,
    invariant: "The ratio of bad requests stays within what the objective allows.",
    cost: "Two passes over the operations; burn rates go by single requests up to a million, and by slices of the window beyond.",
    counterexample: "Of 10,000 requests 25 are bad, where an objective of 99.9 % allows 10.",
    keys: &[
        ("of", "the operation"),
        ("during", "the phase, or a list of phases; all with traffic but warm_up if left out"),
        ("objective", "the share of good requests promised, in percent: 99.9"),
        ("window", "the time for which the objective grants its budget; 30d if left out"),
    ],
    figures: &[
        SERVED,
        &[
            ("budget_spent_percent", "how much of the run's budget they took"),
            ("window_cost_percent", "how much of the window's budget they took"),
        ],
    ],
    example: "of = \"submit_application\"\nduring = [\"steady\", \"fault\", \"recovery\"]\nobjective = 99.9\nwindow = \"30d\"\n",
    parse: |value| table::read(value, ErrorBudget::new),
};

const MONTH: Duration = Duration::from_secs(30 * 86_400);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    of: String,
    #[serde(default)]
    during: During,
    objective: Percent,
    window: Option<Period>,
}

/// Judges the exact interval of the bad ratio: entirely above the budget fail, entirely below pass, else unknown. Burn
/// rates and the cost in the budget of the whole window stand beside it.
#[derive(Debug)]
pub struct ErrorBudget {
    of: String,
    during: During,
    objective: Percent,
    window: Duration,
}

impl ErrorBudget {
    fn new(table: Table) -> Result<Self, String> {
        let window = table.window.map_or(MONTH, |window| window.0);
        if window.is_zero() {
            return Err("a window of no length grants no budget: write window = \"30d\"".into());
        }
        Ok(Self { of: table.of, during: table.during, objective: table.objective, window })
    }

    fn alerts(&self, mut finding: Finding, history: &History, spans: &Spans) -> Result<Finding, HistoryError> {
        let mut course = Course::default();
        spans.each_operation(history, &self.of, |made| {
            course.push(made.intended(), made.sent().is_none() || made.outcome() != Outcome::Ok);
        })?;
        let slots = course.slots();
        for rule in burn_rate::RULES {
            let text = match burn_rate::alert(&slots, 1.0 - self.objective.0, rule) {
                Alert::TooShort(needed) => format!("the run is too short: it would take {}", wording::seconds(needed)),
                Alert::Silent(greatest) => format!("silent; at most {greatest:.1} times the budget"),
                Alert::Fires { at, burn } => format!("fires at {at}, at {burn:.1} times the budget"),
            };
            let label = format!("{} at {} x", rule.severity, rule.factor);
            finding = finding.evidence(&label, format!("{text} (the workbook's windows, {}, shrunk)", rule.windows));
        }
        Ok(finding)
    }
}

impl Check for ErrorBudget {
    fn judge(&self, history: &History, _: &Context<'_>) -> Result<Finding, HistoryError> {
        let (operation, Percent(objective)) = (&self.of, self.objective);
        let spans = self.during.spans(history);
        let served = Served::count(history, &spans, operation)?;
        if served.total() == 0 {
            let sentence = format!("No {operation} was due during {}.", self.during.names());
            return Ok(Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence));
        }
        let (judgement, interval) = served.judge(objective);
        let allowed = 1.0 - objective;
        let spent = served.bad() as f64 / (served.total() as f64 * allowed) * 100.0;
        let rate = served.total() as f64 / spans.seconds().max(1e-9);
        let cost = served.bad() as f64 / (allowed * rate * self.window.as_secs_f64()) * 100.0;
        let verb = match judgement {
            Judgement::Pass => "within the budget",
            Judgement::Unknown => "which may be within the budget or beyond it: too few requests to tell",
            Judgement::Fail => "beyond the budget",
        };
        let sentence = format!(
            "{} of {} {operation} were bad, {verb} of {}; they cost {cost:.3} % of what {} at this rate grant.",
            wording::count(served.bad()),
            wording::count(served.total()),
            wording::percent(allowed),
            Period(self.window)
        );
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, sentence)
            .figure("budget_spent_percent", spent)
            .figure("window_cost_percent", cost);
        let finding = served.tell(finding, interval, objective);
        self.alerts(finding, history, &spans)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Operation(self.of.clone())]
    }
}

#[cfg(test)]
mod tests {
    use crate::Finding;
    use crate::Judgement::{Fail, Pass, Unknown};
    use crate::testing::{Script, figure, judged};
    use proofload_history::{Outcome, Phase};

    /// 100 s at 100/s, bad in so many whole seconds from the 50th on.
    fn outage(seconds: u64) -> Finding {
        let mut script = Script::new();
        script.phases(&[(0.0, Phase::Steady), (100.0, Phase::Drain)]);
        for n in 0..10_000 {
            let bad = (50..50 + seconds).contains(&(n / 100));
            script.timed(n, n as f64 / 100.0, 20, if bad { Outcome::Indeterminate } else { Outcome::Ok });
        }
        judged("error_budget", "of = \"place_order\"\nobjective = 99.9", &script.history())
    }

    #[test]
    fn nine_seconds_of_outage_cost_a_third_of_a_percent_of_a_month_and_break_the_budget_of_the_run() {
        let finding = outage(9);
        assert_eq!(finding.judgement, Fail);
        let cost = figure(&finding, "window_cost_percent").unwrap();
        assert!((cost - 0.347).abs() < 0.001, "{cost}");
        // 900 were bad, where 10 of the 10,000 were allowed to be.
        let spent = figure(&finding, "budget_spent_percent").unwrap();
        assert!((spent - 9_000.0).abs() < 1e-6, "{spent}");
        let page = finding.evidence.iter().find(|line| line.label == "page at 14.4 x").unwrap();
        assert!(page.text.contains("fires at 50."), "{}", page.text);
    }

    #[test]
    fn a_clean_run_passes_and_spends_nothing() {
        let finding = outage(0);
        assert_eq!((finding.judgement, figure(&finding, "budget_spent_percent")), (Pass, Some(0.0)));
    }

    #[test]
    fn too_few_requests_are_unknown_and_so_are_none() {
        let table = "of = \"place_order\"\nobjective = 99.9";
        let mut script = Script::new();
        script.phases(&[(0.0, Phase::Steady), (100.0, Phase::Drain)]);
        assert_eq!(judged("error_budget", table, &script.history()).judgement, Unknown);
        for n in 0..2_994 {
            script.timed(n, 1.0, 20, Outcome::Ok);
        }
        assert_eq!(judged("error_budget", table, &script.history()).judgement, Unknown);
        script.timed(2_994, 1.0, 20, Outcome::Ok);
        assert_eq!(judged("error_budget", table, &script.history()).judgement, Pass);
    }

    #[test]
    fn warm_up_is_not_judged_unless_asked_for() {
        let mut script = Script::new();
        script.phases(&[(0.0, Phase::WarmUp), (10.0, Phase::Steady), (100.0, Phase::Drain)]);
        for n in 0..5_000 {
            script.timed(n, 1.0, 20, Outcome::Fail).timed(n, 20.0, 20, Outcome::Ok);
        }
        let (table, warm) = ("of = \"place_order\"\nobjective = 99.9", "\nduring = \"warm_up\"");
        assert_eq!(judged("error_budget", table, &script.history()).judgement, Pass);
        assert_eq!(judged("error_budget", &format!("{table}{warm}"), &script.history()).judgement, Fail);
    }
}
