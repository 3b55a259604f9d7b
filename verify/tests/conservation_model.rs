//! `conservation` agrees with a judge that is slow and obviously right, on random books with every defect in them.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it")]

mod support;

use proofload_history::journal::{DrainOutcome, StageRead};
use proofload_history::{At, Event, History, Id, Observation, Reading};
use proofload_verify::Budget;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use support::answers::{Answer, Offence, offence, reached};
use support::{Script, asked, standing};

const STAGE: &str = "ledger.entry";
const BESIDE: &str = "ledger.draft";

/// An entry of the books, or a row that is beside them.
#[derive(Clone, Debug)]
struct Fact {
    stage: &'static str,
    reading: Reading,
    id: u64,
    transaction: Option<u64>,
    amount: Option<i64>,
    /// In seconds.
    at: Option<u8>,
}

impl Fact {
    fn booked(&self) -> bool {
        self.stage == STAGE && self.reading == Reading::Final
    }
}

/// How the stage was read.
#[derive(Clone, Debug)]
struct Read {
    complete: bool,
    unreadable: u64,
    /// Rows that it was read with, and that the history does not have.
    lost: u64,
    /// The first offset that its log still has.
    first: i64,
    isolation: &'static str,
}

#[derive(Clone, Debug)]
struct World {
    facts: Vec<Fact>,
    read: Option<Read>,
    drained: Option<DrainOutcome>,
    damaged: bool,
    /// What all rows must come to; `None` where each transaction must balance.
    total: Option<i64>,
}

/// A transaction that balances: some amounts, and what they come to on the other side.
fn balanced() -> impl Strategy<Value = Vec<Fact>> {
    let amounts = proptest::collection::vec(-3_i64..4, 1..4);
    (0_u64..6, 0_u64..4, amounts, proptest::option::of(0_u8..60)).prop_map(|(transaction, id, mut amounts, at)| {
        amounts.push(-amounts.iter().sum::<i64>());
        let entry = |amount| Fact {
            stage: STAGE,
            reading: Reading::Final,
            id,
            transaction: Some(transaction),
            amount: Some(amount),
            at,
        };
        amounts.into_iter().map(entry).collect()
    })
}

/// Whatever a row can be: of a transaction that balances without it, of one of its own, of none.
fn stray() -> impl Strategy<Value = Fact> {
    let stage = prop_oneof![8 => Just(STAGE), 1 => Just(BESIDE)];
    let reading = prop_oneof![6 => Just(Reading::Final), 1 => Just(Reading::Live), 1 => Just(Reading::Replica)];
    let transaction = prop_oneof![8 => (0_u64..8).prop_map(Some), 1 => Just(None)];
    // The sum of a few of the largest is more than an amount can be.
    let amount = prop_oneof![
        12 => (-3_i64..4).prop_map(Some),
        1 => prop_oneof![Just(i64::MAX), Just(i64::MIN)].prop_map(Some),
        2 => Just(None),
    ];
    (stage, reading, 0_u64..4, transaction, amount, proptest::option::of(0_u8..60))
        .prop_map(|(stage, reading, id, transaction, amount, at)| Fact { stage, reading, id, transaction, amount, at })
}

