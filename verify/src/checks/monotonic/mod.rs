//! `monotonic`: the state of an id never goes back.

mod states;

use self::states::{Reached, States};
use super::offending::{self, Offending, counted};
use super::standing::{self, Standing};
use super::table;
use crate::check::Reference;
use crate::names::Names;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, Observation};
use serde::Deserialize;
use std::collections::BTreeSet;

/// What is known about `monotonic`.
pub(super) const ABOUT: About = About {
    name: "monotonic",
    class: Class::Safety,
    invariant: "The state of an id never goes back, and never changes between two states of the same group.",
    cost: "O(n log n): the rows of the stage are sorted by id, and those of each id by version or position; eight bytes \
           a row.",
    counterexample: "Version 2 of an application is APPROVED, and its version 3 is SUBMITTED_AND_PENDING_APPROVAL.",
    keys: &[
        ("stage", "the stage"),
        (
            "states",
            "a list of groups of states, each a list of names, in the order in which they may be reached; of one group \
             an id may reach one state only",
        ),
    ],
    example: "stage = \"log.decided\"\n\
              states = [[\"SUBMITTED_AND_PENDING_APPROVAL\"], [\"APPROVED\", \"REJECTED\", \"WITHDRAWN_BY_CLIENT\"]]\n",
    parse: |value| table::read(value, |table: Table| Ok(Monotonic { stage: table.stage, states: table.states })),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    stage: String,
    states: States,
}

/// The rows of an id are in the order of their versions if all have one, else of their offsets if all are in one
/// partition, else in none. (A log without versions goes back where an old record is repeated: its readers cannot tell
/// the one from the other.)
///
/// - *regressed*: an id that has a state of an earlier group after one of a later group.
/// - *contradicted*: an id that has two states of one group, in whatever order.
///
/// Both stand however little was read. A pass takes a stage that was read completely, a system at rest, an id that was
/// seen more than once, a state in every row that a group names, and an order among the rows of every id that has states
/// of several groups.
#[derive(Debug)]
pub struct Monotonic {
    stage: String,
    states: States,
}

/// What became of the ids of a stage.
#[derive(Default)]
struct Tally<'h> {
    ids: u64,
    /// Ids with at least two rows that have a state which is named.
    followed: u64,
    /// Ids of which all rows have the same state.
    single_state: u64,
    regressed: u64,
    contradicted: u64,
    /// Ids with states of several groups, of which nobody can tell which came first.
    unordered: u64,
    /// Rows without a state.
    stateless: u64,
    /// Rows with a state that no group names.
    strange: u64,
    strange_states: BTreeSet<&'h str>,
    /// Each with the row that it goes back from or contradicts.
    found: Vec<Offending<'h, Pair<'h>>>,
}

/// Two rows of an id that cannot both be, and what is between them.
struct Pair<'h> {
    before: &'h Observation,
    after: &'h Observation,
    between: &'static str,
}

