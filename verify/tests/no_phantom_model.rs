//! `no_phantom` agrees with a judge that is slow and obviously right, on random histories with every phantom in them.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it")]

mod support;

use proofload_history::journal::DrainOutcome;
use proofload_history::{At, Event, History, Id, Operation, Outcome};
use proofload_verify::Judgement;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::{BTreeMap, BTreeSet};
use support::answers::{Answer, reached};
use support::standing::{self, BUDGETS, Offence, Standing, counted, last_rows, whole};
use support::{Script, asked};

const OPERATIONS: [&str; 3] = [Script::OPERATION, "change_order", "read_order"];

/// Counters `from..to` of a stream, issued for an operation or, without a name, for none that is known.
#[derive(Clone, Debug)]
struct Block {
    stream: u16,
    operation: &'static str,
    from: u64,
    to: u64,
}

#[derive(Clone, Debug)]
struct World {
    blocks: Vec<Block>,
    attempts: Vec<(Id, &'static str, Outcome)>,
    standing: Standing,
    /// Those that the check names.
    stages: Vec<&'static str>,
    operations: Vec<&'static str>,
}

fn operation_or_none() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => select(OPERATIONS.to_vec()), 1 => Just("")]
}

/// Blocks that may touch, overlap and be empty, each of a stream of traffic: every stream is for one operation.
fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let operations = [operation_or_none(), operation_or_none(), operation_or_none()];
    (operations, vec((0..3_usize, 0..3_u64, 0..5_u64), 1..7)).prop_map(|(operations, blocks)| {
        let block = |(stream, from, length)| Block {
            stream: stream as u16 + 1,
            operation: operations[stream],
            from,
            to: from + length,
        };
        blocks.into_iter().map(block).collect()
    })
}

/// The same, each for an operation of its own: no traffic issues these, and a journal can say it.
fn mixed_blocks() -> impl Strategy<Value = Vec<Block>> {
    vec(operation_or_none(), 6).prop_flat_map(|operations| {
        blocks().prop_map(move |blocks| {
            let mixed = blocks.into_iter().zip(&operations);
            mixed.map(|(block, operation)| Block { operation, ..block }).collect()
        })
    })
}

fn attempt(ids: &[Id]) -> impl Strategy<Value = (Id, &'static str, Outcome)> + use<> {
    let outcome = prop_oneof![3 => Just(Outcome::Fail), 1 => Just(Outcome::Ok), 2 => Just(Outcome::Indeterminate)];
    (select(ids.to_vec()), select(OPERATIONS.to_vec()), outcome)
}

fn world(blocks: impl Strategy<Value = Vec<Block>>) -> impl Strategy<Value = World> {
    // One at least is not named.
    let operations = subsequence(OPERATIONS.to_vec(), 1..=2).prop_shuffle();
    let told = (standing::ids(), operations).prop_flat_map(|(ids, operations)| {
        // What is sound was asked for, or may have been, whatever else was made under its id.
        let served = prop_oneof![3 => Just(Outcome::Ok), 1 => Just(Outcome::Indeterminate)];
        let (first, sound) = (operations[0], ids.sound.clone());
        let attempts = (vec(attempt(&ids.all), 0..8), vec(served, sound.len()))
            .prop_map(move |(stray, served)| {
                let served = sound.iter().zip(served).map(|(id, outcome)| (*id, first, outcome));
                served.chain(stray).collect::<Vec<_>>()
            })
            .prop_shuffle();
        (attempts, standing::standing(&ids), Just(operations))
    });
    (blocks, told, standing::stages()).prop_map(|(blocks, (attempts, standing, operations), stages)| World {
        blocks,
        attempts,
        standing,
        stages,
        operations,
    })
}

