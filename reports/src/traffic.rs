//! Operations per bucket of time and per phase, in bounded memory.

use proofload_history::{At, History, HistoryError, OperationRef, Outcome, Phase};
use proofload_verify::checks::latency;
use proofload_verify::statistics::durations::Durations;
use proofload_verify::statistics::quantile::PerMille;

/// The most buckets that a run is cut into: what a line on a page can show.
const MAX_BUCKETS: u64 = 600;
/// Widths of a bucket that a reader can name, in seconds.
const WIDTHS_S: [u64; 10] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
/// The latencies of a bucket are kept one by one up to so many: more are told within a thousandth.
const EXACT: usize = 10_000;

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
    fn count_end(&mut self, operation: OperationRef<'_>) {
        match (operation.sent(), operation.outcome()) {
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
    /// By the nearest rank: the smallest value that at least that share of the samples does not exceed. `None` without
    /// samples.
    fn of(latencies: Durations) -> Option<Self> {
        let sorted = latencies.sorted();
        let at = |of| {
            let value = sorted.value(PerMille(of))?;
            Some(if value == u64::MAX { f64::INFINITY } else { value as f64 / 1e6 })
        };
        Some(Self { p50_ms: at(500)?, p95_ms: at(950)?, p99_ms: at(990)? })
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
    pub(crate) operation: String,
    pub(crate) counts: Counts,
    pub(crate) latency: Option<Quantiles>,
}

impl Traffic {
    /// Cuts the traffic of `history`. Two passes over the operations.
    pub(crate) fn of(history: &History) -> Result<Self, HistoryError> {
        let spans = history.journal.phases();
        let mut last = At::default();
        history.operations.each(|operation| last = last.max(operation.done()))?;
        let to = history.journal.end().max(last);
        let from = spans.first().map_or(At::default(), |(_, from, _)| *from).min(to);
        let (width_s, size) = cut(to.0 - from.0);
        let mut cutting = Cutting::new(from, width_s, size, spans);
        history.operations.each(|operation| cutting.add(operation))?;
        Ok(cutting.done(to))
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

/// Operations while they are being counted.
struct Part {
    counts: Counts,
    latencies: Durations,
}

impl Part {
    fn new() -> Self {
        Self { counts: Counts::default(), latencies: Durations::exact_up_to(EXACT) }
    }

    /// Takes in an operation that was due here, with the latency that it shows, if any.
    fn due(&mut self, latency: Option<u64>) {
        self.counts.offered += 1;
        latency.into_iter().for_each(|latency| self.latencies.push(latency));
    }
}

/// The traffic while it is being cut.
struct Cutting {
    from: At,
    width_s: u64,
    buckets: Vec<Part>,
    spans: Vec<(Phase, At, At)>,
    /// For each phase, by operation as they were met.
    phases: Vec<Vec<(String, Part)>>,
    total: Counts,
}

impl Cutting {
    fn new(from: At, width_s: u64, size: usize, spans: Vec<(Phase, At, At)>) -> Self {
        let buckets = (0..size).map(|_| Part::new()).collect();
        let phases = spans.iter().map(|_| Vec::new()).collect();
        Self { from, width_s, buckets, spans, phases, total: Counts::default() }
    }

    fn add(&mut self, operation: OperationRef<'_>) {
        let (latency, intended) = (latency::of_operation(operation), operation.intended());
        let due = index(self.from, self.width_s, self.buckets.len(), intended);
        let ended = if operation.sent().is_some() { operation.done() } else { intended };
        let ended = index(self.from, self.width_s, self.buckets.len(), ended);
        self.buckets[due].due(latency);
        self.buckets[ended].counts.count_end(operation);
        self.total.offered += 1;
        self.total.count_end(operation);
        let within = |(_, from, to): &(Phase, At, At)| *from <= intended && intended < *to;
        if let Some(phase) = self.spans.iter().position(within) {
            let part = part_of(&mut self.phases[phase], operation.name());
            part.due(latency);
            part.counts.count_end(operation);
        }
    }

    fn done(self, to: At) -> Traffic {
        let bucket = |part: Part| Bucket { counts: part.counts, latency: Quantiles::of(part.latencies) };
        let phase = |((phase, _, _), mut parts): ((Phase, At, At), Vec<(String, Part)>)| {
            parts.sort_by(|(one, _), (other, _)| one.cmp(other));
            parts.into_iter().map(move |(operation, Part { counts, latencies })| PhaseTraffic {
                phase,
                operation,
                counts,
                latency: Quantiles::of(latencies),
            })
        };
        Traffic {
            from: self.from,
            to,
            width_s: self.width_s,
            buckets: self.buckets.into_iter().map(bucket).collect(),
            phases: self.spans.into_iter().zip(self.phases).flat_map(phase).collect(),
            total: self.total,
        }
    }
}

/// The part called `name`, of few, made if there is none.
fn part_of<'p>(parts: &'p mut Vec<(String, Part)>, name: &str) -> &'p mut Part {
    let place = parts.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        parts.push((name.to_owned(), Part::new()));
        parts.len() - 1
    });
    &mut parts[place].1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofload_history::operation::UNSENT_GENERATOR;
    use proofload_history::{Entry, Event, Id, Operation, Table};

    fn traffic(operations: &[Operation]) -> Traffic {
        let history = History { operations: Table::of(operations).expect("it is encoded"), ..History::default() };
        Traffic::of(&history).expect("it is read")
    }

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
        let quantiles = Quantiles::of((1..=100).rev().map(|ms| ms * 1_000_000).collect()).expect("there are samples");
        assert_eq!((quantiles.p50_ms, quantiles.p95_ms, quantiles.p99_ms), (50.0, 95.0, 99.0));
    }

    #[test]
    fn no_samples_have_no_quantile() {
        assert_eq!(Quantiles::of(Durations::default()), None);
    }

    #[test]
    fn an_operation_without_an_answer_makes_the_high_quantiles_infinite_and_not_the_low_ones() {
        let mut operations: Vec<Operation> = (0..10).map(|n| operation(0.1 * f64::from(n), 20, Outcome::Ok)).collect();
        operations.push(operation(0.95, 20, Outcome::Indeterminate));
        let traffic = self::traffic(&operations);
        let latency = traffic.buckets[0].latency.expect("there are samples");
        assert_eq!((latency.p50_ms, latency.p99_ms), (20.0, f64::INFINITY));
    }

    #[test]
    fn latencies_count_as_the_check_counts_them() {
        let latency = |change: fn(&mut Operation)| {
            let mut operation = operation(0.5, 1, Outcome::Fail);
            change(&mut operation);
            traffic(&[operation]).buckets[0].latency
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
        let traffic = self::traffic(&operations);
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
        let operations = Table::of(&[operation(0.9, 500, Outcome::Ok)]).expect("it is encoded");
        let mut history = History { operations, ..History::default() };
        for (at, phase) in [(0, Phase::WarmUp), (1, Phase::Steady), (3, Phase::Observe)] {
            history.journal.entries.push(Entry { at: At(at * 1_000_000_000), event: Event::PhaseStarted { phase } });
        }
        let traffic = Traffic::of(&history).expect("it is read");
        let phases: Vec<Phase> = traffic.phases.iter().map(|of| of.phase).collect();
        assert_eq!(phases, [Phase::WarmUp]);
    }
}
