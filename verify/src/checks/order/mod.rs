//! `order`: under one key, versions rise by one in the order of the log.

mod sequence;

use self::sequence::{Found, Sequences, Wrong};
use super::offending::{self, Offending, counted};
use super::reading::Rest;
use super::standing::{self, Standing};
use super::table;
use crate::check::Reference;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::History;
use serde::Deserialize;

/// What is known about `order`.
pub(super) const ABOUT: About = About {
    name: "order",
    class: Class::Safety,
    invariant: "Under one key, versions rise by one in the order of the log, within one partition.",
    cost: "O(n log n): the rows of the stage are sorted by key, partition and offset, and those of each key by version; \
           eight bytes a row, and some eighty for each of the longest key.",
    counterexample: "The log has version 4 of a key at offset 812, and its version 3 at offset 815.",
    keys: &[
        (
            "stage",
            "the stage of a log. One without partitions and offsets is judged for gaps, repeats and contradictions only",
        ),
        (
            "repeats",
            "whether a version may come again with an equal digest: allowed or forbidden; forbidden if left out",
        ),
        ("gaps", "whether a version may be left out: allowed or forbidden; forbidden if left out"),
        ("first", "the version with which every key begins; not judged if left out"),
    ],
    example: "stage = \"log.decided\"\nrepeats = \"allowed\"\ngaps = \"forbidden\"\nfirst = 1\n",
    parse: |value| {
        table::read(value, |Table { stage, repeats, gaps, first }: Table| Ok(Order { stage, repeats, gaps, first }))
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    stage: String,
    #[serde(default)]
    repeats: Rule,
    #[serde(default)]
    gaps: Rule,
    first: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Allowed,
    #[default]
    Forbidden,
}

/// What is what, among the records of one key (its `key`, else its id):
///
/// - *reordered*: a record whose version is lower than one before it in its partition, and that repeats none.
/// - *repeated*: a record whose version and digest one before it in its partition has.
/// - *contradicted*: a record whose version one before it has with another digest, if it is not reordered.
/// - *missing*: a version between two others of the key, or between `first` and the lowest, that no record has.
/// - *split*: a key in more than one partition, where it has no order. Counted once, and judged in each of them.
///
/// All stand however little was read, but for a missing version: that it is nowhere takes a stage that was read
/// completely, a system at rest, and a key of which every record has a version (one without may be the one that is
/// missing); before the first of a key also a log that still has its beginning.
#[derive(Debug)]
pub struct Order {
    stage: String,
    repeats: Rule,
    gaps: Rule,
    first: Option<i64>,
}

/// How much of what is wrong.
#[derive(Debug, Default)]
struct Tally {
    reordered: u64,
    repeated: u64,
    contradicted: u64,
    missing: u64,
    /// Versions that were not seen where nobody can tell whether they are there.
    undecided: u64,
    split: u64,
}

impl Tally {
    fn count(&mut self, wrong: Wrong, claimed: bool) {
        let count = match wrong {
            Wrong::Reordered => &mut self.reordered,
            Wrong::Repeated => &mut self.repeated,
            Wrong::Contradicted => &mut self.contradicted,
            Wrong::Missing { .. } if claimed => &mut self.missing,
            Wrong::Missing { .. } => &mut self.undecided,
            Wrong::Split => &mut self.split,
        };
        *count = count.saturating_add(wrong.number());
    }
}

/// What the reading of the stage allows to be claimed.
struct Claims {
    /// That what was not seen there is not there, and will not come.
    absence: bool,
    /// That the log begins with the first record that it ever had.
    beginning: bool,
}

impl Claims {
    fn of(history: &History, standing: &Standing<'_>) -> Self {
        let read = history.journal.stage_read(standing.stage);
        Self {
            absence: standing.reading.complete && Rest::of(&history.journal).settled,
            beginning: read.is_none_or(|read| read.bounds.iter().all(|(_, first, _)| *first == 0)),
        }
    }

    fn allow(&self, found: &Found<'_>) -> bool {
        match found.wrong {
            Wrong::Missing { doubtful, .. } => !doubtful && self.absence && (self.beginning || found.before.is_some()),
            Wrong::Reordered | Wrong::Repeated | Wrong::Contradicted | Wrong::Split => true,
        }
    }
}

impl Check for Order {
    fn judge(&self, history: &History, _: &Context<'_>) -> Finding {
        let mut standing = Standing::at(history, &self.stage);
        let mut doubts = standing::doubts(history, std::slice::from_ref(&standing));
        let claims = Claims::of(history, &standing);
        let sequences = Sequences::of(&mut standing.rows, self.first);
        let (tally, found) = self.tally(&sequences, &claims);
        doubts.extend(self.doubts(&sequences, &tally, &claims));
        let judgement = offending::judgement(!found.is_empty(), &doubts);
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "");
        let finding = figures(finding, &standing, &sequences, &tally, &claims);
        let finding = finding.evidence(&self.stage, standing.reading.description.as_str());
        let mut finding = offending::tell(finding, &history.journal, found, describe);
        finding.sentence = self.sentence(&finding, &sequences, &tally, &doubts);
        offending::with_doubts(finding, &doubts)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Stage(self.stage.clone())]
    }
}

