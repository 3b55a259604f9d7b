//! `agreement`: what one stage says happened, the other says too.

mod sides;

use self::sides::{Kept, Sides, Tally};
use super::groups::{self, Read};
use super::offenders::{self, Rows};
use super::reading::{self, Rest, StageReading};
use super::table;
use crate::check::Reference;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError};
use serde::Deserialize;
use std::cell::OnceCell;

/// What is known about `agreement`.
pub(super) const ABOUT: About = About {
    name: "agreement",
    class: Class::Safety,
    invariant: "What one stage says happened, the other says too, for each id with the same amounts.",
    cost: "One pass over the observations for each part of both stages' rows that fits into memory, which are sorted by id: O(n log n), 56 bytes a row.",
    counterexample: "The rail paid 500 for an id twice, and the ledger has 500 for it once.",
    keys: &[
        ("left", "a stage"),
        ("right", "another stage, whose rows have the same ids, and amounts of the same sign"),
        (
            "compare",
            "`amount`, if left out: each id has as many rows at both, with the same amounts; `presence`: each id is at both, however often",
        ),
    ],
    figures: &[&[
        ("left_ids", "ids at the left stage"),
        ("right_ids", "ids at the right stage"),
        ("agreeing_ids", "ids on which both agree"),
        ("only_left_ids", "ids at the left stage alone"),
        ("only_right_ids", "ids at the right stage alone"),
        ("differing_ids", "ids at both with other amounts"),
        ("undecided_ids", "ids of which nobody can tell"),
    ]],
    example: "left = \"rail.payout\"\nright = \"ledger.payout\"\ncompare = \"amount\"\n",
    parse: |value| table::read(value, Agreement::new),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    left: String,
    right: String,
    #[serde(default)]
    compare: Compare,
}

/// What has to be the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Compare {
    /// The amounts of all rows of an id, in any order.
    #[default]
    Amount,
    /// That the id is there. For logs, which may repeat.
    Presence,
}

/// What is claimed when:
///
/// - An id that one stage lacks, and one whose amounts differ, are claimed where both stages were read to their ends,
///   with every row understood, and the system had come to rest: a row that was not read may be the one that is
///   missing, and so may one that had not come yet. A stage of which two readings differ was not read to its end, and
///   shows that the system still moved, so it is not enough that the stage that lacks the id was read whole.
/// - An id that was seen live at the stage which lacks it was there and is gone: that stands even if the system moved,
///   where that stage was read to its end.
/// - Amounts differ if one stage has more rows of the id, or as many and other amounts. If a row has no amount, and
///   there are as many at both, nobody can tell: the id is undecided.
#[derive(Debug)]
pub struct Agreement {
    left: String,
    right: String,
    compare: Compare,
}

impl Check for Agreement {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let names = [self.left.as_str(), self.right.as_str()];
        let rest = Rest::of(&history.journal);
        let known = OnceCell::new();
        let sides_of = |read: &Read| {
            known.get_or_init(|| {
                let readings = [0, 1].map(|side| StageReading::of(history, names[side], read.rows[side]));
                let whole = readings.iter().all(StageReading::whole);
                let sides = Sides {
                    names,
                    show_what_is_gone: [0, 1].map(|side: usize| readings[side].shows_what_is_gone()),
                    firm: whole && rest.settled,
                    amounts: self.compare == Compare::Amount,
                };
                (sides, readings)
            })
        };
        let mut tally = Tally::default();
        let read = groups::of_observations(
            history,
            context.budget,
            &names,
            |_, seen| Some((seen.id(), Kept::of(seen))),
            |group, read| tally.take(&sides_of(read).0, &group),
        )?;
        let (sides, readings) = sides_of(&read);
        let mut doubts = reading::doubts(history, readings, &rest);
        doubts.extend(self.of_rows(&tally));
        let broken = std::mem::take(&mut tally.broken);
        let judgement = offenders::judgement(!broken.is_empty(), &doubts);
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "");
        let finding = tally.figures(finding, sides.firm);
        let rows = Rows::of(history, broken.first().flat_map(|(_, disagreement)| disagreement.rows()))?;
        let finding = broken.tell(finding, &history.journal, |_, disagreement| disagreement.tell(names, &rows));
        let mut finding = evidence(finding, sides, &tally, readings);
        finding.sentence = self.sentence(&finding, &tally, &doubts);
        Ok(offenders::with_doubts(finding, &doubts))
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Stage(self.left.clone()), Reference::Stage(self.right.clone())]
    }
}

impl Agreement {
    fn new(table: Table) -> Result<Self, String> {
        let Table { left, right, compare } = table;
        if left == right {
            return Err(format!("{left} always agrees with itself: name another stage in `right`"));
        }
        Ok(Self { left, right, compare })
    }

    /// What of the rows themselves keeps it from a pass.
    fn of_rows(&self, tally: &Tally<'_>) -> Option<String> {
        let Self { left, right, .. } = self;
        if tally.ids == [0, 0] {
            return Some(format!("nothing is at {left} and nothing at {right}"));
        }
        (tally.undecided > 0).then(|| {
            let ids = wording::plural(tally.undecided, "id");
            format!("of {ids} nobody can tell whether {left} and {right} agree")
        })
    }

    fn sentence(&self, finding: &Finding, tally: &Tally<'_>, doubts: &[String]) -> String {
        let Self { left, right, compare } = self;
        match finding.judgement {
            Judgement::Pass => {
                let how = if *compare == Compare::Amount { " on the amounts of" } else { " on" };
                format!("{left} and {right} agree{how} all {}.", wording::plural(tally.agreeing, "id"))
            }
            Judgement::Fail => {
                let [of_left, of_right] = tally.only.map(wording::count);
                let differing = wording::count(tally.differing);
                let first = offenders::first(&finding.offenders);
                format!(
                    "{left} and {right} disagree: {of_left} only at {left}, {of_right} only at {right}, {differing} at both with other amounts{first}."
                )
            }
            Judgement::Unknown => offenders::unknown(&format!("{left} and {right} agree"), doubts),
        }
    }
}

fn evidence(mut finding: Finding, sides: &Sides<'_>, tally: &Tally<'_>, readings: &[StageReading; 2]) -> Finding {
    for (side, reading) in readings.iter().enumerate() {
        let sums = tally.sum(side);
        let ids = wording::plural(tally.ids[side], "id");
        finding = finding.evidence(sides.names[side], format!("{ids}, {sums}; {}", reading.description));
    }
    finding
}

#[cfg(test)]
mod tests;
