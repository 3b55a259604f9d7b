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

/// Amounts as a list, the first few: `500, -400 and 3 more`. One that is not known is `?`.
pub(super) fn amounts(amounts: impl Iterator<Item = Option<i64>>) -> String {
    const SHOWN: usize = 5;
    let all: Vec<Option<i64>> = amounts.collect();
    let shown = all.iter().take(SHOWN).map(|one| one.map_or_else(|| "?".to_owned(), |amount| amount.to_string()));
    let shown = shown.collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN { format!("{shown} and {} more", all.len() - SHOWN) } else { shown }
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
        assert_eq!(amounts([Some(500), None, Some(-400)].into_iter()), "500, ?, -400");
        assert_eq!(amounts((0..7).map(Some)), "0, 1, 2, 3, 4 and 2 more");
    }
}
