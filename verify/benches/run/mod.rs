//! The run that the benchmarks judge: made while it is passed over, so that it may be longer than memory. Every operation
//! is acknowledged and at each of four stages, once.

use arrow_array::{ArrayRef, FixedSizeBinaryArray, RecordBatch, UInt64Array};
use proofload_history::journal::{DrainOutcome, LoadAudit, StageRead};
use proofload_history::table::{Row, Source};
use proofload_history::{
    At, Entry, Event, History, HistoryError, Id, Observation, Operation, Outcome, Phase, Sample, Table,
};
use proofload_verify::{Chain, ChainStage};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const STAGES: [&str; 4] = ["log.in", "db.row", "log.out", "db.done"];
pub(crate) const OPERATION: &str = "place_order";
const SEED: u64 = 7;
const PARTITIONS: u64 = 6;
const BATCH: u64 = 16_384;
/// An operation is due every 20 us, and takes 5 ms.
const EVERY_NS: u64 = 20_000;
const TOOK_NS: u64 = 5_000_000;

/// When operation `n` was due.
fn due(n: u64) -> u64 {
    n * EVERY_NS
}

pub(crate) fn id(n: u64) -> Id {
    Id::issued(SEED, 1, n)
}

/// A column of ids; all other columns of a table that do not change from row to row are shared by its batches.
fn ids(numbers: &[u64]) -> ArrayRef {
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| id(*n).0.to_be_bytes()).collect();
    Arc::new(FixedSizeBinaryArray::new(16, bytes.into(), None))
}

fn instants(numbers: &[u64], after: u64) -> ArrayRef {
    Arc::new(UInt64Array::from_iter_values(numbers.iter().map(|n| due(*n) + after)))
}

/// Batches of numbers.
fn batches(numbers: impl Iterator<Item = u64>, mut take: impl FnMut(&[u64])) {
    let mut numbers = numbers.peekable();
    while numbers.peek().is_some() {
        let batch: Vec<u64> = numbers.by_ref().take(BATCH as usize).collect();
        take(&batch);
    }
}

/// The first rows of `batch`, with other columns at some places.
fn with(batch: &RecordBatch, rows: usize, columns: Vec<(usize, ArrayRef)>) -> RecordBatch {
    let mut all = batch.slice(0, rows).columns().to_vec();
    columns.into_iter().for_each(|(place, column)| all[place] = column);
    RecordBatch::try_new(batch.schema(), all).expect("columns of the same types")
}

/// Makes the operations.
#[derive(Debug)]
struct Operations(u64);

impl Source for Operations {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        let one = Operation {
            intent: id(0),
            attempt: 0,
            name: OPERATION.into(),
            intended: At(0),
            sent: Some(At(0)),
            done: At(0),
            outcome: Outcome::Ok,
            status: Some(202),
            error: None,
            answer: None,
        };
        let template = Operation::encode(&vec![one; BATCH as usize]).expect("it is encoded");
        let mut taken = Ok(());
        batches(0..self.0, |numbers| {
            if taken.is_ok() {
                let columns = vec![
                    (0, ids(numbers)),
                    (3, instants(numbers, 0)),
                    (4, instants(numbers, 0)),
                    (5, instants(numbers, TOOK_NS)),
                ];
                taken = take(&with(&template, numbers.len(), columns));
            }
        });
        taken
    }
}

/// Makes the observations, stage by stage; a log is read partition by partition, so its ids come in strides.
#[derive(Debug)]
struct Observations(u64);

impl Source for Observations {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        let mut taken = Ok(());
        for stage in STAGES {
            for partition in 0..PARTITIONS {
                let one = Observation {
                    partition: stage.starts_with("log").then_some(partition as i32),
                    offset: Some(0),
                    version: Some(1),
                    state: Some("DONE".into()),
                    amount: Some(0),
                    digest: Some(7),
                    ..Observation::of(stage.into(), id(0))
                };
                let template = Observation::encode(&vec![one; BATCH as usize]).expect("it is encoded");
                let numbers = (partition..self.0).step_by(PARTITIONS as usize);
                batches(numbers, |numbers| {
                    if taken.is_ok() {
                        let ids = ids(numbers);
                        let columns = vec![(2, Arc::clone(&ids)), (3, ids), (7, instants(numbers, 2 * TOOK_NS))];
                        taken = take(&with(&template, numbers.len(), columns));
                    }
                });
            }
        }
        taken
    }
}

/// What another source gives, in memory.
#[derive(Debug)]
struct Held(Vec<RecordBatch>);

