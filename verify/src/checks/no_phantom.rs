//! `no_phantom`: nothing is there that nobody asked for.

use super::groups::{self, Group, Member};
use super::listed::Listed;
use super::offenders::{self, Offenders, Rows, Spots, counted};
use super::standing::{self, Standing};
use super::table;
use crate::check::Reference;
use crate::intents::{Intents, Known};
use crate::offending::{Offending, Spot};
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError, Id, Reading};
use serde::Deserialize;

/// What is known about `no_phantom`.
pub(super) const ABOUT: About = About {
    name: "no_phantom",
    class: Class::Safety,
    invariant: "Whatever is at one of these stages was asked for by one of these operations.",
    cost: "One pass over the operations for each operation named and one over the observations, without hashing but for \
           own ids; one byte an id for each operation, and 48 a row that was not asked for or may not have been.",
    counterexample: "The ledger has a payout under an id whose only attempt was refused.",
    keys: &[
        ("stages", "a list of stages, at least one"),
        ("operations", "a list of all the operations that put something there, at least one"),
    ],
    figures: &[&[
        ("phantom_ids.STAGE", "ids at a stage that nobody asked for"),
        ("indeterminate_ids.STAGE", "ids at a stage of which nobody knows whether they were asked for"),
        ("rows.STAGE", "rows at a stage"),
    ]],
    example: "stages = [\"db.application\"]\noperations = [\"submit_application\"]\n",
    parse: |value| {
        table::read(value, |table: Table| Ok(NoPhantom { stages: table.stages, operations: table.operations }))
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    stages: Listed,
    operations: Listed,
}

/// An id at a stage was asked for if an attempt of one of the operations was acknowledged, and perhaps if
///
/// - the outcome of an attempt is not known,
/// - it was issued and no attempt of any operation is on record, or
/// - it was issued for one of the operations and only attempts of others are on record: the one may not be.
///
/// Such an id is indeterminate and no phantom. A phantom is one that nobody issued, one whose attempts of these
/// operations all certainly failed, and one that only operations which are not named were made under: those named are
/// said to be all that put something there. (`delivery` leaves the last one alone: its chain speaks of one operation, and
/// others may share its stages.)
///
/// A phantom stands however little was read, but in a damaged history only one that nobody issued: the attempt that
/// asked for any other may be among the rows that are missing. A pass takes stages that were read completely and have
/// rows, and a system at rest.
#[derive(Debug)]
pub struct NoPhantom {
    stages: Listed,
    operations: Listed,
}

/// Why an id is a phantom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phantom {
    NobodyIssued,
    Refused,
    OthersOnly,
}

/// Whether an id was asked for.
enum Asked {
    For,
    Perhaps,
    Not(Phantom),
}

/// What the operations named say of ids.
struct Clients {
    intents: Vec<Intents>,
    /// Rows of operations are missing: that no attempt asked for an id is not certain.
    damaged: bool,
}

impl Clients {
    fn of(history: &History, operations: &[String]) -> Result<Self, HistoryError> {
        let intents: Result<Vec<_>, HistoryError> =
            operations.iter().map(|operation| Intents::of(history, operation)).collect();
        Ok(Self { intents: intents?, damaged: !history.damage.is_empty() })
    }

    fn asked(&self, id: Id) -> Asked {
        let known = self.intents.iter().filter_map(|intents| {
            Some(match intents.known_of(id)? {
                Known::NoRow => Known::Indeterminate,
                Known::Other if intents.issued_for_it(id) => Known::Indeterminate,
                known => known,
            })
        });
        match known.max() {
            None => Asked::Not(Phantom::NobodyIssued),
            Some(Known::Ok) => Asked::For,
            Some(Known::Indeterminate | Known::NoRow) => Asked::Perhaps,
            Some(Known::Fail | Known::Other) if self.damaged => Asked::Perhaps,
            Some(Known::Fail) => Asked::Not(Phantom::Refused),
            Some(Known::Other) => Asked::Not(Phantom::OthersOnly),
        }
    }
}

/// How many ids are at a stage without having been asked for.
#[derive(Clone, Copy, Default)]
struct Tally {
    phantoms: u64,
    indeterminate: u64,
}

/// What is told of a phantom.
struct Told {
    phantom: Phantom,
    spots: Spots,
}

