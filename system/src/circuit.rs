//! A circuit that opens after failures in a row, so that a dead dependency costs nobody its time-out.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Failures in a row that open the circuit.
const TOLERATED: u32 = 3;
/// How long it stays open before one caller tries again.
const OPEN: Duration = Duration::from_secs(1);

/// Closed (calls go through), open (none do), and half open: one call tries, the others still do not.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Circuit {
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
        *self.lock() = State::default();
    }

    /// A call failed at `now`.
    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= TOLERATED {
            state.open_until = Some(now + OPEN);
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
    fn it_opens_after_failures_in_a_row_and_lets_one_try_later() {
        let (circuit, start) = (Circuit::default(), Instant::now());
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
        let (circuit, now) = (Circuit::default(), Instant::now());
        for _ in 0..10 {
            circuit.failed(now);
            circuit.succeeded();
        }
        assert!(circuit.allows(now));
    }
}
