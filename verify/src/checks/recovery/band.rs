//! When an operation is in band: at least 99 % of what is offered is accepted and its latencies are within bounds,
//! sustained.

use crate::check::Band;
use crate::checks::latency;
use crate::spans::{Spans, unsent_by_generator};
use crate::statistics::durations::Durations;
use crate::statistics::quantile::PerMille;
use proofload_history::{At, History, HistoryError, Outcome};
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

/// The bounds: for each quantile max(limit, 2 x its steady value). Why there are none, if the steady phase had no
/// samples, or answered nothing: then there is nothing to be back to.
pub(super) fn bounds(
    history: &History,
    band: &Band,
    steady: &Spans,
) -> Result<Result<Vec<Bound>, String>, HistoryError> {
    let mut latencies = Durations::default();
    steady.each_operation(history, &band.operation, |made| {
        if let Some(latency) = latency::of_operation(made) {
            latencies.push(latency);
        }
    })?;
    let latencies = latencies.sorted();
    if latencies.len() < SAMPLES as u64 {
        return Ok(Err(format!(
            "the steady phase has {} samples of {}, fewer than the {SAMPLES} that it takes to know what to be back to",
            latencies.len(),
            band.operation
        )));
    }
    let bound = |(of, limit): &(PerMille, u64)| match latencies.value(*of) {
        None | Some(u64::MAX) => Err(format!("{of} of {} was infinite in the steady phase already", band.operation)),
        Some(steady) => Ok((*of, (*limit).max(steady.saturating_mul(TIMES_STEADY)))),
    };
    Ok(band.limits.iter().map(bound).collect())
}

/// An operation, as far as the band asks for it. Ordered by the instant at which it was intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Offered {
    at: At,
    done: At,
    /// [`NO_LATENCY`] for one that does not count.
    latency: u64,
    accepted: bool,
}

/// No operation takes as long and gets an answer.
const NO_LATENCY: u64 = u64::MAX - 1;

/// All operations that were intended since an instant, in order: what came of each fault is looked up in them. One pass
/// over the operations, and 32 bytes for each of them.
pub(super) struct Offer(Vec<Offered>);

impl Offer {
    pub(super) fn since(history: &History, operation: &str, from: At) -> Result<Self, HistoryError> {
        let mut offered = Vec::new();
        history.operations.each(|made| {
            if made.intended() >= from && made.name() == operation && !unsent_by_generator(made) {
                offered.push(Offered {
                    at: made.intended(),
                    done: made.done(),
                    latency: latency::of_operation(made).unwrap_or(NO_LATENCY),
                    accepted: made.outcome() == Outcome::Ok && made.sent().is_some(),
                });
            }
        })?;
        offered.sort_unstable();
        Ok(Self(offered))
    }

    /// Those that were intended in `from..until`.
    fn between(&self, from: At, until: At) -> &[Offered] {
        let first = self.0.partition_point(|one| one.at < from);
        let end = self.0.partition_point(|one| one.at < until);
        self.0.get(first..end).unwrap_or_default()
    }
}

/// The operations of a span of time in order of their intended instants, with running totals, so that any window is
/// judged in constant time.
pub(super) struct Course {
    from: At,
    until: At,
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
    /// The band was never left.
    Kept,
    /// In band from here on, and not out of it again.
    At(At),
    /// Not before this instant: from here on the span is too short to tell.
    NotUntil(At),
}

/// When the last operation called `operation` was due: what comes later nobody asked for.
pub(super) fn traffic_end(history: &History, operation: &str) -> Result<Option<At>, HistoryError> {
    let mut end = None;
    history.operations.each(|made| {
        if made.name() == operation {
            end = end.max(Some(made.intended()));
        }
    })?;
    Ok(end)
}

