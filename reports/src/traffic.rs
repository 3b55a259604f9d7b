//! Operations per bucket of time and per phase, in one pass, with exact quantiles.

use proofload_history::{At, History, Name, Operation, Outcome, Phase};
use proofload_verify::checks::latency;
use std::collections::BTreeMap;

/// The most buckets that a run is cut into: what a line on a page can show.
const MAX_BUCKETS: u64 = 600;
/// Widths of a bucket that a reader can name, in seconds.
const WIDTHS_S: [u64; 10] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];

/// The traffic of a run, cut into buckets of equal width and into phases.
pub(crate) struct Traffic {
    /// Where the first bucket begins.
    pub(crate) from: At,
    /// Where the run ends.
    pub(crate) to: At,
    /// The width of a bucket in seconds.
    pub(crate) width_s: u64,
    /// What happened in each bucket.
    pub(crate) buckets: Vec<Bucket>,
    /// What happened in each phase, per operation, in the order of the phases.
    pub(crate) phases: Vec<PhaseTraffic>,
    /// The whole run.
    pub(crate) total: Counts,
}

/// How operations ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Due by the schedule.
    pub(crate) offered: u64,
    /// Acknowledged.
    pub(crate) ok: u64,
    /// Certainly not done, although sent.
    pub(crate) fail: u64,
    /// Nobody can know.
    pub(crate) indeterminate: u64,
    /// Never sent.
    pub(crate) unsent: u64,
}

impl Counts {
    fn count_end(&mut self, operation: &Operation) {
        match (operation.sent, operation.outcome) {
            (None, _) => self.unsent += 1,
            (Some(_), Outcome::Ok) => self.ok += 1,
            (Some(_), Outcome::Fail) => self.fail += 1,
            (Some(_), Outcome::Indeterminate) => self.indeterminate += 1,
        }
    }
}

/// The quantiles 0.5, 0.95 and 0.99 of latency in milliseconds; infinite where that share had no usable answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quantiles {
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Quantiles {
    /// Exact, by the nearest rank: the smallest value that at least that share of the samples does not exceed.
    /// `None` without samples. Reorders `latencies` (nanoseconds, `u64::MAX` for infinite). O(n).
    fn of(latencies: &mut [u64]) -> Option<Self> {
        let mut at = |q: f64| {
            let rank = ((latencies.len() as f64 * q).ceil() as usize).checked_sub(1)?;
            let (_, value, _) = latencies.select_nth_unstable(rank);
            Some(if *value == u64::MAX { f64::INFINITY } else { *value as f64 / 1e6 })
        };
        Some(Self { p50_ms: at(0.5)?, p95_ms: at(0.95)?, p99_ms: at(0.99)? })
    }
}

/// What happened in one bucket. What was offered, unsent and how long it took counts where it was due; acknowledgements
/// and errors count where they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) counts: Counts,
    pub(crate) latency: Option<Quantiles>,
}

/// What came of the operations that were due in one phase.
#[derive(Clone, Debug)]
pub(crate) struct PhaseTraffic {
    pub(crate) phase: Phase,
    pub(crate) operation: Name,
    pub(crate) counts: Counts,
    pub(crate) latency: Option<Quantiles>,
}

impl Traffic {
    /// Cuts the traffic of `history`. O(operations); holds 16 bytes for each of them while it works.
    pub(crate) fn of(history: &History) -> Self {
        let spans = history.journal.phases();
        let last = history.operations.iter().map(|operation| operation.done).max().unwrap_or_default();
        let to = history.journal.end().max(last);
        let from = spans.first().map_or(At::default(), |(_, from, _)| *from).min(to);
        let (width_s, size) = cut(to.0 - from.0);
        let mut cutting = Cutting::new(from, width_s, size, spans);
        for operation in &history.operations {
            cutting.add(operation);
        }
        cutting.done(to)
    }

    /// The middle of bucket `index`, in seconds since the start of the run.
    pub(crate) fn middle_s(&self, index: usize) -> f64 {
        self.from.secs() + (index as f64 + 0.5) * self.width_s as f64
    }

    /// The bucket that holds `at`, the first or the last one for an instant outside.
    pub(crate) fn bucket(&self, at: At) -> usize {
        index(self.from, self.width_s, self.buckets.len(), at)
    }
}

/// The width of a bucket in seconds and the number of buckets for a run of `span_ns`.
fn cut(span_ns: u64) -> (u64, usize) {
    let span_s = span_ns.div_ceil(1_000_000_000).max(1);
    let fits = |width: &u64| span_s.div_ceil(*width) <= MAX_BUCKETS;
    let width_s = WIDTHS_S.into_iter().find(fits).unwrap_or_else(|| span_s.div_ceil(MAX_BUCKETS * 600) * 600);
    (width_s, span_s.div_ceil(width_s) as usize)
}

fn index(from: At, width_s: u64, size: usize, at: At) -> usize {
    let index = at.0.saturating_sub(from.0) / (width_s * 1_000_000_000);
    (index as usize).min(size - 1)
}

/// The traffic while it is being cut: as [`Traffic`], with every latency.
struct Cutting {
    from: At,
    width_s: u64,
    buckets: Vec<(Counts, Vec<u64>)>,
    spans: Vec<(Phase, At, At)>,
    phases: BTreeMap<(usize, Name), (Counts, Vec<u64>)>,
    total: Counts,
}

impl Cutting {
    fn new(from: At, width_s: u64, size: usize, spans: Vec<(Phase, At, At)>) -> Self {
        let buckets = vec![(Counts::default(), Vec::new()); size];
        Self { from, width_s, buckets, spans, phases: BTreeMap::new(), total: Counts::default() }
    }

