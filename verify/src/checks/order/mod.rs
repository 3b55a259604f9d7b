//! `order`: under one key, versions rise by one in the order of the log.

mod sequence;

use self::sequence::{Found, Kept, Sequences, Wrong};
use super::groups;
use super::offenders::{self, Offenders, Rows, counted};
use super::reading::{Rest, StageReading};
use super::standing::{self, Standing};
use super::table;
use crate::check::Reference;
use crate::offending::Offending;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError, Observation, Reading};
use serde::Deserialize;
use std::cell::{Cell, OnceCell};

/// What is known about `order`.
pub(super) const ABOUT: About = About {
    name: "order",
    class: Class::Safety,
    invariant: "Under one key, versions rise by one in the order of the log, within one partition.",
    cost: "One pass over the observations for each part of the rows that fits into memory: O(n log n), 112 bytes a row; \
           they are sorted by key, and those of each key by position and by version.",
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
    figures: &[&[
        ("reordered_records", "records that came behind a later version"),
        ("repeated_records", "records that were there before"),
        ("contradicted_records", "records of a version that said something else before"),
        ("missing_versions", "versions that no record has"),
        ("undecided_versions", "versions of which nobody can tell whether they are there"),
        ("split_keys", "keys in more than one partition"),
        ("unversioned_records", "records without a version"),
        ("records", "all records"),
        ("keys", "all keys"),
        ("sequenced_keys", "keys with at least two versions"),
    ]],
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
    sequences: Sequences,
    /// Whether every record has a digest. If not, records of one version count as equal.
    digests: bool,
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
    fn of(history: &History, stage: &str, rows: u64) -> Self {
        let reading = StageReading::of(history, stage, rows);
        Self {
            absence: reading.complete && Rest::of(&history.journal).settled,
            beginning: reading.beginning_gone.is_none(),
        }
    }

    fn allow(&self, found: &Found) -> bool {
        match found.wrong {
            Wrong::Missing { doubtful, .. } => !doubtful && self.absence && (self.beginning || found.before.is_some()),
            Wrong::Reordered | Wrong::Repeated | Wrong::Contradicted | Wrong::Split => true,
        }
    }
}

impl Check for Order {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let (mut tally, mut found) = (Tally::default(), Offenders::default());
        let (digests, claims) = (Cell::new(true), OnceCell::new());
        let claims_on = |rows| claims.get_or_init(|| Claims::of(history, &self.stage, rows));
        let read = groups::of_observations(
            history,
            context.budget,
            &[self.stage.as_str()],
            |_, seen| {
                let last = seen.reading() == Reading::Final;
                digests.set(digests.get() && (!last || seen.digest().is_some()));
                last.then(|| (seen.key().unwrap_or(seen.id()), Kept::of(seen)))
            },
            |mut group, read| {
                let claims = claims_on(read.rows[0]);
                let mut sequences = std::mem::take(&mut tally.sequences);
                sequences.take(group.at_mut(0), self.first, digests.get(), |wrong| {
                    self.take(&mut tally, wrong, claims, &mut found);
                });
                tally.sequences = sequences;
            },
        )?;
        tally.digests = digests.get();
        let claims = claims_on(read.rows[0]);
        let standing = Standing::of(history, [&self.stage], &read.rows);
        let mut doubts = standing::doubts(history, &standing);
        doubts.extend(self.doubts(&tally));
        let judgement = offenders::judgement(!found.is_empty(), &doubts);
        let reading = &standing[0].reading;
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "");
        let finding = figures(finding, reading.complete, &tally, claims);
        let finding = finding.evidence(&self.stage, reading.description.as_str());
        let shown = |found: &Found| std::iter::once(found.seen).chain(found.before).map(|record| record.number());
        let rows = Rows::of(history, found.first().flat_map(|(_, found)| shown(found)))?;
        let mut finding = found.tell(finding, &history.journal, |_, found| describe(found, &rows));
        finding.sentence = self.sentence(&finding, &tally, &doubts);
        Ok(offenders::with_doubts(finding, &doubts))
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Stage(self.stage.clone())]
    }
}

impl Order {
    /// Counts what is wrong; what of it is forbidden and can be claimed is an offender.
    fn take<'s>(&'s self, tally: &mut Tally, wrong: Found, claims: &Claims, found: &mut Offenders<'s, Found>) {
        let claimed = claims.allow(&wrong);
        tally.count(wrong.wrong, claimed);
        let forbidden = match wrong.wrong {
            Wrong::Reordered | Wrong::Contradicted | Wrong::Split => true,
            Wrong::Repeated => self.repeats == Rule::Forbidden,
            Wrong::Missing { .. } => self.gaps == Rule::Forbidden || wrong.before.is_none(),
        };
        if claimed && forbidden {
            let Kept { id, spot, .. } = wrong.seen.what;
            let one = Offending::at_spot(wrong.wrong.name(), id, &self.stage, spot, wrong.seen.number());
            found.push(one, || wrong);
        }
    }

    /// Why there can be no pass, besides how the stage was read.
    fn doubts(&self, tally: &Tally) -> Vec<String> {
        let sequences = &tally.sequences;
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
        if self.repeats == Rule::Allowed && tally.repeated > 0 && !tally.digests {
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

    fn sentence(&self, finding: &Finding, tally: &Tally, doubts: &[String]) -> String {
        let sequences = &tally.sequences;
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
                let first = offenders::first(&finding.offenders);
                format!("Of {records} under {keys} at {stage}: {}{first}.", wording::list(&wrong))
            }
            Judgement::Unknown => {
                offenders::unknown(&format!("under every key at {stage} {}", self.promise(placed)), doubts)
            }
        }
    }
}

fn figures(finding: Finding, complete: bool, tally: &Tally, claims: &Claims) -> Finding {
    let sequences = &tally.sequences;
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

fn describe(found: &Found, rows: &Rows) -> String {
    let Observation { key, id, .. } = rows.get(found.seen.number());
    let (key, seen) = (key.unwrap_or(*id), rows.spot(found.seen.number()));
    let before = found.before.map(|before| rows.spot(before.number())).unwrap_or_default();
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
