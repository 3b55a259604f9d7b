//! What two stages say of each id, joined by sorting.

use crate::checks::groups::{Group, Member};
use crate::checks::money;
use crate::checks::offenders::{Offenders, Rows, counted};
use crate::offending::Offending;
use crate::{Finding, place, wording};
use proofload_history::{At, Id, ObservationRef};

/// What is kept of a row.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    amount: Option<i64>,
    at: Option<At>,
}

impl Kept {
    pub(super) fn of(seen: ObservationRef<'_>) -> Self {
        Self { amount: seen.amount(), at: seen.at() }
    }
}

/// Two stages, the left one first, and what may be claimed of them.
pub(super) struct Sides<'a> {
    pub(super) names: [&'a str; 2],
    /// Whether what was seen at each live, and not at the end, is gone.
    pub(super) show_what_is_gone: [bool; 2],
    /// Whether what was not seen at either is not there.
    pub(super) firm: bool,
    /// Whether amounts have to be the same.
    pub(super) amounts: bool,
}

/// The words for what is wrong.
const ONLY: [&str; 2] = ["only_left", "only_right"];
const DIFFERING: &str = "differing";

/// What both stages say of an id on which they disagree.
pub(super) struct Disagreement {
    sides: [Side; 2],
    /// The side at which it was seen live and is gone.
    gone: Option<usize>,
}

/// What a stage has of an id.
struct Side {
    rows: u64,
    /// The number of its first row.
    first: Option<u64>,
    /// If a row has any.
    amounts: Option<money::Amounts>,
}

impl Side {
    fn of(rows: &[Member<Kept>]) -> Self {
        let amounts = rows.iter().any(|row| row.what.amount.is_some());
        Self {
            rows: rows.len() as u64,
            first: rows.first().map(Member::number),
            amounts: amounts.then(|| money::Amounts::of(rows.iter().map(|row| row.what.amount))),
        }
    }
}

impl Disagreement {
    /// The numbers of the rows that it is told with.
    pub(super) fn rows(&self) -> impl Iterator<Item = u64> {
        self.sides.iter().filter_map(|side| side.first)
    }

    /// What either stage has and where, for people.
    pub(super) fn tell(&self, names: [&str; 2], rows: &Rows) -> String {
        let [left, right] = [0, 1].map(|side| self.tell_side(side, names[side], rows));
        format!("{left}; {right}")
    }

    fn tell_side(&self, side: usize, name: &str, rows: &Rows) -> String {
        let Side { rows: number, first, amounts } = &self.sides[side];
        let Some(first) = first else {
            let gone = if self.gone == Some(side) { ", where it was seen live" } else { "" };
            return format!("nothing at {name}{gone}");
        };
        let what = amounts.as_ref().map_or_else(|| wording::plural(*number, "row"), money::Amounts::tell);
        format!("{what} at {}", place::of(rows.get(*first)))
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
    pub(super) broken: Offenders<'a, Disagreement>,
    compare: Amounts,
}

impl<'a> Tally<'a> {
    /// Takes what both stages have of an id into account.
    pub(super) fn take(&mut self, sides: &Sides<'a>, group: &Group<'_, Kept>) {
        let rows = [group.at(0), group.at(1)];
        self.count(rows);
        match rows.map(<[_]>::is_empty) {
            // It was only seen live.
            [true, true] => {}
            [false, false] if !sides.amounts => self.agreeing += 1,
            [false, false] => match self.compare.equal(rows) {
                Some(true) => self.agreeing += 1,
                Some(false) if sides.firm => {
                    self.differing += 1;
                    self.push((group.id, DIFFERING, sides.names[0]), rows, None);
                }
                _ => self.undecided += 1,
            },
            [left_lacks, _] => {
                let lacking = usize::from(!left_lacks);
                let is_gone = sides.show_what_is_gone[lacking] && !group.live_at(lacking).is_empty();
                if sides.firm || is_gone {
                    self.only[1 - lacking] += 1;
                    self.push((group.id, ONLY[1 - lacking], sides.names[lacking]), rows, is_gone.then_some(lacking));
                } else {
                    self.undecided += 1;
                }
            }
        }
    }

    fn count(&mut self, rows: [&[Member<Kept>]; 2]) {
        for (side, rows) in rows.into_iter().enumerate() {
            self.ids[side] += u64::from(!rows.is_empty());
            for row in rows {
                self.sums[side] += row.what.amount.map_or(0, i128::from);
                self.without_amount[side] += u64::from(row.what.amount.is_none());
            }
        }
    }

    fn push(
        &mut self,
        (id, defect, stage): (Id, &'static str, &'a str),
        rows: [&[Member<Kept>]; 2],
        gone: Option<usize>,
    ) {
        let at = rows.iter().flat_map(|rows| rows.iter()).filter_map(|row| row.what.at).min();
        let one = Offending::of_id(defect, id, Some(stage), at);
        self.broken.push(one, || Disagreement { sides: rows.map(Side::of), gone });
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

/// Compares the amounts of two groups, with the space for it.
#[derive(Default)]
struct Amounts([Vec<i64>; 2]);

impl Amounts {
    /// Whether both have the same amounts, each as often; `None` where a row without an amount leaves it open.
    fn equal(&mut self, groups: [&[Member<Kept>]; 2]) -> Option<bool> {
        let rows = groups.map(<[_]>::len);
        if rows[0] != rows[1] {
            return Some(false);
        }
        for (amounts, group) in self.0.iter_mut().zip(groups) {
            amounts.clear();
            amounts.extend(group.iter().filter_map(|row| row.what.amount));
            amounts.sort_unstable();
        }
        let all_known = self.0.iter().all(|amounts| amounts.len() == rows[0]);
        all_known.then(|| self.0[0] == self.0[1])
    }
}
