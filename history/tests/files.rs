//! What is recorded is read back: whole, broken off, damaged, and of another shape.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

use arrow_array::RecordBatch;
use proofload_history::table::{Row, Source};
use proofload_history::{
    At, Clock, Event, History, HistoryError, Id, Name, Observation, Operation, Outcome, Phase, Reading, Recorder,
    RunDir, Sample, Table,
};
use proptest::prelude::*;
use std::path::Path;

fn names() -> impl Strategy<Value = Name> {
    prop_oneof![Just("submit"), Just("read"), Just("db.application"), Just("ünïcode \"quoted\"")].prop_map(Name::from)
}

fn operations() -> impl Strategy<Value = Operation> {
    let outcomes = prop_oneof![Just(Outcome::Ok), Just(Outcome::Fail), Just(Outcome::Indeterminate)];
    let answer = (outcomes, proptest::option::of(any::<u16>()), proptest::option::of(names()), any::<Option<u64>>());
    (any::<u128>(), any::<u32>(), names(), any::<[u64; 2]>(), proptest::option::of(any::<u64>()), answer).prop_map(
        |(id, attempt, name, [intended, done], sent, (outcome, status, error, answer))| Operation {
            intent: Id(id),
            attempt,
            name,
            intended: At(intended),
            sent: sent.map(At),
            done: At(done),
            outcome,
            status,
            error,
            answer,
        },
    )
}

fn observations() -> impl Strategy<Value = Observation> {
    let position = (any::<Option<i32>>(), any::<Option<i64>>(), any::<Option<i32>>());
    let fact = (any::<Option<i64>>(), proptest::option::of(names()), any::<Option<i64>>(), any::<Option<u64>>());
    let reading = prop_oneof![Just(Reading::Final), Just(Reading::Live), Just(Reading::Replica)];
    (names(), reading, any::<u128>(), any::<Option<u128>>(), position, any::<Option<u64>>(), fact).prop_map(
        |(stage, reading, id, key, (partition, offset, leader_epoch), at, (version, state, amount, digest))| {
            Observation {
                stage,
                reading,
                id: Id(id),
                key: key.map(Id),
                partition,
                offset,
                leader_epoch,
                at: at.map(At),
                version,
                state,
                amount,
                digest,
            }
        },
    )
}

fn recorded(operations: &[Operation], observations: &[Observation]) -> (tempfile::TempDir, RunDir) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(folder.path(), "trial").unwrap();
    let recorder = Recorder::create(&run, Clock::new()).unwrap();
    recorder.event(Event::PhaseStarted { phase: Phase::Steady }).unwrap();
    operations.iter().for_each(|row| recorder.operation(row.clone()).unwrap());
    observations.iter().for_each(|row| recorder.observation(row.clone()).unwrap());
    let sample = Sample { metric: "gauge".into(), subject: "lag".into(), at: At(5), value: 0.5 };
    recorder.sample(sample).unwrap();
    recorder.event(Event::RunEnded {}).unwrap();
    recorder.close().unwrap();
    (folder, run)
}

fn an_operation(counter: u64) -> Operation {
    Operation {
        intent: Id::issued(1, 0, counter),
        attempt: 0,
        name: "submit".into(),
        intended: At(counter),
        sent: Some(At(counter)),
        done: At(counter + 1),
        outcome: Outcome::Ok,
        status: Some(202),
        error: None,
        answer: Some(counter),
    }
}

/// Leaves the run as one that was killed: it has no seal to hold its files against.
fn unseal(run: &RunDir) {
    std::fs::remove_file(run.seal()).unwrap();
}

