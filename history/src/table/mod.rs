//! Tables: rows as Arrow record batches, passed over from the first to the last.
//!
//! A table has one representation and may lie anywhere: in memory, in a file that every pass reads anew, or nowhere,
//! made by a generator while it is passed over. Whoever reads it cannot tell, and needs no more memory than a batch. It
//! knows no index and no random access: what needs a row again takes another pass.

mod columns;
mod file;
mod filter;
mod frames;
mod observations;
mod operations;
mod samples;
mod source;

pub use observations::ObservationRef;
pub use operations::OperationRef;
pub use samples::SampleRef;
pub use source::Source;

use self::file::Checked;
use self::filter::Filtered;
use self::source::Held;
use crate::HistoryError;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema};
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

/// A row of one of the three tables.
pub trait Row: Sized {
    /// The table's name, for messages.
    const TABLE: &'static str;

    /// A row as it lies in the columns of a batch.
    type Ref<'a>: Copy;

    /// The columns: name, type, whether a value may be missing.
    fn schema() -> Schema;

    /// Rows as a batch of that schema.
    ///
    /// # Errors
    /// If Arrow refuses the columns, which would be a defect of the encoding.
    fn encode(rows: &[Self]) -> Result<RecordBatch, ArrowError>;

    /// Hands over every row of a batch, in order; `None` if it has other columns than [`Self::schema`].
    fn visit(batch: &RecordBatch, take: &mut impl FnMut(Self::Ref<'_>)) -> Option<()>;

    /// The row by itself.
    fn owned(row: Self::Ref<'_>) -> Self;
}

/// The most rows of a batch that is made in memory.
const BATCH_ROWS: usize = 16_384;

/// Rows of one kind, in the order in which they were recorded.
#[derive(Clone)]
pub struct Table<R> {
    source: Arc<dyn Source>,
    rows: u64,
    kind: PhantomData<fn() -> R>,
}

impl<R: Row> Table<R> {
    /// The table of these rows, in memory.
    ///
    /// # Errors
    /// If a row cannot be encoded, which would be a defect of the encoding.
    pub fn of(rows: &[R]) -> Result<Self, HistoryError> {
        let encode = |source| HistoryError::Encode { table: R::TABLE, source };
        let batches: Result<Vec<RecordBatch>, ArrowError> = rows.chunks(BATCH_ROWS).map(R::encode).collect();
        Ok(Self::from_source(Held(batches.map_err(encode)?), rows.len() as u64))
    }

    /// The table of what `source` gives, which are `rows` rows.
    #[must_use]
    pub fn from_source(source: impl Source + 'static, rows: u64) -> Self {
        Self { source: Arc::new(source), rows, kind: PhantomData }
    }

    /// The table in the file `path`, and whether that broke off: its writer was killed, and the rows of its last batch
    /// are missing. It is read once, to the end, so that what is damaged is refused now. If the file fits into `hold`
    /// bytes, which are taken off then, its rows stay in memory; else every pass reads it anew.
    ///
    /// # Errors
    /// If the file cannot be opened, is damaged, or has other columns than this version writes.
    pub fn open(path: &Path, hold: &mut u64) -> Result<(Self, bool), HistoryError> {
        let Checked { file, rows, held, truncated } = file::check::<R>(path, hold)?;
        let table = match held {
            Some(batches) => Self::from_source(Held(batches), rows),
            None => Self::from_source(file, rows),
        };
        Ok((table, truncated))
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Passes over the rows, in order.
    ///
    /// # Errors
    /// If the rows cannot be read any more: their file went, or changed, since it was opened.
    pub fn each(&self, mut take: impl FnMut(R::Ref<'_>)) -> Result<(), HistoryError> {
        self.source.pass(&mut |batch| {
            let other = || HistoryError::Columns { table: R::TABLE };
            R::visit(batch, &mut take).ok_or_else(other)
        })
    }

    /// The table of those rows that `keep` keeps, in their order. They are counted in a pass, and chosen anew in each further
    /// one; no more than a batch of them is held.
    ///
    /// # Errors
    /// As [`Self::each`].
    pub fn filtered(&self, keep: impl Fn(R::Ref<'_>) -> bool + Send + Sync + 'static) -> Result<Self, HistoryError>
    where
        R: 'static,
    {
        let mut rows = 0;
        self.each(|row| rows += u64::from(keep(row)))?;
        Ok(Self::from_source(Filtered::<R, _>::of(Arc::clone(&self.source), keep), rows))
    }

    /// All rows by themselves: only for tables that are known to be small.
    ///
    /// # Errors
    /// As [`Self::each`].
    pub fn to_vec(&self) -> Result<Vec<R>, HistoryError> {
        let mut rows = Vec::new();
        self.each(|row| rows.push(R::owned(row)))?;
        Ok(rows)
    }
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self { source: Arc::new(Held(Vec::new())), rows: 0, kind: PhantomData }
    }
}

impl<R: Row> std::fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows of {}, {:?}", self.rows, R::TABLE, self.source)
    }
}
