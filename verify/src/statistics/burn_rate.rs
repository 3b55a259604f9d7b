//! Burn rates: how many times faster than allowed an error budget is spent, in two windows at once.
//!
//! Source: Google, "The Site Reliability Workbook" (2018), chapter 5, "Multiwindow, Multi-Burn-Rate Alerts", table 5-8.
//! A short run keeps the factors and the ratio of the two windows, and shrinks the windows: the long one is as long as
//! it takes to expect ten bad requests at that factor.

use proofload_history::At;
use std::time::Duration;

/// An alert of the workbook.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// `page` or `ticket`.
    pub severity: &'static str,
    /// The burn rate that both windows must exceed.
    pub factor: f64,
    /// The workbook's windows, for the reader.
    pub windows: &'static str,
}

/// The workbook's alerts, the most urgent first.
pub const RULES: &[Rule] = &[
    Rule { severity: "page", factor: 14.4, windows: "1 h and 5 min" },
    Rule { severity: "page", factor: 6.0, windows: "6 h and 30 min" },
    Rule { severity: "ticket", factor: 3.0, windows: "1 d and 2 h" },
    Rule { severity: "ticket", factor: 1.0, windows: "3 d and 6 h" },
];

/// The short window is this part of the long one, in every row of the workbook's table.
const LONG_TO_SHORT: u32 = 12;
/// Bad requests to be expected in the long window at the factor, for its ratio to mean something.
const EXPECTED_BAD: f64 = 10.0;

/// Requests that were intended together, and how many of them spend budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// When they were intended.
    pub at: At,
    /// How many they are.
    pub requests: u64,
    /// How many were bad.
    pub bad: u64,
}

/// Requests in bounded memory: one by one up to a million, beyond that by slices of time.
#[derive(Default)]
pub struct Course {
    slots: Vec<Slot>,
    /// How long a slice is; zero while requests are kept one by one.
    slice: u64,
}

/// Requests, or slices, are kept up to this many.
const MAX_SLOTS: usize = 1_000_000;
/// The first slices are as long.
const FIRST_SLICE: Duration = Duration::from_millis(1);

impl Course {
    /// Takes in a request that was intended at `at`, in whatever order.
    pub fn push(&mut self, at: At, bad: bool) {
        self.slots.push(Slot { at, requests: 1, bad: u64::from(bad) });
        // Twice as many, so that to merge them costs little by the request.
        if self.slots.len() > 2 * MAX_SLOTS {
            self.merge();
        }
    }

    /// All of them, ordered by instant.
    #[must_use]
    pub fn slots(mut self) -> Vec<Slot> {
        if self.slots.len() > MAX_SLOTS {
            self.merge();
        }
        self.slots.sort_unstable();
        self.slots
    }

    /// Puts together what lies in one slice, in slices as long as it takes. A slice counts at its beginning.
    fn merge(&mut self) {
        self.slots.sort_unstable();
        while self.slots.len() > MAX_SLOTS {
            self.slice = (2 * self.slice).max(FIRST_SLICE.as_nanos() as u64);
            for slot in &mut self.slots {
                slot.at.0 -= slot.at.0 % self.slice;
            }
            self.slots.dedup_by(|next, kept| {
                let same = next.at == kept.at;
                if same {
                    (kept.requests, kept.bad) = (kept.requests + next.requests, kept.bad + next.bad);
                }
                same
            });
        }
    }
}

/// What a rule would have done during a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Alert {
    /// The run is shorter than the long window, which would have to be this long.
    TooShort(Duration),
    /// It would not have fired; the greatest burn rate of the long window.
    Silent(f64),
    /// It would have fired.
    Fires {
        /// When both windows first exceeded the factor.
        at: At,
        /// The burn rate of the long window then.
        burn: f64,
    },
}

