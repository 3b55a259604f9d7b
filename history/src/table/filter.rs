//! Some of the rows of a table.

use super::{Row, Source};
use crate::HistoryError;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use std::marker::PhantomData;
use std::sync::Arc;

/// Gives of each batch of another source the rows that are kept.
pub(super) struct Filtered<R, K> {
    source: Arc<dyn Source>,
    keep: K,
    kind: PhantomData<fn() -> R>,
}

impl<R, K> Filtered<R, K> {
    pub(super) fn of(source: Arc<dyn Source>, keep: K) -> Self {
        Self { source, keep, kind: PhantomData }
    }
}

impl<R: Row, K: Fn(R::Ref<'_>) -> bool + Send + Sync> Source for Filtered<R, K> {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        self.source.pass(&mut |batch| {
            let mut kept = Vec::with_capacity(batch.num_rows());
            let other = || HistoryError::Columns { table: R::TABLE };
            R::visit(batch, &mut |row| kept.push((self.keep)(row))).ok_or_else(other)?;
            let encode = |source| HistoryError::Encode { table: R::TABLE, source };
            take(&filter_record_batch(batch, &BooleanArray::from(kept)).map_err(encode)?)
        })
    }
}

impl<R: Row, K> std::fmt::Debug for Filtered<R, K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "some of {:?}", self.source)
    }
}
