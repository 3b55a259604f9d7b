//! `saga_complete` agrees with a judge that is slow and obviously right, on random sagas with every defect in them.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it")]

mod support;

use proofload_history::journal::DrainOutcome;
use proofload_history::{At, History, Id, Observation};
use proofload_verify::{Budget, Finding, Judgement};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;
use support::{Script, asked, standing};

const STARTED: &str = "log.accepted";
const DONE: &str = "db.loan";
const COMPENSATED: &str = "db.reversal";

/// A row of a stage; instants in seconds.
#[derive(Clone, Debug)]
struct Fact {
    stage: &'static str,
    id: u64,
    at: Option<u8>,
    state: Option<&'static str>,
    version: Option<i64>,
    partition: i32,
    offset: Option<i64>,
}

/// What the check is told.
#[derive(Clone, Debug)]
struct Rules {
    done_states: bool,
    /// `None` without that end, else whether it names states.
    compensated_states: Option<bool>,
    within: bool,
}

#[derive(Clone, Debug)]
struct World {
    facts: Vec<Fact>,
    rules: Rules,
    /// For each stage: `None` not read, else whether to its end, and how many rows were not understood.
    read: [Option<(bool, u64)>; 3],
    drained: Option<DrainOutcome>,
    damaged: bool,
}

/// The drain ends at 80 s, and a saga may take 10 s.
const DRAINED: f64 = 80.0;
const WITHIN: Duration = Duration::from_secs(10);

fn fact() -> impl Strategy<Value = Fact> {
    let stage = prop_oneof![Just(STARTED), Just(DONE), Just(COMPENSATED)];
    let at = prop_oneof![9 => (62_u8..80).prop_map(Some), 1 => Just(None)];
    let state = prop_oneof![4 => Just(Some("END")), 3 => Just(Some("OPEN")), 1 => Just(None)];
    let version = prop_oneof![2 => Just(None), 1 => (1_i64..4).prop_map(Some)];
    let partition = prop_oneof![4 => Just(0), 1 => Just(1)];
    let offset = prop_oneof![1 => Just(None), 2 => (0_i64..9).prop_map(Some)];
    (stage, 0_u64..5, at, state, version, partition, offset).prop_map(
        |(stage, id, at, state, version, partition, offset)| Fact { stage, id, at, state, version, partition, offset },
    )
}

/// A saga that ends as it should: started, and 5 s later at one end.
fn good() -> impl Strategy<Value = [Fact; 2]> {
    (5_u64..9, any::<bool>()).prop_map(|(id, done)| {
        let fact =
            |stage, at| Fact { stage, id, at: Some(at), state: Some("END"), version: None, partition: 0, offset: None };
        [fact(STARTED, 60), fact(if done { DONE } else { COMPENSATED }, 65)]
    })
}

fn world() -> impl Strategy<Value = World> {
    let good = proptest::collection::vec(good(), 0..3);
    let stray = prop_oneof![2 => Just(Vec::new()), 5 => proptest::collection::vec(fact(), 0..12)];
    let facts = (good, stray).prop_map(|(good, stray)| good.into_iter().flatten().chain(stray).collect());
    let rules = (any::<bool>(), prop_oneof![1 => Just(None), 3 => any::<bool>().prop_map(Some)], any::<bool>())
        .prop_map(|(done_states, compensated_states, within)| Rules { done_states, compensated_states, within });
    let read = prop_oneof![
        8 => Just(Some((true, 0_u64))),
        1 => Just(Some((true, 1))),
        1 => Just(Some((false, 0))),
        1 => Just(None)
    ];
    let drained = prop_oneof![
        6 => Just(Some(DrainOutcome::Quiet)),
        1 => Just(Some(DrainOutcome::Stuck)),
        2 => Just(Some(DrainOutcome::Moving)),
        1 => Just(None),
    ];
    let read = [read.clone(), read.clone(), read];
    (facts, rules, read, drained, proptest::bool::weighted(0.1))
        .prop_map(|(facts, rules, read, drained, damaged)| World { facts, rules, read, drained, damaged })
}

