//! Rows put together in groups by sorting: the rows of an id, the entries of a transaction, the attempts of an intent.
//! Nothing is hashed but to tell parts from each other, whatever the ids are.
//!
//! Where the rows do not fit into the budget, they are put together part by part: a group belongs to one part, by a hash
//! of its id, and each part takes a pass over the table. Nothing is written down in between, so that a check stays a pure
//! function of the history.

use crate::Budget;
use crate::names::Names;
use proofload_history::{History, HistoryError, Id, ObservationRef, OperationRef, Reading};

/// What a check keeps of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<T> {
    place: u64,
    /// What the check keeps.
    pub(super) what: T,
}

/// In [`Member::place`], the number of the stage stands above this bit...
const STAGE_SHIFT: u32 = 56;
/// ...and whether it was read live in this one, above the number of the row.
const LIVE: u64 = 1 << 55;
/// Where that number stands.
const NUMBER: u64 = LIVE - 1;

impl<T> Member<T> {
    fn of(stage: usize, reading: Reading, number: u64, what: T) -> Self {
        let live = if reading == Reading::Live { LIVE } else { 0 };
        Self { place: (stage as u64) << STAGE_SHIFT | live | number, what }
    }

    /// The number of its row in the table.
    pub(super) fn number(&self) -> u64 {
        self.place & NUMBER
    }

    /// The number of its stage.
    pub(super) fn stage(&self) -> usize {
        (self.place >> STAGE_SHIFT) as usize
    }

    /// Whether it was read while the run went on.
    pub(super) fn live(&self) -> bool {
        self.place & LIVE != 0
    }
}

/// Rows that belong together: ordered by stage, those read at the end before those read live, else as recorded.
pub(super) struct Group<'r, T> {
    pub(super) id: Id,
    pub(super) rows: &'r mut [Member<T>],
}

impl<T> Group<'_, T> {
    /// The rows of a stage that were read at the end.
    pub(super) fn at(&self, stage: usize) -> &[Member<T>] {
        &self.rows[self.place(stage, false)]
    }

    /// The same, to be put in another order.
    pub(super) fn at_mut(&mut self, stage: usize) -> &mut [Member<T>] {
        let place = self.place(stage, false);
        &mut self.rows[place]
    }

    /// The rows of a stage that were read live.
    pub(super) fn live_at(&self, stage: usize) -> &[Member<T>] {
        &self.rows[self.place(stage, true)]
    }

    fn place(&self, stage: usize, live: bool) -> std::ops::Range<usize> {
        let before = |end: (usize, bool)| self.rows.partition_point(|row| (row.stage(), row.live()) < end);
        let next = if live { (stage + 1, false) } else { (stage, true) };
        before((stage, live))..before(next)
    }
}

/// How many rows were met on the way.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// For each stage, rows that were read at the end, those of no group included.
    pub(super) rows: Vec<u64>,
    /// For each stage, those of them that belong to a group.
    pub(super) grouped: Vec<u64>,
}

