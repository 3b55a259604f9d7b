//! What the checks that look for offenders have in common: how these are told, and what they and the doubts come to.

use crate::faults::Faults;
use crate::finding::MAX_OFFENDERS;
use crate::offending::{Listing, Offending};
use crate::{Finding, Judgement, Offender, place, wording};
use proofload_history::{History, HistoryError, Journal, Observation};
use std::collections::{BTreeMap, BinaryHeap};

/// The offenders of a check: all of a broken design's rows may be. All are counted, a million are listed, and of the
/// first, by instant and id, something is known besides.
pub(super) struct Offenders<'a, W> {
    first: BinaryHeap<Known<'a, W>>,
    listing: Listing,
}

/// An offender of which something is known.
struct Known<'a, W> {
    one: Offending<'a>,
    why: W,
}

impl<W> PartialEq for Known<'_, W> {
    fn eq(&self, other: &Self) -> bool {
        self.one == other.one
    }
}

impl<W> Eq for Known<'_, W> {}

impl<W> PartialOrd for Known<'_, W> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<W> Ord for Known<'_, W> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.one.cmp(&other.one)
    }
}

impl<W> Default for Offenders<'_, W> {
    fn default() -> Self {
        Self { first: BinaryHeap::new(), listing: Listing::default() }
    }
}

