//! Arrivals drawn: the intended offset of each.

use crate::arrivals::Arrivals;
use crate::draw::Draws;
use std::time::Duration;

/// The intended offsets since the start of the traffic, in order.
///
/// A pure function of arrivals, seed and length: it knows no clock and does not wait (the model is Vegeta's pacer), so
/// it is tested with tables.
#[derive(Clone, Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    draws: Draws,
    /// The number of the next arrival, from 0.
    count: u64,
    /// Seconds at the last Poisson arrival.
    reached: f64,
    lasts: Duration,
}

impl Schedule {
    pub(crate) fn new(arrivals: Arrivals, seed: u64, lasts: Duration) -> Self {
        Self { arrivals, draws: Draws::of(&[seed]), count: 0, reached: 0.0, lasts }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let seconds = match self.arrivals {
            Arrivals::Poisson(rate) => {
                // Inverse of the exponential distribution; 1 - u is never 0.
                self.reached += -(1.0 - self.draws.unit()).ln() / rate.per_second();
                self.reached
            }
            Arrivals::Constant(rate) => self.count as f64 / rate.per_second(),
            Arrivals::Ramp(ramp) => ramp.when(self.count as f64),
        };
        self.count += 1;
        // Held against the end as what it becomes: in nanoseconds, what is less as a float can be the end itself.
        Duration::try_from_secs_f64(seconds).ok().filter(|offset| *offset < self.lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::Ramp;
    use crate::rate::Rate;
    use proptest::prelude::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    fn offsets_ms(arrivals: Arrivals, lasts_ms: u64) -> Vec<f64> {
        arrivals.schedule(7, Duration::from_millis(lasts_ms)).map(|offset| offset.as_secs_f64() * 1e3).collect()
    }

    #[test]
    fn constant_arrivals_are_evenly_spaced_from_the_first_instant() {
        assert_eq!(offsets_ms(Arrivals::Constant(rate("4/s")), 1_000), [0.0, 250.0, 500.0, 750.0]);
    }

    #[test]
    fn constant_arrivals_do_not_drift() {
        let hour = Duration::from_secs(3_600);
        let arrivals = Arrivals::Constant(rate("300/s"));
        assert_eq!(arrivals.schedule(0, hour).count(), 300 * 3_600);
        assert_eq!(arrivals.schedule(0, hour).nth(299 * 300), Some(Duration::from_secs(299)));
    }

    #[test]
    fn a_ramp_offers_what_lies_under_its_line_and_then_its_last_rate() {
        let ramp = Ramp { from: rate("10/s"), to: rate("30/s"), over: "10s".parse().unwrap() };
        let offsets = offsets_ms(Arrivals::Ramp(ramp), 20_000);
        let before = |ms: f64| offsets.iter().filter(|offset| **offset < ms - 1e-6).count();
        assert_eq!(before(10_000.0), 200, "the mean of 10 and 30 for 10 s");
        assert_eq!(before(20_000.0), 500, "and 30 for 10 s more");
    }

    #[test]
    fn a_ramp_may_fall_and_may_be_flat() {
        let fall = Ramp { from: rate("30/s"), to: rate("10/s"), over: "10s".parse().unwrap() };
        assert_eq!(offsets_ms(Arrivals::Ramp(fall), 10_000).len(), 200);
        let flat = Ramp { from: rate("4/s"), to: rate("4/s"), over: "1s".parse().unwrap() };
        assert_eq!(offsets_ms(Arrivals::Ramp(flat), 1_000), [0.0, 250.0, 500.0, 750.0]);
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_spread_of_their_process() {
        let gaps: Vec<f64> = {
            let offsets = offsets_ms(Arrivals::Poisson(rate("100/s")), 1_000_000);
            offsets.windows(2).map(|pair| pair[1] - pair[0]).collect()
        };
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        // 100,000 gaps: four standard errors of the mean are 0.13 ms.
        assert!((mean - 10.0).abs() < 0.13, "mean gap {mean} ms");
        assert!((spread - 10.0).abs() < 0.3, "an exponential's deviation is its mean, not {spread} ms");
    }

    #[test]
    fn another_seed_draws_other_poisson_arrivals() {
        let arrivals = Arrivals::Poisson(rate("100/s"));
        let second = Duration::from_secs(1);
        assert!(arrivals.schedule(1, second).ne(arrivals.schedule(2, second)));
    }

    fn any_arrivals() -> impl Strategy<Value = Arrivals> {
        let rate = (1u32..5_000).prop_map(|count| rate(&format!("{count}/s")));
        prop_oneof![
            rate.clone().prop_map(Arrivals::Poisson),
            rate.clone().prop_map(Arrivals::Constant),
            (rate.clone(), rate, 1u64..5_000).prop_map(|(from, to, over)| Arrivals::Ramp(Ramp {
                from,
                to,
                over: proofload_history::Period(Duration::from_millis(over)),
            })),
        ]
    }

    proptest! {
        #[test]
        fn a_schedule_is_a_function_of_its_arguments_in_order_and_within_its_length(
            arrivals in any_arrivals(), seed: u64, lasts_ms in 0u64..3_000,
        ) {
            let lasts = Duration::from_millis(lasts_ms);
            let offsets: Vec<Duration> = arrivals.schedule(seed, lasts).collect();
            prop_assert!(offsets.iter().copied().eq(arrivals.schedule(seed, lasts)));
            prop_assert!(offsets.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(offsets.last().is_none_or(|last| *last < lasts));
        }

        #[test]
        fn a_longer_schedule_begins_like_a_shorter_one(arrivals in any_arrivals(), seed: u64, lasts_ms in 0u64..1_000) {
            let (short, long) = (Duration::from_millis(lasts_ms), Duration::from_millis(lasts_ms + 500));
            let shorter: Vec<Duration> = arrivals.schedule(seed, short).collect();
            let longer: Vec<Duration> = arrivals.schedule(seed, long).take(shorter.len()).collect();
            prop_assert_eq!(shorter, longer);
        }

        #[test]
        fn a_ramp_never_exceeds_the_expected_count_by_one(
            from in 1u32..500, to in 1u32..500, over_ms in 1u64..3_000, lasts_ms in 1u64..5_000,
        ) {
            // The slow and obvious model: add up the rate in small steps.
            let ramp = Ramp {
                from: rate(&format!("{from}/s")),
                to: rate(&format!("{to}/s")),
                over: proofload_history::Period(Duration::from_millis(over_ms)),
            };
            let lasts = Duration::from_millis(lasts_ms);
            let steps = 20_000;
            let step = lasts.as_secs_f64() / f64::from(steps);
            let expected: f64 = (0..steps).map(|n| ramp.rate_at((f64::from(n) + 0.5) * step) * step).sum();
            let offered = Arrivals::Ramp(ramp).schedule(0, lasts).count() as f64;
            prop_assert!((offered - expected.ceil()).abs() <= 1.0, "offered {}, expected {}", offered, expected);
        }
    }
}
