//! After the traffic: waiting until the system has finished what it holds.

use proofload_history::journal::{DrainEnd, DrainOutcome};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What the gauges that drain have at one time, by name.
pub(super) type Left = BTreeMap<String, f64>;

/// All gauges must stay at zero for this long.
const QUIET_FOR: Duration = Duration::from_secs(2);

/// Follows the draining gauges and says when the drain is over. Decides; reads nothing and waits for nothing.
pub(super) struct DrainWatch {
    began: Instant,
    bound: Duration,
    stuck_after: Duration,
    last: Option<Left>,
    /// Since when the readings have been what they are.
    unmoved_since: Instant,
    failures: Vec<String>,
}

/// How the drain of a system ends whose answers come behind its work.
pub(super) fn of_answers() -> DrainEnd {
    let evidence = "all is done when it is answered (done_when_answered = true)".into();
    DrainEnd { outcome: DrainOutcome::Quiet, left: Left::new(), evidence }
}

impl DrainWatch {
    pub(super) fn new(began: Instant, bound: Duration, stuck_after: Duration) -> Self {
        Self { began, bound, stuck_after, last: None, unmoved_since: began, failures: Vec::new() }
    }

    /// Takes one reading of every draining gauge, made at `now`.
    pub(super) fn take(&mut self, now: Instant, reading: Result<Left, String>) -> Option<DrainEnd> {
        match reading {
            Ok(values) => {
                self.failures.clear();
                if self.last.as_ref() != Some(&values) {
                    self.last = Some(values);
                    self.unmoved_since = now;
                }
            }
            Err(why) => {
                if !self.failures.contains(&why) {
                    self.failures.push(why);
                }
                self.unmoved_since = now;
            }
        }
        self.decide(now)
    }

    fn decide(&self, now: Instant) -> Option<DrainEnd> {
        let unmoved = now.saturating_duration_since(self.unmoved_since);
        let over = now.saturating_duration_since(self.began) >= self.bound;
        let left = || self.last.clone().unwrap_or_default();
        let end = |outcome| Some(DrainEnd { outcome, left: left(), evidence: self.evidence(now) });
        if !self.failures.is_empty() {
            return if over { end(DrainOutcome::Unreadable) } else { None };
        }
        let values = self.last.as_ref()?;
        if values.is_empty() {
            let evidence = "the system has neither a gauge with drains = true nor done_when_answered = true".to_owned();
            return Some(DrainEnd { outcome: DrainOutcome::Unwatched, left: left(), evidence });
        }
        let quiet = values.values().all(|value| *value == 0.0);
        if quiet && unmoved >= QUIET_FOR {
            end(DrainOutcome::Quiet)
        } else if !quiet && unmoved >= self.stuck_after {
            end(DrainOutcome::Stuck)
        } else if over {
            end(DrainOutcome::Moving)
        } else {
            None
        }
    }

    fn evidence(&self, now: Instant) -> String {
        let values = self.last.iter().flatten().map(|(name, value)| format!("{name} = {value}"));
        let unmoved = now.saturating_duration_since(self.unmoved_since).as_secs_f64();
        let mut parts: Vec<String> = values.collect();
        parts.extend(self.failures.iter().cloned());
        parts.push(format!("unmoved for {unmoved:.1} s"));
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds one reading a second and returns the end with the second at which it came.
    fn drained(readings: &[Result<f64, &str>]) -> Option<(usize, DrainOutcome)> {
        let began = Instant::now();
        let mut watch = DrainWatch::new(began, Duration::from_secs(10), Duration::from_secs(5));
        readings.iter().enumerate().find_map(|(second, reading)| {
            let reading = reading.map(|value| [("lag".to_owned(), value)].into()).map_err(str::to_owned);
            watch.take(began + Duration::from_secs(second as u64), reading).map(|end| (second, end.outcome))
        })
    }

    #[test]
    fn zero_must_last_before_it_counts_as_quiet() {
        assert_eq!(drained(&[Ok(5.0), Ok(0.0), Ok(1.0), Ok(0.0), Ok(0.0), Ok(0.0)]), Some((5, DrainOutcome::Quiet)));
    }

    #[test]
    fn work_that_does_not_move_is_stuck() {
        assert_eq!(drained(&[Ok(5.0); 8]), Some((5, DrainOutcome::Stuck)));
    }

    #[test]
    fn work_that_moves_up_to_the_bound_is_moving() {
        let readings: Vec<Result<f64, &str>> = (0..20).map(|second| Ok(100.0 - f64::from(second))).collect();
        assert_eq!(drained(&readings), Some((10, DrainOutcome::Moving)));
    }

    #[test]
    fn without_a_gauge_nobody_knows_whether_it_is_quiet() {
        let began = Instant::now();
        let mut watch = DrainWatch::new(began, Duration::from_secs(10), Duration::from_secs(5));
        let end = watch.take(began, Ok(Left::new()));
        assert_eq!(end.map(|end| end.outcome), Some(DrainOutcome::Unwatched));
    }

    #[test]
    fn less_than_nothing_left_is_not_quiet() {
        assert_eq!(drained(&[Ok(-3.0); 8]), Some((5, DrainOutcome::Stuck)));
    }

    #[test]
    fn gauges_that_cannot_be_read_up_to_the_bound_are_unreadable_and_never_quiet() {
        assert_eq!(drained(&[Err("connection refused"); 12]), Some((10, DrainOutcome::Unreadable)));
    }
}
