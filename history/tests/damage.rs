//! The files of a run that came to harm: a clear error, or a reading that says that it is damaged. Never a panic, never a
//! pass. The fuzzers in `history/fuzz` ask the same for longer.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

mod harm;

use arrow_ipc::writer::StreamWriter;
use harm::trial::{FILES, Files, SEAL, record, store};
use harm::{Harm, Whole, assert_never_passes, inflict, read};
use proofload_history::table::Row;
use proofload_history::{
    Clock, Event, FORMAT, History, HistoryError, Observation, Operation, Recorder, RunDir, Sample,
};
use proptest::prelude::*;
use std::path::Path;

/// A run that was recorded in a folder of its own.
struct Trial {
    folder: tempfile::TempDir,
    files: Files,
    whole: Whole,
}

impl Trial {
    fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = record(folder.path(), seed);
        let whole = read(folder.path(), u64::MAX).unwrap();
        assert_eq!(whole.damage, Vec::<String>::new());
        Self { folder, files, whole }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self) -> RunDir {
        RunDir::at(self.root())
    }

    /// What is read of the run when its files are `harmed`.
    fn harmed(&self, harmed: &Files, hold: u64) -> Result<Whole, HistoryError> {
        store(self.root(), &self.files, harmed);
        let read = read(self.root(), hold);
        store(self.root(), harmed, &self.files);
        read
    }

    /// The same with the file number `file` changed, sealed as before or without a seal.
    fn with(&self, file: usize, sealed: bool, change: impl FnOnce(&mut Vec<u8>)) -> Result<Whole, HistoryError> {
        let mut harmed = self.files.clone();
        harmed[file].as_mut().map(change).unwrap();
        if !sealed {
            harmed[SEAL] = None;
        }
        self.harmed(&harmed, u64::MAX)
    }

    /// What is said of it.
    fn error(&self, file: usize, sealed: bool, change: impl FnOnce(&mut Vec<u8>)) -> String {
        let error = self.with(file, sealed, change).unwrap_err().to_string();
        assert!(error.contains(FILES[file]), "{error}");
        error
    }
}