impl Order {
    /// How much is wrong, and what of it is forbidden and can be claimed.
    fn tally<'h>(&self, sequences: &Sequences<'h>, claims: &Claims) -> (Tally, Vec<Offending<'h, Found<'h>>>) {
        let (mut tally, mut broken) = (Tally::default(), Vec::new());
        for found in &sequences.found {
            let claimed = claims.allow(found);
            tally.count(found.wrong, claimed);
            let forbidden = match found.wrong {
                Wrong::Reordered | Wrong::Contradicted | Wrong::Split => true,
                Wrong::Repeated => self.repeats == Rule::Forbidden,
                Wrong::Missing { .. } => self.gaps == Rule::Forbidden || found.before.is_none(),
            };
            if claimed && forbidden {
                broken.push(Offending::at_row(found.wrong.name(), found.seen, *found));
            }
        }
        (tally, broken)
    }

    /// Why there can be no pass, besides how the stage was read.
    fn doubts(&self, sequences: &Sequences<'_>, tally: &Tally, claims: &Claims) -> Vec<String> {
        let (stage, unversioned, unplaced) = (&self.stage, sequences.unversioned_records, sequences.unplaced_records);
        let mut doubts = Vec::new();
        if unversioned > 0 {
            doubts.push(format!("{} at {stage} without a version", wording::plural(unversioned, "record")));
        }
        if sequences.sequenced_keys == 0 {
            doubts.push(format!("no key at {stage} has two records with a version, so none could be out of order"));
        }
        if sequences.placed() && unplaced > 0 {
            doubts.push(format!("{} at {stage} without a place in its log", wording::plural(unplaced, "record")));
        }
        if !sequences.placed() && (self.repeats, self.gaps) == (Rule::Allowed, Rule::Allowed) {
            doubts.push(format!("{stage} has no positions, and with repeats and gaps allowed nothing else is judged"));
        }
        if self.repeats == Rule::Allowed && tally.repeated > 0 && !sequences.digests {
            doubts.push(format!(
                "{} at {stage} with a version that was there before, and without digests nobody can tell whether they \
                 say the same",
                wording::plural(tally.repeated, "record")
            ));
        }
        if let Some(first) = self.first.filter(|_| sequences.early_keys > 0) {
            doubts.push(format!(
                "{} at {stage} with a version below {first}, which should be the first",
                wording::plural(sequences.early_keys, "key")
            ));
        }
        if self.first.is_some() && !claims.beginning {
            doubts.push(format!("{stage} no longer has its beginning, so nobody can tell where a key began"));
        }
        doubts
    }

    /// What is promised of every key.
    fn promise(&self, placed: bool) -> &'static str {
        match (placed, self.repeats, self.gaps) {
            (true, _, Rule::Forbidden) => "versions rise by one, in one partition",
            (true, _, Rule::Allowed) => "versions rise, in one partition",
            (false, Rule::Forbidden, Rule::Forbidden) => "no version is missing, and none is there twice",
            (false, Rule::Allowed, Rule::Forbidden) => "no version is missing",
            (false, _, Rule::Allowed) => "no version is there twice",
        }
    }

    fn sentence(&self, finding: &Finding, sequences: &Sequences<'_>, tally: &Tally, doubts: &[String]) -> String {
        let (stage, placed) = (&self.stage, sequences.placed());
        let keys = wording::plural(sequences.keys, "key");
        let records = wording::plural(sequences.records, "record");
        match finding.judgement {
            Judgement::Pass => {
                let repeated = if tally.repeated == 0 {
                    String::new()
                } else {
                    format!(", {} repeated", wording::were(tally.repeated))
                };
                let order = if placed { "" } else { "; without positions, their order is not judged" };
                format!("Under each of {keys} at {stage} {} ({records}{repeated}{order}).", self.promise(placed))
            }
            Judgement::Fail => {
                let judged = |rule: Rule, number: u64| if rule == Rule::Forbidden { number } else { 0 };
                let gaps = if self.first.is_some() { Rule::Forbidden } else { self.gaps };
                let wrong = [
                    (tally.reordered, "record", "out of order"),
                    (judged(self.repeats, tally.repeated), "record", "repeated"),
                    (tally.contradicted, "record", "contradicted"),
                    (judged(gaps, tally.missing), "version", "missing"),
                    (tally.split, "key", "in more than one partition"),
                ];
                let wrong = wrong.into_iter().filter(|(number, _, _)| *number > 0);
                let wrong: Vec<String> =
                    wrong.map(|(number, noun, what)| format!("{} {what}", wording::plural(number, noun))).collect();
                let first = offending::first(&finding.offenders);
                format!("Of {records} under {keys} at {stage}: {}{first}.", wording::list(&wrong))
            }
            Judgement::Unknown => {
                offending::unknown(&format!("under every key at {stage} {}", self.promise(placed)), doubts)
            }
        }
    }
}

