//! When an operation is in band: at least 99 % of what is offered is accepted and its latencies are within bounds,
//! sustained.

use crate::check::Band;
use crate::checks::latency;
use crate::spans::{Spans, unsent_by_generator};
use crate::statistics::quantile::PerMille;
use proofload_history::{At, History, Outcome};
use std::time::Duration;

/// For how long, at least, the band must be kept.
pub(super) const SUSTAINED: Duration = Duration::from_secs(5);
/// Over how many operations, at least, it must be kept.
pub(super) const SAMPLES: usize = 100;
/// At least 99 in 100 of what is offered must be accepted.
const ACCEPTED_PER_CENT: u64 = 99;
/// A quantile may be this many times its steady value, where that is above the limit.
const TIMES_STEADY: u64 = 2;

/// A quantile and the bound that it must keep, in nanoseconds.
pub(super) type Bound = (PerMille, u64);

/// The bounds: for each quantile max(limit, 2 x its steady value).
///
/// # Errors
/// If the steady phase had no samples, or answered nothing: then there is nothing to be back to.
pub(super) fn bounds(history: &History, band: &Band, steady: &Spans) -> Result<Vec<Bound>, String> {
    let latencies = latency::sorted(history, steady, &band.operation);
    if latencies.len() < SAMPLES {
        return Err(format!(
            "the steady phase has {} samples of {}, fewer than the {SAMPLES} that it takes to know what to be back to",
            latencies.len(),
            band.operation
        ));
    }
    let bound = |(of, limit): &(PerMille, u64)| match latencies[of.rank(latencies.len()) - 1] {
        u64::MAX => Err(format!("{of} of {} was infinite in the steady phase already", band.operation)),
        steady => Ok((*of, (*limit).max(steady.saturating_mul(TIMES_STEADY)))),
    };
    band.limits.iter().map(bound).collect()
}

/// The operations of a run in order of their intended instants, with running totals, so that any window is judged in
/// constant time.
pub(super) struct Course {
    at: Vec<At>,
    /// Whether each one is good by itself: accepted, and within every bound.
    good: Vec<bool>,
    accepted: Vec<u64>,
    measured: Vec<u64>,
    bounds: Vec<(PerMille, Vec<u64>)>,
}

/// What was found when the band was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// In band from here on, sustained.
    At(At),
    /// Not before this instant: the end of the span searched, or that from which on the run is too short to tell.
    NotUntil(At),
}

impl Course {
    /// O(n log n) in the operations called as the band's.
    pub(super) fn of(history: &History, operation: &str, bounds: &[Bound]) -> Self {
        let mut rows: Vec<_> = history
            .operations
            .iter()
            .filter(|made| &*made.name == operation && !unsent_by_generator(made))
            .map(|made| {
                (made.intended, made.outcome == Outcome::Ok && made.sent.is_some(), latency::of_operation(made))
            })
            .collect();
        rows.sort_unstable();
        let within = |bound: u64| move |nanos: Option<u64>| nanos.is_some_and(|nanos| nanos <= bound);
        Self {
            at: rows.iter().map(|row| row.0).collect(),
            good: rows.iter().map(|row| row.1 && bounds.iter().all(|(_, bound)| within(*bound)(row.2))).collect(),
            accepted: totals(rows.iter().map(|row| row.1)),
            measured: totals(rows.iter().map(|row| row.2.is_some())),
            bounds: bounds
                .iter()
                .map(|(of, bound)| (*of, totals(rows.iter().map(|row| within(*bound)(row.2)))))
                .collect(),
        }
    }

    /// The instant of the last operation.
    pub(super) fn end(&self) -> Option<At> {
        self.at.last().copied()
    }

    /// The first good operation intended in `from..until` that begins a window in band of [`SUSTAINED`] and
    /// [`SAMPLES`] or more.
    pub(super) fn first_in_band(&self, from: At, until: At) -> Found {
        let start = self.at.partition_point(|at| *at < from);
        let mut end = start;
        for first in start..self.at.len() {
            if self.at[first] >= until {
                return Found::NotUntil(until);
            }
            end = end.max(first + SAMPLES);
            while end < self.at.len() && self.at[end] < self.at[first] + SUSTAINED {
                end += 1;
            }
            // The window is whole when an operation is seen after it.
            if end >= self.at.len() {
                return Found::NotUntil(self.at[first]);
            }
            if self.good[first] && self.in_band(first, end) {
                return Found::At(self.at[first]);
            }
        }
        Found::NotUntil(self.end().unwrap_or_default().max(from))
    }

    /// Whether the operations `first..end` are in band.
    fn in_band(&self, first: usize, end: usize) -> bool {
        let within = |totals: &[u64]| totals[end] - totals[first];
        let offered = (end - first) as u64;
        let measured = within(&self.measured) as usize;
        within(&self.accepted) * 100 >= offered * ACCEPTED_PER_CENT
            && self.bounds.iter().all(|(of, totals)| within(totals) >= of.rank(measured) as u64)
    }
}

/// Running totals: the n-th is how many of the first n hold.
fn totals(holds: impl Iterator<Item = bool>) -> Vec<u64> {
    let mut sum = 0;
    std::iter::once(0)
        .chain(holds.map(|holds| {
            sum += u64::from(holds);
            sum
        }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Script;
    use proptest::prelude::*;

    const BOUNDS: &[Bound] = &[(PerMille(950), 100_000_000)];

    /// The slow and obvious model: every window looked at operation by operation.
    fn model(rows: &[(At, bool, u64)], from: At) -> Found {
        for (first, row) in rows.iter().enumerate().filter(|(_, row)| row.0 >= from) {
            let in_time = rows[first..].iter().take_while(|other| other.0 < row.0 + SUSTAINED).count();
            let window = in_time.max(SAMPLES);
            let Some(window) = (first + window < rows.len()).then(|| &rows[first..first + window]) else {
                return Found::NotUntil(row.0);
            };
            let accepted = window.iter().filter(|row| row.1).count();
            let quick = window.iter().filter(|row| row.2 <= BOUNDS[0].1).count();
            let sustained = accepted as f64 >= 0.99 * window.len() as f64 && quick as f64 >= 0.95 * window.len() as f64;
            if row.1 && row.2 <= BOUNDS[0].1 && sustained {
                return Found::At(row.0);
            }
        }
        Found::NotUntil(from.max(rows.last().map(|row| row.0).unwrap_or_default()))
    }

    proptest! {
        #[test]
        fn the_band_is_found_where_looking_at_every_window_finds_it(
            quiet in 0u64..400, bad in 0u64..300, good in 0u64..600, one_bad_in in 5u64..400, gap_ms in 5u64..60, from in 0u64..10,
        ) {
            let mut script = Script::new();
            let mut rows = Vec::new();
            for n in 0..quiet + bad + good {
                let broken = (quiet..quiet + bad).contains(&n) || n % one_bad_in == 0;
                let (at, latency_ms) = ((n * gap_ms) as f64 / 1e3, if broken { 400 } else { 20 });
                let outcome = if broken && n % 2 == 0 { Outcome::Indeterminate } else { Outcome::Ok };
                script.timed(n, at, latency_ms, outcome);
                let nanos = if outcome == Outcome::Ok { latency_ms * 1_000_000 } else { u64::MAX };
                rows.push((At::from_secs_f64(at), outcome == Outcome::Ok, nanos));
            }
            let course = Course::of(&script.history(), Script::OPERATION, BOUNDS);
            let from = At::from_secs_f64(from as f64);
            prop_assert_eq!(course.first_in_band(from, At(u64::MAX)), model(&rows, from));
        }
    }
}
