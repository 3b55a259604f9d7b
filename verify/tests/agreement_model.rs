//! `agreement` agrees with a judge that is slow and obviously right, on random stages with every defect in them.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it")]

mod support;

use proofload_history::journal::DrainOutcome;
use proofload_history::{History, Id, Observation, Reading};
use proofload_verify::{Budget, Finding, Judgement};
use proptest::prelude::*;
use std::collections::BTreeSet;
use support::{Script, asked, standing};

const STAGES: [&str; 2] = ["db.paid", "db.booked"];

/// A row of a stage.
#[derive(Clone, Debug)]
struct Fact {
    side: usize,
    id: u64,
    amount: Option<i64>,
    live: bool,
}

#[derive(Clone, Debug)]
struct World {
    facts: Vec<Fact>,
    /// For each stage: `None` not read, else whether to its end, and how many rows were not understood.
    read: [Option<(bool, u64)>; 2],
    drained: Option<DrainOutcome>,
    damaged: bool,
    presence: bool,
}

fn fact() -> impl Strategy<Value = Fact> {
    let amount = prop_oneof![8 => (1_i64..3).prop_map(Some), 1 => Just(None)];
    (0_usize..2, 0_u64..6, amount, proptest::bool::weighted(0.15)).prop_map(|(side, id, amount, live)| Fact {
        side,
        id,
        amount,
        live,
    })
}

fn world() -> impl Strategy<Value = World> {
    // Pairs, which agree, and what else there is.
    let pairs = proptest::collection::vec((0_u64..6, 1_i64..3), 0..6);
    let stray = prop_oneof![2 => Just(Vec::new()), 3 => proptest::collection::vec(fact(), 0..4)];
    let facts = (pairs, stray).prop_map(|(pairs, stray)| {
        let fact = |side, (id, amount): (u64, i64)| Fact { side, id, amount: Some(amount), live: false };
        pairs.into_iter().flat_map(|pair| [fact(0, pair), fact(1, pair)]).chain(stray).collect()
    });
    let read = prop_oneof![
        8 => Just(Some((true, 0_u64))),
        1 => Just(Some((true, 1))),
        1 => Just(Some((false, 0))),
        1 => Just(None)
    ];
    let drained = prop_oneof![
        6 => Just(Some(DrainOutcome::Quiet)),
        1 => Just(Some(DrainOutcome::Stuck)),
        1 => Just(Some(DrainOutcome::Moving)),
        1 => Just(None),
    ];
    let read = [read.clone(), read];
    (facts, read, drained, proptest::bool::weighted(0.1), any::<bool>())
        .prop_map(|(facts, read, drained, damaged, presence)| World { facts, read, drained, damaged, presence })
}

impl World {
    fn history(&self) -> History {
        let mut script = Script::new();
        for Fact { side, id, amount, live } in &self.facts {
            let reading = if *live { Reading::Live } else { Reading::Final };
            let seen = Observation::of(STAGES[*side].into(), Script::id(*id));
            script.observed(Observation { reading, amount: *amount, ..seen });
        }
        for (stage, read) in STAGES.iter().zip(self.read) {
            if let Some((complete, unreadable)) = read {
                script.read(90.0, stage, complete, unreadable);
            }
        }
        if let Some(outcome) = self.drained {
            script.drained(80.0, outcome);
        }
        if self.damaged {
            script.damaged("the file of operations breaks off");
        }
        script.history()
    }
}

/// The judgement, every offender, and how many ids are undecided.
#[derive(Debug, PartialEq)]
struct Answer {
    judgement: Judgement,
    offenders: BTreeSet<(String, Id)>,
    undecided: u64,
}

