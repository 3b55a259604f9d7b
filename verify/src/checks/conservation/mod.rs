//! `conservation`: each transaction balances, and no money comes from nowhere or goes there.

mod books;

use self::books::Books;
use super::offenders::{self, Rows};
use super::reading::{self, Rest, StageReading};
use super::{money, table};
use crate::check::Reference;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError};
use serde::Deserialize;

/// What is known about `conservation`.
pub(super) const ABOUT: About = About {
    name: "conservation",
    class: Class::Safety,
    invariant: "Each transaction balances, and all amounts together come to the total that was there from the start.",
    cost: "One pass over the observations; by key one for each part of the stage's rows that fits into memory, which are sorted: O(n log n), 80 bytes a row.",
    counterexample: "A transaction has two entries: 500 on one account and -400 on another.",
    keys: &[
        (
            "stage",
            "the stage whose rows are entries: signed amounts in minor units, under the key of their transaction",
        ),
        ("total", "what all amounts come to, in minor units; 0 if left out, and only `by = \"stage\"` takes another"),
        (
            "by",
            "`key`, if left out: the rows of each key come to 0, and a row without a key makes it unknown; `stage`: only the total is judged",
        ),
    ],
    figures: &[&[
        ("transactions", "transactions, where each must balance"),
        ("unbalanced_transactions", "those that do not balance"),
        ("total_minor_units", "what all amounts come to"),
        ("off_by_minor_units", "what that is beyond what it should be"),
        ("rows_without_amount", "rows without an amount"),
        ("rows_without_key", "rows without a key, where each transaction must balance"),
    ]],
    example: "stage = \"ledger.entry\"\ntotal = 0\nby = \"key\"\n",
    parse: |value| table::read(value, Conservation::new),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    stage: String,
    #[serde(default)]
    total: i64,
    #[serde(default)]
    by: By,
}

/// What has to balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum By {
    /// The rows of each key.
    #[default]
    Key,
    /// All rows together.
    Stage,
}

/// How a stage that was read in one snapshot says so.
const SNAPSHOT: &str = "repeatable read";

/// What is claimed when:
///
/// - A row that was not read, or not understood, or has no key, can be what balances a transaction: with one of those
///   nothing is claimed. A row without an amount takes only its own transaction out, and the total.
/// - In one repeatable-read snapshot a transaction is there as a whole or not at all, and so is every movement of
///   money: what does not balance in it stands even if the system still moved. A log, or a journal, is read entry by
///   entry: what does not balance there stands only if the system had come to rest, for the rest of it may have come a
///   moment later.
/// - A pass needs a system at rest either way: what is still to be booked was not seen to balance.
#[derive(Debug)]
pub struct Conservation {
    stage: String,
    total: i64,
    by: By,
}

impl Check for Conservation {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let books = match self.by {
            By::Key => Books::by_key(history, context.budget, &self.stage)?,
            By::Stage => Books::by_stage(history, &self.stage, self.total.into())?,
        };
        self.judge_books(history, books)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Stage(self.stage.clone())]
    }
}

impl Conservation {
    fn new(table: Table) -> Result<Self, String> {
        let Table { stage, total, by } = table;
        if by == By::Key && total != 0 {
            return Err(format!(
                "where every key comes to 0 the total is 0 and not {total}: write by = \"stage\", or leave `total` out"
            ));
        }
        Ok(Self { stage, total, by })
    }

    fn judge_books(&self, history: &History, mut books: Books<'_>) -> Result<Finding, HistoryError> {
        let reading = StageReading::of(history, &self.stage, books.rows);
        let rest = Rest::of(&history.journal);
        let snapshot = history.journal.stage_read(&self.stage).is_some_and(|read| read.isolation == SNAPSHOT);
        let firm = reading.whole() && books.without_key == 0 && (snapshot || rest.settled);
        let nothing = books.rows == 0 && self.total == 0;
        let of_rows = books.doubts(&self.stage);
        let mut doubts = reading::doubts(history, [&reading], &rest);
        let empty = nothing.then(|| format!("nothing is booked at {}", self.stage));
        doubts.extend(of_rows.chain(empty));
        let judgement = offenders::judgement(firm && !books.broken.is_empty(), &doubts);
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "");
        let finding = self.figures(finding, &books, firm).evidence(&self.stage, reading.description);
        let mut finding = offenders::with_doubts(finding, &doubts);
        let sentence = self.sentence(judgement, &books, doubts.first());
        if judgement == Judgement::Fail {
            let broken = std::mem::take(&mut books.broken);
            let rows = Rows::of(history, broken.first().filter_map(|(_, unbalanced)| unbalanced.row()))?;
            finding = broken.tell(finding, &history.journal, |_, unbalanced| unbalanced.tell(&rows));
        }
        finding.sentence = format!("{sentence}{}.", offenders::first(&finding.offenders));
        Ok(finding)
    }

    /// What the amounts come to beyond what they should.
    fn off_by(&self, books: &Books<'_>) -> i128 {
        books.sum - i128::from(self.total)
    }

    /// A zero, and a sum, are figures only where nothing is missing from them.
    fn figures(&self, finding: Finding, books: &Books<'_>, firm: bool) -> Finding {
        let whole = firm && books.without_amount == 0;
        let sum = |sum: i128| whole.then_some(sum as f64);
        let unbalanced = books.broken.total();
        let claimed = firm && (whole || unbalanced > 0);
        let finding = match self.by {
            By::Key => finding
                .figure("transactions", books.transactions as f64)
                .figure("unbalanced_transactions", claimed.then_some(unbalanced as f64)),
            By::Stage => finding,
        };
        finding
            .figure("total_minor_units", sum(books.sum))
            .figure("off_by_minor_units", sum(self.off_by(books)))
            .figure("rows_without_amount", books.without_amount as f64)
            .figure("rows_without_key", books.without_key as f64)
    }

    /// Without its end: the first offender is told after it.
    fn sentence(&self, judgement: Judgement, books: &Books<'_>, doubt: Option<&String>) -> String {
        let (stage, sum) = (&self.stage, money::minor_units(books.sum));
        let (transactions, unbalanced) = (wording::count(books.transactions), books.broken.total());
        match (judgement, self.by) {
            (Judgement::Pass, By::Key) => format!("Each of {transactions} transactions at {stage} balances"),
            (Judgement::Pass, By::Stage) => {
                format!("The {} at {stage} come to {sum}, as they must", wording::plural(books.rows, "row"))
            }
            (Judgement::Fail, By::Key) => {
                format!("Of {transactions} transactions at {stage} {} off balance", wording::were(unbalanced))
            }
            (Judgement::Fail, By::Stage) => {
                let (total, off_by) = (money::minor_units(self.total.into()), money::minor_units(self.off_by(books)));
                let rows = wording::plural(books.rows, "row");
                format!("The {rows} at {stage} come to {sum} where {total} must be: off by {off_by}")
            }
            (Judgement::Unknown, _) => {
                let doubt = doubt.map_or("the evidence does not suffice", String::as_str);
                let seen = match (self.by, unbalanced) {
                    (_, 0) => String::new(),
                    (By::Key, some) => format!(" ({} not in balance in what was read)", wording::count(some)),
                    (By::Stage, _) => format!(" (what was read comes to {sum})"),
                };
                format!("Whether {stage} balances is unknown: {doubt}{seen}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
