//! What two stages say of each id, joined by sorting.

use crate::checks::money;
use crate::checks::offending::{Offending, counted};
use crate::checks::reading;
use crate::checks::stage_rows::{Group, StageRows};
use crate::{Finding, place, wording};
use proofload_history::{History, Id, Reading};

/// Two stages, the left one first, and what may be claimed of them.
pub(super) struct Sides<'a> {
    pub(super) names: [&'a str; 2],
    pub(super) rows: [&'a StageRows<'a>; 2],
    /// Whether each was read to its end.
    pub(super) to_their_ends: [bool; 2],
    /// Whether what was not seen at either is not there.
    pub(super) firm: bool,
    /// Whether amounts have to be the same.
    pub(super) amounts: bool,
}

/// The words for what is wrong.
const ONLY: [&str; 2] = ["only_left", "only_right"];
const DIFFERING: &str = "differing";

/// What both stages say of an id on which they disagree.
pub(super) struct Disagreement<'a> {
    names: [&'a str; 2],
    groups: [Group<'a>; 2],
    /// The side at which it was seen live and is gone.
    gone: Option<usize>,
}

impl Disagreement<'_> {
    /// What either stage has and where, for people.
    pub(super) fn tell(&self) -> String {
        let [left, right] = [0, 1].map(|side| self.side(side));
        format!("{left}; {right}")
    }

    fn side(&self, side: usize) -> String {
        let (name, group) = (self.names[side], self.groups[side]);
        let Some(first) = group.iter().next() else {
            let gone = if self.gone == Some(side) { ", where it was seen live" } else { "" };
            return format!("nothing at {name}{gone}");
        };
        let what = if group.iter().any(|seen| seen.amount.is_some()) {
            money::amounts(group.iter().map(|seen| seen.amount))
        } else {
            wording::plural(group.len() as u64, "row")
        };
        format!("{what} at {}", place::of(first))
    }
}

/// What the sides come to. Of arrays, the left side's is first.
#[derive(Default)]
pub(super) struct Tally<'a> {
    /// Ids at each side.
    pub(super) ids: [u64; 2],
    sums: [i128; 2],
    without_amount: [u64; 2],
    pub(super) agreeing: u64,
    /// Ids at this side alone.
    pub(super) only: [u64; 2],
    /// Ids at both sides, with other amounts.
    pub(super) differing: u64,
    /// Ids of which nobody can tell whether the sides agree.
    pub(super) undecided: u64,
    pub(super) broken: Vec<Offending<'a, Disagreement<'a>>>,
}

impl<'a> Tally<'a> {
    pub(super) fn of(history: &History, sides: &Sides<'a>) -> Self {
        let mut tally = Self::default();
        let mut gone = Gone::default();
        let mut compare = Amounts::default();
        let [mut left, mut right] = sides.rows.map(StageRows::cursor);
        while let Some(id) = least(left.next_id(), right.next_id()) {
            let groups = [left.take(id), right.take(id)];
            tally.count(groups);
            match groups.map(Group::is_empty) {
                [false, false] if !sides.amounts => tally.agreeing += 1,
                [false, false] => match compare.equal(groups) {
                    Some(true) => tally.agreeing += 1,
                    Some(false) if sides.firm => {
                        tally.differing += 1;
                        tally.push(sides, id, DIFFERING, 0, Disagreement { names: sides.names, groups, gone: None });
                    }
                    _ => tally.undecided += 1,
                },
                [left_lacks, _] => {
                    let lacking = usize::from(!left_lacks);
                    let is_gone = sides.to_their_ends[lacking] && gone.contains(history, sides.names[lacking], id);
                    if sides.firm || is_gone {
                        tally.only[1 - lacking] += 1;
                        let gone = is_gone.then_some(lacking);
                        let about = Disagreement { names: sides.names, groups, gone };
                        tally.push(sides, id, ONLY[1 - lacking], lacking, about);
                    } else {
                        tally.undecided += 1;
                    }
                }
            }
        }
        tally
    }

    fn count(&mut self, groups: [Group<'_>; 2]) {
        for (side, group) in groups.into_iter().enumerate() {
            self.ids[side] += u64::from(!group.is_empty());
            for seen in group.iter() {
                self.sums[side] += seen.amount.map_or(0, i128::from);
                self.without_amount[side] += u64::from(seen.amount.is_none());
            }
        }
    }

    fn push(&mut self, sides: &Sides<'a>, id: Id, defect: &'static str, side: usize, why: Disagreement<'a>) {
        let at = why.groups.iter().filter_map(|group| group.first_at()).min();
        let stage = Some(sides.names[side]);
        self.broken.push(Offending { id: Some(id), defect, stage, at, nth: (0, 0), why });
    }

    /// A zero is a figure only where nothing was left open.
    pub(super) fn figures(&self, finding: Finding, firm: bool) -> Finding {
        let known = |number: u64| counted(number, firm && self.undecided == 0);
        finding
            .figure("left_ids", self.ids[0] as f64)
            .figure("right_ids", self.ids[1] as f64)
            .figure("agreeing_ids", self.agreeing as f64)
            .figure("only_left_ids", known(self.only[0]))
            .figure("only_right_ids", known(self.only[1]))
            .figure("differing_ids", known(self.differing))
            .figure("undecided_ids", self.undecided as f64)
    }

    /// What the amounts at a side come to, for people.
    pub(super) fn sum(&self, side: usize) -> String {
        let sum = money::minor_units(self.sums[side]);
        match self.without_amount[side] {
            0 => sum,
            some => format!("{sum} and {} without an amount", wording::plural(some, "row")),
        }
    }
}

fn least(left: Option<Id>, right: Option<Id>) -> Option<Id> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (one, other) => one.or(other),
    }
}

/// Compares the amounts of two groups, with the space for it.
#[derive(Default)]
struct Amounts([Vec<i64>; 2]);

impl Amounts {
    /// Whether both have the same amounts, each as often; `None` where a row without an amount leaves it open.
    fn equal(&mut self, groups: [Group<'_>; 2]) -> Option<bool> {
        let rows = groups.map(Group::len);
        if rows[0] != rows[1] {
            return Some(false);
        }
        for (amounts, group) in self.0.iter_mut().zip(groups) {
            amounts.clear();
            amounts.extend(group.iter().filter_map(|seen| seen.amount));
            amounts.sort_unstable();
        }
        let all_known = self.0.iter().all(|amounts| amounts.len() == rows[0]);
        all_known.then(|| self.0[0] == self.0[1])
    }
}

/// What was seen live at a stage, by stage: read only if there is somebody who asks, for in a good history nobody does.
#[derive(Default)]
struct Gone<'a>(Vec<(&'a str, Vec<Id>)>);

impl<'a> Gone<'a> {
    /// Whether `id`, which the stage does not have at the end, was seen there live.
    fn contains(&mut self, history: &History, stage: &'a str, id: Id) -> bool {
        let known = self.0.iter().position(|(of, _)| *of == stage);
        let place = known.unwrap_or_else(|| {
            self.0.push((stage, live(history, stage)));
            self.0.len() - 1
        });
        self.0[place].1.binary_search(&id).is_ok()
    }
}

/// The ids that were seen live at `stage`, in order.
fn live(history: &History, stage: &str) -> Vec<Id> {
    let mut ids: Vec<Id> = reading::rows(history, stage, Reading::Live).map(|seen| seen.id).collect();
    ids.sort_unstable();
    ids
}