fn cut(path: &Path, bytes: u64) {
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length.saturating_sub(bytes)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_row_is_read_back_as_it_was_recorded(
        operations in proptest::collection::vec(operations(), 0..200),
        observations in proptest::collection::vec(observations(), 0..200),
    ) {
        let (_folder, run) = recorded(&operations, &observations);
        let history = History::read(&run).unwrap();
        prop_assert_eq!(history.operations.rows(), operations.len() as u64);
        prop_assert_eq!(history.operations.to_vec().unwrap(), operations);
        prop_assert_eq!(history.observations.to_vec().unwrap(), observations);
        prop_assert_eq!(history.damage, Vec::<String>::new());
    }

    #[test]
    fn a_table_gives_the_same_rows_on_every_pass_held_or_read_anew(
        operations in proptest::collection::vec(operations(), 0..200), hold in prop_oneof![Just(0), Just(u64::MAX)],
    ) {
        let (_folder, run) = recorded(&operations, &[]);
        let history = History::read_holding(&run, hold).unwrap();
        prop_assert_eq!(history.operations.to_vec().unwrap(), history.operations.to_vec().unwrap());
        prop_assert_eq!(history.operations.to_vec().unwrap(), Table::of(&operations).unwrap().to_vec().unwrap());
    }

    #[test]
    fn a_filtered_table_has_the_rows_that_are_kept_in_their_order_and_counts_them(
        operations in proptest::collection::vec(operations(), 0..200), hold in prop_oneof![Just(0), Just(u64::MAX)],
    ) {
        let (_folder, run) = recorded(&operations, &[]);
        let history = History::read_holding(&run, hold).unwrap();
        let some = history.operations.filtered(|made| made.outcome() == Outcome::Ok).unwrap();
        let expected: Vec<Operation> = operations.into_iter().filter(|made| made.outcome == Outcome::Ok).collect();
        prop_assert_eq!((some.rows(), some.to_vec().unwrap()), (expected.len() as u64, expected));
    }

    /// However many bytes a killed run lacks: what is read is a beginning of what was recorded, and never passes as whole.
    #[test]
    fn a_file_that_breaks_off_gives_its_whole_batches_and_says_so(
        bytes in 1_u64..400_000, hold in prop_oneof![Just(0), Just(u64::MAX)],
    ) {
        let operations: Vec<Operation> = (0..6_000).map(an_operation).collect();
        let (_folder, run) = recorded(&operations, &[]);
        unseal(&run);
        cut(&run.operations(), bytes);
        let history = History::read_holding(&run, hold).unwrap();
        prop_assert!(operations.starts_with(&history.operations.to_vec().unwrap()));
        prop_assert!(!history.damage.is_empty());
    }

    #[test]
    fn a_damaged_file_is_an_error_or_other_rows_but_never_a_panic(at in 0_usize..4_000, with in any::<u8>()) {
        let operations: Vec<Operation> = (0..50).map(an_operation).collect();
        let (_folder, run) = recorded(&operations, &[]);
        unseal(&run);
        let mut bytes = std::fs::read(run.operations()).unwrap();
        let at = at % bytes.len();
        bytes[at] = with;
        std::fs::write(run.operations(), bytes).unwrap();
        let _ = History::read(&run);
    }

    #[test]
    fn a_file_that_is_damaged_after_it_was_opened_is_an_error_or_other_rows_but_never_a_panic(
        at in 0_usize..4_000, with in any::<u8>(),
    ) {
        let operations: Vec<Operation> = (0..50).map(an_operation).collect();
        let (_folder, run) = recorded(&operations, &[]);
        let history = History::read_holding(&run, 0).unwrap();
        let mut bytes = std::fs::read(run.operations()).unwrap();
        let at = at % bytes.len();
        bytes[at] = with;
        std::fs::write(run.operations(), bytes).unwrap();
        let _ = history.operations.to_vec();
    }
}

#[test]
fn a_file_that_was_cut_or_removed_after_it_was_opened_is_an_error() {
    let operations: Vec<Operation> = (0..6_000).map(an_operation).collect();
    let (_folder, run) = recorded(&operations, &[]);
    let history = History::read_holding(&run, 0).unwrap();
    cut(&run.operations(), 100_000);
    let changed = history.operations.to_vec().unwrap_err().to_string();
    assert!(changed.contains("operations.arrow") && changed.contains("changed"), "{changed}");
    std::fs::remove_file(run.operations()).unwrap();
    assert!(history.operations.to_vec().is_err());
}

#[test]
fn what_does_not_fit_is_read_anew_and_the_rest_is_held() {
    let operations: Vec<Operation> = (0..6_000).map(an_operation).collect();
    let (_folder, run) = recorded(&operations, &[]);
    let history = History::read_holding(&run, 10_000).unwrap();
    assert!(format!("{:?}", history.operations).contains("StreamFile"), "{:?}", history.operations);
    assert!(format!("{:?}", history.series).contains("held"), "{:?}", history.series);
}