impl World {
    fn history(&self) -> History {
        let mut script = Script::new();
        for Block { stream, operation, from, to } in self.blocks.iter().cloned() {
            let (traffic, operation) = ("orders".to_owned(), operation.to_owned());
            script.event(0.0, Event::IdsIssued { stream, traffic, operation, from, to });
        }
        for (id, operation, outcome) in &self.attempts {
            script.attempt_of(operation, *id, 30.0, *outcome);
        }
        self.standing.tell(&mut script);
        script.history()
    }

    /// What the check says of it, and what the model says.
    fn judged_both_ways(&self) -> (Vec<Answer<Offence>>, Answer<Offence>) {
        let history = self.history();
        let expected = model(&history, &self.stages, &self.operations);
        (answers(&history, &self.stages, &self.operations), expected)
    }
}

/// Whether an id was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    For,
    Perhaps,
    /// Why not, by the first word of the reason.
    Not(&'static str),
}

/// Each rule by itself, from all attempts and all blocks.
fn asked(history: &History, operations: &[Operation], named: &[&str], id: Id) -> Asked {
    let attempts: Vec<&Operation> = operations.iter().filter(|made| made.intent == id).collect();
    let of_named: Vec<Outcome> =
        attempts.iter().filter(|made| named.contains(&&*made.name)).map(|made| made.outcome).collect();
    // An own id is issued with its arrival, and nobody says for which operation.
    let (mut issued, mut issued_for) = (false, BTreeSet::new());
    for entry in &history.journal.entries {
        let Event::IdsIssued { stream, operation, from, to, .. } = &entry.event else { continue };
        for arrival in (*from..*to).map(|counter| Id::issued(Script::SEED, *stream, counter)) {
            issued |= (0..3).any(|own| arrival.own(own) == id);
            issued_for.extend((arrival == id).then_some(&**operation));
        }
    }
    // What an id was issued for and has no row may be under way: nobody knows what came of it.
    let under_way = |name: &&str| issued_for.contains(name) && attempts.iter().all(|made| &*made.name != *name);
    if of_named.contains(&Outcome::Ok) {
        Asked::For
    } else if of_named.contains(&Outcome::Indeterminate)
        || (issued && attempts.is_empty())
        || named.iter().any(under_way)
    {
        Asked::Perhaps
    } else if attempts.is_empty() {
        Asked::Not("nobody")
    } else if !history.damage.is_empty() {
        // The attempt that asked for it may be among the rows that are missing.
        Asked::Perhaps
    } else if of_named.is_empty() {
        Asked::Not("no")
    } else {
        Asked::Not("every")
    }
}

/// The slow and obvious judge: each id at each stage by itself, from the rows of the history alone.
fn model(history: &History, stages: &[&str], named: &[&str]) -> Answer<Offence> {
    let observations = history.observations.to_vec().unwrap();
    let operations = history.operations.to_vec().unwrap();
    let (mut figures, mut offenders) = (BTreeMap::new(), Vec::new());
    for stage in stages {
        let rows = last_rows(&observations, stage);
        let ids: BTreeSet<Id> = rows.iter().map(|row| row.id).collect();
        let (mut phantoms, mut indeterminate) = (0, 0);
        for id in ids {
            match asked(history, &operations, named, id) {
                Asked::For => {}
                Asked::Perhaps => indeterminate += 1,
                Asked::Not(why) => {
                    phantoms += 1;
                    // The first time locates it; what has no instant may have been before all others.
                    let first: Option<At> = rows.iter().filter(|row| row.id == id).map(|row| row.at).min().unwrap();
                    offenders.push(("phantom".to_owned(), id, (*stage).to_owned(), first, why.to_owned()));
                }
            }
        }
        figures.insert(format!("phantom_ids.{stage}"), counted(phantoms, whole(history, stage)));
        figures.insert(format!("indeterminate_ids.{stage}"), Some(f64::from(indeterminate)));
        figures.insert(format!("rows.{stage}"), Some(rows.len() as f64));
    }
    Answer::new(standing::sure(history, stages), figures, offenders)
}

