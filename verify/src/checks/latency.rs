//! `latency`: quantiles of the time from the intended instant to the answer.

use super::during::During;
use super::limit::{self, Rows, limits};
use super::{starvation, table};
use crate::check::{Band, Reference};
use crate::spans::unsent_by_generator;
use crate::statistics::durations::Durations;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError, OperationRef, Outcome, Period};
use serde::Deserialize;

pub(crate) use super::limit::CONFIDENCE;

/// What is known about `latency`.
pub(super) const ABOUT: About = About {
    name: "latency",
    class: Class::Performance,
    invariant: "Answers come within the limit, counted from the instant at which they were due to be asked for.",
    cost: "One pass over the operations. Latencies are exact up to a million, and within a thousandth beyond.",
    counterexample: "Of 100 requests in the window 6 take longer than the limit for p95, and so would they in most repetitions.",
    keys: &[
        ("of", "the operation"),
        ("during", "the phase, or a list of phases, in which the operations were intended"),
        ("p50", "limit for the median; at least one of the limits is needed"),
        ("p90", "limit for the quantile 0.9"),
        ("p95", "limit for the quantile 0.95"),
        ("p99", "limit for the quantile 0.99"),
        ("p999", "limit for the quantile 0.999"),
    ],
    figures: &[&[("samples", "operations that count")], limit::FIGURES],
    example: "of = \"submit_application\"\nduring = \"steady\"\np50 = \"50ms\"\np90 = \"150ms\"\np95 = \"300ms\"\np99 = \"1s\"\np999 = \"5s\"\n",
    parse: |value| table::read(value, Latency::new),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    of: String,
    during: During,
    p50: Option<Period>,
    p90: Option<Period>,
    p95: Option<Period>,
    p99: Option<Period>,
    p999: Option<Period>,
}

/// Fails if the interval of a quantile lies above its limit, passes if all lie at or below, else unknown: then the
/// samples do not suffice to tell.
#[derive(Debug)]
pub struct Latency {
    band: Band,
    during: During,
}

impl Latency {
    fn new(table: Table) -> Result<Self, String> {
        let limits = limits([table.p50, table.p90, table.p95, table.p99, table.p999])?;
        Ok(Self { band: Band { operation: table.of, limits }, during: table.during })
    }
}

/// The latency of `made` in nanoseconds, [`u64::MAX`] for one that got no answer; `None` for one that does not count:
/// what the generator failed to send says nothing about the system, and an answer that says no is excluded, for
/// refusing is quick, and is availability's affair. Everything that shows a latency counts by this rule.
#[must_use]
pub fn of_operation(made: OperationRef<'_>) -> Option<u64> {
    match made.latency_ns() {
        _ if unsent_by_generator(made) => None,
        Some(_) if made.outcome() == Outcome::Fail && made.status().is_some() => None,
        // A connection that was never made failed quickly and answered nothing.
        Some(_) if made.outcome() == Outcome::Fail => Some(u64::MAX),
        Some(nanos) => Some(nanos),
        None => Some(u64::MAX),
    }
}

impl Check for Latency {
    fn judge(&self, history: &History, _: &Context<'_>) -> Result<Finding, HistoryError> {
        let (operation, during) = (&self.band.operation, self.during.names());
        let spans = self.during.spans(history);
        let (mut latencies, mut made) = (Durations::default(), 0);
        spans.each_operation(history, operation, |one| {
            made += 1;
            if let Some(latency) = of_operation(one) {
                latencies.push(latency);
            }
        })?;
        let latencies = latencies.sorted();
        let counted = latencies.len();
        if latencies.is_empty() {
            let sentence = format!("No {operation} was made during {during} whose latency could be judged.");
            return Ok(Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence));
        }
        let machine = starvation::of(history, &spans)?;
        let rows = Rows::of(&latencies, &self.band.limits);
        let judgement = if machine.starved.is_some() { Judgement::Unknown } else { rows.judgement() };
        let sentence = match &machine.starved {
            Some(why) => format!("The latency of {operation} during {during} cannot be judged: {why}."),
            None => format!("{operation} during {during}: {}.", rows.sentence()),
        };
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, sentence).figure("samples", counted as f64);
        let finding = rows
            .tell(finding)
            .evidence(
                "samples",
                format!(
                    "{} from {}; {} infinite (no answer); {} excluded, answered with a refusal",
                    wording::count(counted),
                    wording::plural(made, "operation"),
                    wording::count(latencies.infinite()),
                    wording::count(made - counted)
                ),
            )
            .evidence("machine", machine.evidence);
        Ok(finding)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Operation(self.band.operation.clone())]
    }

    fn band(&self) -> Option<&Band> {
        Some(&self.band)
    }
}

#[cfg(test)]
mod tests {
    use super::of_operation;
    use crate::Judgement::{self, Fail, Pass, Unknown};
    use crate::testing::{Script, figure, judged};
    use proofload_history::operation::{UNSENT_GENERATOR, UNSENT_WORKERS_WAITING};
    use proofload_history::{Outcome, Phase};

    const P95: &str = "of = \"place_order\"\nduring = \"steady\"\np95 = \"100ms\"";

    /// A steady phase of 10 s with so many quick and so many slow answers.
    fn run(quick: u64, slow: u64) -> Script {
        let mut script = Script::new();
        script.phases(&[(0.0, Phase::Steady), (10.0, Phase::Fault)]);
        for n in 0..quick + slow {
            script.timed(n, 1.0, if n < quick { 20 } else { 500 }, Outcome::Ok);
        }
        script
    }

