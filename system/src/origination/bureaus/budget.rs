//! A budget for asking again, so that a bureau in trouble does not get more to do than one in health.

use std::time::{Duration, Instant};

/// How long what was saved can be spent.
const WINDOW: Duration = Duration::from_secs(10);
/// What may always be asked again in a window, so that little traffic is not without any second chance.
const RESERVE: u64 = 50;

/// Questions that are asked again are at most so many percent of those asked for the first time within the same ten
/// seconds, and a few.
#[derive(Debug)]
pub(super) struct Budget {
    percent: u64,
    started: Instant,
    /// Questions asked for the first time in this window and in the one before it.
    first: [u64; 2],
    /// Questions asked again in both.
    again: [u64; 2],
}

impl Budget {
    pub(super) fn new(percent: u64, now: Instant) -> Self {
        Self { percent, started: now, first: [0; 2], again: [0; 2] }
    }

    /// How many questions may be asked again at `now`.
    pub(super) fn left(&mut self, now: Instant) -> u64 {
        self.pass(now);
        let earned: u64 = self.first.iter().sum::<u64>() * self.percent / 100;
        (earned + RESERVE).saturating_sub(self.again.iter().sum())
    }

    /// So many were asked at `now`.
    pub(super) fn asked(&mut self, now: Instant, first: u64, again: u64) {
        self.pass(now);
        self.first[0] += first;
        self.again[0] += again;
    }

    /// Forgets what is too old: in halves of the window.
    fn pass(&mut self, now: Instant) {
        let half = WINDOW / 2;
        let passed = now.saturating_duration_since(self.started);
        if passed < half {
            return;
        }
        let recent = passed < half * 2;
        let before = |counts: [u64; 2]| [0, if recent { counts[0] } else { 0 }];
        (self.first, self.again) = (before(self.first), before(self.again));
        self.started = now;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fifth_may_be_asked_again_and_a_few_always() {
        let now = Instant::now();
        let mut budget = Budget::new(20, now);
        assert_eq!(budget.left(now), RESERVE);
        budget.asked(now, 1_000, 0);
        assert_eq!(budget.left(now), 200 + RESERVE);
        budget.asked(now, 0, 200 + RESERVE);
        assert_eq!(budget.left(now), 0);
        assert_eq!(budget.left(now + WINDOW), RESERVE, "what is long ago is neither earned nor spent");
    }

    proptest! {
        #[test]
        fn whoever_spends_all_that_is_left_never_asks_again_more_than_the_share(
            asked in prop::collection::vec((0_u64..2_000, 0_u64..500), 1..100),
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut budget = Budget::new(20, now);
            let (mut first, mut again) = (0, 0);
            for (millis, questions) in asked {
                now += Duration::from_millis(millis);
                budget.asked(now, questions, 0);
                first += questions;
                let left = budget.left(now);
                budget.asked(now, 0, left);
                again += left;
            }
            // A window begins every five seconds at the soonest; what was earned can be spent in the one behind it too.
            let windows = u64::try_from((now - start).as_millis() / 5_000).expect("a small number") + 1;
            prop_assert!(again <= 2 * first * 20 / 100 + windows * RESERVE, "{again} of {first} in {windows}");
        }
    }
}