impl World {
    fn history(&self) -> History {
        let mut script = Script::new();
        for fact in &self.facts {
            script.observed(Observation {
                at: fact.at.map(|at| At::from_secs_f64(at.into())),
                state: fact.state.map(Into::into),
                version: fact.version,
                partition: Some(fact.partition),
                offset: fact.offset,
                ..Observation::of(fact.stage.into(), Script::id(fact.id))
            });
        }
        for (stage, read) in [STARTED, DONE, COMPENSATED].iter().zip(self.read) {
            if let Some((complete, unreadable)) = read {
                script.read(90.0, stage, complete, unreadable);
            }
        }
        if let Some(outcome) = self.drained {
            script.drained(DRAINED, outcome);
        }
        if self.damaged {
            script.damaged("the file of operations breaks off");
        }
        script.history()
    }
}

/// The judgement, every offender, and how many sagas are undecided, done and compensated.
#[derive(Debug, PartialEq)]
struct Answer {
    judgement: Judgement,
    offenders: BTreeSet<(String, Id)>,
    undecided: u64,
    done: u64,
    compensated: u64,
}

/// How an id stands at an end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    Not,
    Ended(Option<At>),
    Unclear,
}

fn rows<'h>(observations: &'h [Observation], stage: &str, id: Id) -> Vec<&'h Observation> {
    observations.iter().filter(|seen| &*seen.stage == stage && seen.id == id).collect()
}

/// The earliest instant, where all have one.
fn earliest(rows: &[&Observation]) -> Option<At> {
    let instants: Option<Vec<At>> = rows.iter().map(|seen| seen.at).collect();
    instants?.into_iter().min()
}

fn standing(rows: &[&Observation], states: bool) -> Standing {
    if rows.is_empty() {
        return Standing::Not;
    }
    if !states {
        return Standing::Ended(earliest(rows));
    }
    let ended: Vec<&Observation> = rows.iter().filter(|seen| seen.state.as_deref() == Some("END")).copied().collect();
    // What may be the last: by version where all rows have one or none has, and then by offset within one partition.
    let versions: BTreeSet<Option<i64>> = rows.iter().map(|seen| seen.version).collect();
    let ordered = versions.len() == 1 || !versions.contains(&None);
    let mut last: Vec<&Observation> = rows.to_vec();
    if ordered {
        last.retain(|seen| Some(&seen.version) == versions.last());
    }
    let partitions: BTreeSet<Option<i32>> = last.iter().map(|seen| seen.partition).collect();
    let offsets: BTreeSet<Option<i64>> = last.iter().map(|seen| seen.offset).collect();
    if partitions.len() == 1 && !offsets.contains(&None) {
        last.retain(|seen| Some(&seen.offset) == offsets.last());
    }
    let all = |holds: fn(&str) -> bool| last.iter().all(|seen| seen.state.as_deref().is_some_and(holds));
    match (all(|state| state == "END"), all(|state| state != "END")) {
        (true, _) => Standing::Ended(earliest(&ended)),
        (_, true) => Standing::Not,
        _ => Standing::Unclear,
    }
}