/// What `rule` would have done on `slots`, which are ordered by instant, with a budget of bad requests of `allowed`
/// (0.001 for an objective of 99.9 %). O(slots).
#[must_use]
pub fn alert(slots: &[Slot], allowed: f64, rule: &Rule) -> Alert {
    let (Some(first), Some(last)) = (slots.first(), slots.last()) else {
        return Alert::TooShort(Duration::ZERO);
    };
    let span = last.at.since(first.at);
    let requests: u64 = slots.iter().map(|slot| slot.requests).sum();
    let rate = requests as f64 / span.as_secs_f64().max(1e-9);
    let long = Duration::try_from_secs_f64(EXPECTED_BAD / (rule.factor * allowed * rate)).unwrap_or(Duration::MAX);
    if long > span {
        return Alert::TooShort(long);
    }
    let (mut long_window, mut short_window) = (Window::default(), Window::default());
    let mut greatest = 0.0_f64;
    for (index, slot) in slots.iter().enumerate() {
        long_window.advance(slots, index, long);
        short_window.advance(slots, index, long / LONG_TO_SHORT);
        if slot.at.since(first.at) < long {
            continue;
        }
        let burn = long_window.bad_ratio() / allowed;
        if burn > rule.factor && short_window.bad_ratio() / allowed > rule.factor {
            return Alert::Fires { at: slot.at, burn };
        }
        greatest = greatest.max(burn);
    }
    Alert::Silent(greatest)
}

/// A window that ends with the slot last advanced to.
#[derive(Default)]
struct Window {
    start: usize,
    requests: u64,
    bad: u64,
}

impl Window {
    fn advance(&mut self, slots: &[Slot], index: usize, length: Duration) {
        self.requests += slots[index].requests;
        self.bad += slots[index].bad;
        while slots[index].at.since(slots[self.start].at) >= length && self.start < index {
            self.requests -= slots[self.start].requests;
            self.bad -= slots[self.start].bad;
            self.start += 1;
        }
    }

