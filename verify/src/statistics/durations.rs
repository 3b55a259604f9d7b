//! Samples of nanoseconds in bounded memory: exact up to a number of them, a histogram beyond.

use super::quantile::{self, PerMille, Quantile};
use hdrhistogram::Histogram;

/// Up to so many values are kept one by one, if nothing else is said.
const EXACT: usize = 1_000_000;
/// Two values of one bucket of the histogram have this many digits in common: they differ by a thousandth at most.
const DIGITS: u8 = 3;

/// A sample being taken. [`u64::MAX`] is infinite: it never came.
pub struct Durations {
    limit: usize,
    exact: Vec<u64>,
    beyond: Option<Beyond>,
}

impl Default for Durations {
    fn default() -> Self {
        Self::exact_up_to(EXACT)
    }
}

/// A sample that is too large to be kept one by one.
struct Beyond {
    finite: Histogram<u32>,
    infinite: u64,
}

impl Durations {
    /// A sample whose values are kept one by one up to `limit` of them.
    #[must_use]
    pub fn exact_up_to(limit: usize) -> Self {
        Self { limit, exact: Vec::new(), beyond: None }
    }

    /// Takes a value in.
    pub fn push(&mut self, nanos: u64) {
        if let Some(beyond) = &mut self.beyond {
            return beyond.push(nanos);
        }
        self.exact.push(nanos);
        if self.exact.len() > self.limit
            && let Some(mut beyond) = Beyond::new()
        {
            std::mem::take(&mut self.exact).into_iter().for_each(|nanos| beyond.push(nanos));
            self.beyond = Some(beyond);
        }
    }

    /// The sample in order.
    #[must_use]
    pub fn sorted(mut self) -> Sorted {
        self.exact.sort_unstable();
        Sorted(match self.beyond {
            Some(beyond) => Kept::Buckets(beyond.buckets()),
            None => Kept::Exact(self.exact),
        })
    }
}

impl FromIterator<u64> for Durations {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut durations = Self::default();
        values.into_iter().for_each(|nanos| durations.push(nanos));
        durations
    }
}

impl Beyond {
    /// `None` is impossible: the number of digits is a valid one.
    fn new() -> Option<Self> {
        Some(Self { finite: Histogram::new(DIGITS).ok()?, infinite: 0 })
    }

    fn push(&mut self, nanos: u64) {
        if nanos == u64::MAX {
            self.infinite += 1;
        } else {
            // It grows as it must; what is longer than centuries has no bucket and stands with the longest that has.
            let recorded = self.finite.record(nanos);
            recorded.unwrap_or_else(|_| self.finite.saturating_record(nanos));
        }
    }

    fn buckets(&self) -> Vec<Bucket> {
        let mut upto = 0;
        let mut buckets: Vec<Bucket> = Vec::new();
        for recorded in self.finite.iter_recorded() {
            let value = recorded.value_iterated_to();
            upto += u64::from(recorded.count_at_value());
            buckets.push(Bucket {
                low: self.finite.lowest_equivalent(value),
                high: self.finite.highest_equivalent(value),
                upto,
            });
        }
        if self.infinite > 0 {
            buckets.push(Bucket { low: u64::MAX, high: u64::MAX, upto: upto + self.infinite });
        }
        buckets
    }
}

/// Values from `low` to `high`.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    low: u64,
    high: u64,
    /// How many values are in this bucket and in those before it.
    upto: u64,
}

/// A sample in order.
pub struct Sorted(Kept);

enum Kept {
    Exact(Vec<u64>),
    Buckets(Vec<Bucket>),
}