thread_local! {
    /// Two runs, recorded once: every harm is done to copies.
    static TRIALS: (Trial, Trial) = (Trial::new(1), Trial::new(2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_happens_to_the_files_of_a_run_it_is_an_error_or_says_that_it_is_damaged_or_is_what_was_recorded(
        harms in proptest::collection::vec(any::<Harm>(), 1..3),
        sealed in any::<bool>(),
        hold in prop_oneof![Just(0), Just(u64::MAX)],
    ) {
        TRIALS.with(|(trial, other)| {
            let mut harmed = trial.files.clone();
            harms.iter().for_each(|harm| inflict(harm, &mut harmed, &other.files));
            if !sealed {
                harmed[SEAL] = None;
            }
            assert_never_passes(&trial.harmed(&harmed, hold), &[&trial.whole, &other.whole]);
        });
    }

    /// One flipped bit is what no parser of a column can see.
    #[test]
    fn one_flipped_bit_of_a_sealed_file_is_an_error(file in 0..SEAL, at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        TRIALS.with(|(trial, _)| {
            let error = trial.error(file, true, |bytes| { let at = at.index(bytes.len()); bytes[at] ^= 1 << bit; });
            assert!(error.contains("is not what the run recorded"), "{error}");
        });
    }

    #[test]
    fn a_sealed_file_that_was_cut_is_an_error(file in 0..SEAL, at in any::<prop::sample::Index>()) {
        TRIALS.with(|(trial, _)| {
            let error = trial.error(file, true, |bytes| bytes.truncate(at.index(bytes.len())));
            assert!(error.contains("were recorded"), "{error}");
        });
    }

    /// SIGKILL can come between any two writes, and the last one may be short.
    #[test]
    fn a_table_without_a_seal_that_was_cut_anywhere_is_damaged_and_no_error(
        file in 0_usize..3, at in any::<prop::sample::Index>(), hold in prop_oneof![Just(0), Just(u64::MAX)],
    ) {
        TRIALS.with(|(trial, _)| {
            let mut harmed = trial.files.clone();
            harmed[SEAL] = None;
            harmed[file].as_mut().map(|bytes| bytes.truncate(at.index(bytes.len()))).unwrap();
            let read = trial.harmed(&harmed, hold).unwrap();
            assert!(read.damage[0].contains("breaks off"), "{:?}", read.damage);
        });
    }
}

#[test]
fn a_history_without_a_seal_is_damaged_though_every_file_looks_whole() {
    let trial = Trial::new(1);
    let read = trial.with(SEAL, false, |_| {}).unwrap();
    assert!(matches!(&read.damage[..], [why] if why.contains("not sealed")), "{:?}", read.damage);
    assert_eq!(Whole { damage: Vec::new(), ..read }, trial.whole);
}

#[test]
fn a_journal_that_lacks_its_last_lines_never_looks_whole() {
    let trial = Trial::new(1);
    let cut = |bytes: &mut Vec<u8>| {
        let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
        bytes.truncate(ends[ends.len() - 2] + 1);
    };
    assert!(trial.error(3, true, cut).contains("were recorded"));
    let read = trial.with(3, false, cut).unwrap();
    assert_eq!(read.journal.len() + 1, trial.whole.journal.len());
    assert!(!read.damage.is_empty());
}

#[test]
fn the_seal_of_another_run_and_a_seal_that_says_more_than_is_known_are_errors() {
    let (trial, other) = (Trial::new(1), Trial::new(2));
    let mut harmed = trial.files.clone();
    harmed[SEAL].clone_from(&other.files[SEAL]);
    let error = trial.harmed(&harmed, 0).unwrap_err();
    assert!(matches!(error, HistoryError::Altered { .. }), "{error}");
    let more = |bytes: &mut Vec<u8>| drop(bytes.splice(1..1, *b"\"more\": 1,"));
    assert!(trial.error(SEAL, true, more).contains("unknown field"));
}

/// Puts `claim` in the place of the first number in the file that is `fact`, as Arrow writes the numbers of a batch.
fn claim(bytes: &mut [u8], fact: i64, claim: i64) {
    let at = bytes.windows(8).position(|bytes| bytes == fact.to_le_bytes()).unwrap();
    bytes[at..at + 8].copy_from_slice(&claim.to_le_bytes());
}

/// Found by the fuzzers: Arrow panics on it.
#[test]
fn a_column_that_ends_in_the_middle_of_a_value_is_refused_before_it_is_read() {
    // The five offsets of a column of four texts.
    let error = Trial::new(1).error(0, false, |bytes| claim(bytes, 20, 19));
    assert!(error.contains("in the middle of a value"), "{error}");
}

#[test]
fn a_column_outside_of_its_batch_is_refused_before_it_is_read() {
    for length in [20 << 40, i64::MAX, -20] {
        let error = Trial::new(1).error(0, false, |bytes| claim(bytes, 20, length));
        assert!(error.contains("outside of it"), "{error}");
    }
}

/// `file` as a later version would write it.
fn of_a_later_version<R: Row>(bytes: &mut Vec<u8>) {
    let schema = R::schema().with_metadata([("proofload.format".to_owned(), (FORMAT + 1).to_string())]);
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    writer.finish().unwrap();
    *bytes = writer.into_inner().unwrap();
}

#[test]
fn a_file_of_a_later_version_is_refused_and_says_so() {
    let trial = Trial::new(1);
    let later = format!("of format {}, and this version of proofload reads format {FORMAT}", FORMAT + 1);
    assert!(trial.error(0, false, of_a_later_version::<Operation>).contains(&later));
    assert!(trial.error(1, false, of_a_later_version::<Observation>).contains(&later));
    assert!(trial.error(2, false, of_a_later_version::<Sample>).contains(&later));
    let seal = |bytes: &mut Vec<u8>| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let stated = format!("\"format\": {}, \"of_a_later_version\": {{}}", FORMAT + 1);
        *bytes = text.replace(&format!("\"format\": {FORMAT}"), &stated).into_bytes();
    };
    assert!(trial.error(SEAL, true, seal).contains(&later));
    let event = |bytes: &mut Vec<u8>| bytes.extend(b"{\"at\":9,\"event\":\"of_a_later_version\"}\n");
    let error = trial.error(3, false, event);
    assert!(error.contains("of_a_later_version") && error.contains("another version"), "{error}");
}

#[test]
fn what_is_recorded_after_the_end_is_refused_and_breaks_no_seal() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::at(folder.path());
    let recorder = Recorder::create(&run, Clock::new()).unwrap();
    recorder.close().unwrap();
    let late = Sample { metric: "late".into(), subject: "late".into(), at: recorder.clock().now(), value: 0.0 };
    assert!(matches!(recorder.sample(late), Err(HistoryError::Closed { .. })));
    assert!(matches!(recorder.event(Event::RunEnded {}), Err(HistoryError::Closed { .. })));
    assert_eq!(History::read(&run).unwrap().damage, Vec::<String>::new());
}

#[test]
fn a_history_that_could_not_be_written_in_full_is_not_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::at(folder.path());
    // Nothing can be written to this device, as to a disk that is full.
    std::os::unix::fs::symlink("/dev/full", run.journal()).unwrap();
    let recorder = Recorder::create(&run, Clock::new()).unwrap();
    assert!(recorder.event(Event::RunEnded {}).is_err());
    recorder.close().unwrap();
    assert!(!run.seal().exists());
}

#[test]
fn a_folder_that_is_recorded_into_again_loses_its_old_seal_at_once() {
    let trial = Trial::new(1);
    let _recorder = Recorder::create(&trial.run(), Clock::new()).unwrap();
    assert!(!trial.run().seal().exists());
}

#[test]
fn a_file_that_was_touched_after_it_was_opened_is_an_error_of_the_next_pass() {
    let trial = Trial::new(1);
    let history = History::read_holding(&trial.run(), 0).unwrap();
    history.operations.to_vec().unwrap();
    let file = std::fs::File::options().write(true).open(trial.run().operations()).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let error = history.operations.to_vec().unwrap_err().to_string();
    assert!(error.contains("operations.arrow") && error.contains("changed"), "{error}");
}
