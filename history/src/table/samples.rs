//! The table of samples: the series.

use super::Row;
use super::columns::{Columns, Numbers, Texts, batch, of_numbers, of_texts, required};
use crate::{At, Sample};
use arrow_array::RecordBatch;
use arrow_array::types::{Float64Type, UInt64Type};
use arrow_schema::{ArrowError, DataType, Schema};

struct SampleColumns<'a> {
    metric: Texts<'a>,
    subject: Texts<'a>,
    at: Numbers<'a, UInt64Type>,
    value: Numbers<'a, Float64Type>,
}

/// A sample as it lies in a batch. Its fields are those of [`Sample`].
#[derive(Clone, Copy)]
pub struct SampleRef<'a> {
    columns: &'a SampleColumns<'a>,
    row: usize,
}

#[expect(missing_docs, reason = "the fields are described where the row is")]
#[expect(clippy::must_use_candidate, reason = "nobody reads a field for nothing")]
impl<'a> SampleRef<'a> {
    #[inline]
    pub fn metric(self) -> &'a str {
        self.columns.metric.get(self.row)
    }

    #[inline]
    pub fn subject(self) -> &'a str {
        self.columns.subject.get(self.row)
    }

    #[inline]
    pub fn at(self) -> At {
        At(self.columns.at.get(self.row))
    }

    #[inline]
    pub fn value(self) -> f64 {
        self.columns.value.get(self.row)
    }

    /// The sample by itself.
    pub fn to_owned(self) -> Sample {
        Sample { metric: self.metric().into(), subject: self.subject().into(), at: self.at(), value: self.value() }
    }
}

impl Row for Sample {
    const TABLE: &'static str = "series";

    type Ref<'a> = SampleRef<'a>;

    fn schema() -> Schema {
        Schema::new(vec![
            required("metric", DataType::Utf8),
            required("subject", DataType::Utf8),
            required("at_ns", DataType::UInt64),
            required("value", DataType::Float64),
        ])
    }

    fn encode(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        batch(
            Self::schema(),
            vec![
                of_texts(rows.iter().map(|row| Some(&*row.metric))),
                of_texts(rows.iter().map(|row| Some(&*row.subject))),
                of_numbers::<UInt64Type>(rows.iter().map(|row| Some(row.at.0))),
                of_numbers::<Float64Type>(rows.iter().map(|row| Some(row.value))),
            ],
        )
    }

    fn visit(batch: &RecordBatch, take: &mut impl FnMut(SampleRef<'_>)) -> Option<()> {
        let mut columns = Columns::of(batch);
        let columns = SampleColumns {
            metric: columns.texts()?,
            subject: columns.texts()?,
            at: columns.numbers()?,
            value: columns.numbers()?,
        };
        (0..batch.num_rows()).for_each(|row| take(SampleRef { columns: &columns, row }));
        Some(())
    }

    fn owned(row: SampleRef<'_>) -> Self {
        row.to_owned()
    }
}
