//! What the generator counts of itself: it becomes the load audit.

use crate::walk::End;
use hdrhistogram::Histogram;
use proofload_history::At;
use proofload_history::journal::{Journeys, LoadAudit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An arrival that is sent later than this for reasons of the generator counts as its failure...
const LATE: Duration = Duration::from_millis(250);
/// ...and one that the pacer comes to even later is not sent any more, so that it can catch up.
const TOO_LATE: Duration = Duration::from_secs(1);

/// The counts of one traffic.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) scheduled: Count,
    pub(crate) sent: Count,
    pub(crate) unsent_workers_waiting: Count,
    /// Unsent, or sent late, while workers were idle.
    pub(crate) unsent_generator: Count,
    pub(crate) panics: Count,
    pub(crate) pacer_lag: Lags,
    pub(crate) dispatch_lag: Lags,
    pub(crate) begun: Count,
    ended: [Count; End::KINDS],
}

impl Tally {
    pub(crate) fn audit(&self, traffic: &str, workers: u64, workers_busy_max: u64, goose_requests: u64) -> LoadAudit {
        LoadAudit {
            traffic: traffic.to_owned(),
            scheduled: self.scheduled.get(),
            sent: self.sent.get(),
            unsent_workers_waiting: self.unsent_workers_waiting.get(),
            unsent_generator: self.unsent_generator.get(),
            workers,
            workers_busy_max,
            pacer_lag_us: self.pacer_lag.quantiles(),
            dispatch_lag_us: self.dispatch_lag.quantiles(),
            goose_requests,
            panics: self.panics.get(),
            journeys: self.journeys(),
        }
    }

    /// An arrival's journey has ended.
    pub(crate) fn ended(&self, end: End) {
        self.ended[end as usize].add_one();
    }

    fn journeys(&self) -> Journeys {
        let ended = |end: End| self.ended[end as usize].get();
        Journeys {
            begun: self.begun.get(),
            completed: ended(End::Completed),
            unless: ended(End::Unless),
            not_ok: ended(End::NotOk),
            waited_in_vain: ended(End::WaitedInVain),
            without_value: ended(End::WithoutValue),
        }
    }
}

/// A counter that any thread may raise.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The distribution of a lag, in microseconds.
#[derive(Debug)]
pub(crate) struct Lags(Mutex<Histogram<u64>>);

impl Default for Lags {
    fn default() -> Self {
        Self(Mutex::new(microseconds()))
    }
}

impl Lags {
    pub(crate) fn record(&self, lag: Duration) {
        self.lock().saturating_record(whole_us(lag));
    }

    /// The quantiles 0.5, 0.99 and 1; zeros if nothing was recorded.
    fn quantiles(&self) -> [u64; 3] {
        let lags = self.lock();
        [lags.value_at_quantile(0.5), lags.value_at_quantile(0.99), lags.max()]
    }

    fn lock(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An empty histogram from a microsecond to an hour, with three significant digits; longer is recorded as an hour.
pub(crate) fn microseconds() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are in order and the digits at most five")
}

pub(crate) fn whole_us(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Whether an arrival that no worker kept waiting is late enough to be the generator's failure.
pub(crate) fn late(intended: At, sent: At) -> bool {
    sent.since(intended) > LATE
}

/// Whether the pacer is too late to send it at all.
pub(crate) fn too_late(intended: At, now: At) -> bool {
    now.since(intended) > TOO_LATE
}
