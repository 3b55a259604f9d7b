//! Quantiles of a sample, with intervals that assume no distribution.

use super::binomial;

/// A quantile in thousandths: 950 is p95. Whole numbers, so that ranks are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PerMille(pub u32);

impl PerMille {
    /// The rank of this quantile among `samples` (nearest rank): the least r with r/samples at or above it. From 1;
    /// 0 only without samples.
    #[must_use]
    pub fn rank(self, samples: u64) -> u64 {
        (u128::from(samples) * u128::from(self.0)).div_ceil(1_000) as u64
    }

    fn ratio(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }
}

impl std::fmt::Display for PerMille {
    /// `p95`, `p99`, `p999`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_multiple_of(10) { write!(f, "p{}", self.0 / 10) } else { write!(f, "p{}", self.0) }
    }
}

/// A quantile of a sample, with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantile<T> {
    /// The nearest-rank value.
    pub value: T,
    /// The lower end of the interval; `None` if the sample is too small for one.
    pub low: Option<T>,
    /// The upper end of the interval; `None` if the sample is too small for one.
    pub high: Option<T>,
}

/// The ranks, from 1, of the order statistics that enclose the quantile with at least `confidence`; `None` for an end
/// that no sample reaches.
///
/// The l-th and the u-th of n sorted values enclose the quantile q with probability `P(l <= B < u)`, where B is
/// binomial with n trials of chance q, whatever the distribution is. l and u are chosen with equal tails.
/// Source: H. A. David, H. N. Nagaraja, "Order Statistics", 3rd edition (2003), section 7.1.
#[must_use]
pub fn ranks(samples: u64, of: PerMille, confidence: f64) -> (Option<u64>, Option<u64>) {
    let (tail, p) = ((1.0 - confidence) / 2.0, of.ratio());
    // The largest l with P(B <= l - 1) <= tail, and the smallest u with P(B >= u) <= tail.
    let low = first(samples + 1, |rank| binomial::at_most(rank, samples, p) > tail);
    let high = first(samples + 1, |rank| binomial::at_least(rank, samples, p) <= tail);
    (Some(low).filter(|rank| *rank >= 1), Some(high).filter(|rank| (1..=samples).contains(rank)))
}

/// The first number below `end` for which `holds`, which once it holds goes on to hold; `end` if none.
fn first(end: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low.midpoint(high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The smallest sample whose interval for this quantile has an upper end: 72 for p95, 368 for p99 at 95 %.
#[must_use]
pub fn samples_needed(of: PerMille, confidence: f64) -> u64 {
    (((1.0 - confidence) / 2.0).ln() / of.ratio().ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::durations::Durations;
    use proptest::prelude::*;

    const MEDIAN: PerMille = PerMille(500);

    #[test]
    fn ranks_for_the_median_are_those_of_the_tables() {
        for (samples, low, high) in [(8, 1, 8), (10, 2, 9), (20, 6, 15), (25, 8, 18), (100, 40, 61)] {
            assert_eq!(ranks(samples, MEDIAN, 0.95), (Some(low), Some(high)), "{samples} samples");
        }
    }

    #[test]
    fn too_few_samples_have_no_interval() {
        assert_eq!(ranks(5, MEDIAN, 0.95), (None, None));
    }

    #[test]
    fn the_upper_end_exists_from_the_samples_needed_on() {
        for (of, needed) in [(PerMille(950), 72), (PerMille(990), 368), (PerMille(999), 3_688)] {
            assert_eq!(samples_needed(of, 0.95), needed);
            assert!(ranks(needed, of, 0.95).1.is_some(), "{of}");
            assert!(ranks(needed - 1, of, 0.95).1.is_none(), "{of}");
        }
    }

    #[test]
    fn a_rank_is_exact_where_floating_point_is_not() {
        assert_eq!(PerMille(70).rank(100), 7);
        assert_eq!(PerMille(990).rank(700), 693);
        assert_eq!(MEDIAN.rank(0), 0);
    }

    #[test]
    fn a_quantile_is_called_as_people_call_it() {
        assert_eq!((PerMille(950).to_string(), PerMille(999).to_string()), ("p95".into(), "p999".into()));
    }

    /// The slow and obvious model: every rank tried, from the definition. The tail is computed as `ranks` does it: there are
    /// samples, such as one of p975, of which a tail is as great.
    fn model_ranks(samples: u64, p: f64, confidence: f64) -> (Option<u64>, Option<u64>) {
        let tail = (1.0 - confidence) / 2.0;
        let low = (1..=samples).rev().find(|l| binomial::at_most(l - 1, samples, p) <= tail);
        let high = (1..=samples).find(|u| binomial::at_least(*u, samples, p) <= tail);
        (low, high)
    }

    proptest! {
        #[test]
        fn ranks_agree_with_trying_every_rank(samples in 1u64..300, of in 1u32..1_000) {
            let p = f64::from(of) / 1_000.0;
            prop_assert_eq!(ranks(samples, PerMille(of), 0.95), model_ranks(samples, p, 0.95));
        }

        #[test]
        fn a_quantile_has_its_share_of_the_sample_at_or_below_it(sample in proptest::collection::vec(0u64..50, 1..200), of in 1u32..=1_000) {
            let seen = sample.iter().copied().collect::<Durations>().sorted().quantile(PerMille(of), 0.95).unwrap();
            let at_or_below = sample.iter().filter(|x| **x <= seen.value).count();
            let below = sample.iter().filter(|x| **x < seen.value).count();
            prop_assert!(at_or_below * 1_000 >= of as usize * sample.len());
            prop_assert!(below * 1_000 < of as usize * sample.len());
            prop_assert!(seen.low.is_none_or(|low| low <= seen.value));
            prop_assert!(seen.high.is_none_or(|high| high >= seen.value));
        }
    }
}
