//! A stream of intents, and how many workers it takes.

use crate::arrivals::Arrivals;
use crate::request::Request;
use proofload_history::Name;
use std::sync::Arc;
use std::time::Duration;

/// A stream of intents.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Its name in the experiment: `apply`.
    pub name: Name,
    /// Its number within ids, 12 bits, its own among the traffics of a run.
    pub stream: u16,
    /// When clients arrive.
    pub arrivals: Arrivals,
    /// How long they arrive.
    pub lasts: Duration,
    /// What each of them asks for, in order and under one id. A later step is made only if the one before was ok.
    pub steps: Vec<Arc<Request>>,
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
    /// The longest that one intent can keep a worker.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.steps.iter().map(|step| step.longest()).sum()
    }

    /// Workers for the peak rate times the longest that one of them can be kept (Little's law for a system that never
    /// answers), with four standard deviations of a Poisson process on top; at least [`MIN_WORKERS`], at most `max`.
    #[must_use]
    pub fn workers(&self, max: usize) -> Workers {
        let peak = self.arrivals.peak_per_second(self.lasts);
        let waiting = peak * self.longest().as_secs_f64();
        // Saturates for absurd rates.
        let wanted = ((waiting + 4.0 * waiting.sqrt()).ceil() as usize).max(MIN_WORKERS);
        let count = wanted.min(max.max(1));
        let enough = count == wanted || count as f64 >= peak * PATIENCE.as_secs_f64();
        Workers { count, wanted, enough }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::RequestSpec;

    fn workers(rate: &str, timeout: &str) -> Workers {
        let spec = format!("method = 'GET'\npath = '/'\nok = [200]\ntimeout = '{timeout}'");
        let spec: RequestSpec = toml::from_str(&spec).unwrap();
        let traffic = Traffic {
            name: "browse".into(),
            stream: 1,
            arrivals: Arrivals::Constant(rate.parse().unwrap()),
            lasts: Duration::from_secs(10),
            steps: vec![Arc::new(Request::new("read", &spec).unwrap())],
        };
        traffic.workers(MAX_WORKERS)
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
