//! What the checks that look for offenders have in common: how these are told, and what they and the doubts come to.

use crate::faults::Faults;
use crate::finding::MAX_OFFENDERS;
use crate::{Finding, Judgement, Offender, place, wording};
use proofload_history::{At, Id, Journal, Observation, Operation};

/// An offender before it is told: of a broken design there may be as many as rows.
pub(super) struct Offending<'a, W> {
    /// Whose it is, if it is about one.
    pub(super) id: Option<Id>,
    /// The word for what is wrong: `repeated`.
    pub(super) defect: &'static str,
    /// Where it shows, if it is about a stage.
    pub(super) stage: Option<&'a str>,
    /// When it happened, if that is known.
    pub(super) at: Option<At>,
    /// What tells those apart that have all of this in common: a record's partition and offset, an attempt's number.
    pub(super) nth: (i64, i64),
    /// What its detail is made of.
    pub(super) why: W,
}

impl<'a, W> Offending<'a, W> {
    /// What shows at a row: its id, its stage and its instant are the offender's.
    pub(super) fn at_row(defect: &'static str, seen: &'a Observation, why: W) -> Self {
        let nth = (seen.partition.map_or(-1, i64::from), seen.offset.unwrap_or(-1));
        Self { id: Some(seen.id), defect, stage: Some(&seen.stage), at: seen.at, nth, why }
    }

    /// What is wrong with an attempt, at one of its instants.
    pub(super) fn of_attempt(defect: &'static str, made: &Operation, at: At, why: W) -> Self {
        let nth = (i64::from(made.attempt), 0);
        Self { id: Some(made.intent), defect, stage: None, at: Some(at), nth, why }
    }
}

/// The offenders that a finding names: the first by instant and id, and the number of all.
pub(super) struct Named<'a, W> {
    pub(super) first: Vec<Offending<'a, W>>,
    total: u64,
}

impl<'a, W> Named<'a, W> {
    /// O(n log n).
    pub(super) fn of(mut offending: Vec<Offending<'a, W>>) -> Self {
        let total = offending.len() as u64;
        offending.sort_by_key(|one| (one.at.unwrap_or(At(u64::MAX)), one.id, one.stage, one.nth, one.defect));
        offending.truncate(MAX_OFFENDERS);
        Self { first: offending, total }
    }

    /// Adds them to `finding`, each with the faults that were active then and what `describe` says of it.
    pub(super) fn tell(self, mut finding: Finding, journal: &Journal, describe: impl Fn(&W) -> String) -> Finding {
        finding.offenders_total = self.total;
        let faults = Faults::of(journal);
        let told = self.first.iter().map(|one| Offender {
            id: one.id,
            defect: one.defect.to_owned(),
            stage: one.stage.map(str::to_owned),
            at: one.at,
            during: one.at.map(|at| faults.during(at)).unwrap_or_default(),
            detail: describe(&one.why),
        });
        finding.offenders = told.collect();
        finding
    }
}

/// Adds the offenders to `finding`; only of those that it names `describe` is asked.
pub(super) fn tell<W>(
    finding: Finding,
    journal: &Journal,
    offending: Vec<Offending<'_, W>>,
    describe: impl Fn(&W) -> String,
) -> Finding {
    Named::of(offending).tell(finding, journal, describe)
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
pub(super) fn spot(seen: &Observation) -> String {
    let version = seen.version.map_or_else(String::new, |version| format!("version {version} at "));
    let at = seen.at.map_or_else(String::new, |at| format!(" at {at}"));
    format!("{version}{}{at}", place::of(seen))
}

/// Where and when the first few of `rows` were seen, and how many more there are.
pub(super) fn spots(rows: &[&Observation]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = rows.iter().take(SHOWN).map(|seen| spot(seen)).collect();
    let more = match rows.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {} more", wording::count(more as u64)),
    };
    shown.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;
    use crate::testing::Script;

    fn row(n: u64, secs: Option<f64>) -> Observation {
        Observation { at: secs.map(At::from_secs_f64), ..Observation::of("log.in".into(), Script::id(n)) }
    }

    fn told(journal: &Journal, rows: &[Observation]) -> Finding {
        let offending = rows.iter().map(|seen| Offending::at_row("repeated", seen, seen)).collect();
        tell(Finding::new("x", Class::Safety, Judgement::Fail, ""), journal, offending, |seen| spot(seen))
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
    }

    #[test]
    fn what_is_about_no_id_and_no_stage_is_told_too_and_its_words_are_words() {
        let total = Offending { id: None, defect: "total_off", stage: Some("ledger"), at: None, nth: (0, 0), why: 7 };
        let finding = Finding::new("x", Class::Safety, Judgement::Fail, "");
        let finding = tell(finding, &Journal::default(), vec![total], |n| format!("number {n}"));
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
        let rows: Vec<&Observation> = rows.iter().collect();
        assert_eq!(spots(&rows), "log.in at 1.5 s, log.in at 1.5 s, log.in at 1.5 s and 2 more");
        assert_eq!(spots(&rows[..1]), "log.in at 1.5 s");
    }
}
