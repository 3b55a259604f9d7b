//! `no_phantom`: nothing is there that nobody asked for.

use super::listed::Listed;
use super::offending::{self, Offending, counted};
use super::standing::{self, Standing};
use super::table;
use crate::check::Reference;
use crate::intents::{Intents, Known};
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, Id, Observation};
use serde::Deserialize;

/// What is known about `no_phantom`.
pub(super) const ABOUT: About = About {
    name: "no_phantom",
    class: Class::Safety,
    invariant: "Whatever is at one of these stages was asked for by one of these operations.",
    cost: "One pass over the operations for each operation named and one over the observations, without hashing but for \
           own ids; eight bytes a row, and five an id for each operation.",
    counterexample: "The ledger has a payout under an id whose only attempt was refused.",
    keys: &[
        ("stages", "a list of stages, at least one"),
        ("operations", "a list of all the operations that put something there, at least one"),
    ],
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
struct Clients<'h> {
    intents: Vec<Intents<'h>>,
    /// Rows of operations are missing: that no attempt asked for an id is not certain.
    damaged: bool,
}

impl<'h> Clients<'h> {
    fn of(history: &'h History, operations: &[String]) -> Result<Self, String> {
        let intents: Result<Vec<_>, String> =
            operations.iter().map(|operation| Intents::of(history, operation)).collect();
        Ok(Self { intents: intents?, damaged: !history.damage.is_empty() })
    }

    fn asked(&self, id: Id) -> Asked {
        let known = self.intents.iter().filter_map(|intents| {
            let number = intents.number(id)?;
            Some(match intents.known()[number as usize] {
                Known::NoRow => Known::Indeterminate,
                Known::Other if intents.issued_for_it(number) => Known::Indeterminate,
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

/// What is at a stage without having been asked for.
struct Tally<'h> {
    /// Rows of phantoms, those of one id together.
    phantoms: Vec<(Phantom, &'h Observation)>,
    indeterminate_ids: u64,
}

impl<'h> Tally<'h> {
    fn of(standing: &Standing<'h>, clients: &Clients<'_>) -> Self {
        let (mut phantoms, mut indeterminate) = (Vec::new(), Vec::new());
        for seen in &standing.rows {
            match clients.asked(seen.id) {
                Asked::For => {}
                Asked::Perhaps => indeterminate.push(seen.id),
                Asked::Not(phantom) => phantoms.push((phantom, *seen)),
            }
        }
        phantoms.sort_unstable_by_key(|(_, seen)| (seen.id, seen.at, seen.partition, seen.offset));
        indeterminate.sort_unstable();
        indeterminate.dedup();
        Self { phantoms, indeterminate_ids: indeterminate.len() as u64 }
    }

    /// The phantoms, each once, with all of its rows.
    fn found(&self) -> impl Iterator<Item = Offending<'h, &[(Phantom, &'h Observation)]>> {
        let same_id = self.phantoms.chunk_by(|(_, a), (_, b)| a.id == b.id);
        same_id.map(|rows| Offending::at_row("phantom", rows[0].1, rows))
    }
}

impl Check for NoPhantom {
    fn judge(&self, history: &History, _: &Context<'_>) -> Finding {
        match Clients::of(history, self.operations.names()) {
            Ok(clients) => self.judge_rows(history, &clients),
            Err(why) => {
                let sentence = format!("The intents cannot be told: {why}.");
                Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence)
            }
        }
    }

    fn references(&self) -> Vec<Reference> {
        let stages = self.stages.names().iter().cloned().map(Reference::Stage);
        stages.chain(self.operations.names().iter().cloned().map(Reference::Operation)).collect()
    }
}

impl NoPhantom {
    fn judge_rows(&self, history: &History, clients: &Clients<'_>) -> Finding {
        let standing = Standing::at_each(history, self.stages.names());
        let doubts = standing::doubts(history, &standing);
        let tallies: Vec<Tally<'_>> = standing.iter().map(|stage| Tally::of(stage, clients)).collect();
        let found: Vec<_> = tallies.iter().flat_map(Tally::found).collect();
        let judgement = offending::judgement(!found.is_empty(), &doubts);
        let mut finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "");
        for (stage, tally) in standing.iter().zip(&tallies) {
            let phantoms = counted(tally.found().count() as u64, stage.reading.complete);
            finding = finding
                .figure(&format!("phantom_ids.{}", stage.stage), phantoms)
                .figure(&format!("indeterminate_ids.{}", stage.stage), tally.indeterminate_ids as f64)
                .figure(&format!("rows.{}", stage.stage), stage.count() as f64)
                .evidence(stage.stage, stage.reading.description.as_str());
        }
        let mut finding = offending::tell(finding, &history.journal, found, |rows| self.describe(rows));
        finding.sentence = self.sentence(&finding, &standing, &tallies, &doubts);
        offending::with_doubts(finding, &doubts)
    }

    fn describe(&self, rows: &[(Phantom, &Observation)]) -> String {
        let operations = self.operations.told();
        let why = match rows[0].0 {
            Phantom::NobodyIssued => "nobody issued this id".to_owned(),
            Phantom::Refused => format!("every attempt of {operations} under this id certainly failed"),
            Phantom::OthersOnly => format!("no attempt under this id was of {operations}"),
        };
        let seen: Vec<&Observation> = rows.iter().map(|(_, seen)| *seen).collect();
        format!("{why}; seen at {}", offending::spots(&seen))
    }

    fn sentence(
        &self,
        finding: &Finding,
        standing: &[Standing<'_>],
        tallies: &[Tally<'_>],
        doubts: &[String],
    ) -> String {
        let (stages, operations) = (self.stages.told(), self.operations.told());
        match finding.judgement {
            Judgement::Pass => {
                let rows: u64 = standing.iter().map(Standing::count).sum();
                format!("Of {} at {stages} none is there without {operations}.", wording::plural(rows, "row"))
            }
            Judgement::Fail => {
                let phantoms = standing.iter().zip(tallies).filter(|(_, tally)| !tally.phantoms.is_empty());
                let phantoms: Vec<String> = phantoms
                    .map(|(stage, tally)| {
                        format!("{} at {}", wording::plural(tally.found().count() as u64, "id"), stage.stage)
                    })
                    .collect();
                let first = offending::first(&finding.offenders);
                format!("Nobody asked for {}{first}.", wording::list(&phantoms))
            }
            Judgement::Unknown => {
                offending::unknown(&format!("everything at {stages} was asked for by {operations}"), doubts)
            }
        }
    }
}

#[cfg(test)]
mod tests;
