//! Limits on quantiles, as experiments write them, and what a sample says of each.

use crate::check::{FigureTable, QUANTILES};
use crate::statistics::durations::Sorted;
use crate::statistics::quantile::{self, PerMille, Quantile};
use crate::{Finding, Judgement, wording};
use proofload_history::Period;

/// Together the two ends of a quantile's interval hold with this confidence.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// The figures of [`Rows::tell`].
pub(super) const FIGURES: FigureTable = &[
    ("pN_ms", "a quantile; without a value it is infinite"),
    ("pN_low_ms", "the lower end of its interval"),
    ("pN_high_ms", "the upper end"),
    ("pN_limit_ms", "what was promised"),
];

/// The limits of a table by its keys p50, p90, p95, p99 and p999: quantiles with nanoseconds, in ascending order.
///
/// # Errors
/// If there is none.
pub(super) fn limits(promised: [Option<Period>; 5]) -> Result<Vec<(PerMille, u64)>, String> {
    let limits: Vec<(PerMille, u64)> = QUANTILES
        .into_iter()
        .zip(promised)
        .filter_map(|(of, limit)| Some((of, u64::try_from(limit?.0.as_nanos()).unwrap_or(u64::MAX))))
        .collect();
    if limits.is_empty() {
        return Err("no limit: write at least one of p50, p90, p95, p99, p999, such as p95 = \"300ms\"".into());
    }
    Ok(limits)
}

/// The quantiles of a sample, each beside its limit.
pub(super) struct Rows(Vec<Row>);

impl Rows {
    /// Of a sample; none without samples.
    pub(super) fn of(sorted: &Sorted, limits: &[(PerMille, u64)]) -> Self {
        Self(limits.iter().filter_map(|limit| Row::of(sorted, *limit)).collect())
    }

    /// The worst of the answers; unknown if there is none.
    pub(super) fn judgement(&self) -> Judgement {
        self.0.iter().map(|row| row.judgement).max().unwrap_or(Judgement::Unknown)
    }

    /// The quantiles behind that answer, without a full stop.
    pub(super) fn sentence(&self) -> String {
        let worst = self.judgement();
        self.0.iter().filter(|row| row.judgement == worst).map(Row::sentence).collect::<Vec<_>>().join("; ")
    }

    /// The least limit that was not kept, if one was not.
    pub(super) fn least_broken(&self) -> Option<u64> {
        self.0.iter().filter(|row| row.judgement == Judgement::Fail).map(|row| row.limit).min()
    }

    /// Adds the figures and the evidence of every quantile.
    pub(super) fn tell(&self, finding: Finding) -> Finding {
        self.0.iter().fold(finding, |finding, row| row.tell(finding))
    }
}

/// One quantile beside its limit: a fail if its interval lies above the limit, a pass if it lies at or below, else
/// unknown: then the samples do not suffice to tell.
struct Row {
    of: PerMille,
    limit: u64,
    seen: Quantile<u64>,
    samples: u64,
    judgement: Judgement,
}

impl Row {
    fn of(sorted: &Sorted, (of, limit): (PerMille, u64)) -> Option<Self> {
        let seen = sorted.quantile(of, CONFIDENCE)?;
        let judgement = if seen.low.is_some_and(|low| low > limit) {
            Judgement::Fail
        } else if seen.high.is_some_and(|high| high <= limit) {
            Judgement::Pass
        } else {
            Judgement::Unknown
        };
        Some(Self { of, limit, seen, samples: sorted.len(), judgement })
    }

    fn sentence(&self) -> String {
        let (of, value, limit) = (self.of, wording::latency(self.seen.value), wording::latency(self.limit));
        match self.judgement {
            Judgement::Pass => format!("{of} was {value}, within {limit}"),
            Judgement::Fail => format!("{of} was {value}, above {limit}"),
            Judgement::Unknown if self.seen.high.is_none() => format!(
                "{of} was {value}, but {} are too few to tell it from {limit}: it takes {}",
                wording::plural(self.samples, "sample"),
                wording::count(quantile::samples_needed(of, CONFIDENCE))
            ),
            Judgement::Unknown => {
                format!("{of} was {value}, too close to {limit} to tell with {} samples", wording::count(self.samples))
            }
        }
    }

    fn tell(&self, finding: Finding) -> Finding {
        let end = |end: Option<u64>| end.map_or_else(|| "no sample".to_owned(), wording::latency);
        let (low, high) = (end(self.seen.low), end(self.seen.high));
        let limit = wording::latency(self.limit);
        let text = format!(
            "{}, between {low} and {high} with 95 % confidence; limit {limit}",
            wording::latency(self.seen.value)
        );
        finding
            .figure(&format!("{}_ms", self.of), wording::millis(self.seen.value))
            .figure(&format!("{}_low_ms", self.of), self.seen.low.and_then(wording::millis))
            .figure(&format!("{}_high_ms", self.of), self.seen.high.and_then(wording::millis))
            .figure(&format!("{}_limit_ms", self.of), wording::millis(self.limit))
            .evidence(&self.of.to_string(), text)
    }
}
