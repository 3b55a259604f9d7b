//! Whether the machine itself was starved: then latencies are the machine's, not the system's.

use crate::spans::Spans;
use proofload_history::{History, Sample};
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

/// Looks at the samples of `cpu_steal_fraction`, `cpu_foreign_fraction` and `canary_us` within `spans`.
pub(super) fn of(history: &History, spans: &Spans) -> Machine {
    let within = |metric: &'static str| move |sample: &&Sample| &*sample.metric == metric && spans.contain(sample.at);
    let steal = mean(history.series.iter().filter(within("cpu_steal_fraction")).filter(|s| &*s.subject == "machine"));
    let foreign = mean(history.series.iter().filter(within("cpu_foreign_fraction")));
    let canary = mean(history.series.iter().filter(within("canary_us")));
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
        unwatched(history, spans)
    };
    Machine { starved, evidence: format!("{steal_text}; {foreign_text}; {canary_text}") }
}

/// Why nothing is known of the machine, if so: no sample of the canary in a span that should have some.
fn unwatched(history: &History, spans: &Spans) -> Option<String> {
    let watched = |span: &Spans| history.series.iter().any(|s| &*s.metric == "canary_us" && span.contain(s.at));
    let long = spans.0.iter().filter(|(from, to)| to.since(*from) > UNWATCHED_LIMIT);
    let mut unwatched = long.filter(|span| !watched(&Spans(vec![**span])));
    let (from, to) = unwatched.next()?;
    Some(format!("nobody watched the machine between {from} and {to} (no sample of the canary)"))
}

fn mean<'a>(samples: impl Iterator<Item = &'a Sample>) -> Option<f64> {
    let (sum, number) = samples.fold((0.0, 0_u64), |(sum, number), sample| (sum + sample.value, number + 1));
    (number > 0).then(|| sum / number as f64)
}
