//! Tails of the binomial distribution, and what they say about a ratio.
//!
//! Tails are summed term by term, outwards from the count, which is exact to rounding at any size: the continued
//! fraction of the incomplete beta function, as libraries bound it, is not beyond some ten thousand trials.

use statrs::function::factorial::ln_binomial;

/// A tail is summed until a term is this small beside the sum.
const NEGLIGIBLE: f64 = 1e-17;

/// The probability of at most `count` successes in `trials` trials of chance `p`. O(sqrt(trials)).
#[must_use]
pub fn at_most(count: u64, trials: u64, p: f64) -> f64 {
    if count >= trials || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    if (count as f64) <= trials as f64 * p {
        sum_downwards(count, trials, p)
    } else {
        // The upper tail of the successes is the lower tail of the failures.
        1.0 - sum_downwards(trials - count - 1, trials, 1.0 - p)
    }
}

/// The probability of at least `count` successes in `trials` trials of chance `p`. O(sqrt(trials)).
#[must_use]
pub fn at_least(count: u64, trials: u64, p: f64) -> f64 {
    if count > trials { 0.0 } else { at_most(trials - count, trials, 1.0 - p) }
}

/// The sum of the probabilities of `count`, `count - 1`, ... successes; they decrease because `count` is at or below
/// the mean. `p` is neither 0 nor 1.
fn sum_downwards(count: u64, trials: u64, p: f64) -> f64 {
    let failures = (trials - count) as f64;
    let mut term = (ln_binomial(trials, count) + count as f64 * p.ln() + failures * (-p).ln_1p()).exp();
    let odds_against = (1.0 - p) / p;
    let mut sum = term;
    for successes in (1..=count).rev() {
        term *= successes as f64 / (trials - successes + 1) as f64 * odds_against;
        sum += term;
        if term <= sum * NEGLIGIBLE {
            break;
        }
    }
    sum.min(1.0)
}

/// Bounds of a ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower bound, from 0 to 1.
    pub low: f64,
    /// The upper bound, from 0 to 1.
    pub high: f64,
}

/// The exact interval of Clopper and Pearson for the ratio behind `count` of `trials`. Each of its two bounds holds
/// with `confidence` on its own, so both together hold with `2 * confidence - 1` or more. Without trials: 0 to 1.
///
/// Source: C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
/// binomial", Biometrika 26 (1934).
#[must_use]
pub fn interval(count: u64, trials: u64, confidence: f64) -> Interval {
    let alpha = 1.0 - confidence;
    let low = if count == 0 { 0.0 } else { root(|p| at_least(count, trials, p) >= alpha) };
    let high = if count >= trials { 1.0 } else { root(|p| at_most(count, trials, p) < alpha) };
    Interval { low, high }
}

/// The least `p` from 0 to 1 at which `beyond` begins to hold, by bisection down to neighbouring numbers.
fn root(beyond: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    loop {
        let middle = low.midpoint(high);
        if middle <= low || middle >= high {
            return high;
        }
        if beyond(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/// How many trials without a failure show with `confidence` that the chance of success is at least `objective`: the
/// least n with `objective^n <= 1 - confidence`. 2,995 for 99.9 % with 95 % confidence.
#[must_use]
pub fn clean_trials_needed(objective: f64, confidence: f64) -> u64 {
    ((1.0 - confidence).ln() / objective.ln()).ceil() as u64
}

/// What no event in `trials` bounds the chance of one at, with `confidence`: `1 - (1 - confidence)^(1/trials)`, the
/// exact form of the rule of three (3/n at 95 %). 26 % for ten trials.
#[must_use]
pub fn bound_of_zero(trials: u64, confidence: f64) -> f64 {
    if trials == 0 { 1.0 } else { -((1.0 - confidence).ln() / trials as f64).exp_m1() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(seen: f64, expected: f64, tolerance: f64) {
        assert!((seen - expected).abs() <= tolerance, "{seen} is not {expected}");
    }

    #[test]
    fn tails_are_those_of_the_tables() {
        close(at_most(3, 10, 0.5), 0.171_875, 1e-12);
        close(at_most(1, 20, 0.05), 0.735_839_525_1, 1e-9);
        close(at_least(9, 10, 0.5), 0.010_742_187_5, 1e-12);
        close(at_most(0, 100, 0.03), 0.97_f64.powi(100), 1e-12);
    }

    #[test]
    fn half_of_the_trials_is_as_likely_from_both_sides_even_with_millions() {
        let trials = 4_000_001;
        close(at_most(trials / 2, trials, 0.5), 0.5, 1e-6);
        close(at_least(trials / 2 + 1, trials, 0.5), 0.5, 1e-6);
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        // Two-sided 95 %: 97.5 % for each bound.
        for (count, trials, low, high) in [
            (0, 10, 0.0, 0.3085),
            (1, 10, 0.0025, 0.4450),
            (5, 10, 0.1871, 0.8129),
            (2, 100, 0.0024, 0.0704),
            (10, 10, 0.6915, 1.0),
        ] {
            let seen = interval(count, trials, 0.975);
            close(seen.low, low, 5e-5);
            close(seen.high, high, 5e-5);
        }
    }

    #[test]
    fn nothing_tried_says_nothing() {
        assert_eq!(interval(0, 0, 0.95), Interval { low: 0.0, high: 1.0 });
        close(bound_of_zero(0, 0.95), 1.0, 0.0);
    }

    #[test]
    fn the_power_of_a_clean_run_is_that_of_the_workbook() {
        assert_eq!(clean_trials_needed(0.999, 0.95), 2_995);
        assert_eq!(clean_trials_needed(0.9999, 0.95), 29_956);
    }

    #[test]
    fn as_many_clean_trials_as_needed_suffice_and_one_less_does_not() {
        assert!(interval(0, 2_995, 0.95).high <= 0.001);
        assert!(interval(0, 2_994, 0.95).high > 0.001);
    }

    #[test]
    fn no_loss_in_ten_kills_bounds_the_chance_at_26_percent_and_in_one_at_95() {
        close(bound_of_zero(10, 0.95), 0.2589, 5e-5);
        close(bound_of_zero(1, 0.95), 0.95, 1e-12);
    }

    /// The slow and obvious model: every term by itself, without logarithms.
    fn model_at_most(count: u64, trials: u64, p: f64) -> f64 {
        let choose = |k: u64| (0..k).fold(1.0, |c, i| c * (trials - i) as f64 / (i + 1) as f64);
        (0..=count).map(|k| choose(k) * p.powi(k as i32) * (1.0 - p).powi((trials - k) as i32)).sum()
    }

    proptest! {
        #[test]
        fn a_tail_agrees_with_the_sum_of_its_terms(trials in 1u64..60, part in 0.0f64..1.0, p in 0.001f64..0.999) {
            let count = (part * trials as f64) as u64;
            prop_assert!((at_most(count, trials, p) - model_at_most(count, trials, p)).abs() < 1e-9);
        }

        #[test]
        fn an_interval_holds_the_ratio_and_its_bounds_have_the_tails_asked_for(trials in 1u64..5_000, part in 0.0f64..1.0) {
            let count = (part * trials as f64) as u64;
            let Interval { low, high } = interval(count, trials, 0.95);
            let ratio = count as f64 / trials as f64;
            prop_assert!(low <= ratio && ratio <= high);
            if count > 0 {
                prop_assert!((at_least(count, trials, low) - 0.05).abs() < 1e-6);
            }
            if count < trials {
                prop_assert!((at_most(count, trials, high) - 0.05).abs() < 1e-6);
            }
        }
    }
}