/// What the check says, in as many passes as it may take.
fn answers(history: &History, stages: &[&str], named: &[&str]) -> Vec<Answer<Offence>> {
    let keys = format!("stages = {stages:?}, operations = {named:?}");
    let why = |detail: &str| detail.split(' ').next().unwrap().to_owned();
    let finding = |budget| asked::finding(("no_phantom", &keys), history, &BTreeMap::new(), budget);
    BUDGETS.iter().map(|budget| Answer::of(finding(*budget), |one| standing::offence(one, why))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_phantom_agrees_with_the_obvious_judge(world in world(blocks())) {
        let (answers, expected) = world.judged_both_ways();
        for answer in answers {
            prop_assert_eq!(&answer, &expected);
        }
    }

    #[test]
    fn it_agrees_where_blocks_of_a_stream_are_for_different_operations(world in world(mixed_blocks())) {
        let (answers, expected) = world.judged_both_ways();
        for answer in answers {
            prop_assert_eq!(&answer, &expected);
        }
    }
}

/// The counterexample of the check's documentation, and what it is one attempt away from.
#[test]
fn the_obvious_judge_sees_a_row_whose_only_attempt_was_refused() {
    let (stages, named) = (["db.row"], [Script::OPERATION]);
    let attempted = |outcomes: &[Outcome]| {
        let mut script = Script::new();
        script.issue(1, 0, 2).seen("db.row", Script::id(1));
        for outcome in outcomes {
            script.attempt(Script::id(1), 30.0, *outcome);
        }
        script.drained(61.0, DrainOutcome::Quiet).read_all(62.0);
        script.history()
    };
    let cases: [(&[Outcome], Judgement, [f64; 2]); 4] = [
        (&[Outcome::Fail], Judgement::Fail, [1.0, 0.0]),
        (&[Outcome::Fail, Outcome::Indeterminate], Judgement::Pass, [0.0, 1.0]),
        (&[Outcome::Fail, Outcome::Ok], Judgement::Pass, [0.0, 0.0]),
        (&[], Judgement::Pass, [0.0, 1.0]),
    ];
    for (outcomes, judgement, figures) in cases {
        let history = attempted(outcomes);
        let expected = model(&history, &stages, &named);
        let counted = ["phantom_ids.db.row", "indeterminate_ids.db.row"].map(|name| expected.figures[name]);
        assert_eq!((expected.judgement, counted), (judgement, figures.map(Some)), "{outcomes:?}");
        assert!(answers(&history, &stages, &named).iter().all(|answer| *answer == expected), "{outcomes:?}");
    }
}

/// The generator reaches what it is there for, and often: every answer, and every phantom among arrivals and own ids.
#[test]
fn the_random_histories_have_every_answer_and_every_phantom() {
    let said = |world: &World| {
        let answer = model(&world.history(), &world.stages, &world.operations);
        let own = |id: &Id| id.counter(Script::SEED).is_some() && id.own_number() > 0;
        let phantom = |why: &str, own| if own { format!("{why} own") } else { why.to_owned() };
        let phantoms = answer.offenders.iter().map(|(_, id, .., why)| phantom(why, own(id)));
        let mut indeterminate = answer.figures.iter().filter(|(name, _)| name.starts_with("indeterminate"));
        let unsure = indeterminate.any(|(_, number)| *number != Some(0.0));
        let judgement = format!("{:?}", answer.judgement);
        let with_doubt = unsure.then(|| format!("{judgement} with indeterminate ids"));
        phantoms.chain(with_doubt).chain([judgement]).collect()
    };
    let answers = [("Pass", 50), ("Unknown", 50), ("Fail", 50), ("Pass with indeterminate ids", 10)];
    let phantoms = [("nobody", 10), ("every", 10), ("no", 10), ("nobody own", 5), ("every own", 5), ("no own", 5)];
    reached(world(blocks()), said, &[&answers[..], &phantoms[..]].concat());
}
