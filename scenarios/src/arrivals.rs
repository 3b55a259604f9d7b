//! When clients arrive, as an experiment says it.

use crate::rate::Rate;
use crate::schedule::Schedule;
use proofload_history::Period;
use std::time::Duration;

/// When clients arrive: a process in time, not yet drawn.
///
/// In TOML one of `{ poisson = "200/s" }`, `{ constant = "200/s" }`,
/// `{ ramp = { from = "10/s", to = "500/s", over = "30s" } }`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Arrivals {
    /// Independent clients: a Poisson process of this rate. Bursts and lulls are part of it.
    Poisson(Rate),
    /// One client after the other, evenly spaced.
    Constant(Rate),
    /// Evenly spaced for the rate of the moment, which grows or falls linearly.
    Ramp(Ramp),
}

/// A rate that changes linearly, and then stays.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// The rate at the start.
    pub from: Rate,
    /// The rate at the end of `over`, and from then on.
    pub to: Rate,
    /// How long it takes.
    pub over: Period,
}

impl Arrivals {
    /// The intended offsets since the start of the traffic, in order, all below `lasts`: a pure function of its
    /// arguments.
    #[must_use]
    pub fn schedule(&self, seed: u64, lasts: Duration) -> Schedule {
        Schedule::new(*self, seed, lasts)
    }

    /// The highest expected rate within `lasts`, in arrivals per second.
    #[must_use]
    pub fn peak_per_second(&self, lasts: Duration) -> f64 {
        match self {
            Self::Poisson(rate) | Self::Constant(rate) => rate.per_second(),
            Self::Ramp(ramp) => ramp.from.per_second().max(ramp.rate_at(lasts.as_secs_f64())),
        }
    }
}

impl Ramp {
    /// The rate `elapsed` seconds after the start, in arrivals per second.
    #[must_use]
    pub fn rate_at(&self, elapsed: f64) -> f64 {
        let (from, to, over) = (self.from.per_second(), self.to.per_second(), self.over.0.as_secs_f64());
        if elapsed < over { from + (to - from) * elapsed / over } else { to }
    }

    /// When the expected number of arrivals reaches `count`, in seconds since the start: the inverse of the integral of
    /// [`Self::rate_at`].
    pub(crate) fn when(&self, count: f64) -> f64 {
        let (from, to, over) = (self.from.per_second(), self.to.per_second(), self.over.0.as_secs_f64());
        let within = (from + to) / 2.0 * over;
        if count >= within {
            return over + (count - within) / to;
        }
        // from t + (to - from) t^2 / (2 over) = count, in the form that does not cancel when from = to.
        2.0 * count / (from + (from * from + 2.0 * (to - from) / over * count).max(0.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct File {
        arrivals: Arrivals,
    }

    fn read(arrivals: &str) -> Result<Arrivals, String> {
        toml::from_str::<File>(&format!("arrivals = {arrivals}"))
            .map(|file| file.arrivals)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_names_the_process_and_its_rate() {
        let rate = |text: &str| text.parse::<Rate>().unwrap();
        assert_eq!(read("{ poisson = '200/s' }").unwrap(), Arrivals::Poisson(rate("200/s")));
        assert_eq!(read("{ constant = '90/m' }").unwrap(), Arrivals::Constant(rate("90/m")));
        let ramp = Ramp { from: rate("10/s"), to: rate("500/s"), over: "30s".parse().unwrap() };
        assert_eq!(read("{ ramp = { from = '10/s', to = '500/s', over = '30s' } }").unwrap(), Arrivals::Ramp(ramp));
    }

    #[test]
    fn a_file_that_names_no_process_two_or_an_unknown_key_is_refused() {
        for (text, said) in [
            ("{ poison = '200/s' }", "poisson"),
            ("{ poisson = '200/s', constant = '1/s' }", ""),
            ("{ poisson = '-3/s' }", "`-3/s` is not a rate"),
            ("{ ramp = { from = '1/s', to = '2/s', over = '3s', then = '4/s' } }", "then"),
            ("{ ramp = { from = '1/s', to = '2/s' } }", "over"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_traffic_shorter_than_its_ramp_never_reaches_the_end_of_it() {
        let arrivals = read("{ ramp = { from = '10/s', to = '110/s', over = '10s' } }").unwrap();
        assert_eq!(arrivals.peak_per_second(Duration::from_secs(5)), 60.0);
        assert_eq!(arrivals.peak_per_second(Duration::from_secs(50)), 110.0);
    }
}
