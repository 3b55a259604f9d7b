//! `availability`: the share of operations that were served.

use super::during::During;
use super::percent::Percent;
use super::table;
use crate::check::{FigureTable, Reference};
use crate::spans::Spans;
use crate::statistics::binomial::{self, Interval};
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError, Outcome};
use serde::Deserialize;

/// The figures of [`Served::tell`].
pub(super) const SERVED: FigureTable = &[
    ("operations", "operations that were due"),
    ("bad_operations", "those that were not served"),
    ("bad_percent", "their share"),
    ("bad_low_percent", "the lower end of its interval"),
    ("bad_high_percent", "the upper end"),
];

/// What is known about `availability`.
pub(super) const ABOUT: About = About {
    name: "availability",
    class: Class::Performance,
    invariant: "The share of operations that are served is at least the one promised.",
    cost: "One pass over the operations.",
    counterexample: "Of 10,000 operations in the window 25 end without success, where 99.9 % were promised.",
    keys: &[
        ("of", "the operation"),
        ("during", "the phase, or a list of phases, in which the operations were intended"),
        ("at_least", "the share promised, in percent: 99.9"),
    ],
    figures: &[SERVED],
    example: "of = \"submit_application\"\nduring = \"steady\"\nat_least = 99.9\n",
    parse: |value| {
        table::read(value, |table: Table| {
            Ok(Availability { of: table.of, during: table.during, at_least: table.at_least })
        })
    },
};

/// Each end of the interval of a ratio holds with this confidence on its own, so that the requests needed for a pass
/// are those that the power statement names (2,995 clean ones for 99.9 %).
pub(super) const CONFIDENCE: f64 = 0.95;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    of: String,
    during: During,
    at_least: Percent,
}

/// Judges the exact interval of the bad ratio: entirely above what is allowed fail, entirely below pass, else unknown.
#[derive(Debug)]
pub struct Availability {
    of: String,
    during: During,
    at_least: Percent,
}

/// How operations ended, for a ratio. Every attempt counts for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) indeterminate: u64,
    /// Never sent because every worker was waiting for the system.
    pub(super) unsent: u64,
}

impl Served {
    /// The operations called `name` that were intended in `spans`. One pass.
    pub(super) fn count(history: &History, spans: &Spans, name: &str) -> Result<Self, HistoryError> {
        let mut served = Self::default();
        spans.each_operation(history, name, |made| match made.outcome() {
            _ if made.sent().is_none() => served.unsent += 1,
            Outcome::Ok => served.ok += 1,
            Outcome::Fail => served.failed += 1,
            Outcome::Indeterminate => served.indeterminate += 1,
        })?;
        Ok(served)
    }

    pub(super) fn total(&self) -> u64 {
        self.ok + self.bad()
    }

    pub(super) fn bad(&self) -> u64 {
        self.failed + self.indeterminate + self.unsent
    }

    /// What the exact interval of the bad ratio says of an objective (0.999).
    pub(super) fn judge(&self, objective: f64) -> (Judgement, Interval) {
        let interval = binomial::interval(self.bad(), self.total(), CONFIDENCE);
        let allowed = 1.0 - objective;
        let judgement = if interval.low > allowed {
            Judgement::Fail
        } else if interval.high <= allowed {
            Judgement::Pass
        } else {
            Judgement::Unknown
        };
        (judgement, interval)
    }

    /// The sentence behind [`Self::judge`].
    pub(super) fn sentence(&self, what: &str, judgement: Judgement, objective: f64) -> String {
        let (ok, total, promised) =
            (wording::count(self.ok), wording::count(self.total()), wording::percent(objective));
        let share = wording::percent(self.ok as f64 / self.total().max(1) as f64);
        match judgement {
            Judgement::Pass => format!("{ok} of {total} {what} were served ({share}), within the {promised} promised."),
            Judgement::Fail => {
                format!("{ok} of {total} {what} were served ({share}), less than the {promised} promised.")
            }
            Judgement::Unknown => {
                format!("{ok} of {total} {what} were served ({share}), too few to tell whether {promised} are kept.")
            }
        }
    }

    /// The figures and evidence that support it.
    pub(super) fn tell(&self, finding: Finding, interval: Interval, objective: f64) -> Finding {
        let needed = binomial::clean_trials_needed(objective, CONFIDENCE);
        finding
            .figure("operations", self.total() as f64)
            .figure("bad_operations", self.bad() as f64)
            .figure("bad_percent", (self.total() > 0).then(|| self.bad() as f64 / self.total() as f64 * 100.0))
            .figure("bad_low_percent", interval.low * 100.0)
            .figure("bad_high_percent", interval.high * 100.0)
            .evidence("outcomes", format!(
                "{} ok, {} failed, {} indeterminate, {} unsent because every worker was waiting for the system",
                wording::count(self.ok), wording::count(self.failed), wording::count(self.indeterminate), wording::count(self.unsent)
            ))
            .evidence("interval", format!(
                "bad ratio between {} and {}, each bound with 95 % confidence (exact binomial); allowed {}. Requests \
                 inside one fault are not independent: read it as what this run had",
                wording::percent(interval.low), wording::percent(interval.high), wording::percent(1.0 - objective)
            ))
            .evidence("power", format!(
                "95 % confidence in {} takes {} clean requests",
                wording::percent(objective), wording::count(needed)
            ))
    }
}

