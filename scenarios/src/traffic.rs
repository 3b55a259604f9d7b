//! A stream of intents, and how many workers it takes.

use crate::arrivals::Arrivals;
use crate::journey::Journey;
use crate::mix::Mix;
use proofload_history::Name;
use std::time::Duration;

/// A stream of intents.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Its name in the experiment: `apply`.
    pub name: Name,
    /// Its number within ids, 12 bits. A mix takes as many as it has journeys, from this one on, for the ids of each
    /// count by themselves; they are its own among the traffics of a run.
    pub stream: u16,
    /// When clients arrive.
    pub arrivals: Arrivals,
    /// How long they arrive.
    pub lasts: Duration,
    /// What each of them does.
    pub mix: Mix,
}

/// The fewest workers of a traffic.
pub const MIN_WORKERS: usize = 64;
/// The most workers that a traffic should have: each is a Goose user of some 10 KB, and a connection while it waits.
pub const MAX_WORKERS: usize = 4_096;
/// With fewer workers than arrivals in this time, an arrival that finds no idle worker is the generator's failure and
/// not the system's: it may answer within a second and still keep every worker busy.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many workers a traffic gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// How many it gets.
    pub count: usize,
    /// How many it would take for every client to wait as long as it can.
    pub wanted: usize,
    /// Whether they are enough to blame the system when all of them wait.
    pub enough: bool,
}

impl Traffic {
    /// The streams of its ids.
    #[must_use]
    pub fn streams(&self) -> std::ops::Range<usize> {
        let first = usize::from(self.stream);
        first..first + self.mix.journeys().len()
    }

    /// The longest that one arrival can keep a worker.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.mix.journeys().map(|journey| journey.longest()).max().unwrap_or_default()
    }

    /// Workers for the peak rate times the longest that one of them can be kept, on the mean over the journeys of the
    /// mix (Little's law for a system that keeps everybody waiting as long as it can), with four standard deviations of a Poisson process on top; at least [`MIN_WORKERS`], at most `max`.
    #[must_use]
    pub fn workers(&self, max: usize) -> Workers {
        let peak = self.arrivals.peak_per_second(self.lasts);
        let waiting = peak * self.mix.mean(Journey::longest).as_secs_f64();
        // Saturates for absurd rates.
        let wanted = ((waiting + 4.0 * waiting.sqrt()).ceil() as usize).max(MIN_WORKERS);
        let count = wanted.min(max.max(1));
        // Clients that think keep workers from the system that has done nothing wrong.
        let patience = PATIENCE + self.mix.mean(Journey::thinks);
        let enough = count == wanted || count as f64 >= peak * patience.as_secs_f64();
        Workers { count, wanted, enough }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::Step;
    use crate::request::Request;
    use std::sync::Arc;

    fn traffic(rate: &str, timeout: &str, pause: Duration) -> Traffic {
        let spec = format!("method = 'GET'\npath = '/'\nok = [200]\ntimeout = '{timeout}'");
        let request = Arc::new(Request::new("read", &toml::from_str(&spec).unwrap()).unwrap());
        let steps = vec![Step::Do { request, times: 1 }, Step::Pause(pause)];
        Traffic {
            name: "browse".into(),
            stream: 1,
            arrivals: Arrivals::Constant(rate.parse().unwrap()),
            lasts: Duration::from_secs(10),
            mix: Journey::new("browse", steps).unwrap().into(),
        }
    }

    fn workers(rate: &str, timeout: &str) -> Workers {
        traffic(rate, timeout, Duration::ZERO).workers(MAX_WORKERS)
    }

    #[test]
    fn clients_that_think_keep_workers_and_are_not_the_systems_failure() {
        let thinking = |rate, seconds| traffic(rate, "1s", Duration::from_secs(seconds)).workers(MAX_WORKERS);
        // 200/s for up to 10 s each.
        assert_eq!(thinking("200/s", 9), workers("200/s", "10s"));
        // As many could wait a second each, but the pauses alone keep all of them busy.
        assert!(workers("1000/s", "10s").enough);
        assert!(!thinking("1000/s", 9).enough);
    }

    #[test]
    fn there_is_a_worker_for_every_client_that_can_wait_at_once() {
        assert_eq!(workers("200/s", "10s"), Workers { count: 2_179, wanted: 2_179, enough: true });
    }

    #[test]
    fn a_slow_traffic_has_workers_in_reserve() {
        assert_eq!(workers("1/m", "1s").count, MIN_WORKERS);
    }

    #[test]
    fn capped_workers_that_can_each_wait_a_second_are_still_enough() {
        let capped = workers("1000/s", "10s");
        assert_eq!((capped.count, capped.enough), (MAX_WORKERS, true));
        assert!(capped.wanted > 10_000);
    }

    #[test]
    fn workers_for_an_absurd_rate_are_not_enough() {
        assert_eq!(workers("200000/s", "10s").count, MAX_WORKERS);
        assert!(!workers("200000/s", "10s").enough);
    }
}