/// Puts the rows of `stages` together (no stage twice), but for those of brokers' copies, which prove nothing: `keep` says
/// to which group a row belongs and what of it is kept, and is asked for every other row of theirs on every pass; `judge`
/// gets the groups, in no order that anything may rest on, and how many rows there are, and none before `keep` was asked
/// for every row once. O(n log n) for n rows, and as many passes as the budget asks for.
pub(super) fn of_observations<T: Copy>(
    history: &History,
    budget: Budget,
    stages: &[&str],
    keep: impl Fn(usize, ObservationRef<'_>) -> Option<(Id, T)>,
    judge: impl FnMut(Group<'_, T>, &Read),
) -> Result<Read, HistoryError> {
    let read = Read { rows: vec![0; stages.len()], grouped: vec![0; stages.len()] };
    let pass = |take: &mut dyn FnMut(Id, Member<T>), mut read: Option<&mut Read>| {
        let (mut names, mut number) = (Names::new(stages.iter().copied()), 0);
        history.observations.each(|seen| {
            number += 1;
            let Some(stage) = names.number(seen.stage()) else { return };
            let reading = seen.reading();
            if reading == Reading::Replica {
                return;
            }
            let kept = keep(stage, seen);
            if let Some(read) = read.as_deref_mut().filter(|_| reading == Reading::Final) {
                read.rows[stage] += 1;
                read.grouped[stage] += u64::from(kept.is_some());
            }
            if let Some((group, what)) = kept {
                take(group, Member::of(stage, reading, number - 1, what));
            }
        })
    };
    by_parts(budget, pass, read, judge)
}

/// Puts the attempts of each intent of an operation together; what `keep` says of an attempt is kept, if anything.
pub(super) fn of_attempts<T: Copy>(
    history: &History,
    budget: Budget,
    operation: &str,
    keep: impl Fn(OperationRef<'_>) -> Option<T>,
    mut judge: impl FnMut(Group<'_, T>),
) -> Result<(), HistoryError> {
    let pass = |take: &mut dyn FnMut(Id, Member<T>), _: Option<&mut ()>| {
        let mut number = 0;
        history.operations.each(|made| {
            number += 1;
            if made.name() == operation
                && let Some(what) = keep(made)
            {
                take(made.intent(), Member::of(0, Reading::Final, number - 1, what));
            }
        })
    };
    by_parts(budget, pass, (), |group, ()| judge(group))
}

/// Judges every group of what `pass` gives, part by part. The first pass fills `counts` and finds how many parts it takes:
/// whenever more rows were met than fit, what is held is cut down to the first of more parts. So a pass is all that is
/// needed where everything fits, and one more for each part beyond the first where it does not.
fn by_parts<T: Copy, C>(
    budget: Budget,
    pass: impl Fn(&mut dyn FnMut(Id, Member<T>), Option<&mut C>) -> Result<(), HistoryError>,
    mut counts: C,
    mut judge: impl FnMut(Group<'_, T>, &C),
) -> Result<C, HistoryError> {
    let (mut parts, fit) = budget.parts(Held::<T>::ROW_BYTES);
    let (mut held, mut met) = (Held::new(), 0);
    let mut take = |group: Id, row| {
        met += 1;
        if met > fit.saturating_mul(parts) {
            parts += parts.div_ceil(4);
            held.cut(parts);
        }
        held.push_if_of(0, parts, group, row);
    };
    pass(&mut take, Some(&mut counts))?;
    held.drain(|group| judge(group, &counts));
    for part in 1..parts {
        pass(&mut |group, row| held.push_if_of(part, parts, group, row), None)?;
        held.drain(|group| judge(group, &counts));
    }
    Ok(counts)
}

/// What a row is put in order by. What a check keeps is wide and stays where it is.
#[derive(Clone, Copy)]
struct Key {
    /// The id of its group, the high and the low half: so a key is no wider than what is in it.
    group: [u64; 2],
    /// Like [`Member::place`], but with the row's number among those that are held.
    place: u64,
}

/// The rows of a part, as they came.
struct Held<T> {
    keys: Vec<Key>,
    members: Vec<Member<T>>,
}

impl<T: Copy> Held<T> {
    /// What a row takes, with what putting keys in order takes beside them.
    const ROW_BYTES: usize = size_of::<Member<T>>() + size_of::<Key>() * 3 / 2;

    fn new() -> Self {
        Self { keys: Vec::new(), members: Vec::new() }
    }

    /// Holds a row if its group belongs to `part` of so many.
    fn push_if_of(&mut self, part: u64, parts: u64, group: Id, member: Member<T>) {
        let group = group.halves();
        if part_of(group, parts) == part {
            let place = member.place & !NUMBER | self.members.len() as u64;
            self.keys.push(Key { group, place });
            self.members.push(member);
        }
    }

    /// Forgets what does not belong to the first of so many parts: of more parts, the first is within that of fewer.
    fn cut(&mut self, parts: u64) {
        let mut left = 0;
        for row in 0..self.keys.len() {
            let Key { group, place } = self.keys[row];
            if part_of(group, parts) == 0 {
                self.keys[left] = Key { group, place: place & !NUMBER | left as u64 };
                self.members[left] = self.members[row];
                left += 1;
            }
        }
        self.keys.truncate(left);
        self.members.truncate(left);
    }

    /// Gives every group, and holds none any more.
    fn drain(&mut self, mut judge: impl FnMut(Group<'_, T>)) {
        // A stage is mostly read in the order of its ids: a stable sort finds what is in order already.
        self.keys.sort_by_key(|key| (Id::of_halves(key.group), key.place));
        let mut rows = Vec::new();
        for group in self.keys.chunk_by(|a, b| a.group == b.group) {
            rows.clear();
            rows.extend(group.iter().map(|key| self.members[(key.place & NUMBER) as usize]));
            judge(Group { id: Id::of_halves(group[0].group), rows: &mut rows });
        }
        self.keys.clear();
        self.members.clear();
    }
}

/// The part that a group belongs to. Ids of a run follow each other in their low halves, and multiples of 2^64 divided by
/// the golden ratio lie evenly, however few they are (Knuth, The Art of Computer Programming 3, section 6.4).
fn part_of([high, low]: [u64; 2], parts: u64) -> u64 {
    let mixed = (low ^ high.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((u128::from(mixed) * u128::from(parts)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Script;
    use std::cell::Cell;
    use std::collections::BTreeMap;

    type Offsets = BTreeMap<Id, Vec<(usize, bool, Option<i64>)>>;

    fn groups(history: &History, stages: &[&str], budget: Budget) -> (Offsets, Read) {
        let mut groups = Offsets::new();
        let keep = |_, seen: ObservationRef<'_>| Some((seen.id(), seen.offset()));
        let read = of_observations(history, budget, stages, keep, |group, _| {
            let rows = group.rows.iter().map(|row| (row.stage(), row.live(), row.what)).collect();
            assert_eq!(groups.insert(group.id, rows), None, "a group comes once");
        });
        (groups, read.unwrap())
    }

    #[test]
    fn rows_come_in_groups_by_stage_and_as_recorded_whatever_the_passes() {
        let mut script = Script::new();
        for counter in [3, 1, 3, 2] {
            script.seen("log.in", Script::id(counter));
        }
        script.seen_live("log.in", Script::id(3)).seen("log.out", Script::id(3)).seen("elsewhere", Script::id(9));
        let history = script.history();
        let (expected, read) = groups(&history, &["log.out", "log.in"], Budget::OF_CHECK);
        let third = vec![(0, false, Some(5)), (1, false, Some(0)), (1, false, Some(2)), (1, true, Some(4))];
        assert_eq!(expected[&Script::id(3)], third);
        assert_eq!((expected.len(), read.rows), (3, vec![1, 4]));
        for budget in [Budget::Passes(2), Budget::Passes(7), Budget::Bytes(1), Budget::Bytes(300)] {
            let (seen, read) = groups(&history, &["log.out", "log.in"], budget);
            assert_eq!((seen, read.rows), (expected.clone(), vec![1, 4]), "{budget:?}");
        }
    }

    #[test]
    fn a_group_gives_the_rows_of_each_stage() {
        let mut script = Script::new();
        script.seen("log.in", Script::id(1)).seen_live("log.in", Script::id(1)).seen("log.out", Script::id(1));
        let keep = |_, seen: ObservationRef<'_>| Some((seen.id(), ()));
        let mut lengths = Vec::new();
        let judge = |mut group: Group<'_, ()>, _: &Read| {
            for stage in 0..3 {
                assert_eq!(group.at(stage).len(), group.at_mut(stage).len());
                lengths.push((group.at(stage).len(), group.live_at(stage).len()));
            }
        };
        of_observations(&script.history(), Budget::OF_CHECK, &["nowhere", "log.in", "log.out"], keep, judge).unwrap();
        assert_eq!(lengths, [(0, 0), (1, 1), (1, 0)]);
    }

    #[test]
    fn what_does_not_fit_takes_a_pass_for_each_part_and_what_fits_takes_one() {
        let mut script = Script::new();
        for n in 0..1_000 {
            script.seen("log.in", Script::id(n));
        }
        let history = script.history();
        // The place of a row, its key, and half a key for putting keys in order.
        let row_bytes = 8 + 24 + 12;
        // Parts grow by a quarter whenever what was met does not fit into them: 1, 2, 3, 4, 5, 7, 9, 12.
        for (fit, passes) in [(1_000, 1), (999, 2), (500, 2), (499, 3), (100, 12)] {
            let (asked, mut judged) = (Cell::new(0), 0);
            let keep = |_, seen: ObservationRef<'_>| {
                asked.set(asked.get() + 1);
                Some((seen.id(), ()))
            };
            let judge = |group: Group<'_, ()>, read: &Read| {
                assert_eq!((group.rows.len(), read.grouped[0]), (1, 1_000));
                judged += 1;
            };
            of_observations(&history, Budget::Bytes(fit * row_bytes), &["log.in"], keep, judge).unwrap();
            assert_eq!((asked.get(), judged), (passes * 1_000, 1_000), "{fit} fit");
        }
    }

    #[test]
    fn what_is_held_is_cut_down_to_the_first_of_more_parts() {
        let mut held = Held::new();
        for n in 0..1_000 {
            held.push_if_of(0, 2, Script::id(n % 100), Member::of(1, Reading::Final, n, ()));
        }
        held.cut(7);
        let first = |n: &u64| part_of(Script::id(n % 100).halves(), 7) == 0;
        let expected: Vec<u64> = (0..1_000).filter(first).collect();
        assert_eq!(held.members.iter().map(Member::number).collect::<Vec<_>>(), expected);
        assert!(expected.len() > 100 && held.keys.len() == expected.len(), "{} are left", expected.len());
        let mut judged = Vec::new();
        held.drain(|group| judged.extend(group.rows.iter().map(|row| (group.id, row.number()))));
        judged.sort_unstable_by_key(|(_, number)| *number);
        assert_eq!(judged, expected.iter().map(|n| (Script::id(n % 100), *n)).collect::<Vec<_>>());
        assert!(held.keys.is_empty() && held.members.is_empty());
    }

    #[test]
    fn ids_that_follow_each_other_are_cut_into_parts_of_like_size_however_few_they_are() {
        for (ids, like) in [(70, 8..=12), (7_000, 990..=1_010)] {
            let mut sizes = [0_u32; 7];
            for n in 0..ids {
                sizes[part_of(Script::id(n).halves(), 7) as usize] += 1;
            }
            assert!(sizes.iter().all(|size| like.contains(size)), "{sizes:?}");
        }
    }
}