/// The slow and obvious judge: each saga by itself, each rule as it is documented, from the rows of the history alone.
fn model(history: &History, rules: &Rules) -> Answer {
    let observations = history.observations.to_vec().unwrap();
    let at_rest = standing::at_rest(history);
    let whole =
        |stage: &str| history.journal.stage_read(stage).is_some_and(|read| read.complete && read.unreadable == 0);
    let ends_read = whole(DONE) && (rules.compensated_states.is_none() || whole(COMPENSATED));
    let started: BTreeSet<Id> =
        observations.iter().filter(|seen| &*seen.stage == STARTED).map(|seen| seen.id).collect();
    let mut answer =
        Answer { judgement: Judgement::Pass, offenders: BTreeSet::new(), undecided: 0, done: 0, compensated: 0 };
    let mut untimed = false;
    for id in &started {
        let from = earliest(&rows(&observations, STARTED, *id));
        let done = standing(&rows(&observations, DONE, *id), rules.done_states);
        let compensated = rules
            .compensated_states
            .map_or(Standing::Not, |states| standing(&rows(&observations, COMPENSATED, *id), states));
        answer.done += u64::from(matches!(done, Standing::Ended(_)));
        answer.compensated += u64::from(matches!(compensated, Standing::Ended(_)));
        let late = |to: Option<At>, stage: &str| match (from, to) {
            (Some(from), Some(to)) => rules.within && whole(stage) && to.since(from) > WITHIN,
            _ => false,
        };
        let defect = match (done, compensated) {
            (Standing::Unclear, _) | (_, Standing::Unclear) => None,
            (Standing::Ended(_), Standing::Ended(_)) => {
                let sure_of_done = !rules.done_states || whole(DONE);
                let sure_of_other = rules.compensated_states == Some(false) || whole(COMPENSATED);
                (sure_of_done && sure_of_other).then_some("torn")
            }
            (Standing::Not, Standing::Not) => {
                let over = rules.within
                    && history.journal.drained().is_some()
                    && from.is_some_and(|from| from + WITHIN < At::from_secs_f64(DRAINED));
                (ends_read && (at_rest || over)).then_some("unfinished")
            }
            (Standing::Ended(to), Standing::Not) | (Standing::Not, Standing::Ended(to)) => {
                untimed |= from.is_none() || to.is_none();
                let stage = if done == Standing::Not { COMPENSATED } else { DONE };
                Some(if late(to, stage) { "late" } else { "" })
            }
        };
        match defect {
            None => answer.undecided += 1,
            Some("") => {}
            Some(defect) => {
                answer.offenders.insert((defect.to_owned(), *id));
            }
        }
    }
    let sure = at_rest
        && ends_read
        && whole(STARTED)
        && history.damage.is_empty()
        && !started.is_empty()
        && answer.undecided == 0
        && !(rules.within && untimed);
    answer.judgement = match (answer.offenders.is_empty(), sure) {
        (false, _) => Judgement::Fail,
        (true, true) => Judgement::Pass,
        (true, false) => Judgement::Unknown,
    };
    answer
}

fn judged(history: &History, rules: &Rules) -> Finding {
    let states = |named: bool| if named { ", states = [\"FINAL\", \"END\"]" } else { "" };
    let mut keys = format!("started = \"{STARTED}\", done = {{ stage = \"{DONE}\"{} }}", states(rules.done_states));
    if let Some(named) = rules.compensated_states {
        keys += &format!(", compensated = {{ stage = \"{COMPENSATED}\"{} }}", states(named));
    }
    keys += if rules.within { ", within = \"10s\"" } else { "" };
    asked::finding(("saga_complete", &keys), history, &Script::chains(), Budget::OF_CHECK)
}

fn figure(finding: &Finding, name: &str) -> Option<f64> {
    finding.figures.iter().find(|figure| figure.name == name).unwrap().value
}

fn answer(finding: &Finding) -> Answer {
    let count = |name: &str| figure(finding, name).unwrap() as u64;
    Answer {
        judgement: finding.judgement,
        offenders: finding.offenders.iter().map(|offender| (offender.defect.clone(), offender.id.unwrap())).collect(),
        undecided: count("undecided_ids"),
        done: count("done_ids"),
        compensated: count("compensated_ids"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn saga_complete_agrees_with_the_obvious_judge(world in world()) {
        let history = world.history();
        let finding = judged(&history, &world.rules);
        prop_assert_eq!(answer(&finding), model(&history, &world.rules));
        prop_assert_eq!(finding.offenders_total, finding.offenders.len() as u64);
        for defect in ["unfinished", "late", "torn"] {
            let listed = finding.offenders.iter().filter(|offender| offender.defect == defect).count();
            let counted = figure(&finding, &format!("{defect}_ids"));
            prop_assert!(counted.map_or(listed == 0, |counted| counted == listed as f64), "{}: {:?}", defect, counted);
        }
        if finding.judgement == Judgement::Pass {
            prop_assert_eq!(figure(&finding, "unfinished_ids"), Some(0.0));
        }
    }
}

/// The generator reaches what it is there for: every answer and every defect.
#[test]
fn the_random_sagas_have_every_answer_and_every_defect() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        let world = world().new_tree(&mut runner).unwrap().current();
        let answer = model(&world.history(), &world.rules);
        seen.insert(format!("{:?}", answer.judgement));
        seen.extend(answer.offenders.into_iter().map(|(defect, _)| defect));
    }
    for expected in ["Pass", "Unknown", "Fail", "unfinished", "late", "torn"] {
        assert!(seen.contains(expected), "{expected} is not among {seen:?}");
    }
}
