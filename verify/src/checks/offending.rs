//! Offenders among rows: found as references, told only as far as a finding names them.

use crate::faults::Faults;
use crate::finding::MAX_OFFENDERS;
use crate::{Finding, Judgement, Offender, place, wording};
use proofload_history::{At, Journal, Observation};

/// An offender before it is told: small, for of a broken design there may be as many as rows.
pub(super) struct Offending<'h, W> {
    /// The word for what is wrong: `repeated`.
    pub(super) defect: &'static str,
    /// The row at which it shows: its id, its stage and its instant are the offender's.
    pub(super) seen: &'h Observation,
    /// What else it takes to describe it.
    pub(super) why: W,
}

/// Adds the offenders to `finding`: how many there are, and the first of them by instant and id, each with what
/// `describe` says of it. O(n log n).
pub(super) fn tell<'h, W>(
    mut finding: Finding,
    journal: &Journal,
    mut offending: Vec<Offending<'h, W>>,
    describe: impl Fn(&Offending<'h, W>) -> String,
) -> Finding {
    finding.offenders_total = offending.len() as u64;
    offending.sort_by_key(|offending| {
        let seen = offending.seen;
        (seen.at.unwrap_or(At(u64::MAX)), seen.id, &*seen.stage, seen.partition, seen.offset, offending.defect)
    });
    offending.truncate(MAX_OFFENDERS);
    let faults = Faults::of(journal);
    let told = offending.iter().map(|offending| Offender {
        id: Some(offending.seen.id),
        defect: offending.defect.to_owned(),
        stage: Some(offending.seen.stage.to_string()),
        at: offending.seen.at,
        during: offending.seen.at.map(|at| faults.during(at)).unwrap_or_default(),
        detail: describe(offending),
    });
    finding.offenders = told.collect();
    finding
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
    format!("; the first is {}{stage}{at}", first.defect)
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
        let offending = rows.iter().map(|seen| Offending { defect: "repeated", seen, why: () }).collect();
        tell(Finding::new("x", Class::Safety, Judgement::Fail, ""), journal, offending, |one| spot(one.seen))
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