fn read() -> impl Strategy<Value = Option<Read>> {
    let isolation = prop_oneof![Just("repeatable read"), Just("read_committed"), Just("")];
    let read = |complete, unreadable, lost, first| {
        isolation.clone().prop_map(move |isolation| Some(Read { complete, unreadable, lost, first, isolation }))
    };
    prop_oneof![
        16 => read(true, 0, 0, 0),
        1 => read(false, 0, 0, 0),
        1 => read(true, 1, 0, 0),
        1 => read(true, 0, 1, 0),
        1 => read(true, 0, 0, 3),
        1 => Just(None),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let balanced = proptest::collection::vec(balanced(), 0..5);
    let strays = prop_oneof![2 => Just(Vec::new()), 3 => proptest::collection::vec(stray(), 1..6)];
    let facts = (balanced, strays)
        .prop_map(|(balanced, strays)| balanced.into_iter().flatten().chain(strays).collect::<Vec<_>>())
        .prop_shuffle();
    // By key; or by stage, with the total that the rows come to, or with another.
    let total = prop_oneof![
        4 => Just(None),
        1 => Just(Some(None)),
        2 => prop_oneof![2 => -3_i64..4, 1 => Just(i64::MIN)].prop_map(|total| Some(Some(total))),
    ];
    (facts, read(), standing::drained(), proptest::bool::weighted(0.1), total).prop_map(
        |(facts, read, drained, damaged, total)| {
            let amounts = facts.iter().filter(|fact| fact.booked()).filter_map(|fact| fact.amount);
            let comes_to = amounts.map(i128::from).sum::<i128>().try_into().unwrap_or(0);
            let total = total.map(|total: Option<i64>| total.unwrap_or(comes_to));
            World { facts, read, drained, damaged, total }
        },
    )
}

impl World {
    fn history(&self) -> History {
        let mut script = Script::new();
        for Fact { stage, reading, id, transaction, amount, at } in &self.facts {
            script.observed(Observation {
                reading: *reading,
                key: transaction.map(Script::id),
                amount: *amount,
                at: at.map(|at| At::from_secs_f64(at.into())),
                ..Observation::of((*stage).into(), Script::id(*id))
            });
        }
        if let Some(Read { complete, unreadable, lost, first, isolation }) = self.read {
            let booked = self.facts.iter().filter(|fact| fact.booked()).count() as u64;
            let read = StageRead { stage: STAGE.into(), complete, rows: booked + lost, ..StageRead::default() };
            let (isolation, bounds) = (isolation.into(), vec![(0, 0, 9), (1, first, 9)]);
            script.event(90.0, Event::StageRead(StageRead { unreadable, isolation, bounds, ..read }));
        }
        // How another stage was read is no affair of this one.
        script.read(91.0, BESIDE, false, 1);
        if let Some(outcome) = self.drained {
            script.drained(80.0, outcome);
        }
        if self.damaged {
            script.damaged("the file of operations breaks off");
        }
        script.history()
    }

    fn keys(&self) -> String {
        let by = self.total.map_or_else(String::new, |total| format!(", by = \"stage\", total = {total}"));
        format!("stage = \"{STAGE}\"{by}")
    }

    fn model(&self) -> Answer<Offence> {
        model(&self.history(), self.total)
    }
}

/// The slow and obvious judge: each transaction by itself, each rule as it is documented, from the rows of the history
/// alone.
fn model(history: &History, total: Option<i64>) -> Answer<Offence> {
    let observations = history.observations.to_vec().unwrap();
    let booked = |row: &&Observation| &*row.stage == STAGE && row.reading == Reading::Final;
    let rows: Vec<&Observation> = observations.iter().filter(booked).collect();
    let sum = |rows: &[&Observation]| rows.iter().filter_map(|row| row.amount).map(i128::from).sum::<i128>();
    let without_amount = rows.iter().filter(|row| row.amount.is_none()).count();
    // Where only the total is judged, no row needs a key.
    let without_key = rows.iter().filter(|row| row.key.is_none() && total.is_none()).count();

    // A row that is not there, not understood or of no transaction can be what balances any of them, and outside a
    // snapshot so can one that came a moment later.
    let read = history.journal.stage_read(STAGE);
    let all_read = read.is_some_and(|read| {
        let from_the_beginning = read.bounds.iter().all(|(_, first, _)| *first == 0);
        read.complete && read.unreadable == 0 && read.rows == rows.len() as u64 && from_the_beginning
    });
    let snapshot = read.is_some_and(|read| read.isolation == "repeatable read");
    let at_rest = standing::at_rest(history);
    let firm = all_read && without_key == 0 && (snapshot || at_rest);

    let off_by = sum(&rows) - i128::from(total.unwrap_or(0));
    let transactions: BTreeSet<Id> = rows.iter().filter_map(|row| row.key).collect();
    let mut offenders: Vec<Offence> = Vec::new();
    if total.is_none() {
        for transaction in &transactions {
            let entries: Vec<&Observation> = rows.iter().filter(|row| row.key == Some(*transaction)).copied().collect();
            // What is not known may be what is missing.
            if entries.iter().all(|entry| entry.amount.is_some()) && sum(&entries) != 0 {
                let at = entries.iter().filter_map(|entry| entry.at).min();
                offenders.push(("unbalanced".into(), Some(entries[0].id), at));
            }
        }
    } else if without_amount == 0 && off_by != 0 {
        offenders.push(("total_off".into(), None, None));
    }
    if !firm {
        offenders.clear();
    }

    // A sum, and that nothing is off, is known only where nothing is missing.
    let whole = firm && without_amount == 0;
    let (unbalanced, nothing) = (offenders.len(), rows.is_empty() && total.unwrap_or(0) == 0);
    let mut figures = vec![
        ("total_minor_units", whole.then_some(sum(&rows) as f64)),
        ("off_by_minor_units", whole.then_some(off_by as f64)),
        ("rows_without_amount", Some(without_amount as f64)),
        ("rows_without_key", Some(without_key as f64)),
    ];
    if total.is_none() {
        figures.push(("transactions", Some(transactions.len() as f64)));
        figures.push(("unbalanced_transactions", (whole || unbalanced > 0).then_some(unbalanced as f64)));
    }
    Answer::new(whole && at_rest && history.damage.is_empty() && !nothing, figures, offenders)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn conservation_agrees_with_the_obvious_judge(world in world()) {
        let finding =
            asked::finding(("conservation", &world.keys()), &world.history(), &BTreeMap::new(), Budget::OF_CHECK);
        prop_assert_eq!(Answer::of(finding, offence), world.model());
    }
}

/// The generator reaches what it is there for: every answer, every defect, and whatever keeps the books open.
#[test]
fn the_random_books_have_every_answer_and_every_defect() {
    let answers = ["Pass", "Unknown", "Fail"];
    let others = ["unbalanced", "total_off", "off_by_minor_units", "rows_without_amount", "rows_without_key"];
    let expected: Vec<(&str, u32)> = answers.into_iter().chain(others).map(|word| (word, 25)).collect();
    reached(world(), |world| world.model().words(), &expected);
}