impl Check for NoPhantom {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let clients = Clients::of(history, self.operations.names())?;
        let stages: Vec<&str> = self.stages.names().iter().map(String::as_str).collect();
        let (mut tallies, mut found) = (vec![Tally::default(); stages.len()], Offenders::default());
        let read = groups::of_observations(
            history,
            context.budget,
            &stages,
            |_, seen| {
                let suspect = seen.reading() == Reading::Final && !matches!(clients.asked(seen.id()), Asked::For);
                suspect.then(|| (seen.id(), Spot::of(seen)))
            },
            |mut group, _| {
                let asked = clients.asked(group.id);
                for ((n, stage), tally) in stages.iter().enumerate().zip(&mut tallies) {
                    tally.take(&mut group, &asked, (n, *stage), &mut found);
                }
            },
        )?;
        let standing = Standing::of(history, self.stages.names(), &read.rows);
        let doubts = standing::doubts(history, &standing);
        let judgement = offenders::judgement(!found.is_empty(), &doubts);
        let mut finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "");
        for (stage, tally) in standing.iter().zip(&tallies) {
            finding = finding
                .figure(&format!("phantom_ids.{}", stage.stage), counted(tally.phantoms, stage.reading.whole()))
                .figure(&format!("indeterminate_ids.{}", stage.stage), tally.indeterminate as f64)
                .figure(&format!("rows.{}", stage.stage), stage.rows as f64)
                .evidence(stage.stage, stage.reading.description.as_str());
        }
        let rows = Rows::of(history, found.first().flat_map(|(_, told)| told.spots.first.iter().copied()))?;
        let mut finding = found.tell(finding, &history.journal, |_, told| self.describe(told, &rows));
        finding.sentence = self.sentence(&finding, &standing, &tallies, &doubts);
        Ok(offenders::with_doubts(finding, &doubts))
    }

    fn references(&self) -> Vec<Reference> {
        let stages = self.stages.names().iter().cloned().map(Reference::Stage);
        stages.chain(self.operations.names().iter().cloned().map(Reference::Operation)).collect()
    }
}

impl Tally {
    /// Takes the rows of an id at a stage into account: a phantom counts once, and its first row tells when.
    fn take<'s>(
        &mut self,
        group: &mut Group<'_, Spot>,
        asked: &Asked,
        (number, stage): (usize, &'s str),
        found: &mut Offenders<'s, Told>,
    ) {
        let id = group.id;
        let rows = group.at_mut(number);
        rows.sort_unstable_by_key(|row| (row.what, row.number()));
        match (rows.first(), asked) {
            (None, _) | (_, Asked::For) => {}
            (Some(_), Asked::Perhaps) => self.indeterminate += 1,
            (Some(first), Asked::Not(phantom)) => {
                self.phantoms += 1;
                let one = Offending::at_spot("phantom", id, stage, first.what, first.number());
                let told = || Told { phantom: *phantom, spots: Spots::of(rows.iter().map(Member::number)) };
                found.push(one, told);
            }
        }
    }
}

impl NoPhantom {
    fn describe(&self, Told { phantom, spots }: &Told, rows: &Rows) -> String {
        let operations = self.operations.told();
        let why = match phantom {
            Phantom::NobodyIssued => "nobody issued this id".to_owned(),
            Phantom::Refused => format!("every attempt of {operations} under this id certainly failed"),
            Phantom::OthersOnly => format!("no attempt under this id was of {operations}"),
        };
        format!("{why}; seen at {}", spots.tell(rows))
    }

    fn sentence(&self, finding: &Finding, standing: &[Standing<'_>], tallies: &[Tally], doubts: &[String]) -> String {
        let (stages, operations) = (self.stages.told(), self.operations.told());
        match finding.judgement {
            Judgement::Pass => {
                let rows: u64 = standing.iter().map(|stage| stage.rows).sum();
                format!("Of {} at {stages} none is there without {operations}.", wording::plural(rows, "row"))
            }
            Judgement::Fail => {
                let phantoms = standing.iter().zip(tallies).filter(|(_, tally)| tally.phantoms > 0);
                let phantoms: Vec<String> = phantoms
                    .map(|(stage, tally)| format!("{} at {}", wording::plural(tally.phantoms, "id"), stage.stage))
                    .collect();
                let first = offenders::first(&finding.offenders);
                format!("Nobody asked for {}{first}.", wording::list(&phantoms))
            }
            Judgement::Unknown => {
                offenders::unknown(&format!("everything at {stages} was asked for by {operations}"), doubts)
            }
        }
    }
}

#[cfg(test)]
mod tests;
