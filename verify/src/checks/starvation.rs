//! Whether the machine itself was starved: then latencies are the machine's, not the system's.

use crate::spans::Spans;
use proofload_history::{At, History, HistoryError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// More of the processor's time than this taken by others (steal) makes latencies meaningless.
const STEAL_LIMIT: f64 = 0.10;
/// More of the processors' time than this spent on processes that have nothing to do with the run, likewise.
const FOREIGN_LIMIT: f64 = 0.10;
/// A sleep of 1 ms returns a fraction of a millisecond late; later than this, everything is slowed.
const CANARY_LIMIT_US: f64 = 10_000.0;

/// What the machine's own samples say of some spans.
pub(super) struct Machine {
    /// Why latencies are not to be judged, if so.
    pub(super) starved: Option<String>,
    /// What was seen, for the evidence.
    pub(super) evidence: String,
}

/// A span longer than this in which nobody watched the machine says nothing about the system.
const UNWATCHED_LIMIT: Duration = Duration::from_secs(2);

/// Looks at the samples of `cpu_steal_fraction`, `cpu_foreign_fraction` and `canary_us` within `spans`. One pass over the
/// series.
pub(super) fn of(history: &History, spans: &Spans) -> Result<Machine, HistoryError> {
    let [mut steal, mut foreign, mut canary] = [Mean::default(); 3];
    let mut watched = vec![false; spans.0.len()];
    history.series.each(|sample| {
        if !spans.contain(sample.at()) {
            return;
        }
        match sample.metric() {
            "cpu_steal_fraction" if sample.subject() == "machine" => steal.take(sample.value()),
            "cpu_foreign_fraction" => foreign.take(sample.value()),
            "canary_us" => {
                canary.take(sample.value());
                for ((from, to), watched) in spans.0.iter().zip(&mut watched) {
                    *watched |= *from <= sample.at() && sample.at() < *to;
                }
            }
            _ => {}
        }
    })?;
    let (steal, foreign, canary) = (steal.value(), foreign.value(), canary.value());
    let steal_text = steal.map_or("steal not sampled".to_owned(), |mean| format!("mean steal {:.1} %", mean * 100.0));
    let foreign_text = foreign.map_or("use by others not sampled".to_owned(), |mean| {
        format!("mean use of the processors by others {:.1} %", mean * 100.0)
    });
    let canary_text = canary.map_or("canary not sampled".to_owned(), |mean| {
        format!("a sleep of 1 ms returned {mean:.0} us late on average")
    });
    let starved = if steal.is_some_and(|mean| mean > STEAL_LIMIT) {
        Some(format!("the machine was starved: {steal_text}, above {:.0} %", STEAL_LIMIT * 100.0))
    } else if foreign.is_some_and(|mean| mean > FOREIGN_LIMIT) {
        Some(format!("the machine was starved: {foreign_text}, above {:.0} %", FOREIGN_LIMIT * 100.0))
    } else if canary.is_some_and(|mean| mean > CANARY_LIMIT_US) {
        Some(format!("the machine was starved: {canary_text}, above {CANARY_LIMIT_US:.0} us"))
    } else {
        unwatched(&spans.0, &watched)
    };
    Ok(Machine { starved, evidence: format!("{steal_text}; {foreign_text}; {canary_text}") })
}

/// Why nothing is known of the machine, if so: no sample of the canary in a span that should have some.
fn unwatched(spans: &[(At, At)], watched: &[bool]) -> Option<String> {
    let long = spans.iter().zip(watched).filter(|((from, to), _)| to.since(*from) > UNWATCHED_LIMIT);
    let (from, to) = long.filter(|(_, watched)| !**watched).map(|(span, _)| *span).next()?;
    Some(format!("nobody watched the machine between {from} and {to} (no sample of the canary)"))
}

/// Seconds in which the machine was starved, by the same limits as a whole span.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments(BTreeSet<u64>);

impl Moments {
    /// Those of a run. One pass over the series; a few numbers a second are held.
    ///
    /// # Errors
    /// If the series cannot be read.
    pub(crate) fn of(history: &History) -> Result<Self, HistoryError> {
        let mut seconds: BTreeMap<u64, [Mean; 3]> = BTreeMap::new();
        history.series.each(|sample| {
            let which = match sample.metric() {
                "cpu_steal_fraction" if sample.subject() == "machine" => 0,
                "cpu_foreign_fraction" => 1,
                "canary_us" => 2,
                _ => return,
            };
            seconds.entry(sample.at().0 / SECOND).or_default()[which].take(sample.value());
        })?;
        let starved = |means: &[Mean; 3]| {
            let limits = [STEAL_LIMIT, FOREIGN_LIMIT, CANARY_LIMIT_US];
            means.iter().zip(limits).any(|(mean, limit)| mean.value().is_some_and(|mean| mean > limit))
        };
        Ok(Self(seconds.into_iter().filter(|(_, means)| starved(means)).map(|(second, _)| second).collect()))
    }

    /// Whether what was intended at this instant met a starved machine: in such a second, or in the one after it, with what
    /// had queued up by then.
    pub(crate) fn met(&self, at: At) -> bool {
        let second = at.0 / SECOND;
        [Some(second), second.checked_sub(1)].into_iter().flatten().any(|second| self.0.contains(&second))
    }

    /// How many seconds they are.
    pub(crate) fn seconds(&self) -> u64 {
        self.0.len() as u64
    }
}

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// The mean of some samples.
#[derive(Clone, Copy, Default)]
struct Mean {
    sum: f64,
    number: u64,
}

impl Mean {
    fn take(&mut self, value: f64) {
        self.sum += value;
        self.number += 1;
    }

    fn value(self) -> Option<f64> {
        (self.number > 0).then(|| self.sum / self.number as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Script;

    fn machine(script: &Script, spans: &[(f64, f64)]) -> Machine {
        let at = At::from_secs_f64;
        let spans = Spans(spans.iter().map(|(from, to)| (at(*from), at(*to))).collect());
        of(&script.history(), &spans).unwrap()
    }

    #[test]
    fn a_machine_is_starved_above_a_limit_and_not_at_it() {
        let (steal, others) =
            ("mean steal 11.0 %, above 10 %", "mean use of the processors by others 11.0 %, above 10 %");
        let late = "a sleep of 1 ms returned 10001 us late on average, above 10000 us";
        for (metric, limit, above, says) in [
            ("cpu_steal_fraction", 0.10, 0.11, steal),
            ("cpu_foreign_fraction", 0.10, 0.11, others),
            ("canary_us", 10_000.0, 10_001.0, late),
        ] {
            let starved = |value| machine(Script::new().unwatched().sample(metric, 1.0, value), &[(0.0, 2.0)]).starved;
            assert_eq!(starved(limit), None, "{metric}");
            assert_eq!(starved(above), Some(format!("the machine was starved: {says}")));
        }
    }

    #[test]
    fn steal_counts_on_the_machine_and_not_in_one_of_its_parts() {
        let mut script = Script::new();
        script.sample_of("kafka-1", "cpu_steal_fraction", 1.0, 0.5);
        assert_eq!(machine(&script, &[(0.0, 10.0)]).starved, None);
        assert_eq!(Moments::of(&script.history()).unwrap().seconds(), 0);
    }

    #[test]
    fn a_second_above_a_limit_is_met_by_what_is_intended_in_it_and_in_the_next() {
        let met = |metric: &str, values: [f64; 2]| {
            let mut script = Script::new();
            script.unwatched().sample(metric, 3.2, values[0]).sample(metric, 3.7, values[1]).sample(metric, 8.0, 0.0);
            let moments = Moments::of(&script.history()).unwrap();
            let seconds: Vec<u64> = (0..10).filter(|second| moments.met(At(second * SECOND + 500_000_000))).collect();
            assert_eq!(moments.seconds(), seconds.len() as u64 / 2);
            seconds
        };
        for (metric, limit) in [("cpu_steal_fraction", 0.1), ("cpu_foreign_fraction", 0.1), ("canary_us", 10_000.0)] {
            assert_eq!(met(metric, [0.0, 2.1 * limit]), [3, 4], "{metric}");
            assert_eq!(met(metric, [0.0, 2.0 * limit]), [0; 0], "{metric}");
        }
    }

    #[test]
    fn what_was_not_sampled_is_said_to_be_so() {
        let evidence = machine(Script::new().unwatched(), &[(0.0, 2.0)]).evidence;
        assert_eq!(evidence, "steal not sampled; use by others not sampled; canary not sampled");
    }

    #[test]
    fn every_span_of_more_than_two_seconds_must_have_been_watched() {
        let nobody = |from: &str, to: &str| {
            Some(format!("nobody watched the machine between {from} s and {to} s (no sample of the canary)"))
        };
        type Case<'a> = (Option<f64>, &'a [(f64, f64)], Option<String>);
        let cases: [Case<'_>; 5] = [
            (Some(5.0), &[(0.0, 10.0), (20.0, 30.0)], nobody("20.0", "30.0")),
            (Some(10.0), &[(0.0, 10.0), (10.0, 20.0)], nobody("0.0", "10.0")),
            (Some(0.0), &[(0.0, 10.0)], None),
            (None, &[(0.0, 2.0)], None),
            (None, &[(0.0, 2.1)], nobody("0.0", "2.1")),
        ];
        for (canary, spans, unwatched) in cases {
            let mut script = Script::new();
            script.unwatched();
            if let Some(at) = canary {
                script.sample("canary_us", at, 80.0);
            }
            assert_eq!(machine(&script, spans).starved, unwatched, "{canary:?} {spans:?}");
        }
    }
}