impl Course {
    /// The operations intended in `from..until`. What is answered later than `change` was not answered in the span: what
    /// changed then (a heal, another fault) may have answered it. It counts as unanswered if it had waited for longer than
    /// every bound by then, else it does not count. That the traffic ends changes nothing about an answer.
    /// O(n log n) in the operations called as the band's.
    pub(super) fn of(offer: &Offer, bounds: &[Bound], (from, until): (At, At), change: At) -> Self {
        let patience = bounds.iter().map(|(_, bound)| *bound).max().unwrap_or_default();
        let mut rows: Vec<(At, bool, Option<u64>)> = offer
            .between(from, until)
            .iter()
            .filter_map(|made| match made.done > change {
                true if change.0 - made.at.0 <= patience => None,
                true => Some((made.at, false, Some(u64::MAX))),
                false => Some((made.at, made.accepted, Some(made.latency).filter(|latency| *latency != NO_LATENCY))),
            })
            .collect();
        rows.sort_unstable();
        let within = |bound: u64| move |nanos: Option<u64>| nanos.is_some_and(|nanos| nanos <= bound);
        Self {
            from,
            until,
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

    /// The first good operation from which on every window of [`SUSTAINED`] and [`SAMPLES`] or more that ends within
    /// the span is in band.
    pub(super) fn settles(&self) -> Found {
        let (mut end, mut whole, mut last_out) = (0, 0, None);
        for first in 0..self.at.len() {
            end = end.max(first + SAMPLES);
            if end > self.at.len() || self.at[first] + SUSTAINED > self.until {
                break;
            }
            while end < self.at.len() && self.at[end] < self.at[first] + SUSTAINED {
                end += 1;
            }
            whole = first + 1;
            if !self.in_band(first, end) {
                last_out = Some(first);
            }
        }
        if whole == 0 {
            return Found::NotUntil(self.at.first().copied().unwrap_or(self.from));
        }
        let Some(out) = last_out else { return Found::Kept };
        let back = (out + 1..whole).find(|first| self.good[*first]);
        back.map_or_else(
            || Found::NotUntil(self.at.get(whole).copied().unwrap_or(self.until)),
            |first| Found::At(self.at[first]),
        )
    }

    /// Whether the operations `first..end` are in band.
    fn in_band(&self, first: usize, end: usize) -> bool {
        let within = |totals: &[u64]| totals[end] - totals[first];
        let offered = (end - first) as u64;
        let measured = within(&self.measured);
        within(&self.accepted) * 100 >= offered * ACCEPTED_PER_CENT
            && self.bounds.iter().all(|(of, totals)| within(totals) >= of.rank(measured))
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
    fn model(rows: &[(At, bool, u64)], from: At, until: At) -> Found {
        let rows: Vec<_> = rows.iter().filter(|row| from <= row.0 && row.0 < until).copied().collect();
        let sustained = |window: &[(At, bool, u64)]| {
            let accepted = window.iter().filter(|row| row.1).count();
            let quick = window.iter().filter(|row| row.2 <= BOUNDS[0].1).count();
            accepted as f64 >= 0.99 * window.len() as f64 && quick as f64 >= 0.95 * window.len() as f64
        };
        let window = |first: usize| {
            let in_time = rows[first..].iter().take_while(|other| other.0 < rows[first].0 + SUSTAINED).count();
            let whole = rows[first].0 + SUSTAINED <= until;
            rows.get(first..first + in_time.max(SAMPLES)).filter(|_| whole)
        };
        let windows: Vec<bool> = (0..rows.len()).map_while(|first| window(first).map(sustained)).collect();
        if windows.is_empty() {
            return Found::NotUntil(rows.first().map_or(from, |row| row.0));
        }
        if windows.iter().all(|in_band| *in_band) {
            return Found::Kept;
        }
        let stays = |first: &usize| windows[*first..].iter().all(|in_band| *in_band);
        let good = |first: &usize| rows[*first].1 && rows[*first].2 <= BOUNDS[0].1;
        let back = (0..windows.len()).find(|first| good(first) && stays(first));
        let end = rows.get(windows.len()).map_or(until, |row| row.0);
        back.map_or(Found::NotUntil(end), |first| Found::At(rows[first].0))
    }

    proptest! {
        #[test]
        fn the_band_is_found_where_looking_at_every_window_finds_it(
            quiet in 0u64..400, bad in 0u64..300, good in 0u64..600, one_bad_in in 5u64..400, gap_ms in 5u64..60,
            from in 0u64..10, length in 0u64..40, later in prop_oneof![Just(0), 0u64..2_000],
        ) {
            let (from, until) = (At::from_secs_f64(from as f64), At::from_secs_f64((from + length) as f64));
            let change = At(until.0 + later * 1_000_000);
            let mut script = Script::new();
            let mut rows = Vec::new();
            for n in 0..quiet + bad + good {
                let broken = (quiet..quiet + bad).contains(&n) || n % one_bad_in == 0;
                let (at, latency_ms) = ((n * gap_ms) as f64 / 1e3, if broken { 400 } else { 20 });
                let outcome = if broken && n % 2 == 0 { Outcome::Indeterminate } else { Outcome::Ok };
                script.timed(n, at, latency_ms, outcome);
                let intended = At::from_secs_f64(at);
                let done = At(intended.0 + latency_ms * 1_000_000);
                let nanos = if outcome == Outcome::Ok { latency_ms * 1_000_000 } else { u64::MAX };
                if done <= change {
                    rows.push((intended, outcome == Outcome::Ok, nanos));
                } else if intended.0 + BOUNDS[0].1 < change.0 {
                    rows.push((intended, false, u64::MAX));
                }
            }
            let offer = Offer::since(&script.history(), Script::OPERATION, from).unwrap();
            let course = Course::of(&offer, BOUNDS, (from, until), change);
            prop_assert_eq!(course.settles(), model(&rows, from, until));
        }
    }

    fn secs(secs: f64) -> At {
        At::from_secs_f64(secs)
    }

    #[test]
    fn what_was_intended_at_the_end_of_a_span_belongs_to_the_next() {
        let mut script = Script::new();
        for (n, at) in (0..).zip([1.0, 1.5, 2.0]) {
            script.timed(n, at, 20, Outcome::Ok);
        }
        let offer = Offer::since(&script.history(), Script::OPERATION, At(0)).unwrap();
        assert_eq!([offer.between(secs(1.0), secs(2.0)).len(), offer.between(secs(2.0), secs(3.0)).len()], [2, 1]);
    }

    #[test]
    fn what_was_answered_when_the_circumstances_changed_was_answered_before_it() {
        let mut script = Script::new();
        script.timed(0, 1.0, 500, Outcome::Ok);
        let offer = Offer::since(&script.history(), Script::OPERATION, At(0)).unwrap();
        let answered = |change: At| Course::of(&offer, BOUNDS, (secs(0.0), secs(1.4)), change).accepted[1];
        assert_eq!([answered(secs(1.5)), answered(At(secs(1.5).0 - 1))], [1, 0]);
    }

    #[test]
    fn a_window_of_five_seconds_does_not_hold_what_is_intended_at_its_end() {
        // One in a hundred may be bad: two are, but the second is intended 5 s after the first of all.
        let mut script = Script::new();
        for n in 0..=100 {
            let outcome = if n == 50 || n == 100 { Outcome::Fail } else { Outcome::Ok };
            script.timed(n, n as f64 / 20.0, 20, outcome);
        }
        let offer = Offer::since(&script.history(), Script::OPERATION, At(0)).unwrap();
        let course = Course::of(&offer, BOUNDS, (At(0), secs(5.02)), secs(6.0));
        assert_eq!(course.settles(), Found::Kept);
    }
}
