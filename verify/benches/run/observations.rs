//! What the stages show of the orders: each is in a log, as a row that balances with that of its neighbour, in another log
//! as open and as done, and as done. The first log was read along while the run went on.

use super::operations::{BLOCK, ORDERS, order};
use super::{BATCH, batches, due, ids, instants, with};
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use proofload_history::journal::StageRead;
use proofload_history::table::{Row, Source};
use proofload_history::{HistoryError, Observation, Reading};
use std::ops::Range;
use std::sync::Arc;

/// Each with how long after the arrival of an order its row is there, and whether it is a log.
pub(super) const STAGES: [(&str, u64, bool); 4] = [
    ("log.in", 2_000_000, true),
    ("db.row", 6_000_000, false),
    ("log.out", 8_000_000, true),
    ("db.done", 12_000_000, false),
];
const PARTITIONS: u64 = 6;
/// The states that an order has in `log.out`, one record each; in every other stage it has the last.
const STATES: [&str; 2] = ["OPEN", "DONE"];

/// Makes the observations of so many orders, stage by stage. A log is read partition by partition, so its ids come in
/// strides.
#[derive(Debug)]
pub(super) struct Observations(pub(super) u64);

/// How many rows an order has at a stage.
fn states(stage: &str) -> &'static [&'static str] {
    if stage == "log.out" { &STATES } else { &STATES[1..] }
}

fn partitions(log: bool) -> u64 {
    if log { PARTITIONS } else { 1 }
}

/// When order `n` was due.
fn arrived(n: u64) -> u64 {
    due(n / ORDERS * BLOCK + n % ORDERS)
}

impl Observations {
    pub(super) fn rows(&self) -> u64 {
        let last: u64 = STAGES.iter().map(|(stage, ..)| self.0 * states(stage).len() as u64).sum();
        self.0 + last
    }

    /// How each stage was read at the end.
    pub(super) fn read(&self) -> impl Iterator<Item = StageRead> {
        STAGES.iter().map(|(stage, _, log)| {
            let each = states(stage).len() as u64;
            let bound = |partition: u64| (partition as i32, 0, (of_partition(self.0, partition) * each) as i64);
            StageRead {
                stage: (*stage).into(),
                complete: true,
                rows: self.0 * each,
                isolation: if *log { "read_committed" } else { "repeatable read" }.into(),
                bounds: if *log { (0..PARTITIONS).map(bound).collect() } else { Vec::new() },
                ..StageRead::default()
            }
        })
    }

    fn stage(
        &self,
        (stage, after, log): (&str, u64, bool),
        reading: Reading,
        take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        for partition in 0..partitions(log) {
            let row = |version: usize, state: &str, n: u64| Observation {
                reading,
                partition: log.then_some(partition as i32),
                offset: log.then_some(0),
                version: Some(version as i64),
                state: Some(state.into()),
                amount: (!log).then_some(if n.is_multiple_of(2) { 100 } else { -100 }),
                digest: Some(version as u64),
                ..Observation::of(stage.into(), order(0))
            };
            let template = |(version, state): (usize, &&str)| {
                let rows: Vec<Observation> = (0..BATCH).map(|n| row(version + 1, state, n)).collect();
                Observation::encode(&rows).expect("it is encoded")
            };
            let templates: Vec<RecordBatch> = states(stage).iter().enumerate().map(template).collect();
            let mut next = 0;
            batches((partition..self.0).step_by(partitions(log) as usize), |numbers| {
                let own = ids(numbers, order);
                // A row of the books stands under its transaction, which is that of two orders.
                let key = if stage == "db.row" { ids(numbers, |n| order(n / 2 * 2)) } else { Arc::clone(&own) };
                templates.iter().try_for_each(|template| {
                    let mut columns = vec![
                        (2, Arc::clone(&own)),
                        (3, Arc::clone(&key)),
                        (7, instants(numbers, |n| arrived(n) + after)),
                    ];
                    if log {
                        columns.push((5, offsets(next..next + numbers.len() as i64)));
                        next += numbers.len() as i64;
                    }
                    take(&with(template, numbers.len(), columns))
                })
            })?;
        }
        Ok(())
    }
}

/// The partition of `log.in` that has an order.
#[allow(dead_code, reason = "only a peer asks")]
pub(crate) fn partition(order: u64) -> u64 {
    order % PARTITIONS
}

/// How many of `orders` are in a partition.
fn of_partition(orders: u64, partition: u64) -> u64 {
    orders.saturating_sub(partition).div_ceil(PARTITIONS)
}

fn offsets(range: Range<i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(range))
}

impl Source for Observations {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        self.stage(STAGES[0], Reading::Live, take)?;
        STAGES.iter().try_for_each(|stage| self.stage(*stage, Reading::Final, take))
    }
}