impl<'h> Tally<'h> {
    fn of(rows: &mut [&'h Observation], states: &'h States) -> Self {
        rows.sort_unstable_by_key(|seen| seen.id);
        let mut names = Names::new(states.names());
        let (mut tally, mut reached) = (Self::default(), Vec::new());
        for rows in rows.chunk_by(|a, b| a.id == b.id) {
            reached.clear();
            for seen in rows {
                match seen.state.as_ref() {
                    None => tally.stateless += 1,
                    Some(name) => match names.number(name) {
                        Some(state) => reached.push(states.reached(state, seen)),
                        None => {
                            tally.strange += 1;
                            tally.strange_states.insert(name);
                        }
                    },
                }
            }
            tally.follow(&mut reached);
        }
        tally
    }

    /// Takes the states of one id into account.
    fn follow(&mut self, reached: &mut [Reached<'h>]) {
        let ordered = states::sort(reached);
        let single = reached.windows(2).all(|pair| pair[0].state == pair[1].state);
        self.ids += 1;
        self.followed += u64::from(reached.len() >= 2);
        self.single_state += u64::from(single && !reached.is_empty());
        if let Some((before, after)) = states::regress(reached) {
            self.regressed += 1;
            let pair = Pair { before, after, between: "after" };
            self.found.push(Offending::at_row("regressed", after, pair));
        } else if !ordered {
            self.unordered += 1;
        }
        if let Some((before, after)) = states::contradiction(reached) {
            self.contradicted += 1;
            let pair = Pair { before, after, between: "and all the same" };
            self.found.push(Offending::at_row("contradicted", after, pair));
        }
    }

    /// Whether every row said which state its id had reached.
    fn all_told(&self) -> bool {
        self.stateless == 0 && self.strange == 0
    }

    /// Why there can be no pass, besides how the stage was read.
    fn doubts(&self, stage: &str) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.strange > 0 {
            const SHOWN: usize = 3;
            let mut names: Vec<String> = self.strange_states.iter().take(SHOWN).map(|&name| name.to_owned()).collect();
            let more = self.strange_states.len() - names.len();
            if more > 0 {
                names.push(wording::plural(more as u64, "other"));
            }
            doubts.push(format!("{stage} has {}, which no group of states names", wording::list(&names)));
        }
        if self.stateless > 0 {
            doubts.push(format!("{} at {stage} without a state", wording::plural(self.stateless, "row")));
        }
        if self.unordered > 0 {
            doubts.push(format!(
                "{} at {stage} with several states that neither versions nor positions put in order",
                wording::plural(self.unordered, "id")
            ));
        }
        if self.followed == 0 {
            doubts.push(format!("no id at {stage} was seen more than once, so nothing could have gone back"));
        }
        doubts
    }
}

impl Check for Monotonic {
    fn judge(&self, history: &History, _: &Context<'_>) -> Finding {
        let mut standing = Standing::at(history, &self.stage);
        let mut doubts = standing::doubts(history, std::slice::from_ref(&standing));
        let mut tally = Tally::of(&mut standing.rows, &self.states);
        doubts.extend(tally.doubts(&self.stage));
        let found = std::mem::take(&mut tally.found);
        let judgement = offending::judgement(!found.is_empty(), &doubts);
        let all_told = standing.reading.complete && tally.all_told();
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "")
            .figure("regressed_ids", counted(tally.regressed, all_told && tally.unordered == 0))
            .figure("contradicted_ids", counted(tally.contradicted, all_told))
            .figure("unordered_ids", tally.unordered as f64)
            .figure("followed_ids", tally.followed as f64)
            .figure("single_state_ids", tally.single_state as f64)
            .figure("ids", tally.ids as f64)
            .figure("rows", standing.count() as f64)
            .evidence(&self.stage, standing.reading.description.as_str());
        let mut finding = offending::tell(finding, &history.journal, found, describe);
        finding.sentence = self.sentence(&finding, &tally, &doubts);
        offending::with_doubts(finding, &doubts)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Stage(self.stage.clone())]
    }
}

fn describe(Pair { before, after, between }: &Pair<'_>) -> String {
    format!("{}, {between} {}", offending::spot(after), offending::spot(before))
}

impl Monotonic {
    fn sentence(&self, finding: &Finding, tally: &Tally<'_>, doubts: &[String]) -> String {
        let (stage, ids) = (&self.stage, wording::plural(tally.ids, "id"));
        match finding.judgement {
            Judgement::Pass => {
                let followed = wording::count(tally.followed);
                format!("Of {ids} at {stage} none went back ({followed} of them seen more than once).")
            }
            Judgement::Fail => {
                let (regressed, contradicted) = (wording::were(tally.regressed), wording::were(tally.contradicted));
                let first = offending::first(&finding.offenders);
                format!(
                    "Of {ids} at {stage} {regressed} in an earlier state after a later one, {contradicted} in two \
                     states of one group{first}."
                )
            }
            Judgement::Unknown => offending::unknown(&format!("the states at {stage} never went back"), doubts),
        }
    }
}

#[cfg(test)]
mod tests;
