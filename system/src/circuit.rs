//! A circuit that opens after failures in a row, so that a dead dependency costs nobody its time-out.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use metrics::Gauge;

/// Failures in a row that open the circuit.
const TOLERATED: u32 = 3;
/// How long it stays open before one caller tries again.
const OPEN: Duration = Duration::from_secs(1);

/// Closed (calls go through), open (none do), and half open: one call tries, the others still do not. Its metric says
/// that it is open until a call has succeeded.
pub(super) struct Circuit {
    state: Mutex<State>,
    open: Gauge,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Circuit {
    /// A closed one before a dependency, by the name that metrics know it by.
    pub(super) fn new(dependency: &str) -> Self {
        let open = metrics::gauge!("lending_breaker_open", "dependency" => dependency.to_owned());
        open.set(0.0);
        Self { state: Mutex::default(), open }
    }

    /// Whether a call may be made at `now`. Who is allowed through an open circuit is the one that tries.
    pub(super) fn allows(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now + OPEN);
                true
            }
        }
    }

    /// A call succeeded: everyone may call.
    pub(super) fn succeeded(&self) {
        let mut state = self.lock();
        *state = State::default();
        // While nobody else can change it: the last that is told is the last that is so.
        self.open.set(0.0);
    }

    /// A call failed at `now`.
    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= TOLERATED {
            state.open_until = Some(now + OPEN);
            self.open.set(1.0);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is two plain values: a panic elsewhere cannot have left it half changed.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_metric_says_that_it_is_open_until_a_call_succeeds() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            let (circuit, now) = (Circuit::new("rail"), Instant::now());
            let says =
                |open: u8| handle.render().contains(&format!("lending_breaker_open{{dependency=\"rail\"}} {open}\n"));
            assert!(says(0), "{}", handle.render());
            (0..TOLERATED).for_each(|_| circuit.failed(now));
            assert!(says(1));
            assert!(circuit.allows(now + OPEN) && says(1), "one tries");
            circuit.succeeded();
            assert!(says(0));
        });
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_try_later() {
        let (circuit, start) = (Circuit::new("rail"), Instant::now());
        for _ in 0..TOLERATED {
            assert!(circuit.allows(start));
            circuit.failed(start);
        }
        assert!(!circuit.allows(start), "open");
        assert!(circuit.allows(start + OPEN), "one tries");
        assert!(!circuit.allows(start + OPEN), "the others do not");
        circuit.succeeded();
        assert!(circuit.allows(start + OPEN), "closed again");
    }

    #[test]
    fn failures_that_are_not_in_a_row_do_not_open_it() {
        let (circuit, now) = (Circuit::new("rail"), Instant::now());
        for _ in 0..10 {
            circuit.failed(now);
            circuit.succeeded();
        }
        assert!(circuit.allows(now));
    }
}
