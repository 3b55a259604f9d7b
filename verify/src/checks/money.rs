//! How money is written for people.

use crate::wording;

/// Minor units with their sign and separators: `-1,250 minor units`.
pub(super) fn minor_units(amount: i128) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let digits = match u64::try_from(amount.unsigned_abs()) {
        Ok(digits) => wording::count(digits),
        Err(_) => amount.unsigned_abs().to_string(),
    };
    format!("{sign}{digits} minor unit{}", if amount.unsigned_abs() == 1 { "" } else { "s" })
}

/// Some amounts, to be told of: the first few, and how many there are in all.
#[derive(Clone, Debug)]
pub(super) struct Amounts {
    first: Vec<Option<i64>>,
    total: usize,
}

impl Amounts {
    pub(super) fn of(amounts: impl ExactSizeIterator<Item = Option<i64>>) -> Self {
        const SHOWN: usize = 5;
        let total = amounts.len();
        Self { first: amounts.take(SHOWN).collect(), total }
    }

    /// As a list: `500, -400 and 3 more`. One that is not known is `?`.
    pub(super) fn tell(&self) -> String {
        let shown = self.first.iter().map(|one| one.map_or_else(|| "?".to_owned(), |amount| amount.to_string()));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let more = self.total - self.first.len();
        if more > 0 { format!("{shown} and {more} more") } else { shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_its_sign_and_its_separators() {
        let texts = [0, 1, -1_250, i128::from(u64::MAX) + 1].map(minor_units);
        assert_eq!(
            texts,
            ["0 minor units", "1 minor unit", "-1,250 minor units", "18446744073709551616 minor units"]
                .map(String::from)
        );
    }

    #[test]
    fn of_many_amounts_the_first_are_shown() {
        assert_eq!(Amounts::of([Some(500), None, Some(-400)].into_iter()).tell(), "500, ?, -400");
        let seven: Vec<i64> = (0..7).collect();
        assert_eq!(Amounts::of(seven.into_iter().map(Some)).tell(), "0, 1, 2, 3, 4 and 2 more");
    }
}