/// The slow and obvious judge: each id by itself, each rule as it is documented, from the rows of the history alone.
fn model(history: &History, presence: bool) -> Answer {
    let observations = history.observations.to_vec().unwrap();
    let to_its_end = |stage: &str| history.journal.stage_read(stage).is_some_and(|read| read.complete);
    let whole = |stage: &str| to_its_end(stage) && history.journal.stage_read(stage).unwrap().unreadable == 0;
    let firm = standing::at_rest(history) && whole(STAGES[0]) && whole(STAGES[1]);
    let seen = |stage: &str, id: Id, reading: Reading| {
        let here = |seen: &&Observation| &*seen.stage == stage && seen.id == id && seen.reading == reading;
        let mut amounts: Vec<Option<i64>> = observations.iter().filter(here).map(|seen| seen.amount).collect();
        amounts.sort_unstable();
        amounts
    };
    let last: BTreeSet<Id> =
        observations.iter().filter(|seen| seen.reading == Reading::Final).map(|seen| seen.id).collect();
    let (mut offenders, mut undecided) = (BTreeSet::new(), 0);
    for id in &last {
        let [left, right] = STAGES.map(|stage| seen(stage, *id, Reading::Final));
        let gone = |stage: &str| to_its_end(stage) && !seen(stage, *id, Reading::Live).is_empty();
        let (defect, claimed) = if right.is_empty() {
            ("only_left", firm || gone(STAGES[1]))
        } else if left.is_empty() {
            ("only_right", firm || gone(STAGES[0]))
        } else if presence {
            continue;
        } else if left.len() != right.len() {
            ("differing", firm)
        } else if left.contains(&None) || right.contains(&None) {
            ("differing", false)
        } else if left == right {
            continue;
        } else {
            ("differing", firm)
        };
        if claimed {
            offenders.insert((defect.to_owned(), *id));
        } else {
            undecided += 1;
        }
    }
    let sure = firm && history.damage.is_empty() && !last.is_empty() && undecided == 0;
    let judgement = match (offenders.is_empty(), sure) {
        (false, _) => Judgement::Fail,
        (true, true) => Judgement::Pass,
        (true, false) => Judgement::Unknown,
    };
    Answer { judgement, offenders, undecided }
}

fn judged(history: &History, presence: bool) -> Finding {
    let compare = if presence { "presence" } else { "amount" };
    let keys = format!("left = \"{}\", right = \"{}\", compare = \"{compare}\"", STAGES[0], STAGES[1]);
    asked::finding(("agreement", &keys), history, &Script::chains(), Budget::OF_CHECK)
}

fn figure(finding: &Finding, name: &str) -> Option<f64> {
    finding.figures.iter().find(|figure| figure.name == name).unwrap().value
}

fn answer(finding: &Finding) -> Answer {
    let offenders = finding.offenders.iter().map(|offender| (offender.defect.clone(), offender.id.unwrap())).collect();
    let undecided = figure(finding, "undecided_ids").unwrap() as u64;
    Answer { judgement: finding.judgement, offenders, undecided }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn agreement_agrees_with_the_obvious_judge(world in world()) {
        let history = world.history();
        let finding = judged(&history, world.presence);
        prop_assert_eq!(answer(&finding), model(&history, world.presence));
        prop_assert_eq!(finding.offenders_total, finding.offenders.len() as u64);
        for defect in ["only_left", "only_right", "differing"] {
            let listed = finding.offenders.iter().filter(|offender| offender.defect == defect).count();
            let counted = figure(&finding, &format!("{defect}_ids"));
            prop_assert!(counted.map_or(listed == 0, |counted| counted == listed as f64), "{}: {:?}", defect, counted);
        }
        if finding.judgement == Judgement::Pass {
            prop_assert_eq!(figure(&finding, "differing_ids"), Some(0.0));
        }
    }
}

/// The generator reaches what it is there for: every answer and every defect.
#[test]
fn the_random_stages_have_every_answer_and_every_defect() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        let world = world().new_tree(&mut runner).unwrap().current();
        let answer = model(&world.history(), world.presence);
        seen.insert(format!("{:?}", answer.judgement));
        seen.extend(answer.offenders.into_iter().map(|(defect, _)| defect));
    }
    for expected in ["Pass", "Unknown", "Fail", "only_left", "only_right", "differing"] {
        assert!(seen.contains(expected), "{expected} is not among {seen:?}");
    }
}
