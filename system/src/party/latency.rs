//! How long an answer takes: a log-normal distribution given by its median and its 99th percentile.

use std::f64::consts::TAU;
use std::time::Duration;

use rand::Rng;

/// The standard normal distribution's 99th percentile.
const Z99: f64 = 2.326_347_874_040_841;
/// No answer takes longer than this many times the 99th percentile.
const LONGEST: f64 = 10.0;

/// A log-normal latency. Its logarithm is normal with mean ln(median) and deviation ln(p99 / median) / z(0.99).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    median_seconds: f64,
    deviation: f64,
    longest_seconds: f64,
}

impl Latency {
    /// None where the median is above the 99th percentile, or zero where that is not: both are, for who answers at once.
    pub(crate) fn new(median: Duration, p99: Duration) -> Option<Self> {
        let (median_seconds, p99_seconds) = (median.as_secs_f64(), p99.as_secs_f64());
        if p99.is_zero() && median.is_zero() {
            return Some(Self { median_seconds, deviation: 0.0, longest_seconds: 0.0 });
        }
        (median_seconds > 0.0 && p99_seconds >= median_seconds).then(|| Self {
            median_seconds,
            deviation: (p99_seconds / median_seconds).ln() / Z99,
            longest_seconds: p99_seconds * LONGEST,
        })
    }

    /// Draws one latency.
    pub(crate) fn sample(&self, random: &mut impl Rng) -> Duration {
        // Box and Muller's transform; 1 - u is in (0, 1], so that the logarithm is finite.
        let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
        let normal = radius * (TAU * random.random::<f64>()).cos();
        let seconds = self.median_seconds * (self.deviation * normal).exp();
        Duration::from_secs_f64(seconds.min(self.longest_seconds))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn samples_have_the_median_and_the_99th_percentile_asked_for() {
        let latency = Latency::new(Duration::from_millis(15), Duration::from_millis(120)).expect("sound");
        let mut random = StdRng::seed_from_u64(7);
        let mut samples: Vec<_> = (0..50_000).map(|_| latency.sample(&mut random).as_secs_f64() * 1e3).collect();
        samples.sort_by(f64::total_cmp);
        assert!((14.0..16.0).contains(&samples[25_000]), "median {}", samples[25_000]);
        assert!((110.0..130.0).contains(&samples[49_500]), "p99 {}", samples[49_500]);
        assert!(samples.iter().all(|millis| *millis <= 1_200.0));
    }

    #[test]
    fn who_answers_at_once_always_does() {
        let latency = Latency::new(Duration::ZERO, Duration::ZERO).expect("sound");
        let mut random = StdRng::seed_from_u64(7);
        assert!((0..100).all(|_| latency.sample(&mut random).is_zero()));
    }

    #[test]
    fn a_99th_percentile_below_the_median_is_refused() {
        assert!(Latency::new(Duration::from_millis(15), Duration::from_millis(14)).is_none());
        assert!(Latency::new(Duration::ZERO, Duration::from_millis(14)).is_none());
    }
}
