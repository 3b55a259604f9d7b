//! The messages of a stream file: where each begins and ends, and whether what it claims can be.
//!
//! Arrow's reader takes a message at its word: offsets, lengths and numbers of rows of a damaged file make it panic.
//! Here every claim that it relies on is held against the bytes that there are, before anything is decoded. It also tells
//! what Arrow does not: a file that breaks off from one that was closed, wherever it breaks off.

use arrow_ipc::{Message, MessageHeader, RecordBatch, root_as_message};
use arrow_schema::{DataType, Schema};
use std::io::{BufReader, Read, Seek};

/// What lies in a stream file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    /// Whole messages: the schema, and batches.
    pub(super) messages: u64,
    /// Where the last of them ends.
    pub(super) whole: u64,
    /// It has no end mark, or it breaks off in the middle of a message.
    pub(super) truncated: bool,
}

/// Why a file has no frames.
pub(super) enum Unframed {
    Io(std::io::Error),
    /// What is wrong with it.
    Damaged(String),
}

impl From<std::io::Error> for Unframed {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// What stands before the metadata of a message: this mark, and how long they are. A stream that was closed ends with a
/// message without metadata. <https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format>
const MARK: [u8; 4] = [0xff; 4];
const HEAD_BYTES: u64 = 8;
/// Metadata of a table's batches have less than 2 KiB: a message that claims more than this is none.
const MAX_METADATA_BYTES: u64 = 1 << 20;
/// Every table has a column of this many bytes a row.
const MIN_ROW_BYTES: i64 = 8;

/// The frames of a file of `length` bytes whose columns should be those of `schema`.
pub(super) fn frames(file: impl Read + Seek, length: u64, schema: &Schema) -> Result<Frames, Unframed> {
    let mut file = BufReader::new(file);
    let widths: Vec<i64> = schema.fields().iter().flat_map(|field| widths(field.data_type())).collect();
    let mut metadata = Vec::new();
    let mut frames = Frames { truncated: true, ..Frames::default() };
    loop {
        let (at, left) = (frames.whole, length - frames.whole);
        let damaged = |what: &str| Unframed::Damaged(format!("{what} at byte {at}"));
        if left < HEAD_BYTES {
            return Ok(frames);
        }
        let left = left - HEAD_BYTES;
        let mut head = [[0; 4]; 2];
        file.read_exact(head.as_flattened_mut())?;
        let [mark, metadata_bytes] = head;
        let metadata_bytes = u64::from(u32::from_le_bytes(metadata_bytes));
        if mark != MARK || metadata_bytes > MAX_METADATA_BYTES {
            return Err(damaged("there is no message"));
        }
        if metadata_bytes == 0 {
            frames.truncated = false;
            return match (left, frames.messages) {
                (0, 1..) => Ok(frames),
                (0, 0) => Err(damaged("the end mark stands where the schema should")),
                _ => Err(damaged("something follows the end mark")),
            };
        }
        let Some(left) = left.checked_sub(metadata_bytes) else { return Ok(frames) };
        metadata.resize(metadata_bytes as usize, 0);
        file.read_exact(&mut metadata)?;
        let message = root_as_message(&metadata).map_err(|_| damaged("there is no message"))?;
        let body = message.bodyLength();
        // The body is missing, or the message is damaged: what is missing is not told apart from what never was.
        if u64::try_from(body).is_ok_and(|body| body > left) {
            return Ok(frames);
        }
        possible(message, frames.messages == 0, &widths).map_err(|what| damaged(&what))?;
        file.seek_relative(body)?;
        frames.messages += 1;
        frames.whole += HEAD_BYTES + metadata_bytes + body as u64;
    }
}

/// Whether a message can be what it says it is: the schema if it is the first one, else a batch.
fn possible(message: Message<'_>, first: bool, widths: &[i64]) -> Result<(), String> {
    let body = message.bodyLength();
    match (message.header_type(), message.header_as_record_batch()) {
        (MessageHeader::Schema, _) if first && body == 0 => Ok(()),
        (MessageHeader::RecordBatch, Some(batch)) if !first => possible_batch(batch, body, widths),
        (kind, _) => Err(format!("a message of the kind {kind:?} stands where it cannot be")),
    }
}

/// The bytes of one element of each buffer that a column of this type has: which values are there, and then the values, for
/// texts their offsets first. <https://arrow.apache.org/docs/format/Columnar.html#buffer-listing-for-each-layout>
fn widths(kind: &DataType) -> Vec<i64> {
    match kind {
        DataType::Utf8 => vec![1, 4, 1],
        DataType::FixedSizeBinary(width) => vec![1, i64::from(*width)],
        kind => vec![1, kind.primitive_width().map_or(1, |width| width as i64)],
    }
}

/// Whether a body of `body` bytes can hold the batch. Columns of tables are flat: each has all the rows.
fn possible_batch(batch: RecordBatch<'_>, body: i64, widths: &[i64]) -> Result<(), String> {
    let rows = batch.length();
    if rows < 0 || rows > body / MIN_ROW_BYTES {
        return Err(format!("a batch claims {rows} rows in {body} bytes"));
    }
    if batch.compression().is_some() {
        return Err("a batch says that it is compressed".to_owned());
    }
    let mut nodes = batch.nodes().into_iter().flatten();
    if !nodes.all(|node| node.length() == rows && (0..=rows).contains(&node.null_count())) {
        return Err(format!("a column of a batch has other rows than the {rows} of the batch"));
    }
    if batch.buffers().map_or(0, |buffers| buffers.len()) != widths.len() {
        return Err("a batch has other columns than the table".to_owned());
    }
    for (buffer, width) in batch.buffers().into_iter().flatten().zip(widths) {
        let (offset, length) = (buffer.offset(), buffer.length());
        if offset < 0 || length < 0 || offset.checked_add(length).is_none_or(|end| end > body) {
            return Err("a column of a batch lies outside of it".to_owned());
        }
        if length % width != 0 {
            return Err("a column of a batch ends in the middle of a value".to_owned());
        }
    }
    Ok(())
}
