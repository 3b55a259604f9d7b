//! What breaks a promise: one by one, and all of a finding in little space.

use proofload_history::{At, Id, ObservationRef};
use std::cmp::Ordering;

/// An offender, as far as it tells it from all others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offending<'a> {
    /// Whose it is, if it is about one.
    pub(crate) id: Option<Id>,
    /// The word for what is wrong: `repeated`.
    pub(crate) defect: &'static str,
    /// Where it shows, if it is about a stage.
    pub(crate) stage: Option<&'a str>,
    /// When it happened, if that is known.
    pub(crate) at: Option<At>,
    /// The partition of the record that shows it.
    pub(crate) partition: Option<i32>,
    /// The offset of that record.
    pub(crate) offset: Option<i64>,
    /// The number of the row that shows it, to tell those apart that have all else in common.
    pub(crate) row: u64,
}

impl<'a> Offending<'a> {
    /// What is about an id, at a stage.
    pub(crate) fn of_id(defect: &'static str, id: Id, stage: Option<&'a str>, at: Option<At>) -> Self {
        Self { id: Some(id), defect, stage, at, partition: None, offset: None, row: 0 }
    }

    /// What shows at the row `row` of the observations, which is about an id.
    pub(crate) fn at_spot(defect: &'static str, id: Id, stage: &'a str, spot: Spot, row: u64) -> Self {
        let (at, partition, offset) = (spot.at(), spot.partition(), spot.offset());
        Self { id: Some(id), defect, stage: Some(stage), at, partition, offset, row }
    }

    /// It as the file of all offenders has it.
    pub(crate) fn listed(&self) -> Listed<'_> {
        let Self { id, defect, stage, at, partition, offset, .. } = *self;
        Listed { id, defect, stage, at, partition, offset }
    }

    /// Offenders are told by instant, those without one last, then by id and by whatever else tells them apart.
    fn order(&self, other: &Self) -> Ordering {
        let key = |one: &Self| {
            (one.at.unwrap_or(At(u64::MAX)), one.id, one.stage, one.partition, one.offset, one.defect, one.row)
        };
        key(self).cmp(&key(other))
    }
}

/// When and where a row was seen, in 24 bytes. Ordered by instant, partition and offset, what is not known first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    /// One more than the instant; 0 for none.
    at: u64,
    /// [`i32::MIN`] for none.
    partition: i32,
    /// [`i64::MIN`] for none.
    offset: i64,
}

impl Spot {
    pub(crate) fn of(seen: ObservationRef<'_>) -> Self {
        Self {
            at: seen.at().map_or(0, |at| at.0.saturating_add(1)),
            partition: seen.partition().unwrap_or(i32::MIN),
            offset: seen.offset().unwrap_or(i64::MIN),
        }
    }

    pub(crate) fn at(self) -> Option<At> {
        self.at.checked_sub(1).map(At)
    }

    pub(crate) fn partition(self) -> Option<i32> {
        (self.partition != i32::MIN).then_some(self.partition)
    }

    pub(crate) fn offset(self) -> Option<i64> {
        (self.offset != i64::MIN).then_some(self.offset)
    }

    /// The partition and the offset, if both are known.
    pub(crate) fn position(self) -> Option<(i32, i64)> {
        self.partition().zip(self.offset())
    }
}

impl PartialEq for Offending<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.order(other).is_eq()
    }
}

impl Eq for Offending<'_> {}

impl PartialOrd for Offending<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Offending<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order(other)
    }
}

/// The most offenders of one finding that are listed; the others are counted.
pub const MAX_LISTED: usize = 1_000_000;

/// The offenders of a finding, up to [`MAX_LISTED`] of them, without what is known of each: 40 bytes an offender.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    defects: Vec<String>,
    stages: Vec<String>,
    rows: Vec<Packed>,
    total: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Packed {
    /// [`u64::MAX`] for none.
    at: u64,
    /// The high and the low half of the id.
    id: [u64; 2],
    /// [`i64::MIN`] for none.
    offset: i64,
    /// [`i32::MIN`] for none.
    partition: i32,
    defect: u8,
    /// [`NONE`] for none.
    stage: u8,
    has_id: bool,
}

const NONE: u8 = u8::MAX;

/// An offender as the file of all of them has it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Listed<'a> {
    /// The intent, where it is about one.
    pub id: Option<Id>,
    /// What is wrong with it.
    pub defect: &'a str,
    /// The stage where it shows.
    pub stage: Option<&'a str>,
    /// The instant that locates it, in nanoseconds since the start of the run.
    pub at: Option<At>,
    /// The partition of the record that shows it.
    pub partition: Option<i32>,
    /// The offset of that record.
    pub offset: Option<i64>,
}

