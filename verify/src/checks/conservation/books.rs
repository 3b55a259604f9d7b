//! What the entries of a stage come to.

use crate::Budget;
use crate::checks::groups::{self, Group};
use crate::checks::money::{self, Amounts};
use crate::checks::offenders::{Offenders, Rows};
use crate::checks::reading;
use crate::offending::Offending;
use crate::{place, wording};
use proofload_history::{At, History, HistoryError, Id, ObservationRef, Reading};

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
    pub(super) broken: Offenders<'a, Unbalanced>,
}

/// What is kept of an entry.
#[derive(Clone, Copy)]
struct Entry {
    id: Id,
    at: Option<At>,
    amount: Option<i64>,
}

impl Entry {
    fn of(seen: ObservationRef<'_>) -> Self {
        Self { id: seen.id(), at: seen.at(), amount: seen.amount() }
    }
}

/// What does not balance.
pub(super) enum Unbalanced {
    /// The rows of a key, the first of which has this number, which come to `sum` where they should come to 0.
    Transaction { key: Id, first: u64, amounts: Amounts, sum: i128 },
    /// All rows together.
    Stage { sum: i128, total: i128 },
}

impl Unbalanced {
    /// The number of the row that it is told with.
    pub(super) fn row(&self) -> Option<u64> {
        match self {
            Self::Transaction { first, .. } => Some(*first),
            Self::Stage { .. } => None,
        }
    }

    /// What it comes to and what of, for people.
    pub(super) fn tell(&self, rows: &Rows) -> String {
        match self {
            Self::Transaction { key, first, amounts, sum } => {
                let (sum, first) = (money::minor_units(*sum), place::of(rows.get(*first)));
                format!("transaction {key} comes to {sum}: {}; the first is at {first}", amounts.tell())
            }
            Self::Stage { sum, total } => {
                format!("all rows come to {}, and should to {}", money::minor_units(*sum), money::minor_units(*total))
            }
        }
    }
}

impl<'a> Books<'a> {
    /// All rows of `stage` together, which must come to `total`. One pass.
    pub(super) fn by_stage(history: &History, stage: &'a str, total: i128) -> Result<Self, HistoryError> {
        let mut books = Self::default();
        reading::each_row(history, stage, |seen| {
            books.rows += 1;
            books.add(seen.amount());
        })?;
        if books.sum != total && books.without_amount == 0 {
            let sum = books.sum;
            let one = Offending { id: None, ..Offending::of_id("total_off", Id(0), Some(stage), None) };
            books.broken.push(one, || Unbalanced::Stage { sum, total });
        }
        Ok(books)
    }

    /// The rows of `stage` by key: those of each must come to 0. One pass more where a row has no key.
    pub(super) fn by_key(history: &History, budget: Budget, stage: &'a str) -> Result<Self, HistoryError> {
        let mut books = Self::default();
        let read = groups::of_observations(
            history,
            budget,
            &[stage],
            |_, seen| (seen.reading() == Reading::Final).then(|| Some((seen.key()?, Entry::of(seen)))).flatten(),
            |group, _| books.take(&group, stage),
        )?;
        books.rows = read.rows[0];
        books.without_key = read.rows[0] - read.grouped[0];
        if books.without_key > 0 {
            // They are of no transaction, and are told all the same.
            reading::each_row(history, stage, |seen| {
                if seen.key().is_none() {
                    books.add(seen.amount());
                }
            })?;
        }
        Ok(books)
    }

    /// Adds the entries of a transaction.
    fn take(&mut self, transaction: &Group<'_, Entry>, stage: &'a str) {
        let entries = transaction.at(0);
        let Some(first) = entries.first() else { return };
        self.transactions += 1;
        let (before, without_amount) = (self.sum, self.without_amount);
        entries.iter().for_each(|entry| self.add(entry.what.amount));
        let sum = self.sum - before;
        if sum != 0 && self.without_amount == without_amount {
            let at = entries.iter().filter_map(|entry| entry.what.at).min();
            let one = Offending::of_id("unbalanced", first.what.id, Some(stage), at);
            self.broken.push(Offending { row: first.number(), ..one }, || Unbalanced::Transaction {
                key: transaction.id,
                first: first.number(),
                amounts: Amounts::of(entries.iter().map(|entry| entry.what.amount)),
                sum,
            });
        }
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
