//! `monotonic`: the state of an id never goes back.

mod states;

use self::states::{Kept, Reached, State, States};
use super::groups::{self, Group, Member};
use super::offenders::{self, Offenders, Rows, counted};
use super::standing::{self, Standing};
use super::table;
use crate::check::Reference;
use crate::names::Names;
use crate::offending::{Offending, Spot};
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError, Id, Reading};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// What is known about `monotonic`.
pub(super) const ABOUT: About = About {
    name: "monotonic",
    class: Class::Safety,
    invariant: "The state of an id never goes back, and never changes between two states of the same group.",
    cost: "One pass over the observations for each part of the rows that fits into memory: O(n log n), 72 bytes a row; \
           they are sorted by id, and those of each id by version or position.",
    counterexample: "Version 2 of an application is APPROVED, and its version 3 is SUBMITTED_AND_PENDING_APPROVAL.",
    keys: &[
        ("stage", "the stage"),
        (
            "states",
            "a list of groups of states, each a list of names, in the order in which they may be reached; of one group \
             an id may reach one state only",
        ),
    ],
    figures: &[&[
        ("regressed_ids", "ids that went back"),
        ("contradicted_ids", "ids of which two rows of one version say different things"),
        ("unordered_ids", "ids of whose rows nobody knows the order"),
        ("followed_ids", "ids that were seen in more than one state"),
        ("single_state_ids", "ids that were seen in one state"),
        ("ids", "all ids"),
        ("rows", "all rows"),
    ]],
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
struct Tally<'a> {
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
    strange_states: Strange,
    /// Each with the row that it goes back from or contradicts.
    found: Offenders<'a, Pair>,
}

/// The first, by name, of the states that no group names.
#[derive(Default)]
struct Strange(BTreeSet<String>);

/// More strange states than this are not told apart.
const MAX_STRANGE: usize = 1_000;

impl Strange {
    fn meet(&mut self, state: &str) {
        if !self.0.contains(state) {
            self.0.insert(state.to_owned());
            if self.0.len() > MAX_STRANGE {
                self.0.pop_last();
            }
        }
    }

    /// The names, the first few.
    fn told(&self) -> String {
        const SHOWN: usize = 3;
        let mut names: Vec<String> = self.0.iter().take(SHOWN).cloned().collect();
        let more = self.0.len() - names.len();
        if more > 0 {
            let at_least = if self.0.len() == MAX_STRANGE { "at least " } else { "" };
            names.push(format!("{at_least}{}", wording::plural(more as u64, "other")));
        }
        wording::list(&names)
    }
}

/// Two rows of an id that cannot both be, and what is between them.
#[derive(Clone, Copy)]
struct Pair {
    before: u64,
    after: u64,
    between: &'static str,
}

impl<'a> Tally<'a> {
    /// Takes the rows of one id into account.
    fn take(&mut self, group: &Group<'_, Kept>, monotonic: &'a Monotonic, reached: &mut Vec<Reached>) {
        reached.clear();
        for row in group.at(0) {
            match row.what.state {
                State::Missing => self.stateless += 1,
                State::Strange => self.strange += 1,
                State::Named(state) => reached.push(monotonic.states.reached(state, *row)),
            }
        }
        self.follow(group.id, &monotonic.stage, reached);
    }

    /// Takes the states of one id into account.
    fn follow(&mut self, id: Id, stage: &'a str, reached: &mut [Reached]) {
        let ordered = states::sort(reached);
        let single = reached.windows(2).all(|pair| pair[0].state == pair[1].state);
        self.ids += 1;
        self.followed += u64::from(reached.len() >= 2);
        self.single_state += u64::from(single && !reached.is_empty());
        let found = &mut self.found;
        let mut push = |defect, (before, after): (Reached, Reached), between| {
            let row: Member<Kept> = after.row;
            let one = Offending::at_spot(defect, id, stage, row.what.spot, row.number());
            found.push(one, || Pair { before: before.row.number(), after: row.number(), between });
        };
        if let Some(pair) = states::regress(reached) {
            self.regressed += 1;
            push("regressed", pair, "after");
        } else if !ordered {
            self.unordered += 1;
        }
        if let Some(pair) = states::contradiction(reached) {
            self.contradicted += 1;
            push("contradicted", pair, "and all the same");
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
            doubts.push(format!("{stage} has {}, which no group of states names", self.strange_states.told()));
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
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let (mut tally, mut reached) = (Tally::default(), Vec::new());
        let (strange, names) = (RefCell::new(Strange::default()), RefCell::new(Names::new(self.states.names())));
        let state = |name: Option<&str>| {
            let Some(name) = name else { return State::Missing };
            let number = names.borrow_mut().number(name);
            number.map_or_else(
                || {
                    strange.borrow_mut().meet(name);
                    State::Strange
                },
                |number| State::Named(number as u16),
            )
        };
        let read = groups::of_observations(
            history,
            context.budget,
            &[self.stage.as_str()],
            |_, seen| {
                let kept = || Kept { spot: Spot::of(seen), version: seen.version(), state: state(seen.state()) };
                (seen.reading() == Reading::Final).then(|| (seen.id(), kept()))
            },
            |group, _| tally.take(&group, self, &mut reached),
        )?;
        tally.strange_states = strange.take();
        let standing = Standing::of(history, [&self.stage], &read.rows);
        let mut doubts = standing::doubts(history, &standing);
        doubts.extend(tally.doubts(&self.stage));
        let found = std::mem::take(&mut tally.found);
        let judgement = offenders::judgement(!found.is_empty(), &doubts);
        let Standing { rows, reading, .. } = &standing[0];
        let all_told = reading.whole() && tally.all_told();
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "")
            .figure("regressed_ids", counted(tally.regressed, all_told && tally.unordered == 0))
            .figure("contradicted_ids", counted(tally.contradicted, all_told))
            .figure("unordered_ids", tally.unordered as f64)
            .figure("followed_ids", tally.followed as f64)
            .figure("single_state_ids", tally.single_state as f64)
            .figure("ids", tally.ids as f64)
            .figure("rows", *rows as f64)
            .evidence(&self.stage, reading.description.as_str());
        let rows = Rows::of(history, found.first().flat_map(|(_, pair)| [pair.before, pair.after]))?;
        let mut finding = found.tell(finding, &history.journal, |_, pair| describe(*pair, &rows));
        finding.sentence = self.sentence(&finding, &tally, &doubts);
        Ok(offenders::with_doubts(finding, &doubts))
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Stage(self.stage.clone())]
    }
}

fn describe(Pair { before, after, between }: Pair, rows: &Rows) -> String {
    format!("{}, {between} {}", rows.spot(after), rows.spot(before))
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
                let first = offenders::first(&finding.offenders);
                format!(
                    "Of {ids} at {stage} {regressed} in an earlier state after a later one, {contradicted} in two \
                     states of one group{first}."
                )
            }
            Judgement::Unknown => offenders::unknown(&format!("the states at {stage} never went back"), doubts),
        }
    }
}

#[cfg(test)]
mod tests;
