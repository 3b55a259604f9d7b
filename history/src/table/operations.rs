//! The table of operations.

use super::Row;
use super::columns::{Columns, Ids, Numbers, Texts, batch, of_ids, of_numbers, of_texts, optional, required};
use crate::operation::latency_ns;
use crate::{At, Id, Operation, Outcome};
use arrow_array::RecordBatch;
use arrow_array::types::{UInt16Type, UInt32Type, UInt64Type};
use arrow_schema::{ArrowError, DataType, Schema};

struct OperationColumns<'a> {
    intent: Ids<'a>,
    attempt: Numbers<'a, UInt32Type>,
    name: Texts<'a>,
    intended: Numbers<'a, UInt64Type>,
    sent: Numbers<'a, UInt64Type>,
    done: Numbers<'a, UInt64Type>,
    outcome: Texts<'a>,
    status: Numbers<'a, UInt16Type>,
    error: Texts<'a>,
    answer: Numbers<'a, UInt64Type>,
}

/// An operation as it lies in a batch. Its fields are those of [`Operation`].
#[derive(Clone, Copy)]
pub struct OperationRef<'a> {
    columns: &'a OperationColumns<'a>,
    row: usize,
}

#[expect(missing_docs, reason = "the fields are described where the row is")]
#[expect(clippy::must_use_candidate, reason = "nobody reads a field for nothing")]
impl<'a> OperationRef<'a> {
    #[inline]
    pub fn intent(self) -> Id {
        self.columns.intent.get(self.row)
    }

    pub fn attempt(self) -> u32 {
        self.columns.attempt.get(self.row)
    }

    #[inline]
    pub fn name(self) -> &'a str {
        self.columns.name.get(self.row)
    }

    #[inline]
    pub fn intended(self) -> At {
        At(self.columns.intended.get(self.row))
    }

    #[inline]
    pub fn sent(self) -> Option<At> {
        self.columns.sent.find(self.row).map(At)
    }

    #[inline]
    pub fn done(self) -> At {
        At(self.columns.done.get(self.row))
    }

    #[inline]
    pub fn outcome(self) -> Outcome {
        match self.columns.outcome.get(self.row) {
            "ok" => Outcome::Ok,
            "fail" => Outcome::Fail,
            // A word of a later version must not make anything certain.
            _ => Outcome::Indeterminate,
        }
    }

    #[inline]
    pub fn status(self) -> Option<u16> {
        self.columns.status.find(self.row)
    }

    #[inline]
    pub fn error(self) -> Option<&'a str> {
        self.columns.error.find(self.row)
    }

    #[inline]
    pub fn answer(self) -> Option<u64> {
        self.columns.answer.find(self.row)
    }

    /// As [`Operation::latency_ns`].
    #[inline]
    pub fn latency_ns(self) -> Option<u64> {
        latency_ns(self.outcome(), self.sent(), [self.intended(), self.done()])
    }

    /// The operation by itself.
    pub fn to_owned(self) -> Operation {
        Operation {
            intent: self.intent(),
            attempt: self.attempt(),
            name: self.name().into(),
            intended: self.intended(),
            sent: self.sent(),
            done: self.done(),
            outcome: self.outcome(),
            status: self.status(),
            error: self.error().map(Into::into),
            answer: self.answer(),
        }
    }
}

impl Row for Operation {
    const TABLE: &'static str = "operations";

    type Ref<'a> = OperationRef<'a>;

    fn schema() -> Schema {
        Schema::new(vec![
            required("intent", DataType::FixedSizeBinary(16)),
            required("attempt", DataType::UInt32),
            required("operation", DataType::Utf8),
            required("intended_ns", DataType::UInt64),
            optional("sent_ns", DataType::UInt64),
            required("done_ns", DataType::UInt64),
            required("outcome", DataType::Utf8),
            optional("status", DataType::UInt16),
            optional("error", DataType::Utf8),
            optional("answer_digest", DataType::UInt64),
        ])
    }

    fn encode(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        batch(
            Self::schema(),
            vec![
                of_ids(rows.iter().map(|row| Some(row.intent)))?,
                of_numbers::<UInt32Type>(rows.iter().map(|row| Some(row.attempt))),
                of_texts(rows.iter().map(|row| Some(&*row.name))),
                of_numbers::<UInt64Type>(rows.iter().map(|row| Some(row.intended.0))),
                of_numbers::<UInt64Type>(rows.iter().map(|row| row.sent.map(|at| at.0))),
                of_numbers::<UInt64Type>(rows.iter().map(|row| Some(row.done.0))),
                of_texts(rows.iter().map(|row| Some(row.outcome.name()))),
                of_numbers::<UInt16Type>(rows.iter().map(|row| row.status)),
                of_texts(rows.iter().map(|row| row.error.as_deref())),
                of_numbers::<UInt64Type>(rows.iter().map(|row| row.answer)),
            ],
        )
    }

    fn visit(batch: &RecordBatch, take: &mut impl FnMut(OperationRef<'_>)) -> Option<()> {
        let mut columns = Columns::of(batch);
        let columns = OperationColumns {
            intent: columns.ids()?,
            attempt: columns.numbers()?,
            name: columns.texts()?,
            intended: columns.numbers()?,
            sent: columns.numbers()?,
            done: columns.numbers()?,
            outcome: columns.texts()?,
            status: columns.numbers()?,
            error: columns.texts()?,
            answer: columns.numbers()?,
        };
        (0..batch.num_rows()).for_each(|row| take(OperationRef { columns: &columns, row }));
        Some(())
    }

    fn owned(row: OperationRef<'_>) -> Self {
        row.to_owned()
    }
}
