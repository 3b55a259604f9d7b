//! Stream files: written batch by batch, so that a killed run keeps all but its last batch, and opened by pandas, Polars
//! and DuckDB. Names in them are plain strings: whoever reads the files needs no dictionary of ours.

use super::frames::{Frames, Unframed, frames};
use super::{Row, Source};
use crate::{HistoryError, format};
use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use std::fs::File;
use std::io::{BufReader, Read, Take};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The whole batches of a file, read anew on every pass.
#[derive(Debug)]
pub(super) struct StreamFile {
    path: PathBuf,
    batches: u64,
    /// Where the last of them ends.
    whole: u64,
    stamp: Stamp,
}

/// A file that was read to its end.
pub(super) struct Checked {
    pub(super) file: StreamFile,
    pub(super) rows: u64,
    /// All batches, if they were to be held.
    pub(super) held: Option<Vec<RecordBatch>>,
    /// It breaks off.
    pub(super) truncated: bool,
}

/// What tells a file that was written to from one that was not, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: SystemTime,
}

/// A stream being read.
struct Stream<'p> {
    path: &'p Path,
    reader: StreamReader<BufReader<Take<File>>>,
}

/// Reads the file to its end. Its batches are held if its length is within `hold`, which it is taken off then.
pub(super) fn check<R: Row>(path: &Path, hold: &mut u64) -> Result<Checked, HistoryError> {
    let file = open(path)?;
    let stamp = Stamp::of(path, &file)?;
    let length = stamp.length;
    let table = R::schema();
    let Frames { messages, whole, truncated } = frames(&file, length, &table).map_err(|error| match error {
        Unframed::Io(error) => HistoryError::file("read", path)(error),
        Unframed::Damaged(what) => damaged(path, what),
    })?;
    // Buffers are as long in memory as in the file.
    let mut held = (length <= *hold).then(Vec::new);
    *hold -= if held.is_some() { length } else { 0 };
    // The first message is the schema. Without it there is nothing to read, and nothing is missing from the file: its
    // writer was killed before it had written any row.
    let Some(batches) = messages.checked_sub(1) else {
        let file = StreamFile { path: path.to_owned(), batches: 0, whole, stamp };
        return Ok(Checked { file, rows: 0, held, truncated });
    };
    let mut stream = Stream::open(path, file, whole)?;
    let schema = stream.reader.schema();
    format::check_table(path, &schema)?;
    if schema.fields() != table.fields() {
        return Err(damaged(path, format!("its columns are not those of the table `{}`", R::TABLE)));
    }
    let mut rows = 0;
    for _ in 0..batches {
        let batch = stream.next()?;
        rows += batch.num_rows() as u64;
        if let Some(held) = &mut held {
            held.push(batch);
        }
    }
    let file = StreamFile { path: path.to_owned(), batches, whole, stamp };
    Ok(Checked { file, rows, held, truncated })
}

impl Source for StreamFile {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        if self.batches == 0 {
            return Ok(());
        }
        let file = open(&self.path)?;
        let unchanged = |file: &File| match Stamp::of(&self.path, file)? {
            stamp if stamp == self.stamp => Ok(()),
            _ => Err(damaged(&self.path, "it was changed after it had been opened".to_owned())),
        };
        unchanged(&file)?;
        let mut stream = Stream::open(&self.path, file, self.whole)?;
        for _ in 0..self.batches {
            take(&stream.next()?)?;
        }
        unchanged(stream.reader.get_ref().get_ref().get_ref())
    }
}

impl Stamp {
    fn of(path: &Path, file: &File) -> Result<Self, HistoryError> {
        let told = file.metadata().and_then(|told| Ok(Self { length: told.len(), modified: told.modified()? }));
        told.map_err(HistoryError::file("read", path))
    }
}

impl<'p> Stream<'p> {
    /// The first `whole` bytes of `file`, from wherever its reader stands now back to its beginning.
    fn open(path: &'p Path, mut file: File, whole: u64) -> Result<Self, HistoryError> {
        std::io::Seek::rewind(&mut file).map_err(HistoryError::file("read", path))?;
        let reader = guarded(path, || StreamReader::try_new(BufReader::new(file.take(whole)), None))?;
        Ok(Self { path, reader: reader.map_err(|error| damaged(path, error.to_string()))? })
    }

    /// The next batch, of those that the file is known to have.
    fn next(&mut self) -> Result<RecordBatch, HistoryError> {
        match guarded(self.path, || self.reader.next())? {
            Some(Ok(batch)) => Ok(batch),
            Some(Err(error)) => Err(damaged(self.path, error.to_string())),
            None => Err(damaged(self.path, "it is shorter than it was".to_owned())),
        }
    }
}

/// The last net. What Arrow's reader is known to panic on is refused before it reads (`frames`), but its code is wide, and a
/// panic in it is a damaged file, not a defect of who asked. Nothing outlives the panic that it could have left half
/// done: the reader is dropped with the error.
fn guarded<T>(path: &Path, read: impl FnOnce() -> T) -> Result<T, HistoryError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it is damaged");
        damaged(path, said.to_owned())
    })
}

fn open(path: &Path) -> Result<File, HistoryError> {
    File::open(path).map_err(HistoryError::file("open", path))
}

fn damaged(path: &Path, what: String) -> HistoryError {
    HistoryError::Table { path: path.to_owned(), what }
}
