//! Stream files: written batch by batch, so that a killed run keeps all but its last batch, and opened by pandas, Polars
//! and DuckDB. Names in them are plain strings: whoever reads the files needs no dictionary of ours.

use super::{Row, Source};
use crate::HistoryError;
use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_schema::ArrowError;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The whole batches of a file, read anew on every pass.
#[derive(Debug)]
pub(super) struct StreamFile {
    path: PathBuf,
    batches: u64,
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

/// What comes next in a stream.
enum Next {
    Batch(RecordBatch),
    End,
    /// The stream breaks off in the middle of a batch.
    Broken,
}

/// A stream being read.
struct Stream<'p> {
    path: &'p Path,
    reader: StreamReader<BufReader<File>>,
}

/// Reads the file to its end. Its batches are held if its length is within `hold`, which it is taken off then.
pub(super) fn check<R: Row>(path: &Path, hold: &mut u64) -> Result<Checked, HistoryError> {
    let length = std::fs::metadata(path).map_err(HistoryError::file("open", path))?.len();
    // Buffers are as long in memory as in the file.
    let mut held = (length <= *hold).then(Vec::new);
    *hold -= if held.is_some() { length } else { 0 };
    let mut file = StreamFile { path: path.to_owned(), batches: 0 };
    if length == 0 {
        return Ok(Checked { file, rows: 0, held, truncated: true });
    }
    let mut stream = Stream::open(path)?;
    if stream.reader.schema().fields() != R::schema().fields() {
        return Err(damaged(path, format!("its columns are not those of the table `{}`", R::TABLE)));
    }
    let mut rows = 0;
    let broken = loop {
        match stream.next()? {
            Next::Batch(batch) => {
                file.batches += 1;
                rows += batch.num_rows() as u64;
                if let Some(held) = &mut held {
                    held.push(batch);
                }
            }
            Next::End => break false,
            Next::Broken => break true,
        }
    };
    Ok(Checked { file, rows, held, truncated: broken || !has_end_mark(path)? })
}

impl Source for StreamFile {
    fn pass(&self, take: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        if self.batches == 0 {
            return Ok(());
        }
        let mut stream = Stream::open(&self.path)?;
        for _ in 0..self.batches {
            match stream.next()? {
                Next::Batch(batch) => take(&batch)?,
                Next::End | Next::Broken => return Err(damaged(&self.path, "it is shorter than it was".to_owned())),
            }
        }
        Ok(())
    }
}

impl<'p> Stream<'p> {
    fn open(path: &'p Path) -> Result<Self, HistoryError> {
        let file = File::open(path).map_err(HistoryError::file("open", path))?;
        let reader = guarded(path, || StreamReader::try_new(BufReader::new(file), None))?;
        Ok(Self { path, reader: reader.map_err(|error| damaged(path, error.to_string()))? })
    }

    fn next(&mut self) -> Result<Next, HistoryError> {
        match guarded(self.path, || self.reader.next())? {
            Some(Ok(batch)) => Ok(Next::Batch(batch)),
            // Whatever breaks off in the middle of a message reads as an unexpected end.
            Some(Err(ArrowError::IoError(_, error))) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Ok(Next::Broken)
            }
            Some(Err(error)) => Err(damaged(self.path, error.to_string())),
            None => Ok(Next::End),
        }
    }
}

/// Arrow's reader trusts lengths that a damaged file may state, and panics on some of them.
fn guarded<T>(path: &Path, read: impl FnOnce() -> T) -> Result<T, HistoryError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).map_err(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        damaged(path, said.unwrap_or_else(|| "it is damaged".to_owned()))
    })
}

fn damaged(path: &Path, what: String) -> HistoryError {
    HistoryError::Table { path: path.to_owned(), what }
}

/// A stream that was closed ends with the mark 0xFFFFFFFF 0x00000000.
fn has_end_mark(path: &Path) -> Result<bool, HistoryError> {
    let mut file = File::open(path).map_err(HistoryError::file("open", path))?;
    let mut tail = [0; 8];
    let read = file.seek(SeekFrom::End(-8)).and_then(|_| file.read_exact(&mut tail));
    Ok(read.is_ok() && tail == [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
}
