//! When an operation is in band: at least 99 % of what is offered is accepted and its latencies are within bounds,
//! sustained.

use crate::Budget;
use crate::check::Band;
use crate::checks::{in_order, latency};
use crate::spans::{Spans, unsent_by_generator};
use crate::statistics::durations::Durations;
use crate::statistics::quantile::PerMille;
use proofload_history::{At, History, HistoryError, OperationRef, Outcome};
use std::cmp::Reverse;
use std::collections::VecDeque;
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

/// An operation, as far as the band asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Offered {
    done: At,
    /// [`NO_LATENCY`] for one that does not count.
    latency: u64,
    accepted: bool,
}

/// No operation takes as long and gets an answer.
const NO_LATENCY: u64 = u64::MAX - 1;

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

/// What each of `courses` finds among the operations called `operation`. In the order of their intended instants, in as
/// many passes as the budget asks for; a course holds the operations of 5 s, or a hundred.
pub(super) fn follow(
    history: &History,
    budget: Budget,
    operation: &str,
    mut courses: Vec<Course<'_>>,
) -> Result<Vec<Found>, HistoryError> {
    let mut waiting: Vec<usize> = (0..courses.len()).collect();
    waiting.sort_unstable_by_key(|course| Reverse(courses[*course].from));
    let mut running: Vec<usize> = Vec::new();
    let from = courses.iter().map(|course| course.from).min().unwrap_or(At(u64::MAX));
    let keep = |_, made: OperationRef<'_>| {
        let counts = made.intended() >= from && made.name() == operation && !unsent_by_generator(made);
        let offered = || Offered {
            done: made.done(),
            latency: latency::of_operation(made).unwrap_or(NO_LATENCY),
            accepted: made.outcome() == Outcome::Ok && made.sent().is_some(),
        };
        [counts.then(|| (made.intended(), offered()))]
    };
    in_order::of_operations(history, budget, keep, |at, offered| {
        while let Some(course) = waiting.pop_if(|course| courses[*course].from <= at) {
            running.push(course);
        }
        running.retain(|course| at < courses[*course].until);
        running.iter().for_each(|course| courses[*course].take(at, offered));
    })?;
    Ok(courses.into_iter().map(Course::settles).collect())
}

/// The operations of a span of time, as they come in order of their intended instants. Of every window of [`SUSTAINED`]
/// and [`SAMPLES`] or more it is judged whether it is in band, and no more is held than is in one.
pub(super) struct Course<'b> {
    from: At,
    until: At,
    change: At,
    bounds: &'b [Bound],
    /// Those from which on the window is not whole yet.
    window: VecDeque<Row>,
    /// What they come to.
    within: Within,
    /// The first of all.
    first: Option<At>,
    /// Whether any window was whole.
    whole: bool,
    /// Whether any window was out of band.
    left: bool,
    /// The first good operation that has had no window out of band since.
    back: Option<At>,
}

/// An operation of a course. It has no latency if it does not count, and an infinite one if it was not answered.
struct Row {
    at: At,
    accepted: bool,
    latency: Option<u64>,
}

/// How many operations of a window...
#[derive(Default)]
struct Within {
    /// ...were accepted,
    accepted: u64,
    /// ...count for the latency,
    measured: u64,
    /// ...and are within each bound.
    bounds: Vec<u64>,
}

impl<'b> Course<'b> {
    /// The operations intended in `from..until`. What is answered later than `change` was not answered in the span: what
    /// changed then (a heal, another fault) may have answered it. It counts as unanswered if it had waited for longer than
    /// every bound by then, else it does not count. That the traffic ends changes nothing about an answer.
    pub(super) fn new(bounds: &'b [Bound], (from, until): (At, At), change: At) -> Self {
        Self {
            from,
            until,
            change,
            bounds,
            window: VecDeque::new(),
            within: Within { bounds: vec![0; bounds.len()], ..Within::default() },
            first: None,
            whole: false,
            left: false,
            back: None,
        }
    }

    /// The next operation of the span.
    fn take(&mut self, at: At, offered: Offered) {
        let patience = self.bounds.iter().map(|(_, bound)| *bound).max().unwrap_or_default();
        let row = match offered.done > self.change {
            true if self.change.0 - at.0 <= patience => return,
            true => Row { at, accepted: false, latency: Some(u64::MAX) },
            false => {
                let latency = Some(offered.latency).filter(|latency| *latency != NO_LATENCY);
                Row { at, accepted: offered.accepted, latency }
            }
        };
        while self.is_whole(at) {
            self.judge_first();
        }
        self.first = self.first.or(Some(at));
        self.within.count(&row, self.bounds, |number| *number += 1);
        self.window.push_back(row);
    }