impl Listing {
    /// Takes an offender in.
    pub fn push(&mut self, one: &Listed<'_>) {
        let packed = Packed {
            at: one.at.map_or(u64::MAX, |at| at.0),
            id: one.id.unwrap_or(Id(0)).halves(),
            offset: one.offset.unwrap_or(i64::MIN),
            partition: one.partition.unwrap_or(i32::MIN),
            defect: place_of(&mut self.defects, one.defect),
            stage: one.stage.map_or(NONE, |stage| place_of(&mut self.stages, stage)),
            has_id: one.id.is_some(),
        };
        self.total += 1;
        self.rows.push(packed);
        if self.rows.len() >= MAX_LISTED + MAX_LISTED / 4 {
            self.keep_first();
        }
    }

    /// The same with its offenders in order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.keep_first();
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_unstable_by(|a, b| self.order(a, b));
        Self { rows, ..self }
    }

    /// How many there are, those that are not listed included.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many are not listed.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.total - self.rows.len() as u64
    }

    /// Those that are listed, in order.
    pub fn iter(&self) -> impl Iterator<Item = Listed<'_>> {
        self.rows.iter().map(|row| Listed {
            id: row.has_id.then_some(Id::of_halves(row.id)),
            defect: self.defects.get(usize::from(row.defect)).map_or("", String::as_str),
            stage: self.stages.get(usize::from(row.stage)).map(String::as_str),
            at: (row.at != u64::MAX).then_some(At(row.at)),
            partition: (row.partition != i32::MIN).then_some(row.partition),
            offset: (row.offset != i64::MIN).then_some(row.offset),
        })
    }

    fn keep_first(&mut self) {
        let mut rows = std::mem::take(&mut self.rows);
        if rows.len() > MAX_LISTED {
            rows.select_nth_unstable_by(MAX_LISTED, |a, b| self.order(a, b));
            rows.truncate(MAX_LISTED);
        }
        self.rows = rows;
    }

    fn order(&self, a: &Packed, b: &Packed) -> Ordering {
        let key = |row: &Packed| (row.at, row.has_id, row.id);
        let rest = |row: &Packed| {
            let stage = self.stages.get(usize::from(row.stage));
            (stage, row.partition, row.offset, self.defects.get(usize::from(row.defect)))
        };
        key(a).cmp(&key(b)).then_with(|| rest(a).cmp(&rest(b)))
    }
}

/// Two are equal if they list the same, whatever numbers their words have.
impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.iter().eq(other.iter())
    }
}

/// The place of a word among few others, which it is put among if it is new.
fn place_of(words: &mut Vec<String>, word: &str) -> u8 {
    let known = words.iter().position(|known| known == word);
    let place = known.unwrap_or_else(|| {
        words.push(word.to_owned());
        words.len() - 1
    });
    // A finding speaks of few stages; one beyond what a byte tells apart goes unnamed.
    u8::try_from(place).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(n: u64, at: u64) -> Offending<'static> {
        let stage = if n.is_multiple_of(2) { "log.in" } else { "db.row" };
        Offending::of_id("lost", Id::issued(1, 1, n), Some(stage), Some(At(at)))
    }

    #[test]
    fn what_is_listed_is_given_back_in_order() {
        let mut listing = Listing::default();
        let total = Offending { id: None, defect: "total_off", at: None, ..one(0, 0) };
        let record = Offending { partition: Some(3), offset: Some(812), ..one(2, 5) };
        [total, one(1, 9), record].iter().for_each(|one| listing.push(&one.listed()));
        let listing = listing.sorted();
        let place = |one: &Listed<'_>| (one.partition, one.offset);
        let listed: Vec<_> = listing.iter().map(|one| (one.defect, one.stage, one.at, place(&one))).collect();
        let expected = [
            ("lost", Some("log.in"), Some(At(5)), (Some(3), Some(812))),
            ("lost", Some("db.row"), Some(At(9)), (None, None)),
            ("total_off", Some("log.in"), None, (None, None)),
        ];
        assert_eq!(listed, expected);
        assert_eq!((listing.iter().next().unwrap().id, listing.left_out()), (Some(Id::issued(1, 1, 2)), 0));
    }

    #[test]
    fn beyond_a_million_the_first_are_listed_and_all_are_counted() {
        let mut listing = Listing::default();
        let number = MAX_LISTED as u64 * 3 / 2;
        (0..number).rev().for_each(|n| listing.push(&one(n, n).listed()));
        let listing = listing.sorted();
        assert_eq!((listing.total(), listing.left_out()), (number, number - MAX_LISTED as u64));
        assert!(listing.iter().map(|one| one.at.unwrap().0).eq(0..MAX_LISTED as u64));
    }

    #[test]
    fn two_listings_are_equal_if_they_list_the_same_whatever_was_met_first() {
        let of = |numbers: &[u64]| {
            let mut listing = Listing::default();
            numbers.iter().for_each(|n| listing.push(&one(*n, *n).listed()));
            listing.sorted()
        };
        assert_eq!(of(&[1, 2]), of(&[2, 1]));
        assert_ne!(of(&[1, 2]), of(&[1, 3]), "as many, and others");
        assert_ne!(of(&[1, 2]), of(&[1]));
    }
}
