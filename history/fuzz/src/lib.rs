//! What the fuzzers ask of the readers, in one place: each target only says which.
//!
//! - [`table`]: any bytes as one of the three tables
//! - [`journal`], [`seal`]: any bytes as that file of a run that is otherwise whole
//! - [`harmed_run`]: a run whose files came to any harm
//!
//! A panic inside of Arrow that the readers turn into an error ends a fuzzer too: libFuzzer's hook aborts before anything
//! can be caught. So what is found here is to be refused before Arrow reads it, and the net in the readers stays unused.

#[path = "../../tests/harm/mod.rs"]
mod harm;

use harm::trial::{Files, SEAL, record, store};
use harm::{Harm, Whole, assert_never_passes, inflict, read};
use proofload_history::table::Row;
use proofload_history::{Event, History, HistoryError, Journal, Table};
use std::fmt::Debug;
use tempfile::TempDir;

/// The place of the journal among the files.
const JOURNAL: usize = 3;

/// Two runs in folders of their own; what is done to files is done in that of the first one.
struct Trials {
    folder: TempDir,
    files: [Files; 2],
    whole: [Whole; 2],
}

thread_local! {
    static TRIALS: Trials = Trials::new();
}

/// A folder in memory, if there is one: a fuzzer writes files all day.
fn folder() -> TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).expect("a temporary folder can be made")
}

impl Trials {
    fn new() -> Self {
        let folders = [folder(), folder()];
        let files = [record(folders[0].path(), 1), record(folders[1].path(), 2)];
        let whole = folders.each_ref().map(|folder| read(folder.path(), 0).expect("what was recorded can be read"));
        assert!(whole.iter().all(|whole| whole.damage.is_empty()));
        let [folder, _] = folders;
        Self { folder, files, whole }
    }

    /// What is read of the first run when its files are `harmed`.
    fn read(&self, harmed: &Files, hold: u64) -> Result<Whole, HistoryError> {
        store(self.folder.path(), &self.files[0], harmed);
        let read = read(self.folder.path(), hold);
        store(self.folder.path(), harmed, &self.files[0]);
        read
    }

    fn assert_never_passes(&self, read: &Result<Whole, HistoryError>) {
        assert_never_passes(read, &[&self.whole[0], &self.whole[1]]);
    }
}

/// Reads `bytes` as a table, held in memory and anew on each pass: both are the same rows, or the same error.
pub fn table<R: Row + Debug>(bytes: &[u8]) {
    thread_local! {
        static FOLDER: TempDir = folder();
    }
    let path = FOLDER.with(|folder| folder.path().join("table.arrow"));
    std::fs::write(&path, bytes).expect("the folder can be written to");
    let read = |mut hold: u64| {
        let (table, truncated) = Table::<R>::open(&path, &mut hold)?;
        let rows = table.to_vec()?;
        assert_eq!(rows.len() as u64, table.rows());
        // As texts: a value that is no number is not equal to itself.
        Ok::<_, HistoryError>(format!("{truncated} {rows:?}"))
    };
    let [held, anew] = [u64::MAX, 0].map(|hold| read(hold).map_err(|error| error.to_string()));
    assert_eq!(held, anew);
    if let Err(said) = held {
        assert!(said.contains("table.arrow"), "the error names no file: {said}");
    }
}

/// Reads `bytes` as the journal of a run, with its seal and without, and asks it everything.
pub fn journal(bytes: &[u8]) {
    TRIALS.with(|trials| {
        let mut harmed = trials.files[0].clone();
        harmed[JOURNAL] = Some(bytes.to_vec());
        trials.assert_never_passes(&trials.read(&harmed, u64::MAX));
        harmed[SEAL] = None;
        let read = trials.read(&harmed, u64::MAX);
        trials.assert_never_passes(&read);
        if let Ok(whole) = read {
            ask(History { journal: Journal { entries: whole.journal }, ..History::default() });
        }
    });
}

fn ask(history: History) {
    let journal = &history.journal;
    let _ = (journal.phases(), journal.end(), journal.faults(), journal.seed(), journal.complete());
    let _ = journal.load_audits().count();
    for entry in &journal.entries {
        match &entry.event {
            Event::StageRead(read) => drop(journal.stage_read(&read.stage)),
            Event::IdsIssued { operation, .. } => drop(history.issued(operation).take(100).count()),
            _ => {}
        }
    }
}

/// Reads a whole run with `bytes` as its seal.
pub fn seal(bytes: &[u8]) {
    TRIALS.with(|trials| {
        let mut harmed = trials.files[0].clone();
        harmed[SEAL] = Some(bytes.to_vec());
        trials.assert_never_passes(&trials.read(&harmed, u64::MAX));
    });
}

/// Reads a run after `harms`, without its seal if not `sealed`, with its tables `held` or not.
pub fn harmed_run((sealed, held, harms): (bool, bool, Vec<Harm>)) {
    TRIALS.with(|trials| {
        let mut harmed = trials.files[0].clone();
        harms.iter().for_each(|harm| inflict(harm, &mut harmed, &trials.files[1]));
        if !sealed {
            harmed[SEAL] = None;
        }
        trials.assert_never_passes(&trials.read(&harmed, if held { u64::MAX } else { 0 }));
    });
}