    fn bad_ratio(&self) -> f64 {
        self.bad as f64 / self.requests as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: &Rule = &RULES[0];

    /// A hundred seconds at 100/s, bad while `bad` says so of the second.
    fn run(bad: impl Fn(u64) -> bool) -> Vec<Slot> {
        (0..10_000).map(|n| Slot { at: At(n * 10_000_000), requests: 1, bad: u64::from(bad(n / 100)) }).collect()
    }

    #[test]
    fn an_outage_pages_while_it_lasts() {
        // At 99 % and 100/s ten bad requests at 14.4 times the budget take 0.69 s.
        let Alert::Fires { at, burn } = alert(&run(|second| (40..50).contains(&second)), 0.01, PAGE) else {
            panic!("an outage of ten seconds does not page");
        };
        assert!((40.0..41.0).contains(&at.secs()), "{at}");
        assert!(burn > 14.4);
    }

    #[test]
    fn a_clean_run_is_silent() {
        assert_eq!(alert(&run(|_| false), 0.01, PAGE), Alert::Silent(0.0));
    }

    #[test]
    fn bad_requests_within_the_budget_are_silent() {
        let requests: Vec<Slot> =
            (0..10_000).map(|n| Slot { at: At(n * 10_000_000), requests: 1, bad: u64::from(n % 200 == 0) }).collect();
        assert!(matches!(alert(&requests, 0.01, PAGE), Alert::Silent(_)));
    }

    #[test]
    fn a_run_shorter_than_its_long_window_says_how_long_it_would_have_to_be() {
        let Alert::TooShort(needed) = alert(&run(|_| true), 0.0001, &RULES[3]) else { panic!("100 s cannot tell") };
        assert!((needed.as_secs_f64() - 1_000.0).abs() < 1.0, "{needed:?}");
    }

    #[test]
    fn a_past_burst_does_not_fire_because_the_short_window_has_forgotten_it() {
        // The long window (6.9 s at 99.9 %) still holds the burst when it is evaluated first; the short one does not.
        let burst: Vec<Slot> =
            run(|_| false).into_iter().map(|slot| Slot { bad: u64::from(slot.at.secs() < 5.0), ..slot }).collect();
        assert!(matches!(alert(&burst, 0.001, PAGE), Alert::Silent(burn) if burn > 14.4));
    }

    #[test]
    fn up_to_a_million_requests_are_kept_one_by_one_and_more_by_slices_that_lose_none() {
        let course = |number: u64| {
            let mut course = Course::default();
            (0..number).rev().for_each(|n| course.push(At(n * 100_000), n % 10 == 0));
            course.slots()
        };
        let few = course(1_000);
        assert!(few.iter().map(|slot| slot.at.0).eq((0..1_000).map(|n| n * 100_000)));
        let many = course(3_000_000);
        assert!(many.len() <= MAX_SLOTS && many.windows(2).all(|pair| pair[0].at < pair[1].at));
        let sum = |of: fn(&Slot) -> u64| many.iter().map(of).sum::<u64>();
        assert_eq!((sum(|slot| slot.requests), sum(|slot| slot.bad)), (3_000_000, 300_000));
    }

    #[test]
    fn slices_are_as_long_as_it_takes() {
        // A million and a half within 1,500 s: slices of 1 ms put nothing together, slices of 2 ms put two together.
        let mut course = Course::default();
        (0..1_500_000).for_each(|n| course.push(At(n * 1_000_000), n % 2 == 0));
        let slots = course.slots();
        assert_eq!(slots.len(), 750_000);
        assert!((0..).zip(&slots).all(|(n, slot)| *slot == Slot { at: At(n * 2_000_000), requests: 2, bad: 1 }));
    }

    #[test]
    fn both_windows_must_exceed_the_factor_and_the_last_instant_of_a_run_as_long_as_the_long_one_is_looked_at() {
        // 1,280 requests within 64 s, of which 1 in 128 is allowed to be bad: the long window is 10 / (1 / 128 x 20/s) =
        // 64 s, and ends with the last slot; the one at the beginning is not in it any more, and in the short window of
        // 5.3 s is only the last.
        let (rule, allowed) = (&RULES[3], 1.0 / 128.0);
        let of = |[first, middle, last]: [(u64, u64); 3]| {
            let slot = |secs: f64, (requests, bad)| Slot { at: At::from_secs_f64(secs), requests, bad };
            alert(&[slot(0.0, first), slot(32.0, middle), slot(64.0, last)], allowed, rule)
        };
        let long_at_the_factor = of([(640, 0), (320, 0), (320, 5)]);
        assert_eq!(long_at_the_factor, Alert::Silent(1.0));
        let short_at_the_factor = of([(320, 0), (320, 10), (640, 5)]);
        assert_eq!(short_at_the_factor, Alert::Silent(2.0));
        let both_beyond = of([(320, 0), (320, 9), (640, 6)]);
        assert_eq!(both_beyond, Alert::Fires { at: At::from_secs_f64(64.0), burn: 2.0 });
    }

    /// The burn rate of the window of `length` that ends with slot `index`, counted anew.
    fn counted(slots: &[Slot], index: usize, length: Duration, allowed: f64) -> f64 {
        let inside = slots[..=index].iter().filter(|slot| slots[index].at.since(slot.at) < length);
        let (requests, bad) = inside.fold((0, 0), |(all, bad), slot| (all + slot.requests, bad + slot.bad));
        bad as f64 / requests as f64 / allowed
    }

    /// What a rule does, with both windows counted anew at every slot.
    fn obvious(slots: &[Slot], allowed: f64, rule: &Rule) -> Alert {
        let span = slots[slots.len() - 1].at.since(slots[0].at);
        let requests: u64 = slots.iter().map(|slot| slot.requests).sum();
        let seconds = 10.0 / (rule.factor * allowed * (requests as f64 / span.as_secs_f64()));
        let long = Duration::from_secs_f64(seconds);
        if long > span {
            return Alert::TooShort(long);
        }
        let late = (0..slots.len()).filter(|index| slots[*index].at.since(slots[0].at) >= long);
        let burns = late.map(|index| {
            let [long, short] = [long, long / 12].map(|length| counted(slots, index, length, allowed));
            (slots[index].at, long, long > rule.factor && short > rule.factor)
        });
        let burns: Vec<(At, f64, bool)> = burns.collect();
        let fires = burns.iter().find(|(.., fires)| *fires);
        let greatest = burns.iter().map(|(_, burn, _)| *burn).fold(0.0, f64::max);
        fires.map_or(Alert::Silent(greatest), |(at, burn, _)| Alert::Fires { at: *at, burn: *burn })
    }

    proptest! {
        #[test]
        fn a_rule_does_what_both_windows_say_when_they_are_counted_anew(
            made in proptest::collection::vec((0u64..3_000, 1u64..40, 0u64..40), 2..80),
            calm in 0usize..80,
            allowed in prop::sample::select(vec![0.5, 0.125, 0.05, 0.01]),
            rule in prop::sample::select(RULES),
        ) {
            let mut at = 1;
            let slots: Vec<Slot> = made.iter().enumerate().map(|(index, (gap, requests, bad))| {
                at += gap * 1_000_000;
                let bad = if index < calm { 0 } else { *bad.min(requests) };
                Slot { at: At(at), requests: *requests, bad }
            }).collect();
            prop_assume!(slots[0].at < slots[slots.len() - 1].at);
            prop_assert_eq!(alert(&slots, allowed, &rule), obvious(&slots, allowed, &rule));
        }
    }
}