impl<'a, W> Offenders<'a, W> {
    /// Takes an offender in, in whatever order; `why` is asked only of those that are among the first so far.
    pub(super) fn push(&mut self, one: Offending<'a>, why: impl FnOnce() -> W) {
        self.listing.push(&one.listed());
        if self.first.len() >= MAX_OFFENDERS {
            if self.first.peek().is_some_and(|last| last.one <= one) {
                return;
            }
            self.first.pop();
        }
        self.first.push(Known { one, why: why() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// How many there are.
    pub(super) fn total(&self) -> u64 {
        self.listing.total()
    }

    /// Those that are told, in no order, with what is known of each.
    pub(super) fn first(&self) -> impl Iterator<Item = (&Offending<'a>, &W)> {
        self.first.iter().map(|known| (&known.one, &known.why))
    }

    /// Adds them to `finding`, the first each with the faults that were active then and what `describe` says of it.
    pub(super) fn tell(
        self,
        mut finding: Finding,
        journal: &Journal,
        describe: impl Fn(&Offending<'a>, &W) -> String,
    ) -> Finding {
        let faults = Faults::of(journal);
        finding.offenders_total = self.total();
        let told = self.first.into_sorted_vec().into_iter().map(|Known { one, why }| Offender {
            id: one.id,
            defect: one.defect.to_owned(),
            stage: one.stage.map(str::to_owned),
            at: one.at,
            during: one.at.map(|at| faults.during(at)).unwrap_or_default(),
            detail: describe(&one, &why),
        });
        finding.offenders = told.collect();
        finding.listing = self.listing.sorted();
        finding
    }
}

/// The rows of observations that offenders are told with, by their numbers.
pub(super) struct Rows(BTreeMap<u64, Observation>);

impl Rows {
    /// One pass over the observations, if there are any to look for.
    pub(super) fn of(history: &History, numbers: impl IntoIterator<Item = u64>) -> Result<Self, HistoryError> {
        let mut wanted: Vec<u64> = numbers.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut rows = BTreeMap::new();
        let (mut number, mut next) = (0, wanted.iter().peekable());
        if next.peek().is_some() {
            history.observations.each(|seen| {
                if next.next_if(|next| **next == number).is_some() {
                    rows.insert(number, seen.to_owned());
                }
                number += 1;
            })?;
        }
        Ok(Self(rows))
    }

    /// The row with this number, which was among those looked for: every pass gives the same rows.
    pub(super) fn get(&self, number: u64) -> &Observation {
        &self.0[&number]
    }

    /// Where and when a row was seen.
    pub(super) fn spot(&self, number: u64) -> String {
        spot(self.get(number))
    }
}

/// What was found stands; else a doubt keeps it from passing.
pub(super) fn judgement(found: bool, doubts: &[String]) -> Judgement {
    match (found, doubts.is_empty()) {
        (true, _) => Judgement::Fail,
        (false, false) => Judgement::Unknown,
        (false, true) => Judgement::Pass,
    }
}

/// Why nobody can tell whether `promise`, as a sentence.
pub(super) fn unknown(promise: &str, doubts: &[String]) -> String {
    let doubt = doubts.first().map_or("the evidence does not suffice", String::as_str);
    format!("Whether {promise} is unknown: {doubt}.")
}

/// The doubts as evidence.
pub(super) fn with_doubts(finding: Finding, doubts: &[String]) -> Finding {
    doubts.iter().fold(finding, |finding, doubt| finding.evidence("doubt", doubt.as_str()))
}

/// A count as a figure: a zero is one only where all that it counts was there to be seen.
pub(super) fn counted(number: u64, countable: bool) -> Option<f64> {
    (number > 0 || countable).then_some(number as f64)
}

/// The first offender, as the end of a sentence: `; the first is repeated at db.row, at 31.2 s`.
pub(super) fn first(offenders: &[Offender]) -> String {
    let Some(first) = offenders.first() else { return String::new() };
    let stage = first.stage.as_ref().map_or_else(String::new, |stage| format!(" at {stage}"));
    let at = first.at.map_or_else(String::new, |at| format!(", at {at}"));
    format!("; the first is {}{stage}{at}", first.defect.replace('_', " "))
}

/// Where and when a row was seen, with its version if it has one: `version 4 at log.in/3 offset 812 at 31.2 s`.
fn spot(seen: &Observation) -> String {
    let version = seen.version.map_or_else(String::new, |version| format!("version {version} at "));
    let at = seen.at.map_or_else(String::new, |at| format!(" at {at}"));
    format!("{version}{}{at}", place::of(seen))
}

/// The first few rows of an id, to be told of, and how many there are in all.
#[derive(Clone, Debug)]
pub(super) struct Spots {
    pub(super) first: Vec<u64>,
    pub(super) total: u64,
}

impl Spots {
    /// Of the rows with these numbers.
    pub(super) fn of(numbers: impl ExactSizeIterator<Item = u64>) -> Self {
        const SHOWN: usize = 3;
        let total = numbers.len() as u64;
        Self { first: numbers.take(SHOWN).collect(), total }
    }

    /// Where and when the first few were seen, and how many more there are.
    pub(super) fn tell(&self, rows: &Rows) -> String {
        let shown: Vec<String> = self.first.iter().map(|number| rows.spot(*number)).collect();
        let more = match self.total - self.first.len() as u64 {
            0 => String::new(),
            more => format!(" and {} more", wording::count(more)),
        };
        shown.join(", ") + &more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;
    use crate::offending::Spot;
    use crate::testing::Script;
    use proofload_history::{At, Table};

    fn row(n: u64, secs: Option<f64>) -> Observation {
        Observation { at: secs.map(At::from_secs_f64), ..Observation::of("log.in".into(), Script::id(n)) }
    }

    fn history(rows: &[Observation]) -> History {
        History { observations: Table::of(rows).unwrap(), ..History::default() }
    }

    fn told(journal: &Journal, rows: &[Observation]) -> Finding {
        let (mut offenders, mut number) = (Offenders::default(), 0);
        let history = history(rows);
        let push = |seen: proofload_history::ObservationRef<'_>| {
            let one = Offending::at_spot("repeated", seen.id(), "log.in", Spot::of(seen), number);
            offenders.push(one, || number);
            number += 1;
        };
        history.observations.each(push).unwrap();
        let rows = Rows::of(&history, offenders.first().map(|(_, number)| *number)).unwrap();
        let finding = Finding::new("x", Class::Safety, Judgement::Fail, "");
        offenders.tell(finding, journal, |_, number| rows.spot(*number))
    }

    #[test]
    fn offenders_are_told_by_instant_then_id_and_those_without_an_instant_come_last() {
        let rows = [row(4, None), row(3, Some(2.0)), row(2, Some(1.0)), row(1, Some(2.0))];
        let finding = told(&Journal::default(), &rows);
        let ids: Vec<_> = finding.offenders.iter().filter_map(|offender| offender.id).collect();
        assert_eq!(ids, [2, 1, 3, 4].map(Script::id));
    }

    #[test]
    fn the_first_hundred_are_told_and_all_are_counted() {
        let rows: Vec<Observation> = (0..250).rev().map(|n| row(n, Some(n as f64))).collect();
        let finding = told(&Journal::default(), &rows);
        assert_eq!((finding.offenders.len(), finding.offenders_total), (100, 250));
        assert_eq!(finding.offenders[99].id, Some(Script::id(99)));
        assert_eq!(finding.offenders[99].detail, "log.in at 99.0 s");
        assert!(finding.listing.iter().map(|one| one.id).eq((0..250).map(|n| Some(Script::id(n)))));
    }

    #[test]
    fn what_is_about_no_id_and_no_stage_is_told_too_and_its_words_are_words() {
        let of_id = Offending::of_id("total_off", Script::id(0), Some("ledger"), None);
        let mut offenders = Offenders::default();
        offenders.push(Offending { id: None, ..of_id }, || 7);
        let finding = Finding::new("x", Class::Safety, Judgement::Fail, "");
        let finding = offenders.tell(finding, &Journal::default(), |_, n| format!("number {n}"));
        assert_eq!((finding.offenders[0].id, finding.offenders[0].detail.as_str()), (None, "number 7"));
        assert_eq!(first(&finding.offenders), "; the first is total off at ledger");
    }

    #[test]
    fn an_offender_names_the_faults_that_were_active_at_its_instant() {
        let journal = Script::new().fault(5.0, 9.0, "cut").history().journal;
        let finding = told(&journal, &[row(1, Some(7.0)), row(2, Some(12.0)), row(3, None)]);
        let during: Vec<&[String]> = finding.offenders.iter().map(|offender| offender.during.as_slice()).collect();
        assert_eq!(during, [["cut".to_owned()].as_slice(), &[], &[]]);
        assert_eq!(first(&finding.offenders), "; the first is repeated at log.in, at 7.0 s");
    }

    #[test]
    fn a_zero_is_a_figure_only_where_it_could_be_counted() {
        assert_eq!([counted(0, true), counted(0, false), counted(3, false)], [Some(0.0), None, Some(3.0)]);
    }

    #[test]
    fn the_first_few_places_are_told_and_the_others_counted() {
        let rows: Vec<Observation> = (0..5).map(|n| row(n, Some(1.5))).collect();
        let told = |numbers: std::ops::Range<usize>| {
            let spots = Spots::of(numbers.map(|n| n as u64));
            spots.tell(&Rows::of(&history(&rows), spots.first.iter().copied()).unwrap())
        };
        assert_eq!(told(0..5), "log.in at 1.5 s, log.in at 1.5 s, log.in at 1.5 s and 2 more");
        assert_eq!(told(4..5), "log.in at 1.5 s");
    }
}