    fn add(&mut self, operation: &Operation) {
        let latency = latency::of_operation(operation);
        let due = index(self.from, self.width_s, self.buckets.len(), operation.intended);
        let ended = if operation.sent.is_some() { operation.done } else { operation.intended };
        let ended = index(self.from, self.width_s, self.buckets.len(), ended);
        self.buckets[due].0.offered += 1;
        self.buckets[due].1.extend(latency);
        self.buckets[ended].0.count_end(operation);
        self.total.offered += 1;
        self.total.count_end(operation);
        let within = |(_, from, to): &(Phase, At, At)| *from <= operation.intended && operation.intended < *to;
        if let Some(phase) = self.spans.iter().position(within) {
            let (counts, latencies) = self.phases.entry((phase, Name::clone(&operation.name))).or_default();
            counts.offered += 1;
            counts.count_end(operation);
            latencies.extend(latency);
        }
    }

    fn done(self, to: At) -> Traffic {
        let bucket =
            |(counts, mut latencies): (Counts, Vec<u64>)| Bucket { counts, latency: Quantiles::of(&mut latencies) };
        let spans = self.spans;
        let phase = |((phase, operation), (counts, mut latencies)): ((usize, Name), (Counts, Vec<u64>))| PhaseTraffic {
            phase: spans[phase].0,
            operation,
            counts,
            latency: Quantiles::of(&mut latencies),
        };
        Traffic {
            from: self.from,
            to,
            width_s: self.width_s,
            buckets: self.buckets.into_iter().map(bucket).collect(),
            phases: self.phases.into_iter().map(phase).collect(),
            total: self.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofload_history::operation::UNSENT_GENERATOR;
    use proofload_history::{Entry, Event, Id};

    fn operation(intended_s: f64, latency_ms: u64, outcome: Outcome) -> Operation {
        let intended = At::from_secs_f64(intended_s);
        Operation {
            intent: Id::issued(1, 1, (intended_s * 1e6) as u64),
            attempt: 0,
            name: "submit".into(),
            intended,
            sent: Some(intended),
            done: At(intended.0 + latency_ms * 1_000_000),
            outcome,
            status: None,
            error: None,
            answer: None,
        }
    }

    #[test]
    fn a_quantile_is_the_value_of_the_nearest_rank() {
        let mut latencies: Vec<u64> = (1..=100).rev().map(|ms| ms * 1_000_000).collect();
        let quantiles = Quantiles::of(&mut latencies).expect("there are samples");
        assert_eq!((quantiles.p50_ms, quantiles.p95_ms, quantiles.p99_ms), (50.0, 95.0, 99.0));
    }

    #[test]
    fn no_samples_have_no_quantile() {
        assert_eq!(Quantiles::of(&mut []), None);
    }

    #[test]
    fn an_operation_without_an_answer_makes_the_high_quantiles_infinite_and_not_the_low_ones() {
        let mut operations: Vec<Operation> = (0..10).map(|n| operation(0.1 * f64::from(n), 20, Outcome::Ok)).collect();
        operations.push(operation(0.95, 20, Outcome::Indeterminate));
        let traffic = Traffic::of(&History { operations, ..History::default() });
        let latency = traffic.buckets[0].latency.expect("there are samples");
        assert_eq!((latency.p50_ms, latency.p99_ms), (20.0, f64::INFINITY));
    }

    #[test]
    fn latencies_count_as_the_check_counts_them() {
        let latency = |change: fn(&mut Operation)| {
            let mut operation = operation(0.5, 1, Outcome::Fail);
            change(&mut operation);
            Traffic::of(&History { operations: vec![operation], ..History::default() }).buckets[0].latency
        };
        assert_eq!(latency(|_| {}).expect("a refused connection has one").p50_ms, f64::INFINITY);
        assert_eq!(latency(|refused| refused.status = Some(429)), None);
        let by_generator: fn(&mut Operation) = |unsent| {
            (unsent.sent, unsent.error) = (None, Some(UNSENT_GENERATOR.into()));
        };
        assert_eq!(latency(by_generator), None);
        assert!(latency(|unsent| unsent.sent = None).is_some());
    }

    #[test]
    fn an_answer_counts_when_it_came_and_its_latency_when_it_was_due() {
        let operations = vec![operation(0.5, 2_000, Outcome::Ok)];
        let traffic = Traffic::of(&History { operations, ..History::default() });
        assert_eq!((traffic.buckets[0].counts.offered, traffic.buckets[0].counts.ok), (1, 0));
        assert_eq!(traffic.buckets[2].counts.ok, 1);
        assert!(traffic.buckets[0].latency.is_some() && traffic.buckets[2].latency.is_none());
    }

    #[test]
    fn a_long_run_is_cut_into_at_most_600_buckets() {
        for hours in [1_u64, 9, 100, 1_000] {
            let (width_s, size) = cut(hours * 3_600 * 1_000_000_000);
            assert!(size <= 600 && size > 200, "{hours} h: {size} buckets of {width_s} s");
            assert!(width_s * size as u64 >= hours * 3_600);
        }
    }

    #[test]
    fn an_operation_belongs_to_the_phase_in_which_it_was_due() {
        let mut history = History { operations: vec![operation(0.9, 500, Outcome::Ok)], ..History::default() };
        for (at, phase) in [(0, Phase::WarmUp), (1, Phase::Steady), (3, Phase::Observe)] {
            history.journal.entries.push(Entry { at: At(at * 1_000_000_000), event: Event::PhaseStarted { phase } });
        }
        let traffic = Traffic::of(&history);
        let phases: Vec<Phase> = traffic.phases.iter().map(|of| of.phase).collect();
        assert_eq!(phases, [Phase::WarmUp]);
    }
}
