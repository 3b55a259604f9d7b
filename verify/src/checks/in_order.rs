//! Operations in the order of their instants, for checks that look for windows, which begin anywhere.
//!
//! Where they do not fit into the budget they are put in order span by span of time, each in a pass over the table of its
//! own. Nothing is written down in between, as with [`super::groups`].

use crate::Budget;
use proofload_history::{At, History, HistoryError, OperationRef};
use std::collections::BTreeMap;

/// Gives `take` what `keep` keeps of the operations, in the order of its instants, and what has the same instant in its own
/// order. `keep` gets the number of each row with it, keeps up to `N` instants of it, and is asked for all rows in order on
/// every pass. O(n log n) for n instants, and as many passes as the budget asks for.
pub(super) fn of_operations<T: Copy + Ord, const N: usize>(
    history: &History,
    budget: Budget,
    mut keep: impl FnMut(u64, OperationRef<'_>) -> [Option<(At, T)>; N],
    mut take: impl FnMut(At, T),
) -> Result<(), HistoryError> {
    let mut pass = |give: &mut dyn FnMut((At, T))| {
        let mut number = 0;
        history.operations.each(|made| {
            keep(number, made).into_iter().flatten().for_each(&mut *give);
            number += 1;
        })
    };
    let mut ends = vec![At(u64::MAX)];
    if budget.passes(history.operations.rows().saturating_mul(N as u64), size_of::<(At, T)>()) > 1 {
        let mut seconds = BTreeMap::new();
        pass(&mut |(at, _)| *seconds.entry(at.0 / SECOND).or_default() += 1)?;
        let all = seconds.values().sum();
        ends = cut(&seconds, all, budget.passes(all, size_of::<(At, T)>()));
    }
    let (mut rows, mut after) = (Vec::new(), None);
    for end in ends {
        pass(&mut |row| {
            if after.is_none_or(|after| row.0 > after) && row.0 <= end {
                rows.push(row);
            }
        })?;
        rows.sort_unstable();
        rows.drain(..).for_each(|(at, what)| take(at, what));
        after = Some(end);
    }
    Ok(())
}

/// Time is cut at whole seconds: one is always put in order as a whole. In nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// The last instants of spans that have about as many rows each; the last span ends with time. `seconds` says how many rows
/// each second has, if any, and `all` how many there are.
fn cut(seconds: &BTreeMap<u64, u64>, all: u64, parts: u64) -> Vec<At> {
    let (most, mut held, mut ends) = (all.div_ceil(parts), 0, Vec::new());
    for (second, rows) in seconds {
        if held > 0 && held + rows > most {
            ends.push(At(second * SECOND - 1));
            held = 0;
        }
        held += rows;
    }
    ends.push(At(u64::MAX));
    ends
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Script;
    use proofload_history::Outcome;

    /// Operations in disorder: the n-th was intended in one of 20 s, and some at the same instant.
    fn history() -> History {
        let mut script = Script::new();
        for n in 0..200 {
            script.timed(n, ((n * 7) % 20) as f64 + ((n * 3) % 4) as f64 / 4.0, 1_500, Outcome::Ok);
        }
        script.history()
    }

    /// When each was intended and when it was answered, with its number, and how many passes that took.
    fn in_order(history: &History, budget: Budget) -> (Vec<(At, u64)>, u64) {
        let (mut told, mut asked) = (Vec::new(), 0);
        let keep = |number, made: OperationRef<'_>| {
            asked += 1;
            [Some((made.intended(), number)), Some((made.done(), number))]
        };
        of_operations(history, budget, keep, |at, number| told.push((at, number))).unwrap();
        (told, asked / history.operations.rows())
    }

    #[test]
    fn instants_come_in_order_each_once_whatever_the_passes() {
        let history = history();
        let (expected, passes) = in_order(&history, Budget::OF_CHECK);
        assert_eq!((expected.len(), passes), (400, 1));
        assert!(expected.is_sorted());
        for parts in [2, 7, 1_000] {
            let (told, passes) = in_order(&history, Budget::Passes(parts));
            assert_eq!(told, expected, "{parts} parts");
            // One that counts, and never two for a second.
            assert!(passes > parts.min(20) && passes <= 23, "{passes} passes");
        }
    }

    #[test]
    fn what_happens_at_the_end_of_a_span_comes_once() {
        let mut script = Script::new();
        for n in 0..6 {
            script.timed(n, n as f64, 0, Outcome::Ok);
        }
        for made in &mut script.operations {
            // The last nanosecond of its second.
            made.intended.0 += SECOND - 1;
        }
        let history = script.history();
        for budget in [Budget::OF_CHECK, Budget::Passes(3)] {
            let mut told = Vec::new();
            let keep = |number, made: OperationRef<'_>| [Some((made.intended(), number))];
            of_operations(&history, budget, keep, |_, number| told.push(number)).unwrap();
            assert_eq!(told, [0, 1, 2, 3, 4, 5], "{budget:?}");
        }
    }

    #[test]
    fn what_is_not_kept_does_not_come_and_the_end_of_time_does() {
        let history = history();
        for budget in [Budget::OF_CHECK, Budget::Passes(5)] {
            let mut told = Vec::new();
            let keep = |number, _: OperationRef<'_>| [(number < 3).then_some((At(u64::MAX - number), number))];
            of_operations(&history, budget, keep, |at, number| told.push((at, number))).unwrap();
            assert_eq!(told, [2, 1, 0].map(|number| (At(u64::MAX - number), number)));
        }
    }

    #[test]
    fn spans_hold_no_more_than_their_share_but_for_a_second_that_has_more_by_itself() {
        let seconds = BTreeMap::from([(0, 4), (3, 4), (4, 30), (9, 1), (10, 9)]);
        let ends: Vec<f64> = cut(&seconds, 48, 5).iter().map(|end| end.secs().ceil()).collect();
        assert_eq!(ends, [4.0, 9.0, At(u64::MAX).secs().ceil()]);
        assert_eq!(cut(&BTreeMap::new(), 0, 3), [At(u64::MAX)]);
    }
}
