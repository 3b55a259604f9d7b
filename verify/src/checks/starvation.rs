//! Whether the machine itself was starved: then latencies are the machine's, not the system's.

use crate::spans::Spans;
use proofload_history::{At, History, HistoryError};
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
