//! Rows as Arrow columns, and the stream files that hold them.
//!
//! A file is an Arrow IPC stream, written batch by batch: a killed run keeps all but its last batch, and pandas, Polars
//! and DuckDB open it. Names are plain strings: whoever reads the files needs no dictionary of ours.

use crate::{At, HistoryError, Id, Name, Observation, Operation, Outcome, Reading, Sample};
use arrow_array::builder::{
    FixedSizeBinaryBuilder, Float64Builder, Int32Builder, Int64Builder, StringBuilder, UInt8Builder, UInt16Builder,
    UInt32Builder, UInt64Builder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// A row of one of the three tables.
pub trait Row: Sized {
    /// The table's name, for messages.
    const TABLE: &'static str;

    /// The columns: name, type, whether a value may be missing.
    fn schema() -> Schema;

    /// Rows as a batch of that schema.
    ///
    /// # Errors
    /// If Arrow refuses the columns, which would be a defect of the encoding.
    fn encode(rows: &[Self]) -> Result<RecordBatch, ArrowError>;

    /// Rows from a batch that has that schema.
    fn decode(batch: &RecordBatch, names: &mut Names) -> Vec<Self>;
}

/// Names seen so far, so that equal names of millions of rows share one allocation.
#[derive(Default)]
pub struct Names(HashSet<Name>);

impl Names {
    /// The shared name for `text`.
    pub fn share(&mut self, text: &str) -> Name {
        if let Some(name) = self.0.get(text) {
            return Arc::clone(name);
        }
        let name: Name = text.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

/// The rows of a file, and whether it ended in the middle of a batch.
pub struct Rows<R> {
    /// Every row of every whole batch.
    pub rows: Vec<R>,
    /// The file breaks off: its writer was killed. The rows of its last batch are missing.
    pub truncated: bool,
}

/// Reads a whole table.
///
/// # Errors
/// If the file cannot be opened, is damaged, or has other columns than this version writes.
pub fn read<R: Row>(path: &Path, names: &mut Names) -> Result<Rows<R>, HistoryError> {
    // Arrow's reader trusts lengths that a damaged file may state, and panics on some of them.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read_stream(path, names))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        Err(HistoryError::Table { path: path.to_owned(), what: said.unwrap_or_else(|| "it is damaged".to_owned()) })
    })
}

fn read_stream<R: Row>(path: &Path, names: &mut Names) -> Result<Rows<R>, HistoryError> {
    let table = |what: String| HistoryError::Table { path: path.to_owned(), what };
    let file = std::fs::File::open(path).map_err(HistoryError::file("open", path))?;
    if file.metadata().map_err(HistoryError::file("read", path))?.len() == 0 {
        return Ok(Rows { rows: Vec::new(), truncated: true });
    }
    let reader = arrow_ipc::reader::StreamReader::try_new(std::io::BufReader::new(file), None)
        .map_err(|error| table(error.to_string()))?;
    if reader.schema().fields() != R::schema().fields() {
        return Err(table(format!("its columns are not those of the table `{}`", R::TABLE)));
    }
    let mut rows = Vec::new();
    let mut ended = false;
    for batch in reader {
        match batch {
            Ok(batch) => rows.extend(R::decode(&batch, names)),
            // Whatever breaks off in the middle of a message reads as an unexpected end.
            Err(ArrowError::IoError(_, error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                ended = true;
                break;
            }
            Err(error) => return Err(table(error.to_string())),
        }
    }
    Ok(Rows { rows, truncated: ended || !has_end_mark(path)? })
}

/// A stream that was closed ends with the mark 0xFFFFFFFF 0x00000000.
fn has_end_mark(path: &Path) -> Result<bool, HistoryError> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(path).map_err(HistoryError::file("open", path))?;
    let mut tail = [0; 8];
    let read = file.seek(SeekFrom::End(-8)).and_then(|_| file.read_exact(&mut tail));
    Ok(read.is_ok() && tail == [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
}

fn column(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, false)
}

fn optional(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

fn ids(ids: impl Iterator<Item = Option<Id>>) -> Result<ArrayRef, ArrowError> {
    let mut builder = FixedSizeBinaryBuilder::new(16);
    for id in ids {
        match id {
            Some(id) => builder.append_value(id.0.to_be_bytes())?,
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

fn texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    texts.for_each(|text| builder.append_option(text));
    Arc::new(builder.finish())
}

macro_rules! numbers {
    ($builder:ident, $values:expr) => {{
        let mut builder = $builder::new();
        $values.for_each(|value| builder.append_option(value));
        Arc::new(builder.finish()) as ArrayRef
    }};
}

fn id_at(column: &ArrayRef, row: usize) -> Option<Id> {
    let column = column.as_fixed_size_binary();
    let bytes: [u8; 16] = column.is_valid(row).then(|| column.value(row).try_into().ok())??;
    Some(Id(u128::from_be_bytes(bytes)))
}

fn text_at(column: &ArrayRef, row: usize, names: &mut Names) -> Option<Name> {
    let column = column.as_string::<i32>();
    column.is_valid(row).then(|| names.share(column.value(row)))
}

fn number_at<T: arrow_array::types::ArrowPrimitiveType>(column: &ArrayRef, row: usize) -> Option<T::Native> {
    let column = column.as_primitive::<T>();
    column.is_valid(row).then(|| column.value(row))
}

fn batch(schema: Schema, columns: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(Arc::new(schema), columns)
}

impl Row for Operation {
    const TABLE: &'static str = "operations";

    fn schema() -> Schema {
        Schema::new(vec![
            column("intent", DataType::FixedSizeBinary(16)),
            column("attempt", DataType::UInt32),
            column("operation", DataType::Utf8),
            column("intended_ns", DataType::UInt64),
            optional("sent_ns", DataType::UInt64),
            column("done_ns", DataType::UInt64),
            column("outcome", DataType::Utf8),
            optional("status", DataType::UInt16),
            optional("error", DataType::Utf8),
            optional("answer_digest", DataType::UInt64),
        ])
    }

    fn encode(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        batch(
            Self::schema(),
            vec![
                ids(rows.iter().map(|row| Some(row.intent)))?,
                numbers!(UInt32Builder, rows.iter().map(|row| Some(row.attempt))),
                texts(rows.iter().map(|row| Some(&*row.name))),
                numbers!(UInt64Builder, rows.iter().map(|row| Some(row.intended.0))),
                numbers!(UInt64Builder, rows.iter().map(|row| row.sent.map(|at| at.0))),
                numbers!(UInt64Builder, rows.iter().map(|row| Some(row.done.0))),
                texts(rows.iter().map(|row| Some(row.outcome.name()))),
                numbers!(UInt16Builder, rows.iter().map(|row| row.status)),
                texts(rows.iter().map(|row| row.error.as_deref())),
                numbers!(UInt64Builder, rows.iter().map(|row| row.answer)),
            ],
        )
    }

    fn decode(batch: &RecordBatch, names: &mut Names) -> Vec<Self> {
        let columns = batch.columns();
        let decode_row = |row: usize| {
            Some(Self {
                intent: id_at(&columns[0], row)?,
                attempt: number_at::<UInt32Type>(&columns[1], row)?,
                name: text_at(&columns[2], row, names)?,
                intended: At(number_at::<UInt64Type>(&columns[3], row)?),
                sent: number_at::<UInt64Type>(&columns[4], row).map(At),
                done: At(number_at::<UInt64Type>(&columns[5], row)?),
                outcome: match &*text_at(&columns[6], row, names)? {
                    "ok" => Outcome::Ok,
                    "fail" => Outcome::Fail,
                    // A word of a later version must not make anything certain.
                    _ => Outcome::Indeterminate,
                },
                status: number_at::<UInt16Type>(&columns[7], row),
                error: text_at(&columns[8], row, names),
                answer: number_at::<UInt64Type>(&columns[9], row),
            })
        };
        (0..batch.num_rows()).filter_map(decode_row).collect()
    }
}

impl Row for Observation {
    const TABLE: &'static str = "observations";

    fn schema() -> Schema {
        Schema::new(vec![
            column("stage", DataType::Utf8),
            column("live", DataType::UInt8),
            column("id", DataType::FixedSizeBinary(16)),
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
                texts(rows.iter().map(|row| Some(&*row.stage))),
                numbers!(UInt8Builder, rows.iter().map(|row| Some(row.reading.code()))),
                ids(rows.iter().map(|row| Some(row.id)))?,
                ids(rows.iter().map(|row| row.key))?,
                numbers!(Int32Builder, rows.iter().map(|row| row.partition)),
                numbers!(Int64Builder, rows.iter().map(|row| row.offset)),
                numbers!(Int32Builder, rows.iter().map(|row| row.leader_epoch)),
                numbers!(UInt64Builder, rows.iter().map(|row| row.at.map(|at| at.0))),
                numbers!(Int64Builder, rows.iter().map(|row| row.version)),
                texts(rows.iter().map(|row| row.state.as_deref())),
                numbers!(Int64Builder, rows.iter().map(|row| row.amount)),
                numbers!(UInt64Builder, rows.iter().map(|row| row.digest)),
            ],
        )
    }

    fn decode(batch: &RecordBatch, names: &mut Names) -> Vec<Self> {
        let columns = batch.columns();
        let decode_row = |row: usize| {
            Some(Self {
                stage: text_at(&columns[0], row, names)?,
                reading: Reading::of_code(number_at::<UInt8Type>(&columns[1], row)?),
                id: id_at(&columns[2], row)?,
                key: id_at(&columns[3], row),
                partition: number_at::<Int32Type>(&columns[4], row),
                offset: number_at::<Int64Type>(&columns[5], row),
                leader_epoch: number_at::<Int32Type>(&columns[6], row),
                at: number_at::<UInt64Type>(&columns[7], row).map(At),
                version: number_at::<Int64Type>(&columns[8], row),
                state: text_at(&columns[9], row, names),
                amount: number_at::<Int64Type>(&columns[10], row),
                digest: number_at::<UInt64Type>(&columns[11], row),
            })
        };
        (0..batch.num_rows()).filter_map(decode_row).collect()
    }
}

impl Row for Sample {
    const TABLE: &'static str = "series";

    fn schema() -> Schema {
        Schema::new(vec![
            column("metric", DataType::Utf8),
            column("subject", DataType::Utf8),
            column("at_ns", DataType::UInt64),
            column("value", DataType::Float64),
        ])
    }

    fn encode(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        batch(
            Self::schema(),
            vec![
                texts(rows.iter().map(|row| Some(&*row.metric))),
                texts(rows.iter().map(|row| Some(&*row.subject))),
                numbers!(UInt64Builder, rows.iter().map(|row| Some(row.at.0))),
                numbers!(Float64Builder, rows.iter().map(|row| Some(row.value))),
            ],
        )
    }

    fn decode(batch: &RecordBatch, names: &mut Names) -> Vec<Self> {
        let columns = batch.columns();
        let decode_row = |row: usize| {
            Some(Self {
                metric: text_at(&columns[0], row, names)?,
                subject: text_at(&columns[1], row, names)?,
                at: At(number_at::<UInt64Type>(&columns[2], row)?),
                value: number_at::<Float64Type>(&columns[3], row)?,
            })
        };
        (0..batch.num_rows()).filter_map(decode_row).collect()
    }
}
