//! Where rows come from, and in how many passes they are put together, changes nothing about a finding: random histories
//! with whatever can be wrong in them, judged by every check.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

mod support;

use arrow_array::RecordBatch;
use proofload_history::journal::DrainOutcome;
use proofload_history::table::{Row, Source};
use proofload_history::{
    At, Clock, History, HistoryError, Id, Name, Observation, Operation, Outcome, Phase, Reading, Recorder, RunDir,
    Table,
};
use proofload_verify::judge::judge_on;
use proofload_verify::{Budget, Finding, JudgeInput, Judgement, Plan, PlannedFault, Verdict};
use proptest::prelude::*;
use std::collections::BTreeSet;
use support::{Script, asked};

/// Every check that puts rows together, and those that join rows with intents, on the stages of [`Script`].
const CHECKS: [(&str, &str); 12] = [
    ("delivery", "chain = 'order'"),
    ("effect_once", "stages = ['log.in', 'db.row']"),
    ("no_phantom", "stages = ['db.row', 'log.out'], operations = ['place_order']"),
    ("order", "stage = 'log.in', repeats = 'allowed', first = 1"),
    ("monotonic", "stage = 'db.row', states = [['OPEN'], ['DONE', 'FAILED']]"),
    ("conservation", "stage = 'db.row'"),
    ("agreement", "left = 'log.in', right = 'db.row'"),
    (
        "saga_complete",
        "started = 'log.in', done = { stage = 'db.row', states = ['DONE'] }, compensated = { stage = 'log.out' }, within = '10s'",
    ),
    ("idempotency", "of = 'place_order'"),
    ("tail_loss", "stage = 'log.in'"),
    ("freshness", "of = 'place_order', stage = 'db.row', during = 'steady', p50 = '1s'"),
    ("latency", "of = 'place_order', during = 'steady', p50 = '20ms'"),
];

const IDS: u64 = 12;

/// An attempt: whose, when, how it ended, and with which answer.
fn attempt() -> impl Strategy<Value = (u64, u64, Outcome, Option<u64>)> {
    let outcome = prop_oneof![4 => Just(Outcome::Ok), 1 => Just(Outcome::Fail), 1 => Just(Outcome::Indeterminate)];
    (0..IDS, 1_u64..50, outcome, proptest::option::of(0_u64..2))
}

/// A row: whose, where, and whatever else it may say.
fn row() -> impl Strategy<Value = Observation> {
    let id = prop_oneof![
        12 => (0..IDS).prop_map(Script::id),
        1 => (0..3_u16).prop_map(|own| Script::id(1).own(own)),
        1 => Just(Id::of("a stranger")),
    ];
    let stage = prop_oneof![Just("log.in"), Just("db.row"), Just("log.out")];
    let place = (proptest::option::of(0..2_i32), proptest::option::of(0..6_i64), proptest::option::of(0..60_u64));
    let state = proptest::option::of(prop_oneof![Just("OPEN"), Just("DONE"), Just("FAILED"), Just("ODD")]);
    let fact = (proptest::option::of(0..4_i64), state, proptest::option::of(-2..3_i64), proptest::option::of(0..2_u64));
    (id, stage, proptest::option::of(0..4_u64), proptest::bool::weighted(0.2), place, fact).prop_map(
        |(id, stage, key, live, (partition, offset, at), (version, state, amount, digest))| Observation {
            reading: if live { Reading::Live } else { Reading::Final },
            key: key.map(Script::id),
            partition,
            offset,
            at: at.map(|at| At(at * 1_000_000_000)),
            version,
            state: state.map(Name::from),
            amount,
            digest,
            ..Observation::of(stage.into(), id)
        },
    )
}

fn script() -> impl Strategy<Value = Script> {
    let attempts = proptest::collection::vec(attempt(), 0..40);
    (attempts, proptest::collection::vec(row(), 0..80), any::<bool>()).prop_map(|(attempts, rows, quiet)| {
        let mut script = Script::new();
        script.phases(&[(0.0, Phase::Steady), (60.0, Phase::Drain)]).issue(1, 0, IDS - 2);
        script.fault(20.0, 28.0, "leader-kill").fault(30.0, 33.0, "leader-kill");
        for (id, at, outcome, answer) in attempts {
            script.timed(id, at as f64, 10, outcome);
            if outcome == Outcome::Ok {
                script.answered(202, answer);
            }
        }
        rows.into_iter().for_each(|row| _ = script.observed(row));
        script.drained(61.0, if quiet { DrainOutcome::Quiet } else { DrainOutcome::Moving }).read_all(62.0);
        script.read_log(62.0, true, &[(0, 0, 4), (1, 1, 6)]).ended(63.0);
        script
    })
}