fn figures(
    finding: Finding,
    standing: &Standing<'_>,
    sequences: &Sequences<'_>,
    tally: &Tally,
    claims: &Claims,
) -> Finding {
    let complete = standing.reading.complete;
    let in_log = |number| if sequences.placed() { counted(number, complete) } else { None };
    finding
        .figure("reordered_records", in_log(tally.reordered))
        .figure("repeated_records", counted(tally.repeated, complete))
        .figure("contradicted_records", counted(tally.contradicted, complete))
        .figure("missing_versions", counted(tally.missing, claims.absence && sequences.unversioned_records == 0))
        .figure("split_keys", in_log(tally.split))
        .figure("undecided_versions", tally.undecided as f64)
        .figure("unversioned_records", sequences.unversioned_records as f64)
        .figure("records", sequences.records as f64)
        .figure("keys", sequences.keys as f64)
        .figure("sequenced_keys", sequences.sequenced_keys as f64)
}

fn describe(found: &Found<'_>) -> String {
    let (key, seen) = (sequence::key(found.seen), offending::spot(found.seen));
    let before = found.before.map(offending::spot).unwrap_or_default();
    match found.wrong {
        Wrong::Reordered => format!("{seen}, after {before}, under key {key}"),
        Wrong::Repeated => format!("{seen} repeats {before}, under key {key}"),
        Wrong::Contradicted => format!("{seen} has another digest than {before}, under key {key}"),
        Wrong::Missing { from, to, .. } => {
            let versions = if from == to { format!("version {from}") } else { format!("versions {from} to {to}") };
            let where_to =
                if before.is_empty() { format!("before {seen}") } else { format!("between {before} and {seen}") };
            format!("{versions} nowhere, {where_to}, under key {key}")
        }
        Wrong::Split => format!("key {key} is at {seen}, and in another partition at {before}"),
    }
}

#[cfg(test)]
mod tests;
