//! The table of observations.

use super::Row;
use super::columns::{Columns, Ids, Numbers, Texts, batch, of_ids, of_numbers, of_texts, optional, required};
use crate::{At, Id, Observation, Reading};
use arrow_array::RecordBatch;
use arrow_array::types::{Int32Type, Int64Type, UInt8Type, UInt64Type};
use arrow_schema::{ArrowError, DataType, Schema};

struct ObservationColumns<'a> {
    stage: Texts<'a>,
    live: Numbers<'a, UInt8Type>,
    id: Ids<'a>,
    key: Ids<'a>,
    partition: Numbers<'a, Int32Type>,
    offset: Numbers<'a, Int64Type>,
    leader_epoch: Numbers<'a, Int32Type>,
    at: Numbers<'a, UInt64Type>,
    version: Numbers<'a, Int64Type>,
    state: Texts<'a>,
    amount: Numbers<'a, Int64Type>,
    digest: Numbers<'a, UInt64Type>,
}

/// An observation as it lies in a batch. Its fields are those of [`Observation`].
#[derive(Clone, Copy)]
pub struct ObservationRef<'a> {
    columns: &'a ObservationColumns<'a>,
    row: usize,
}

#[expect(missing_docs, reason = "the fields are described where the row is")]
#[expect(clippy::must_use_candidate, reason = "nobody reads a field for nothing")]
impl<'a> ObservationRef<'a> {
    #[inline]
    pub fn stage(self) -> &'a str {
        self.columns.stage.get(self.row)
    }

    #[inline]
    pub fn reading(self) -> Reading {
        Reading::of_code(self.columns.live.get(self.row))
    }

    #[inline]
    pub fn id(self) -> Id {
        self.columns.id.get(self.row)
    }

    #[inline]
    pub fn key(self) -> Option<Id> {
        self.columns.key.find(self.row)
    }

    #[inline]
    pub fn partition(self) -> Option<i32> {
        self.columns.partition.find(self.row)
    }

    #[inline]
    pub fn offset(self) -> Option<i64> {
        self.columns.offset.find(self.row)
    }

    #[inline]
    pub fn leader_epoch(self) -> Option<i32> {
        self.columns.leader_epoch.find(self.row)
    }

    #[inline]
    pub fn at(self) -> Option<At> {
        self.columns.at.find(self.row).map(At)
    }

    #[inline]
    pub fn version(self) -> Option<i64> {
        self.columns.version.find(self.row)
    }

    #[inline]
    pub fn state(self) -> Option<&'a str> {
        self.columns.state.find(self.row)
    }

    #[inline]
    pub fn amount(self) -> Option<i64> {
        self.columns.amount.find(self.row)
    }

    #[inline]
    pub fn digest(self) -> Option<u64> {
        self.columns.digest.find(self.row)
    }

    /// The observation by itself.
    pub fn to_owned(self) -> Observation {
        Observation {
            stage: self.stage().into(),
            reading: self.reading(),
            id: self.id(),
            key: self.key(),
            partition: self.partition(),
            offset: self.offset(),
            leader_epoch: self.leader_epoch(),
            at: self.at(),
            version: self.version(),
            state: self.state().map(Into::into),
            amount: self.amount(),
            digest: self.digest(),
        }
    }
}

impl Row for Observation {
    const TABLE: &'static str = "observations";

    type Ref<'a> = ObservationRef<'a>;

    fn schema() -> Schema {
        Schema::new(vec![
            required("stage", DataType::Utf8),
            required("live", DataType::UInt8),
            required("id", DataType::FixedSizeBinary(16)),
            optional("key", DataType::FixedSizeBinary(16)),
            optional("partition", DataType::Int32),
            optional("offset", DataType::Int64),
            optional("leader_epoch", DataType::Int32),
            optional("at_ns", DataType::UInt64),
            optional("version", DataType::Int64),
            optional("state", DataType::Utf8),
            optional("amount_minor_units", DataType::Int64),
            optional("digest", DataType::UInt64),
        ])
    }

    fn encode(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        batch(
            Self::schema(),
            vec![
                of_texts(rows.iter().map(|row| Some(&*row.stage))),
                of_numbers::<UInt8Type>(rows.iter().map(|row| Some(row.reading.code()))),
                of_ids(rows.iter().map(|row| Some(row.id)))?,
                of_ids(rows.iter().map(|row| row.key))?,
                of_numbers::<Int32Type>(rows.iter().map(|row| row.partition)),
                of_numbers::<Int64Type>(rows.iter().map(|row| row.offset)),
                of_numbers::<Int32Type>(rows.iter().map(|row| row.leader_epoch)),
                of_numbers::<UInt64Type>(rows.iter().map(|row| row.at.map(|at| at.0))),
                of_numbers::<Int64Type>(rows.iter().map(|row| row.version)),
                of_texts(rows.iter().map(|row| row.state.as_deref())),
                of_numbers::<Int64Type>(rows.iter().map(|row| row.amount)),
                of_numbers::<UInt64Type>(rows.iter().map(|row| row.digest)),
            ],
        )
    }

    fn visit(batch: &RecordBatch, take: &mut impl FnMut(ObservationRef<'_>)) -> Option<()> {
        let mut columns = Columns::of(batch);
        let columns = ObservationColumns {
            stage: columns.texts()?,
            live: columns.numbers()?,
            id: columns.ids()?,
            key: columns.ids()?,
            partition: columns.numbers()?,
            offset: columns.numbers()?,
            leader_epoch: columns.numbers()?,
            at: columns.numbers()?,
            version: columns.numbers()?,
            state: columns.texts()?,
            amount: columns.numbers()?,
            digest: columns.numbers()?,
        };
        (0..batch.num_rows()).for_each(|row| take(ObservationRef { columns: &columns, row }));
        Some(())
    }

    fn owned(row: ObservationRef<'_>) -> Self {
        row.to_owned()
    }
}