fn findings(history: &History, budget: Budget) -> Vec<Finding> {
    let chains = Script::conditional_chains();
    CHECKS.iter().map(|check| asked::finding(*check, history, &chains, budget)).collect()
}

/// The verdict by so many threads.
fn verdict_on(history: &History, threads: usize) -> Verdict {
    let plan = Plan {
        chains: Script::conditional_chains(),
        expectations: CHECKS.iter().map(|(name, keys)| asked::expectation(name, name, keys)).collect(),
        faults: vec![PlannedFault { id: "leader-kill".into(), kind: "kill".into() }],
        ..Plan::default()
    };
    judge_on(&JudgeInput { history, plan: &plan }, threads)
}

fn verdict(history: &History) -> Verdict {
    verdict_on(history, 4)
}

/// Rows that are encoded anew on each pass, three to a batch.
#[derive(Debug)]
struct Made<R>(Vec<R>);

impl<R: Row + Send + Sync + std::fmt::Debug> Source for Made<R> {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        self.0.chunks(3).try_for_each(|rows| take(&R::encode(rows).unwrap()))
    }
}

fn made<R: Row + Send + Sync + std::fmt::Debug + 'static>(table: &Table<R>) -> Table<R> {
    Table::from_source(Made(table.to_vec().unwrap()), table.rows())
}

/// The rows of a history in files that are read anew on each pass.
fn in_files(history: &History, folder: &std::path::Path) -> History {
    let run = RunDir::create(folder, "trial").unwrap();
    let recorder = Recorder::create(&run, Clock::new()).unwrap();
    history.operations.to_vec().unwrap().into_iter().for_each(|row| recorder.operation(row).unwrap());
    history.observations.to_vec().unwrap().into_iter().for_each(|row| recorder.observation(row).unwrap());
    history.series.to_vec().unwrap().into_iter().for_each(|row| recorder.sample(row).unwrap());
    recorder.close().unwrap();
    let read = History::read_holding(&run, 0).unwrap();
    History { journal: history.journal.clone(), damage: history.damage.clone(), ..read }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_finding_is_the_same_in_however_many_passes_its_rows_are_put_together(script in script()) {
        let history = script.history();
        let expected = findings(&history, Budget::Passes(1));
        for budget in [Budget::Passes(2), Budget::Passes(7), Budget::Bytes(200), Budget::Bytes(2_000)] {
            let seen = findings(&history, budget);
            for (expected, seen) in expected.iter().zip(seen) {
                prop_assert_eq!(&seen, expected, "{:?}", budget);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_verdict_is_the_same_wherever_its_rows_come_from(script in script()) {
        let held = script.history();
        let folder = tempfile::tempdir().unwrap();
        let generated = History {
            operations: made::<Operation>(&held.operations),
            observations: made(&held.observations),
            series: made(&held.series),
            ..held.clone()
        };
        let expected = verdict(&held);
        prop_assert_eq!(&verdict(&in_files(&held, folder.path())), &expected);
        prop_assert_eq!(&verdict(&generated), &expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_verdict_is_the_same_byte_for_byte_on_any_number_of_threads(script in script()) {
        let history = script.history();
        let bytes = |threads| serde_json::to_string(&verdict_on(&history, threads)).unwrap();
        let expected = bytes(1);
        for threads in [2, 3, 8, 8] {
            prop_assert_eq!(&bytes(threads), &expected, "{} threads", threads);
        }
    }
}

/// The generator reaches what it is there for: offenders of every check, and findings of every kind.
#[test]
fn the_random_histories_have_offenders_of_every_check() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let script = script().new_tree(&mut runner).unwrap().current();
        let failed = findings(&script.history(), Budget::OF_CHECK).into_iter();
        seen.extend(
            failed.filter(|one| one.judgement == Judgement::Fail).map(|one| (one.check, one.offenders_total > 0)),
        );
    }
    for (name, _) in CHECKS.iter().filter(|(name, _)| !["latency", "freshness"].contains(name)) {
        assert!(seen.contains(&((*name).to_owned(), true)), "{name} is not among {seen:?}");
    }
}