impl Check for Availability {
    fn judge(&self, history: &History, _: &Context<'_>) -> Result<Finding, HistoryError> {
        let (operation, during, Percent(objective)) = (&self.of, self.during.names(), self.at_least);
        let spans = self.during.spans(history);
        let served = Served::count(history, &spans, operation)?;
        if served.total() == 0 {
            let sentence = format!("No {operation} was due during {during}.");
            return Ok(Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence));
        }
        let (judgement, interval) = served.judge(objective);
        let sentence = served.sentence(&format!("{operation} during {during}"), judgement, objective);
        Ok(served.tell(Finding::new(ABOUT.name, ABOUT.class, judgement, sentence), interval, objective))
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Operation(self.of.clone())]
    }
}

#[cfg(test)]
mod tests {
    use crate::Judgement::{self, Fail, Pass, Unknown};
    use crate::testing::{Script, figure, judged};
    use proofload_history::operation::{UNSENT_GENERATOR, UNSENT_WORKERS_WAITING};
    use proofload_history::{Outcome, Phase};

    fn run(good: u64, bad: impl Fn(&mut Script, u64), number: u64) -> Script {
        let mut script = Script::new();
        script.phases(&[(0.0, Phase::Steady), (10.0, Phase::Fault)]);
        for n in 0..good {
            script.timed(n, 1.0, 20, Outcome::Ok);
        }
        for n in 0..number {
            bad(&mut script, n);
        }
        script
    }

    const TABLE: &str = "of = \"place_order\"\nduring = \"steady\"\nat_least = 99";

    fn says(script: &Script) -> Judgement {
        judged("availability", TABLE, &script.history()).judgement
    }

    #[test]
    fn a_kept_promise_passes_a_broken_one_fails_and_few_requests_cannot_tell() {
        let failed = |script: &mut Script, n| {
            script.timed(n, 2.0, 5, Outcome::Fail);
        };
        assert_eq!(says(&run(1_000, failed, 2)), Pass);
        assert_eq!(says(&run(1_000, failed, 40)), Fail);
        assert_eq!(says(&run(1_000, failed, 10)), Unknown);
        assert_eq!(says(&run(200, failed, 0)), Unknown);
        assert_eq!(says(&run(0, failed, 0)), Unknown);
    }

    #[test]
    fn the_requests_that_the_power_statement_names_suffice() {
        assert_eq!(says(&run(299, |_, _| {}, 0)), Pass);
        assert_eq!(says(&run(298, |_, _| {}, 0)), Unknown);
    }

    #[test]
    fn what_is_unknown_to_the_client_or_unsent_for_want_of_a_worker_is_bad() {
        let open = |script: &mut Script, n| {
            script.timed(n, 2.0, 5, Outcome::Indeterminate);
        };
        let waiting = |script: &mut Script, n| {
            script.unsent(n, 2.0, UNSENT_WORKERS_WAITING);
        };
        assert_eq!(says(&run(1_000, open, 40)), Fail);
        assert_eq!(says(&run(1_000, waiting, 40)), Fail);
    }

    #[test]
    fn what_the_generator_failed_to_send_is_not_the_systems_failure() {
        let unsent = |script: &mut Script, n| {
            script.unsent(n, 2.0, UNSENT_GENERATOR);
        };
        let finding = judged("availability", TABLE, &run(1_000, unsent, 400).history());
        assert_eq!((finding.judgement, figure(&finding, "operations")), (Pass, Some(1_000.0)));
    }

    fn refused(script: &mut Script, n: u64) {
        script.timed(n, 2.0, 5, Outcome::Fail);
    }

    #[test]
    fn the_share_that_was_served_is_told_beside_the_one_promised() {
        for (good, bad, says) in [
            (299, 0, "299 of 299 place_order during steady were served (100 %), within the 99 % promised."),
            (950, 50, "950 of 1,000 place_order during steady were served (95 %), less than the 99 % promised."),
            (99, 1, "99 of 100 place_order during steady were served (99 %), too few to tell whether 99 % are kept."),
        ] {
            assert_eq!(judged("availability", TABLE, &run(good, refused, bad).history()).sentence, says);
        }
    }

    #[test]
    fn operations_are_told_by_how_they_ended() {
        let bad = |script: &mut Script, n| {
            match n {
                0 => script.timed(n, 2.0, 5, Outcome::Indeterminate),
                1..=2 => script.timed(n, 2.0, 5, Outcome::Fail),
                _ => script.unsent(n, 2.0, UNSENT_WORKERS_WAITING),
            };
        };
        let finding = judged("availability", TABLE, &run(4, bad, 6).history());
        let figures = ["operations", "bad_operations", "bad_percent"].map(|name| figure(&finding, name));
        assert_eq!(figures, [10.0, 6.0, 60.0].map(Some));
        let outcomes = "4 ok, 2 failed, 1 indeterminate, 3 unsent because every worker was waiting for the system";
        assert_eq!(finding.evidence[0].text, outcomes);
    }

    #[test]
    fn what_happened_once_of_once_is_no_rarer_than_one_in_twenty() {
        // Where it were rarer, to see it would have a chance of less than 5 %.
        for (good, bad, expected) in [(0, 1, [5.0, 100.0]), (1, 0, [0.0, 95.0])] {
            let finding = judged("availability", TABLE, &run(good, refused, bad).history());
            let seen = ["bad_low_percent", "bad_high_percent"].map(|name| figure(&finding, name).unwrap());
            assert!(seen.iter().zip(expected).all(|(seen, expected)| (seen - expected).abs() < 1e-9), "{seen:?}");
        }
    }
}
