//! `delivery` agrees with a judge that is slow and obviously right, on random histories with every defect in them.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it")]

mod support;

use proofload_history::journal::DrainOutcome;
use proofload_history::{History, Id, Outcome, Reading, Table};
use proofload_verify::{Budget, Chain, Finding, Judgement};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use support::{Script, asked, standing};

/// What becomes of one intent.
#[derive(Clone, Debug)]
struct Fate {
    attempts: Vec<Outcome>,
    /// What came of another operation under the same id, if one was made.
    beside: Option<Outcome>,
    /// For each stage how often it is seen there at the end, and whether live.
    seen: [(u8, bool); 3],
    /// The state of its rows in the middle, if they have one.
    state: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct World {
    /// Whether the last stage is only for what is `OPEN` in the middle.
    conditional: bool,
    /// Intents 0.. that are issued; those without attempts have no row.
    fates: Vec<Fate>,
    /// Ids that nobody issued, with their sightings.
    strangers: Vec<[(u8, bool); 3]>,
    /// For each stage: `None` not read, else whether to its end.
    read: [Option<bool>; 3],
    /// For each stage how many of its rows were not understood.
    unreadable: [u64; 3],
    drained: Option<DrainOutcome>,
    damaged: bool,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![4 => Just(Outcome::Ok), 1 => Just(Outcome::Fail), 1 => Just(Outcome::Indeterminate)]
}

/// Mostly once, sometimes not or twice.
fn sightings(once: u32) -> impl Strategy<Value = [(u8, bool); 3]> {
    let at_stage = (prop_oneof![once => Just(1_u8), 1 => Just(0), 1 => Just(2)], proptest::bool::weighted(0.2));
    [at_stage.clone(), at_stage.clone(), at_stage]
}

fn world() -> impl Strategy<Value = World> {
    let state = prop_oneof![6 => Just(Some("OPEN")), 1 => Just(Some("SHUT")), 1 => Just(None)];
    let beside = prop_oneof![4 => Just(None), 1 => outcome().prop_map(Some)];
    let fate = (proptest::collection::vec(outcome(), 0..4), beside, sightings(12), state)
        .prop_map(|(attempts, beside, seen, state)| Fate { attempts, beside, seen, state })
        .boxed();
    let good = proptest::bool::ANY.prop_map(|open| Fate {
        attempts: vec![Outcome::Ok],
        beside: None,
        seen: [(1, false), (1, false), (u8::from(open), false)],
        state: Some(if open { "OPEN" } else { "SHUT" }),
    });
    let whole = Just(Fate { attempts: vec![Outcome::Ok], beside: None, seen: [(1, false); 3], state: None });
    let fates = proptest::bool::ANY.prop_flat_map(move |conditional| {
        let sound = if conditional { good.clone().boxed() } else { whole.clone().boxed() };
        let fates = proptest::collection::vec(prop_oneof![3 => sound, 1 => fate.clone()], 0..24);
        (Just(conditional), fates)
    });
    let strangers = proptest::collection::vec(sightings(1), 0..2);
    let strangers = prop_oneof![4 => Just(Vec::new()), 1 => strangers];
    let read = prop_oneof![8 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    let drained = prop_oneof![
        8 => Just(Some(DrainOutcome::Quiet)),
        1 => Just(Some(DrainOutcome::Stuck)),
        1 => Just(Some(DrainOutcome::Moving)),
        1 => Just(Some(DrainOutcome::Unreadable)),
        1 => Just(None),
    ];
    let rows = prop_oneof![9 => Just(0_u64), 1 => Just(1)];
    let (read, unreadable) = ([read.clone(), read.clone(), read], [rows.clone(), rows.clone(), rows]);
    (fates, strangers, read, unreadable, drained, proptest::bool::weighted(0.1)).prop_map(
        |((conditional, fates), strangers, read, unreadable, drained, damaged)| World {
            conditional,
            fates,
            strangers,
            read,
            unreadable,
            drained,
            damaged,
        },
    )
}

impl World {
    fn chains(&self) -> BTreeMap<String, Chain> {
        if self.conditional { Script::conditional_chains() } else { Script::chains() }
    }

    fn history(&self) -> History {
        let mut script = Script::new();
        // A gap in the ids, so that numbers and counters differ.
        script.issue(2, 0, 3).issue(1, 0, self.fates.len() as u64);
        for (n, fate) in self.fates.iter().enumerate() {
            for (nth, outcome) in fate.attempts.iter().enumerate() {
                script.timed(n as u64, (n + nth) as f64, 10, *outcome);
            }
            if let Some(outcome) = fate.beside {
                script.attempt_of("another", Script::id(n as u64), n as f64, outcome);
            }
            see(&mut script, Script::id(n as u64), &fate.seen, fate.state);
        }
        for (n, seen) in self.strangers.iter().enumerate() {
            see(&mut script, Id::of(&format!("stranger {n}")), seen, None);
        }
        for ((stage, read), unreadable) in Script::STAGES.iter().zip(self.read).zip(self.unreadable) {
            if let Some(complete) = read {
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

fn see(script: &mut Script, id: Id, seen: &[(u8, bool); 3], state: Option<&str>) {
    for (stage, (times, live)) in Script::STAGES.iter().zip(seen) {
        for _ in 0..*times {
            script.seen(stage, id);
            if let Some(state) = state.filter(|_| *stage == "db.row") {
                script.in_state(state);
            }
        }
        if *live {
            script.seen_live(stage, id);
        }
    }
}

/// What the model says: the judgement, and every offender.
#[derive(Debug, PartialEq)]
struct Answer {
    judgement: Judgement,
    offenders: BTreeSet<(String, Id, String)>,
}

/// The slow and obvious judge: each id by itself, each rule as it is documented, from the rows of the history alone.
fn model(history: &History, conditional: bool) -> Answer {
    let operations = history.operations.to_vec().unwrap();
    let observations = history.observations.to_vec().unwrap();
    let mut ids: BTreeSet<Id> = operations.iter().map(|made| made.intent).collect();
    ids.extend(observations.iter().map(|seen| seen.id));
    let issued: BTreeSet<Id> = history.issued(Script::OPERATION).collect();
    let settled = standing::at_rest(history);
    let to_its_end = |stage: &str| history.journal.stage_read(stage).is_some_and(|read| read.complete);
    let read =
        |stage: &str| history.journal.stage_read(stage).is_some_and(|read| read.complete && read.unreadable == 0);
    let damaged = !history.damage.is_empty();

    let mut offenders = BTreeSet::new();
    let (mut acknowledged, mut tested, mut stateless) = (0, false, false);
    for id in ids {
        let times = |stage: &str, reading: Reading| {
            observations.iter().filter(|seen| seen.id == id && &*seen.stage == stage && seen.reading == reading).count()
        };
        let present = |stage: &str| times(stage, Reading::Final) > 0;
        let rows = observations.iter().filter(|seen| seen.id == id && seen.reading == Reading::Final);
        let states: Vec<Option<&str>> =
            rows.filter(|seen| &*seen.stage == "db.row").map(|seen| seen.state.as_deref()).collect();
        let open = states.contains(&Some("OPEN"));
        let (own, others): (Vec<_>, Vec<_>) =
            operations.iter().filter(|made| made.intent == id).partition(|made| &*made.name == Script::OPERATION);
        let attempts: Vec<Outcome> = own.iter().map(|made| made.outcome).collect();
        // What nobody issued has no number, and what it is in the middle decides on nothing.
        let numbered = !attempts.is_empty() || issued.contains(&id);
        stateless |= conditional && numbered && !open && states.contains(&None);
        if attempts.is_empty() && !others.is_empty() {
            continue;
        }
        let mut offend = |defect: &str, stage: &str| offenders.insert((defect.to_owned(), id, stage.to_owned()));
        if times("db.row", Reading::Final) > 1 {
            offend("repeated", "db.row");
        }
        let shared = others.iter().any(|made| made.outcome != Outcome::Fail);
        let first = Script::STAGES.iter().position(|stage| present(stage)).filter(|first| *first == 0 || !shared);
        let acknowledged_it = attempts.contains(&Outcome::Ok);
        let in_doubt = attempts.contains(&Outcome::Indeterminate) || (attempts.is_empty() && issued.contains(&id));
        let owned_from = if acknowledged_it {
            acknowledged += 1;
            tested |= open;
            Some(0)
        } else if in_doubt {
            first
        } else {
            if let (Some(first), false) = (first, damaged && !attempts.is_empty()) {
                offend("unexpected", Script::STAGES[first]);
            }
            None
        };
        let certainly_not_open = !open && !states.is_empty() && !states.contains(&None);
        if (acknowledged_it || in_doubt) && conditional && present("log.out") && certainly_not_open {
            offend("unexpected", "log.out");
        }
        let Some(owned_from) = owned_from else { continue };
        let for_it = |stage: &str| !conditional || stage != "log.out" || open;
        let lost = Script::STAGES[owned_from..].iter().filter(|stage| for_it(stage)).find(|stage| {
            let gone = to_its_end(stage) && times(stage, Reading::Live) > 0;
            !present(stage) && (gone || (read(stage) && settled))
        });
        if let Some(stage) = lost {
            offend("lost", stage);
        }
    }
    let tested = tested || !conditional;
    let sure = settled
        && !damaged
        && !stateless
        && tested
        && acknowledged > 0
        && Script::STAGES.iter().all(|stage| read(stage));
    let judgement = match (offenders.is_empty(), sure) {
        (false, _) => Judgement::Fail,
        (true, true) => Judgement::Pass,
        (true, false) => Judgement::Unknown,
    };
    Answer { judgement, offenders }
}

fn judged(history: &History, chains: &BTreeMap<String, Chain>) -> Finding {
    asked::finding(("delivery", "chain = \"order\""), history, chains, Budget::OF_CHECK)
}

fn answer(finding: &Finding) -> Answer {
    let offenders = finding
        .offenders
        .iter()
        .map(|offender| (offender.defect.clone(), offender.id.unwrap(), offender.stage.clone().unwrap()));
    Answer { judgement: finding.judgement, offenders: offenders.collect() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn delivery_agrees_with_the_obvious_judge(world in world()) {
        let history = world.history();
        let finding = judged(&history, &world.chains());
        prop_assert_eq!(answer(&finding), model(&history, world.conditional));
        prop_assert_eq!(finding.offenders_total, finding.offenders.len() as u64);
        let mut by_figure: BTreeMap<String, u64> = BTreeMap::new();
        for offender in &finding.offenders {
            *by_figure.entry(format!("{}_intents.{}", offender.defect, offender.stage.as_ref().unwrap())).or_default() += 1;
        }
        for (name, number) in by_figure {
            let figure = finding.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value);
            prop_assert_eq!(figure, Some(number as f64), "{}", name);
        }
    }

    #[test]
    fn the_order_of_rows_changes_nothing(world in world(), seed in any::<u64>()) {
        let history = world.history();
        let mut shuffled = history.clone();
        // A fixed permutation by a multiplicative hash of the index: enough to undo any order.
        let key = |index: usize| (index as u64).wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let observations = history.observations.to_vec().unwrap();
        let mut order: Vec<usize> = (0..observations.len()).collect();
        order.sort_by_key(|index| key(*index));
        let observations: Vec<_> = order.iter().map(|index| observations[*index].clone()).collect();
        shuffled.observations = Table::of(&observations).unwrap();
        let chains = world.chains();
        prop_assert_eq!(answer(&judged(&shuffled, &chains)), answer(&judged(&history, &chains)));
    }
}

/// The generator reaches what it is there for: every answer and every defect.
#[test]
fn the_random_histories_have_every_answer_and_every_defect() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        let world = world().new_tree(&mut runner).unwrap().current();
        let answer = model(&world.history(), world.conditional);
        seen.insert(format!("{:?}", answer.judgement));
        seen.extend(answer.offenders.into_iter().map(|(defect, _, stage)| format!("{defect} {stage}")));
    }
    for expected in [
        "Pass",
        "Unknown",
        "Fail",
        "lost log.in",
        "lost db.row",
        "lost log.out",
        "repeated db.row",
        "unexpected log.in",
        "unexpected log.out",
    ] {
        assert!(seen.contains(expected), "{expected} is not among {seen:?}");
    }
}
