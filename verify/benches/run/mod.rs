//! The run that the benchmarks judge: nothing is wrong with it, and it has what ordinary runs have. Of 32 operations 28 are
//! orders, one repeats an order, and three are quotes that two others ask for, of which one is rejected; of one order in
//! some thousands nobody knows what became of it. Every order is at each of four stages, at one of them twice.
//!
//! It is made while it is passed over, so that it may be longer than memory, or held.

mod around;
mod observations;
mod operations;

use self::around::around;
use self::observations::Observations;
#[allow(unused_imports, reason = "only a peer asks")]
pub(crate) use self::observations::partition;
use self::operations::{BLOCK, Operations};
use arrow_array::{ArrayRef, FixedSizeBinaryArray, RecordBatch, UInt64Array};
use proofload_history::table::Source;
use proofload_history::{History, HistoryError, Id, Table};
use proofload_verify::{Chain, ChainStage, Expectation, Plan, PlannedFault};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const OPERATION: &str = "place_order";
pub(crate) const SEED: u64 = 7;
const BATCH: u64 = 16_384;
/// An operation is due every 20 us, and takes 5 ms.
const EVERY_NS: u64 = 20_000;
const TOOK_NS: u64 = 5_000_000;

/// When operation `n` was due.
fn due(n: u64) -> u64 {
    n * EVERY_NS
}

/// A column of ids; all other columns of a table that do not change from row to row are shared by its batches.
fn ids(numbers: &[u64], id: impl Fn(u64) -> Id) -> ArrayRef {
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| id(*n).0.to_be_bytes()).collect();
    Arc::new(FixedSizeBinaryArray::new(16, bytes.into(), None))
}

fn instants(numbers: &[u64], at: impl Fn(u64) -> u64) -> ArrayRef {
    Arc::new(UInt64Array::from_iter_values(numbers.iter().map(|n| at(*n))))
}

/// Batches of numbers.
fn batches(
    numbers: impl Iterator<Item = u64>,
    mut take: impl FnMut(&[u64]) -> Result<(), HistoryError>,
) -> Result<(), HistoryError> {
    let mut numbers = numbers.peekable();
    while numbers.peek().is_some() {
        let batch: Vec<u64> = numbers.by_ref().take(BATCH as usize).collect();
        take(&batch)?;
    }
    Ok(())
}

/// The first rows of `batch`, with other columns at some places.
fn with(batch: &RecordBatch, rows: usize, columns: Vec<(usize, ArrayRef)>) -> RecordBatch {
    let mut all = batch.slice(0, rows).columns().to_vec();
    columns.into_iter().for_each(|(place, column)| all[place] = column);
    RecordBatch::try_new(batch.schema(), all).expect("columns of the same types")
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

/// The two tables of a run of so many operations, which are whole blocks, and what is around them.
fn parts(operations: u64) -> (Operations, Observations, History) {
    assert!(operations.is_multiple_of(BLOCK), "{operations} operations are no whole blocks of {BLOCK}");
    let operations = Operations(operations / BLOCK);
    let observations = Observations(operations.orders());
    let around = around(&operations, &observations);
    (operations, observations, around)
}

/// A run of so many operations, made anew on each pass.
#[allow(dead_code, reason = "one benchmark makes its run, the other holds it")]
pub(crate) fn made(operations: u64) -> History {
    let (operations, observations, around) = parts(operations);
    let rows = [operations.rows(), observations.rows()];
    History {
        operations: Table::from_source(operations, rows[0]),
        observations: Table::from_source(observations, rows[1]),
        ..around
    }
}

/// The same, held in memory.
#[allow(dead_code, reason = "one benchmark holds its run, the other makes it")]
pub(crate) fn held(operations: u64) -> History {
    let (operations, observations, around) = parts(operations);
    let rows = [operations.rows(), observations.rows()];
    History {
        operations: Table::from_source(Held::of(&operations), rows[0]),
        observations: Table::from_source(Held::of(&observations), rows[1]),
        ..around
    }
}

/// The stages of the chain.
pub(crate) fn stages() -> impl Iterator<Item = &'static str> {
    observations::STAGES.iter().map(|(stage, ..)| *stage)
}

/// The chain of the four stages.
pub(crate) fn chains() -> BTreeMap<String, Chain> {
    let stages = stages().map(|stage| ChainStage {
        stage: stage.into(),
        title: String::new(),
        repeats_allowed: stage.starts_with("log"),
        only_if: None,
    });
    BTreeMap::from([("order".to_owned(), Chain { operation: OPERATION.into(), stages: stages.collect() })])
}

/// The expectation that a check with this table holds, under the check's name.
pub(crate) fn expectation((name, table): (&str, &str)) -> Expectation {
    let about = proofload_verify::checks::find(name).expect("the table has it");
    let table = toml::de::ValueDeserializer::parse(&format!("{{ {table} }}")).map(about.parse).expect("TOML");
    Expectation { id: name.into(), check_name: name.into(), check: table.expect("the table is right") }
}

/// What the run is held to.
pub(crate) fn plan(expected: &[(&str, &str)]) -> Plan {
    Plan {
        experiment: "bench".into(),
        title: "A long run".into(),
        hypothesis: "It is judged in no time.".into(),
        chains: chains(),
        expectations: expected.iter().copied().map(expectation).collect(),
        faults: vec![PlannedFault { id: "leader-kill".into(), kind: "kill".into() }],
        ..Plan::default()
    }
}