    /// Whether the window that begins with the first one held is whole if what comes next comes at `next`.
    fn is_whole(&self, next: At) -> bool {
        self.window.len() >= SAMPLES && self.window.front().is_some_and(|first| first.at + SUSTAINED <= next)
    }

    /// Judges the window that begins with the first one held, which is whole.
    fn judge_first(&mut self) {
        let in_band = self.within.in_band(self.window.len() as u64, self.bounds);
        let Some(first) = self.window.pop_front() else { return };
        self.within.count(&first, self.bounds, |number| *number -= 1);
        self.whole = true;
        if !in_band {
            (self.left, self.back) = (true, None);
        } else if self.left && self.back.is_none() && first.is_good(self.bounds) {
            self.back = Some(first.at);
        }
    }

    /// When all have come: the first good operation from which on every whole window that ends within the span is in band.
    fn settles(mut self) -> Found {
        while self.is_whole(self.until) {
            self.judge_first();
        }
        let next = self.window.front().map(|row| row.at);
        match self.back {
            _ if !self.whole => Found::NotUntil(self.first.unwrap_or(self.from)),
            _ if !self.left => Found::Kept,
            Some(at) => Found::At(at),
            None => Found::NotUntil(next.unwrap_or(self.until)),
        }
    }
}

impl Row {
    fn within(&self, bound: u64) -> bool {
        self.latency.is_some_and(|latency| latency <= bound)
    }

    /// Whether it is good by itself: accepted, and within every bound.
    fn is_good(&self, bounds: &[Bound]) -> bool {
        self.accepted && bounds.iter().all(|(_, bound)| self.within(*bound))
    }
}

impl Within {
    /// Changes the numbers in which an operation counts.
    fn count(&mut self, row: &Row, bounds: &[Bound], change: impl Fn(&mut u64)) {
        if row.accepted {
            change(&mut self.accepted);
        }
        if row.latency.is_some() {
            change(&mut self.measured);
        }
        let within = self.bounds.iter_mut().zip(bounds).filter(|(_, (_, bound))| row.within(*bound));
        within.for_each(|(number, _)| change(number));
    }

    /// Whether a window of so many operations is in band.
    fn in_band(&self, offered: u64, bounds: &[Bound]) -> bool {
        self.accepted * 100 >= offered * ACCEPTED_PER_CENT
            && self.bounds.iter().zip(bounds).all(|(within, (of, _))| *within >= of.rank(self.measured))
    }
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

    /// What is found in each span, with the instant at which the circumstances changed.
    fn found(script: &Script, budget: Budget, spans: &[(At, At, At)]) -> Vec<Found> {
        let course = |(from, until, change): &(At, At, At)| Course::new(BOUNDS, (*from, *until), *change);
        follow(&script.history(), budget, Script::OPERATION, spans.iter().map(course).collect()).unwrap()
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
            let expected = model(&rows, from, until);
            for budget in [Budget::OF_CHECK, Budget::Passes(4)] {
                // Between one that begins when it ends and one that goes on for longer.
                let (whole, later) = ((from, At(u64::MAX), At(u64::MAX)), (until, At(u64::MAX), At(u64::MAX)));
                let found = found(&script, budget, &[later, (from, until, change), whole]);
                prop_assert_eq!(found[1], expected);
            }
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
        let spans = [(1.0, 2.0), (1.75, 2.0), (2.0, 3.0)].map(|(from, until)| (secs(from), secs(until), secs(9.0)));
        let first = [1.0, 1.75, 2.0].map(|at| Found::NotUntil(secs(at)));
        assert_eq!(found(&script, Budget::OF_CHECK, &spans), first);
    }

    #[test]
    fn what_was_answered_when_the_circumstances_changed_was_answered_before_it() {
        let answered = |change: At| {
            let mut course = Course::new(BOUNDS, (secs(0.0), secs(1.4)), change);
            course.take(secs(1.0), Offered { done: secs(1.5), latency: 500_000_000, accepted: true });
            course.within.accepted
        };
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
        let found = found(&script, Budget::OF_CHECK, &[(At(0), secs(5.02), secs(6.0))]);
        assert_eq!(found, [Found::Kept]);
    }
}
