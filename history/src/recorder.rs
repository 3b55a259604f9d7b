//! Writes a history while a run goes on. Every method may be called from any thread.

use crate::seal::{Seal, Tallies};
use crate::table::Row;
use crate::tally::{Tallied, Tally};
use crate::{Clock, Entry, Event, HistoryError, Observation, Operation, RunDir, Sample, format};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Rows are written to their file when this many are waiting...
const BATCH_ROWS: usize = 4_096;
/// ...or when the first of them has waited this long, as soon as the next one comes.
const BATCH_AGE: Duration = Duration::from_secs(1);

/// The writer of a run's history.
pub struct Recorder {
    clock: Clock,
    /// Where the seal belongs.
    seal: PathBuf,
    /// Something could not be written: the history lacks it.
    lacking: AtomicBool,
    operations: Mutex<TableFile<Operation>>,
    observations: Mutex<TableFile<Observation>>,
    series: Mutex<TableFile<Sample>>,
    journal: Mutex<JournalFile>,
}

impl Recorder {
    /// Opens the files of `run` and writes nothing yet.
    ///
    /// # Errors
    /// If a file cannot be created.
    pub fn create(run: &RunDir, clock: Clock) -> Result<Self, HistoryError> {
        Seal::remove(&run.seal())?;
        Ok(Self {
            clock,
            seal: run.seal(),
            lacking: AtomicBool::new(false),
            operations: Mutex::new(TableFile::create(&run.operations())?),
            observations: Mutex::new(TableFile::create(&run.observations())?),
            series: Mutex::new(TableFile::create(&run.series())?),
            journal: Mutex::new(JournalFile::create(&run.journal())?),
        })
    }

    /// The run's clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Records an operation.
    ///
    /// # Errors
    /// If a batch is due and cannot be written.
    pub fn operation(&self, row: Operation) -> Result<(), HistoryError> {
        self.kept(lock(&self.operations).push(row))
    }

    /// Records an observation.
    ///
    /// # Errors
    /// If a batch is due and cannot be written.
    pub fn observation(&self, row: Observation) -> Result<(), HistoryError> {
        self.kept(lock(&self.observations).push(row))
    }

    /// Records a sample.
    ///
    /// # Errors
    /// If a batch is due and cannot be written.
    pub fn sample(&self, row: Sample) -> Result<(), HistoryError> {
        self.kept(lock(&self.series).push(row))
    }

    /// Writes a line of the journal, now; it is in the file when this returns.
    ///
    /// # Errors
    /// If the line cannot be written.
    pub fn event(&self, event: Event) -> Result<(), HistoryError> {
        let mut journal = lock(&self.journal);
        // Taken under the lock, so that the lines are in the order of their instants.
        let entry = Entry { at: self.clock.now(), event };
        self.kept(journal.write(&entry))
    }

    /// Writes what is waiting and the end marks of the tables, and seals all files. Nothing can be recorded afterwards. A
    /// history that lacks anything, because it could not be written when it was recorded, is closed and not sealed: that
    /// was an error when it happened, and is none again.
    ///
    /// # Errors
    /// If something cannot be written.
    pub fn close(&self) -> Result<(), HistoryError> {
        // All of them, whatever becomes of one.
        let operations = lock(&self.operations).close();
        let observations = lock(&self.observations).close();
        let series = lock(&self.series).close();
        let journal = lock(&self.journal).close();
        if self.lacking.load(Ordering::Relaxed) {
            return Ok(());
        }
        let tallies = Tallies { operations: operations?, observations: observations?, series: series?, journal };
        Seal::of(&tallies).write(&self.seal)
    }

    /// Passes on how a writing went, and keeps in mind if it failed: not everybody who records can stop the run. What comes
    /// after the end belongs to no history, and nothing lacks it.
    fn kept(&self, written: Result<(), HistoryError>) -> Result<(), HistoryError> {
        if !matches!(written, Ok(()) | Err(HistoryError::Closed { .. })) {
            self.lacking.store(true, Ordering::Relaxed);
        }
        written
    }
}

/// A thread that panicked while it held the lock left whole rows behind: pushing is all it does.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct TableFile<R> {
    path: PathBuf,
    writer: StreamWriter<Tallied<File>>,
    closed: bool,
    waiting: Vec<R>,
    since: Instant,
}

impl<R: Row> TableFile<R> {
    fn create(path: &Path) -> Result<Self, HistoryError> {
        let file = File::create(path).map_err(HistoryError::file("create", path))?;
        let writer = StreamWriter::try_new(Tallied::new(file), &format::stated(R::schema()))
            .map_err(|error| unwritten::<R>(path, error))?;
        Ok(Self { path: path.to_owned(), writer, closed: false, waiting: Vec::new(), since: Instant::now() })
    }

    fn push(&mut self, row: R) -> Result<(), HistoryError> {
        if self.closed {
            return Err(HistoryError::Closed { path: self.path.clone() });
        }
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        self.waiting.push(row);
        if self.waiting.len() >= BATCH_ROWS || self.since.elapsed() >= BATCH_AGE {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), HistoryError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let unwritten = |error| unwritten::<R>(&self.path, error);
        let batch = R::encode(&self.waiting).map_err(unwritten)?;
        self.waiting.clear();
        self.writer.write(&batch).map_err(unwritten)?;
        self.writer.get_mut().flush().map_err(HistoryError::file("write", &self.path))
    }

    fn close(&mut self) -> Result<Tally, HistoryError> {
        self.closed = true;
        self.write()?;
        self.writer.finish().map_err(|error| unwritten::<R>(&self.path, error))?;
        Ok(self.writer.get_ref().tally())
    }
}

/// Whether a table cannot be written, or a row not encoded.
fn unwritten<R: Row>(path: &Path, error: ArrowError) -> HistoryError {
    match error {
        ArrowError::IoError(_, source) => HistoryError::file("write", path)(source),
        source => HistoryError::Encode { table: R::TABLE, source },
    }
}

struct JournalFile {
    path: PathBuf,
    file: Tallied<File>,
    closed: bool,
}

impl JournalFile {
    fn create(path: &Path) -> Result<Self, HistoryError> {
        let file = File::create(path).map_err(HistoryError::file("create", path))?;
        // Held as long as the recorder lives, and let go by the kernel however it ends: see `RunDir::is_recorded_now`.
        file.lock().map_err(HistoryError::file("lock", path))?;
        Ok(Self { path: path.to_owned(), file: Tallied::new(file), closed: false })
    }

    fn close(&mut self) -> Tally {
        self.closed = true;
        self.file.tally()
    }

    fn write(&mut self, entry: &Entry) -> Result<(), HistoryError> {
        if self.closed {
            return Err(HistoryError::Closed { path: self.path.clone() });
        }
        // One write a line: a killed run keeps whole lines.
        let mut line = serde_json::to_vec(entry).map_err(|error| {
            HistoryError::file("write", &self.path)(std::io::Error::new(std::io::ErrorKind::InvalidData, error))
        })?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(HistoryError::file("write", &self.path))
    }
}