/// Makes the operations of ten intents on each pass, in two batches.
#[derive(Debug)]
struct Made;

impl Source for Made {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        for from in [0, 5] {
            let rows: Vec<Operation> = (from..from + 5).map(an_operation).collect();
            take(&Operation::encode(&rows).unwrap())?;
        }
        Ok(())
    }
}

#[test]
fn a_table_can_be_made_while_it_is_passed_over() {
    let table: Table<Operation> = Table::from_source(Made, 10);
    assert_eq!(table.to_vec().unwrap(), (0..10).map(an_operation).collect::<Vec<_>>());
    let of_others: Table<Observation> = Table::from_source(Made, 10);
    assert!(matches!(of_others.to_vec(), Err(HistoryError::Columns { table: "observations" })));
}

#[test]
fn a_journal_that_breaks_off_in_a_line_gives_its_whole_lines_and_says_so() {
    let (_folder, run) = recorded(&[], &[]);
    unseal(&run);
    cut(&run.journal(), 5);
    let history = History::read(&run).unwrap();
    assert_eq!(history.journal.entries.len(), 1);
    assert!(history.damage.iter().any(|what| what.contains("journal")), "{:?}", history.damage);
}

#[test]
fn a_line_of_the_journal_that_is_nonsense_is_named() {
    let (_folder, run) = recorded(&[], &[]);
    unseal(&run);
    let text = std::fs::read_to_string(run.journal()).unwrap();
    std::fs::write(run.journal(), format!("nonsense\n{text}")).unwrap();
    let error = History::read(&run).unwrap_err();
    assert!(matches!(error, HistoryError::Journal { line: 1, .. }), "{error}");
}

#[test]
fn a_table_of_other_columns_is_refused() {
    let (_folder, run) = recorded(&[], &[]);
    unseal(&run);
    std::fs::copy(run.series(), run.operations()).unwrap();
    let error = History::read(&run).unwrap_err().to_string();
    assert!(error.contains("operations.arrow") && error.contains("columns"), "{error}");
}

#[test]
fn latest_points_at_the_newest_run() {
    let folder = tempfile::tempdir().unwrap();
    let first = RunDir::create(folder.path(), "trial").unwrap();
    let second = RunDir::create(folder.path(), "trial").unwrap();
    assert_ne!(first.root(), second.root());
    let latest = folder.path().join("trial/latest").canonicalize().unwrap();
    assert_eq!(latest, second.root().canonicalize().unwrap());
}

#[test]
fn an_id_that_was_issued_and_has_no_row_is_an_indeterminate_intent() {
    let mut history = History { operations: Table::of(&[an_operation(0)]).unwrap(), ..History::default() };
    let machine = std::collections::BTreeMap::new();
    let started = Event::RunStarted {
        experiment: "trial".into(),
        wall_ms: 0,
        seed: 1,
        variants: Vec::new(),
        environment: "lab".into(),
        machine,
    };
    let issued = Event::IdsIssued { stream: 0, traffic: "apply".into(), operation: "submit".into(), from: 0, to: 3 };
    history.journal.entries = [started, issued].map(|event| proofload_history::Entry { at: At(0), event }).to_vec();
    let outcomes: Vec<Outcome> = history.intents("submit").unwrap().iter().map(|intent| intent.outcome).collect();
    assert_eq!(outcomes, [Outcome::Ok, Outcome::Indeterminate, Outcome::Indeterminate]);
}

#[test]
fn an_intent_is_ok_if_any_of_its_attempts_is() {
    let attempt = |number: u32, outcome| Operation { attempt: number, outcome, ..an_operation(0) };
    let operations = vec![attempt(0, Outcome::Indeterminate), attempt(1, Outcome::Ok), attempt(2, Outcome::Fail)];
    let history = History { operations: Table::of(&operations).unwrap(), ..History::default() };
    let intents = history.intents("submit").unwrap();
    assert_eq!((intents[0].outcome, intents[0].attempts), (Outcome::Ok, 3));
    assert_eq!(intents[0].decisive.as_ref().map(|made| made.attempt), Some(1));
}
