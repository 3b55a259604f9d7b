//! Where the batches of a table come from.

use crate::HistoryError;
use arrow_array::RecordBatch;

/// Gives the batches of a table, the same ones in the same order on every pass. [`Table::of`](super::Table::of) holds
/// them, [`Table::open`](super::Table::open) may read them from a file, and a generator makes them.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Hands over every batch, and ends with the first error that `take` returns.
    ///
    /// # Errors
    /// If a batch cannot be had, or `take` returns an error.
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError>;
}

/// Batches in memory.
pub(super) struct Held(pub(super) Vec<RecordBatch>);

impl Source for Held {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        self.0.iter().try_for_each(take)
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "held in {} batches", self.0.len())
    }
}