impl Held {
    fn of(source: &dyn Source) -> Self {
        let mut batches = Vec::new();
        let held = source.pass(&mut |batch| {
            batches.push(batch.clone());
            Ok(())
        });
        held.expect("a made table has no errors");
        Self(batches)
    }
}

impl Source for Held {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        self.0.iter().try_for_each(take)
    }
}

/// A run of so many operations, made anew on each pass.
#[allow(dead_code, reason = "one benchmark makes its run, the other holds it")]
pub(crate) fn made(operations: u64) -> History {
    History {
        operations: Table::from_source(Operations(operations), operations),
        observations: Table::from_source(Observations(operations), operations * STAGES.len() as u64),
        ..around(operations)
    }
}

/// The same, held in memory.
#[allow(dead_code, reason = "one benchmark holds its run, the other makes it")]
pub(crate) fn held(operations: u64) -> History {
    let observations = operations * STAGES.len() as u64;
    History {
        operations: Table::from_source(Held::of(&Operations(operations)), operations),
        observations: Table::from_source(Held::of(&Observations(operations)), observations),
        ..around(operations)
    }
}

/// The journal and the series of the run.
fn around(operations: u64) -> History {
    let mut history = History::default();
    let end = due(operations);
    let started = Event::RunStarted {
        experiment: "bench".into(),
        wall_ms: 0,
        seed: SEED,
        variants: Vec::new(),
        environment: "lab".into(),
        machine: BTreeMap::new(),
    };
    let issued = |stream, traffic: &str, to| Event::IdsIssued {
        stream,
        traffic: traffic.into(),
        operation: OPERATION.into(),
        from: 0,
        to,
    };
    let audit = LoadAudit {
        traffic: "orders".into(),
        scheduled: operations,
        sent: operations,
        goose_requests: operations,
        ..LoadAudit::default()
    };
    let fault = |event: fn(String) -> Event| event("leader-kill".to_owned());
    let mut told = vec![
        (0, started),
        (0, Event::PhaseStarted { phase: Phase::Steady }),
        (0, issued(1, "orders", operations)),
        (0, issued(2, "greedy", 1)),
        (end / 4, Event::PhaseStarted { phase: Phase::Fault }),
        (
            end / 4,
            Event::FaultInjecting {
                fault: "leader-kill".into(),
                kind: "kill".into(),
                targets: vec!["kafka-2".into()],
                because: "due".into(),
            },
        ),
        (end / 4, fault(|fault| Event::FaultInjected { fault })),
        (
            end / 4,
            fault(|fault| Event::FaultAttested {
                fault,
                effective: true,
                observer: "a tcp connect".into(),
                evidence: "refused".into(),
            }),
        ),
        (end / 2, fault(|fault| Event::FaultHealed { fault, because: "due".into(), began: None })),
        (end / 2, fault(|fault| Event::HealAttested { fault, healed: true, evidence: "connected".into() })),
        (end / 2, Event::PhaseStarted { phase: Phase::Recovery }),
        (end, Event::PhaseStarted { phase: Phase::Drain }),
        (end, Event::LoadAudited(audit)),
        (end, Event::Drained { outcome: DrainOutcome::Quiet, evidence: String::new() }),
    ];
    for stage in STAGES {
        let read = StageRead { stage: stage.into(), complete: true, rows: operations, ..StageRead::default() };
        told.push((end, Event::StageRead(read)));
    }
    told.push((end, Event::RunEnded {}));
    history.journal.entries = told.into_iter().map(|(at, event)| Entry { at: At(at), event }).collect();
    let sample = |metric: &str, subject: &str, at, value| Sample {
        metric: metric.into(),
        subject: subject.into(),
        at: At(at),
        value,
    };
    let seconds = || (0..=end / 1_000_000_000).map(|second| second * 1_000_000_000);
    let mut series: Vec<Sample> = seconds().map(|at| sample("canary_us", "machine", at, 80.0)).collect();
    series.extend(seconds().map(|at| sample("gauge", "lag", at, if at < end / 2 { 0.0 } else { 2_000.0 })));
    history.series = Table::of(&series).expect("it is encoded");
    history
}

/// The chain of the four stages.
pub(crate) fn chains() -> BTreeMap<String, Chain> {
    let stages = STAGES.iter().map(|stage| ChainStage {
        stage: (*stage).into(),
        title: String::new(),
        repeats_allowed: stage.starts_with("log"),
        only_if: None,
    });
    BTreeMap::from([("order".to_owned(), Chain { operation: OPERATION.into(), stages: stages.collect() })])
}