    fn says(script: &Script) -> Judgement {
        judged("latency", P95, &script.history()).judgement
    }

    #[test]
    fn quick_answers_pass_slow_ones_fail_and_those_in_between_are_too_close_to_tell() {
        assert_eq!(says(&run(990, 10)), Pass);
        assert_eq!(says(&run(900, 100)), Fail);
        assert_eq!(says(&run(950, 50)), Unknown);
        // The quantile itself is above the limit, and its interval reaches below it.
        assert_eq!(says(&run(945, 55)), Unknown);
        let mut at_the_limit = run(0, 0);
        (0..100).for_each(|n| _ = at_the_limit.timed(n, 1.0, 100, Outcome::Ok));
        assert_eq!(says(&at_the_limit), Pass);
    }

    #[test]
    fn what_cannot_be_told_is_said_to_rest_on_too_few_or_to_be_too_close() {
        let sentence = |quick, slow| judged("latency", P95, &run(quick, slow).history()).sentence;
        let few = "place_order during steady: p95 was 20.0 ms, but 71 samples are too few to tell it from 100.0 ms: it takes 72.";
        assert_eq!(sentence(71, 0), few);
        let close = "place_order during steady: p95 was 20.0 ms, too close to 100.0 ms to tell with 1,000 samples.";
        assert_eq!(sentence(950, 50), close);
    }

    #[test]
    fn too_few_samples_are_unknown_however_quick() {
        assert_eq!(says(&run(71, 0)), Unknown);
        assert_eq!(says(&run(72, 0)), Pass);
        let none = judged("latency", P95, &run(0, 0).history());
        assert_eq!(none.judgement, Unknown);
        assert!(none.sentence.contains("No place_order was made during steady"), "{}", none.sentence);
    }

    #[test]
    fn operations_outside_the_phase_do_not_count() {
        let mut script = run(1_000, 0);
        for n in 0..1_000 {
            script.timed(n, 15.0, 900, Outcome::Ok);
        }
        assert_eq!(says(&script), Pass);
    }

    /// A connection was not made: that was quick, and no answer.
    fn unconnected(script: &mut Script) -> &mut Script {
        script.timed(0, 1.0, 20, Outcome::Fail);
        script.operations[0].status = None;
        script
    }

    #[test]
    fn a_refusal_has_no_latency_and_no_answer_has_an_infinite_one_but_for_the_generators_own_failures() {
        type Case = (fn(&mut Script) -> &mut Script, Option<u64>);
        let cases: [Case; 6] = [
            (|script| script.timed(0, 1.0, 20, Outcome::Ok), Some(20_000_000)),
            (|script| script.timed(0, 1.0, 20, Outcome::Fail), None),
            (|script| script.timed(0, 1.0, 20, Outcome::Indeterminate), Some(u64::MAX)),
            (unconnected, Some(u64::MAX)),
            (|script| script.unsent(0, 1.0, UNSENT_WORKERS_WAITING), Some(u64::MAX)),
            (|script| script.unsent(0, 1.0, UNSENT_GENERATOR), None),
        ];
        for (make, expected) in cases {
            let (mut script, mut seen) = (Script::new(), Vec::new());
            make(&mut script);
            script.history().operations.each(|made| seen.push(of_operation(made))).unwrap();
            assert_eq!(seen, [expected]);
        }
    }

    #[test]
    fn no_answer_is_an_infinite_latency() {
        let mut script = run(900, 0);
        for n in 0..50 {
            script.timed(n, 2.0, 10, Outcome::Indeterminate).unsent(n, 3.0, UNSENT_WORKERS_WAITING);
        }
        let finding = judged("latency", P95, &script.history());
        assert_eq!(finding.judgement, Fail);
        assert_eq!(figure(&finding, "p95_ms"), None);
    }

    #[test]
    fn refusals_and_what_the_generator_failed_to_send_are_left_out() {
        let mut script = run(100, 0);
        for n in 0..900 {
            script.timed(n, 2.0, 900, Outcome::Fail).unsent(n, 3.0, UNSENT_GENERATOR);
        }
        let finding = judged("latency", P95, &script.history());
        assert_eq!((finding.judgement, figure(&finding, "samples")), (Pass, Some(100.0)));
    }

    #[test]
    fn a_machine_that_nobody_watched_makes_latency_unknown() {
        let finding = judged("latency", P95, &run(1_000, 0).unwatched().history());
        assert_eq!(finding.judgement, Unknown);
        assert!(finding.sentence.contains("nobody watched the machine"), "{}", finding.sentence);
    }

    #[test]
    fn a_starved_machine_makes_latency_unknown() {
        for (metric, value) in [("cpu_steal_fraction", 0.2), ("canary_us", 20_000.0)] {
            let mut script = run(900, 100);
            script.unwatched().sample("canary_us", 0.5, 80.0).sample(metric, 1.0, value).sample(metric, 1.5, value);
            let finding = judged("latency", P95, &script.history());
            assert_eq!(finding.judgement, Unknown, "{metric}");
            assert!(finding.sentence.contains("starved"), "{}", finding.sentence);
            let mut before = run(900, 100);
            before.sample(metric, 11.0, value);
            assert_eq!(says(&before), Fail, "{metric} outside the window");
        }
    }
}