impl Sorted {
    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.0 {
            Kept::Exact(values) => values.len() as u64,
            Kept::Buckets(buckets) => buckets.last().map_or(0, |last| last.upto),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many are infinite.
    #[must_use]
    pub fn infinite(&self) -> u64 {
        self.above(u64::MAX - 1)
    }

    /// How many are certainly greater than `limit`.
    #[must_use]
    pub fn above(&self, limit: u64) -> u64 {
        match &self.0 {
            Kept::Exact(values) => (values.len() - values.partition_point(|value| *value <= limit)) as u64,
            Kept::Buckets(buckets) => {
                let first = buckets.partition_point(|bucket| bucket.low <= limit);
                self.len() - first.checked_sub(1).map_or(0, |last| buckets[last].upto)
            }
        }
    }

    /// The nearest-rank value of a quantile, of a histogram the highest that it can be. `None` without samples.
    #[must_use]
    pub fn value(&self, of: PerMille) -> Option<u64> {
        Some(self.at(of.rank(self.len()))?.1)
    }

    /// A quantile with an interval of at least `confidence`: of a histogram the ends are those of their buckets, so that
    /// it holds all the same. `None` without samples.
    #[must_use]
    pub fn quantile(&self, of: PerMille, confidence: f64) -> Option<Quantile<u64>> {
        let (low, high) = quantile::ranks(self.len(), of, confidence);
        Some(Quantile {
            value: self.value(of)?,
            low: low.and_then(|rank| self.at(rank)).map(|(low, _)| low),
            high: high.and_then(|rank| self.at(rank)).map(|(_, high)| high),
        })
    }

    /// Counts the greatest `number` values as zero: nobody knows them.
    pub fn forget_greatest(&mut self, number: u64) {
        let unknown = number.min(self.len());
        let certain = self.len() - unknown;
        match &mut self.0 {
            Kept::Exact(values) => {
                values.truncate(certain as usize);
                values.splice(0..0, std::iter::repeat_n(0, unknown as usize));
            }
            Kept::Buckets(buckets) => {
                let last = buckets.partition_point(|bucket| bucket.upto < certain);
                buckets.truncate(last + 1);
                for bucket in buckets.iter_mut() {
                    bucket.upto = bucket.upto.min(certain) + unknown;
                }
                buckets.insert(0, Bucket { low: 0, high: 0, upto: unknown });
            }
        }
    }

    /// Between what the value of a rank, from 1, lies.
    fn at(&self, rank: u64) -> Option<(u64, u64)> {
        let index = rank.checked_sub(1)?;
        match &self.0 {
            Kept::Exact(values) => values.get(index as usize).map(|value| (*value, *value)),
            Kept::Buckets(buckets) => {
                let bucket = buckets.get(buckets.partition_point(|bucket| bucket.upto <= index))?;
                Some((bucket.low, bucket.high))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same values as a histogram, however few they are.
    fn as_buckets(values: &[u64]) -> Sorted {
        let mut beyond = Beyond::new().unwrap();
        values.iter().for_each(|nanos| beyond.push(*nanos));
        Sorted(Kept::Buckets(beyond.buckets()))
    }

    fn exact(values: &[u64]) -> Sorted {
        values.iter().copied().collect::<Durations>().sorted()
    }

    #[test]
    fn a_million_is_exact_and_one_more_is_a_histogram() {
        let of = |number: u64| (0..number).rev().collect::<Durations>().sorted();
        assert!(matches!(of(1_000_000).0, Kept::Exact(_)));
        let more = of(1_000_001);
        assert!(matches!(more.0, Kept::Buckets(_)));
        let p95 = more.value(PerMille(950)).unwrap();
        assert!((950_000..=951_000).contains(&p95), "{p95}");
        assert_eq!(more.len(), 1_000_001);
    }

    #[test]
    fn what_never_came_is_infinite_and_nothing_else_is() {
        let values = [1, u64::MAX, 7, u64::MAX, u64::MAX];
        assert_eq!([exact(&values).infinite(), as_buckets(&values).infinite()], [3, 3]);
        assert_eq!(exact(&[u64::MAX - 1]).infinite(), 0);
    }

    fn values() -> impl Strategy<Value = Vec<u64>> {
        let value = prop_oneof![0_u64..100, 0_u64..10_000_000_000, any::<u64>(), Just(u64::MAX)];
        proptest::collection::vec(value, 0..300)
    }

    proptest! {
        #[test]
        fn the_interval_of_a_histogram_holds_the_exact_one(values in values(), of in 1_u32..=1_000) {
            let (exact, buckets) = (exact(&values), as_buckets(&values));
            prop_assert_eq!((exact.len(), exact.infinite()), (buckets.len(), buckets.infinite()));
            let seen = [&exact, &buckets].map(|sorted| sorted.quantile(PerMille(of), 0.95));
            let [Some(exact), Some(buckets)] = seen else {
                prop_assert!(values.is_empty());
                return Ok(());
            };
            prop_assert!(exact.value <= buckets.value && buckets.value as f64 <= exact.value as f64 * 1.001);
            prop_assert_eq!((exact.low.is_some(), exact.high.is_some()), (buckets.low.is_some(), buckets.high.is_some()));
            prop_assert!(buckets.low <= exact.low && exact.high <= buckets.high);
        }

        #[test]
        fn what_is_counted_above_a_limit_is_above_it(values in values(), limit in any::<u64>()) {
            let above = values.iter().filter(|value| **value > limit).count() as u64;
            prop_assert_eq!(exact(&values).above(limit), above);
            prop_assert!(as_buckets(&values).above(limit) <= above);
        }

        #[test]
        fn what_is_forgotten_counts_as_zero(mut values in values(), number in 0_u64..400) {
            let mut seen = [exact(&values), as_buckets(&values)];
            seen.iter_mut().for_each(|sorted| sorted.forget_greatest(number));
            values.sort_unstable();
            let certain = values.len().saturating_sub(number as usize);
            values[certain..].fill(0);
            prop_assert_eq!(seen[0].value(PerMille(950)), exact(&values).value(PerMille(950)));
            prop_assert_eq!(seen[1].value(PerMille(950)), as_buckets(&values).value(PerMille(950)));
            prop_assert_eq!(seen[1].len(), values.len() as u64);
        }
    }
}
