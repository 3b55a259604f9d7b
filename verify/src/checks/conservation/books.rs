//! What the entries of a stage come to.

use crate::checks::money;
use crate::checks::offending::Offending;
use crate::checks::reading;
use crate::checks::stage_rows::{Group, StageRows};
use crate::{place, wording};
use proofload_history::{At, History, Id, Reading};

/// The entries of a stage, added up. Sums are exact: 2^64 amounts fit.
#[derive(Default)]
pub(super) struct Books<'a> {
    pub(super) rows: u64,
    pub(super) without_amount: u64,
    /// Only where rows are put together by key.
    pub(super) without_key: u64,
    /// Keys that were seen.
    pub(super) transactions: u64,
    /// Of all amounts.
    pub(super) sum: i128,
    /// What does not come to what it should. A transaction of which an amount is missing is none.
    pub(super) broken: Vec<Offending<'a, Unbalanced<'a>>>,
}

/// What does not balance.
pub(super) enum Unbalanced<'a> {
    /// The rows of a key, which come to `sum` where they should come to 0.
    Transaction { key: Id, entries: Group<'a>, sum: i128 },
    /// All rows together.
    Stage { sum: i128, total: i128 },
}

impl Unbalanced<'_> {
    /// What it comes to and what of, for people.
    pub(super) fn tell(&self) -> String {
        match self {
            Self::Transaction { key, entries, sum } => {
                let (sum, amounts) =
                    (money::minor_units(*sum), money::amounts(entries.iter().map(|entry| entry.amount)));
                let first = entries.iter().next().map(|first| format!("; the first is at {}", place::of(first)));
                format!("transaction {key} comes to {sum}: {amounts}{}", first.unwrap_or_default())
            }
            Self::Stage { sum, total } => {
                format!("all rows come to {}, and should to {}", money::minor_units(*sum), money::minor_units(*total))
            }
        }
    }
}

impl<'a> Books<'a> {
    /// All rows of `stage` together, which must come to `total`. One pass.
    pub(super) fn by_stage(history: &History, stage: &'a str, total: i128) -> Self {
        let mut books = Self::default();
        for seen in reading::rows(history, stage, Reading::Final) {
            books.rows += 1;
            books.add(seen.amount);
        }
        if books.sum != total && books.without_amount == 0 {
            let why = Unbalanced::Stage { sum: books.sum, total };
            books.push(None, "total_off", stage, None, why);
        }
        books
    }

    /// The `rows` of `stage` by key: those of each must come to 0.
    pub(super) fn by_key(rows: &'a StageRows<'_>, stage: &'a str) -> Self {
        let mut books = Self { rows: rows.read, without_key: rows.without_group(), ..Self::default() };
        for (key, entries) in rows.groups() {
            books.transactions += 1;
            let (before, without_amount) = (books.sum, books.without_amount);
            for entry in entries.iter() {
                books.add(entry.amount);
            }
            let sum = books.sum - before;
            if sum != 0 && books.without_amount == without_amount {
                let id = entries.iter().next().map(|first| first.id);
                let why = Unbalanced::Transaction { key, entries, sum };
                books.push(id, "unbalanced", stage, entries.first_at(), why);
            }
        }
        books
    }

    fn push(&mut self, id: Option<Id>, defect: &'static str, stage: &'a str, at: Option<At>, why: Unbalanced<'a>) {
        self.broken.push(Offending { id, defect, stage: Some(stage), at, nth: (0, 0), why });
    }

    fn add(&mut self, amount: Option<i64>) {
        match amount {
            Some(amount) => self.sum += i128::from(amount),
            None => self.without_amount += 1,
        }
    }

    /// What of the rows keeps the books from being closed.
    pub(super) fn doubts(&self, stage: &str) -> impl Iterator<Item = String> {
        let lacking = |rows: u64, what: &str| {
            let (has, they) = if rows == 1 { ("has", "it") } else { ("have", "they") };
            let rows = wording::plural(rows, "row");
            format!("{rows} of {stage} {has} no {what}, so nobody knows what {they} would balance")
        };
        let amounts = (self.without_amount > 0).then(|| lacking(self.without_amount, "amount"));
        let keys = (self.without_key > 0).then(|| lacking(self.without_key, "key"));
        amounts.into_iter().chain(keys)
    }
}
