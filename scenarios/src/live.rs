//! What the traffic counts while it runs, for a display and for triggers. Nothing is judged by it.

use crate::tally::{microseconds, whole_us};
use hdrhistogram::Histogram;
use proofload_history::{At, Operation, Outcome};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How the traffic stands. All counts are since its start, all traffics taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveCounts {
    /// Arrivals that were due.
    pub offered: u64,
    /// Operations acknowledged.
    pub ok: u64,
    /// Operations that certainly did not happen, unsent ones included.
    pub fail: u64,
    /// Questions of clients that wait, answered with "not yet": fails in the history, and nobody's failure.
    pub not_yet: u64,
    /// Operations of which nobody knows.
    pub indeterminate: u64,
    /// Arrivals that a worker is carrying out.
    pub in_flight: u64,
    /// The 95th percentile of the latency, from the intended instant, of operations sent that ended in the last whole
    /// second. One without a usable answer counts as [`Duration::MAX`]. `None` if none ended.
    pub p95: Option<Duration>,
}

/// The counters behind [`LiveCounts`].
#[derive(Debug)]
pub(crate) struct Live {
    offered: AtomicU64,
    ok: AtomicU64,
    fail: AtomicU64,
    not_yet: AtomicU64,
    indeterminate: AtomicU64,
    in_flight: AtomicU64,
    window: Mutex<Window>,
    changed: Notify,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            offered: AtomicU64::new(0),
            ok: AtomicU64::new(0),
            fail: AtomicU64::new(0),
            not_yet: AtomicU64::new(0),
            indeterminate: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            window: Mutex::new(Window::new()),
            changed: Notify::new(),
        }
    }

    pub(crate) fn offered(&self) {
        self.offered.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    pub(crate) fn taken(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    pub(crate) fn finished(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// An operation has ended; `waits` if it asked for what its client waits for.
    pub(crate) fn ended(&self, operation: &Operation, waits: bool) {
        let counter = match operation.outcome {
            Outcome::Ok => &self.ok,
            Outcome::Fail if waits && operation.status.is_some() => &self.not_yet,
            Outcome::Fail => &self.fail,
            Outcome::Indeterminate => &self.indeterminate,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if operation.sent.is_some() {
            self.window().record(operation.done, operation.latency_ns().map(Duration::from_nanos));
        }
        self.changed.notify_waiters();
    }

    /// Returns when something has been counted since this was called, even if it is awaited later.
    pub(crate) fn changed(&self) -> impl Future<Output = ()> {
        self.changed.notified()
    }

    pub(crate) fn counts(&self, now: At) -> LiveCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LiveCounts {
            offered: load(&self.offered),
            ok: load(&self.ok),
            fail: load(&self.fail),
            not_yet: load(&self.not_yet),
            indeterminate: load(&self.indeterminate),
            in_flight: load(&self.in_flight),
            p95: self.window().p95(now),
        }
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The latencies of the second that is running, and the percentile of the one before.
#[derive(Debug)]
struct Window {
    second: u64,
    answered: Histogram<u64>,
    unanswered: u64,
    last: Option<Duration>,
}

impl Window {
    fn new() -> Self {
        Self { second: 0, answered: microseconds(), unanswered: 0, last: None }
    }

    fn record(&mut self, done: At, latency: Option<Duration>) {
        self.turn(done);
        match latency {
            Some(latency) => self.answered.saturating_record(whole_us(latency)),
            None => self.unanswered += 1,
        }
    }

    fn p95(&mut self, now: At) -> Option<Duration> {
        self.turn(now);
        self.last
    }

    fn turn(&mut self, now: At) {
        let second = now.0 / 1_000_000_000;
        // Threads record out of order by a little: a straggler counts for the second that is running.
        if second <= self.second {
            return;
        }
        self.last = if second == self.second + 1 { self.percentile() } else { None };
        self.second = second;
        self.answered.reset();
        self.unanswered = 0;
    }

    fn percentile(&self) -> Option<Duration> {
        let all = self.answered.len() + self.unanswered;
        // The smallest rank that at least 95 % of them are at or below.
        let rank = (all * 95).div_ceil(100);
        match all {
            0 => None,
            _ if rank > self.answered.len() => Some(Duration::MAX),
            _ => {
                let quantile = rank as f64 / self.answered.len() as f64;
                Some(Duration::from_micros(self.answered.value_at_quantile(quantile)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> At {
        At::from_secs_f64(seconds)
    }

    #[test]
    fn the_percentile_is_that_of_the_last_whole_second() {
        let mut window = Window::new();
        for ms in 1..=100 {
            window.record(at(4.2), Some(Duration::from_millis(ms)));
        }
        assert_eq!(window.p95(at(4.9)), None, "the second is not over");
        let p95 = window.p95(at(5.0)).unwrap();
        assert!((94..=96).contains(&p95.as_millis()), "{p95:?}");
        assert_eq!(window.p95(at(6.0)), None, "nothing ended in second 5");
    }

    #[test]
    fn operations_without_an_answer_count_as_infinite() {
        let mut window = Window::new();
        for n in 0..100 {
            window.record(at(1.5), (n >= 5).then_some(Duration::from_millis(1)));
        }
        assert_eq!(window.p95(at(2.0)).unwrap().as_millis(), 1, "5 % may be without");
        for n in 0..100 {
            window.record(at(2.5), (n >= 6).then_some(Duration::from_millis(1)));
        }
        assert_eq!(window.p95(at(3.0)), Some(Duration::MAX), "6 % may not");
    }
}
